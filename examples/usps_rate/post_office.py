"""A stand-in for the post office's web service, on loopback: not the real one, and with one rate only.

It answers RateV4 and Verify under ``/ShippingAPI.dll``, by GET or by a posted form. It parses the XML, takes
attributes quoted or bare, and refuses a wrong USERID with an error that shows it, as careless services do.
"""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from types import TracebackType

RATES: dict[tuple[str, ...], str] = {("PRIORITY", "04046", "98260", "20", "0", "VARIABLE", "TRUE"): "82.10"}
RATED_BY = ("Service", "ZipOrigination", "ZipDestination", "Pounds", "Ounces", "Container", "Machinable")
ECHOED = (*RATED_BY[1:6], "Width", "Length", "Height", "Machinable")
MAX_BODY = 64 * 1024  # bytes

_TAG = re.compile(r"""<[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""(\s[\w:-]+=)(?:"[^"]*"|'[^']*'|([^\s"'<>]+))""")


class Refusal(Exception):  # noqa: N818 - the post office's word
    """The post office says no: a status, its error number, and a text that may show what it was sent."""

    def __init__(self, status: HTTPStatus, number: str, text: str) -> None:
        super().__init__(text)
        self.status, self.number = status, number


class PostOffice(ThreadingHTTPServer):
    """Listens while the ``with`` block runs; ``wire`` keeps every request as it arrived."""

    daemon_threads = True

    def __init__(self, user_id: str) -> None:
        super().__init__(("127.0.0.1", 0), _Counter)
        self.user_id = user_id
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.wire: list[str] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.shutdown()
        self.server_close()


class _Counter(BaseHTTPRequestHandler):
    server: PostOffice

    def do_GET(self) -> None:
        self._serve(urlsplit(self.path).query, body="")

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length", 0)), MAX_BODY)
        body = self.rfile.read(length).decode()
        self._serve(body, body=body)

    def _serve(self, form: str, *, body: str) -> None:
        self.server.wire.append(f"{self.requestline}\n{body}")
        try:
            status, answer = HTTPStatus.OK, self._answer({name: values[0] for name, values in parse_qs(form).items()})
        except Refusal as refusal:
            status = refusal.status
            number, text = refusal.number, escape(str(refusal))
            answer = (
                f"<Error><Number>{number}</Number><Source>StandIn</Source><Description>{text}</Description></Error>"
            )
        content = f'<?xml version="1.0" encoding="UTF-8"?>\n{answer}'.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, form: dict[str, str]) -> str:
        call = {"RateV4": rate, "Verify": verify}.get(form.get("API", ""))
        if urlsplit(self.path).path != "/ShippingAPI.dll" or call is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "80040B1A", "API unknown.")
        request = parse(form.get("XML", ""))
        user_id = request.get("USERID", "")
        if user_id != self.server.user_id:
            raise Refusal(
                HTTPStatus.UNAUTHORIZED, "80040B1A", f"Authorization failure. Username {user_id} is incorrect."
            )
        return call(request)

    def log_message(self, *_: object) -> None:
        """Write no access log: the post office's own records are not the workflow's."""


def parse(text: str) -> ET.Element:
    """Parse XML whose attributes may stand without quotes, as in ``<RateV4Request USERID=abc>``."""
    if "<!" in text:
        raise Refusal(HTTPStatus.BAD_REQUEST, "80040B19", "Declarations are not taken.")
    try:
        return ET.fromstring(_TAG.sub(lambda tag: _ATTRIBUTE.sub(_quoted, tag[0]), text))  # noqa: S314 - no declarations, no entities
    except ET.ParseError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "80040B19", f"XML syntax error: {error}.") from None


def _quoted(attribute: re.Match[str]) -> str:
    return f'{attribute[1]}"{attribute[2]}"' if attribute[2] else attribute[0]


def rate(request: ET.Element) -> str:
    """Answer RateV4 with one rate a package."""
    if request.tag != "RateV4Request" or request.findtext("Revision") != "2":
        raise Refusal(HTTPStatus.BAD_REQUEST, "-2147219040", "RateV4Request, Revision 2 expected.")
    return f"<RateV4Response>{''.join(_rated(package) for package in request.iter('Package'))}</RateV4Response>"


def _rated(package: ET.Element) -> str:
    price = RATES.get(tuple(package.findtext(field, "").upper() for field in RATED_BY))
    if price is None:
        raise Refusal(HTTPStatus.BAD_REQUEST, "-2147219497", "This stand-in has no rate for such a package.")
    echoed = "".join(f"<{field}>{escape(package.findtext(field, ''))}</{field}>" for field in ECHOED)
    postage = f'<Postage CLASSID="1"><MailService>Priority Mail</MailService><Rate>{price}</Rate></Postage>'
    return f"<Package ID={quoteattr(package.get('ID', ''))}>{echoed}<Zone>8</Zone>{postage}</Package>"


def verify(request: ET.Element) -> str:
    """Answer Verify with the address in the post office's spelling."""
    if request.tag != "AddressValidateRequest":
        raise Refusal(HTTPStatus.BAD_REQUEST, "-2147219040", "AddressValidateRequest expected.")
    fields = ("FirmName", "Address2", "City", "State", "Zip5")
    found = "".join(
        f"<{field}>{escape(request.findtext(f'Address/{field}', '').upper())}</{field}>" for field in fields
    )
    return f'<AddressValidateResponse><Address ID="0">{found}<Zip4>0001</Zip4></Address></AddressValidateResponse>'
