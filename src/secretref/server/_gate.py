"""The gate before the application: addresses, sizes, headers, and what happens when something breaks.

1. Host and Origin must be ones that are served, or a page anywhere could use a browser on this machine.
2. A path holds no encoded slash or backslash, so that a name is one segment for everybody; a body has one length, and a
   caller one token.
3. The body is read here, up to its limit and within its time, so that a slow client keeps no thread waiting.
4. Every answer forbids caching, framing and sniffing.
5. Whatever breaks is logged by class and place, never by text, and answered like every other error.
"""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from secretref.server._errors import ApiError, reply

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from secretref.server._service import Settings

__all__ = ["Gate"]

_log = logging.getLogger("secretref.server")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@/]+))(?::[0-9]{1,5})?")
_HIDDEN_SLASH = re.compile(rb"%(2f|5c|00)", re.IGNORECASE)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Gate:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._dress(MutableHeaders(scope=message))
            await send(message)

        try:
            self._check(scope)
            body = await self._body(Headers(scope=scope), receive)
            await self._app(scope, _replay(body, receive), guarded_send)
        except ApiError as error:
            await error.response()(scope, receive, guarded_send)
        except Exception as error:  # noqa: BLE001 - the last catch: nothing of it may reach the client
            places = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%s in a request\n%s", type(error).__name__, places)
            if not started:
                await reply(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, guarded_send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _hostname(hosts[0]) not in self._settings.hosts:
            raise ApiError(HTTPStatus.MISDIRECTED_REQUEST)
        own = f"{'https' if self._settings.tls else 'http'}://{hosts[0]}"
        foreign = any(origin != own and origin not in self._settings.origins for origin in headers.getlist("origin"))
        if foreign or headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise ApiError(HTTPStatus.FORBIDDEN, "calls from other sites are refused")
        if len(headers.getlist("x-authorization")) > 1:  # a proxy may have looked at the other one
            raise ApiError(HTTPStatus.BAD_REQUEST)
        if _HIDDEN_SLASH.search(scope.get("raw_path") or b""):
            raise ApiError(HTTPStatus.BAD_REQUEST)
        if (
            "content-length" in headers and "transfer-encoding" in headers
        ):  # two ends of one body: a proxy may see another
            raise ApiError(HTTPStatus.BAD_REQUEST, headers={"Connection": "close"})

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        limit = self._settings.max_body
        if int(headers.get("content-length", "0")) > limit:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, headers={"Connection": "close"})
        body, more = bytearray(), True
        try:
            async with asyncio.timeout(self._settings.body_timeout):
                while more:
                    message = await receive()
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > limit:
                        raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, headers={"Connection": "close"})
        except TimeoutError:
            pass
        else:
            return bytes(body)
        raise ApiError(HTTPStatus.REQUEST_TIMEOUT, headers={"Connection": "close"})

    def _dress(self, headers: MutableHeaders) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if self._settings.tls:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def _hostname(host: str) -> str:
    """Return the name in a Host header, without port and brackets; nothing if it is none."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower().removesuffix(".") if found else ""


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand the body out once; afterwards wait for the client to leave."""
    pending = [body]

    async def replayed() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replayed
