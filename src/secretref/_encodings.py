r"""The forms a value takes once escaped or encoded.

``forms(value)`` lists the literals to search for. Each encoder is a plain function from text to text, and
each renders what one family of real programs writes. What they do not render as a literal (wrapped base64,
a mixture of spellings) is found by decoding instead, in ``_views``.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import a2b_base64, hexlify, unhexlify
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple
from unicodedata import normalize

__all__ = ["BASE64_DIGITS", "COMMON", "MINIMUM", "Form", "base64_cores", "binary_forms", "forms", "plain_variants"]

MINIMUM = 6
"""Encoded forms shorter than this many bytes are not created: an encoding never lowers the floor."""

BASE64_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
"""Digits of both base64 alphabets (RFC 4648, sections 4 and 5)."""

COMMON = frozenset(
    ("true", "false", "null", "none", "nil", "nan", "yes", "no", "on", "off", "undefined", "inf", "infinity")
)
"""Scalars of JSON, YAML and configuration files: masking them would shred ordinary text."""

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = str.maketrans("-_", "+/")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Form(NamedTuple):
    """A literal that stands for a value.

    Attributes:
        literal: The bytes to search for.
        word: It counts only as a whole word: no letter, digit or underscore of ASCII goes on at its ends.
        caseless: ASCII letters match in either case (hexadecimal digits do, RFC 3986 section 2.1).
        left: One more base64 digit in front carries bits of the value.
        right: One more base64 digit behind carries bits of the value, and padding may follow.
    """

    literal: bytes
    word: bool = False
    caseless: bool = False
    left: bool = False
    right: bool = False


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


_KEY = re.compile(r"(?=.*[+/=])[A-Za-z0-9+/]{16,}={0,2}|[A-Za-z0-9_-]{16,}={1,2}")
"""Bytes in base64, where that can be told from a word."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def plain_variants(value: str) -> tuple[str, ...]:
    """Spellings of the value itself: stripped, without quotes around, normalised, its backslashes eaten by a shell."""
    found = dict.fromkeys((value, value.strip()))
    for text in tuple(found):
        if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'`":
            found[text[1:-1]] = None
    if not value.isascii():
        found.update(dict.fromkeys(normalize(kind, text) for text in tuple(found) for kind in ("NFC", "NFD")))
    if value.endswith("="):  # base64 without its padding
        found.update(dict.fromkeys(text.rstrip("=") for text in tuple(found)))
    if _UUID.fullmatch(value):
        found[value.replace("-", "")] = None
    if "\\" in value:
        found.update(dict.fromkeys(re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL) for text in tuple(found)))
    return tuple(found)


# --- percent (RFC 3986, URL Standard, HTML form encoding) ---


@cache
def _percent_table(safe: bytes) -> dict[int, str]:
    keep = _UNRESERVED | frozenset(safe)
    return {byte: f"%{byte:02X}" for byte in range(256) if byte not in keep}


_SAFE_SETS = (
    b"",  # RFC 3986, Python's quote(safe="")
    b"/",  # quote
    b"!'()*",  # encodeURIComponent
    b";,/?:@&=+$!'()*#",  # encodeURI
    b"!$&'()*+,;=:@/",  # paths (RFC 3986 pchar)
    b"!$&'()*+,;=:@/?",  # queries
    b"!#$%&'()*+,/:;=?@[]~",  # the requests library on a finished URL
)


def _percents(text: str) -> Iterator[str]:
    raw = _utf8(text).decode("latin-1")
    yield from (raw.translate(_percent_table(safe)) for safe in _SAFE_SETS)
    yield raw.translate(_percent_table(b"")).replace("%20", "+")  # quote_plus, forms
    yield raw.translate(_percent_table(b"*")).replace("%20", "+").replace("~", "%7E")  # Java, browsers' forms
    yield _everything_percent(raw)


def _everything_percent(raw: str) -> str:
    return "".join(f"%{ord(char):02X}" for char in raw)


# --- backslashes (JSON, source code) ---

_SHORT_ESCAPES = {
    "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\",
}  # fmt: skip


def _unit_escape(char: str) -> str:
    """Spell a character as one or two UTF-16 units."""
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


@cache
def _json_table(also: str) -> dict[int, str]:
    table = {chr(code): _unit_escape(chr(code)) for code in range(32)} | _SHORT_ESCAPES
    return str.maketrans(table | {char: _unit_escape(char) for char in also})


_NOT_ASCII = re.compile(r"[^\0-~]")  # DEL, too: so does Python


def _json(text: str, *, ascii_only: bool, also: str = "") -> str:
    r"""Body of a JSON string; *also* lists further characters to spell as ``\uXXXX``."""
    body = text.translate(_json_table(also))
    return _NOT_ASCII.sub(lambda char: _unit_escape(char[0]), body) if ascii_only else body


def _jsons(text: str) -> Iterator[str]:
    for ascii_only in (True, False) if _NOT_ASCII.search(text) else (True,):
        body = _json(text, ascii_only=ascii_only)
        yield body
        yield body.replace("/", "\\/")  # PHP
        yield _json(text, ascii_only=ascii_only, also="<>&\u2028\u2029")  # Go
        yield _json(text, ascii_only=ascii_only, also="\"'&<>+`")  # .NET
        yield _json(text, ascii_only=ascii_only, also="'&<>")  # templates in HTML
        yield _json(body, ascii_only=ascii_only)  # JSON in JSON
        yield body.replace('\\"', '"').replace("'", "\\'")  # JavaScript and YAML sources, bash $'…'


def _reprs(text: str) -> Iterator[str]:
    """Bodies of Python literals; which quote is escaped depends on the text around."""
    raw = "".join(map(chr, _utf8(text)))
    for body in (repr(text + '"')[1:-2], ascii(text + '"')[1:-2], repr(raw.encode("latin-1") + b'"')[2:-2]):
        plain = body.replace("\\'", "'")
        yield from (plain.replace("'", "\\'"), plain.replace('"', '\\"'))


# --- mark-up ---


_QUOTE_ENTITIES = (("&quot;", "'"), ("&quot;", "&#x27;"), ("&quot;", "&apos;"), ("&quot;", "&#39;"), ("&#34;", "&#39;"))


def _markups(text: str) -> Iterator[str]:
    minimal = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield minimal
    for double, single in _QUOTE_ENTITIES:
        yield minimal.replace('"', double).replace("'", single)
    attribute = minimal.replace('"', "&quot;")
    yield attribute.replace("\t", "&#9;").replace("\n", "&#10;").replace("\r", "&#13;")
    yield attribute.replace("\t", "&#x9;").replace("\n", "&#xA;").replace("\r", "&#xD;")


# --- quoting (SQL, CSV, shells) ---


def _prefixed(prefix: str, chars: Iterable[str]) -> dict[int, str]:
    return str.maketrans({char: prefix + char for char in chars})


_SYMBOLS = [chr(code) for code in range(32, 127) if not chr(code).isalnum()]
_PREFIXES = (
    _prefixed("\\", '$`"\\'),  # inside double quotes
    _prefixed("\\", '$`"\\!'),
    _prefixed("\\", [char for char in _SYMBOLS if char not in "_@%+=:,./~^-"]),  # printf %q of bash
    _prefixed("\\", [char for char in _SYMBOLS if char not in "_@%+=:./-"]),
    _prefixed("\\", [char for char in _SYMBOLS if char not in "_@%+=:,./-"]),
    _prefixed("\\", [char for char in _SYMBOLS if char not in "_-./,:@"]),
    _prefixed("\\", "()[]{}?*+-|^$\\.&~# \t\n\r\v\f"),  # re.escape
    _prefixed("^", '&|<>^()%!"'),  # cmd.exe
    {ord(char): f"\\{ord(char):02x}" for char in "*()\\"},  # LDAP (RFC 4515)
    {code: f"^{chr(code ^ 0x40)}" for code in (*range(32), 127)},  # caret notation
)
_CAT = _PREFIXES[-1] | {code + 128: "M-" + _PREFIXES[-1].get(code, chr(code)) for code in range(128)}  # cat -v


def _quotings(text: str) -> Iterator[str]:
    for char in "'\"$\\%`]":
        yield text.replace(char, char * 2)
    yield text.replace("{", "{{").replace("}", "}}")  # format strings and templates
    yield text.replace("'", "'\\''")  # inside single quotes
    yield text.replace("'", "'\"'\"'")  # the same by Python's shlex
    yield from (text.translate(table) for table in _PREFIXES)
    if not text.isascii():
        yield _utf8(text).decode("latin-1").translate(_CAT)


def base64_cores(raw: bytes) -> Iterator[Form]:
    """Digits fully determined by *raw* at the three alignments, in both alphabets."""
    bits = 8 * len(raw)
    for lead in range(3):
        encoded = b64encode(b"\0" * lead + raw + b"\0\0")
        first, last = -(-8 * lead // 6), (8 * lead + bits) // 6
        left, right = lead > 0, (8 * lead + bits) % 6 > 0
        core = encoded[first:last]
        yield Form(core, left=left, right=right)
        yield Form(core.translate(_URL_SAFE), left=left, right=right)


_TEXT_ENCODERS: tuple[Callable[[str], Iterator[str]], ...] = (_percents, _jsons, _reprs, _markups, _quotings)


def forms(value: str) -> Iterator[Form]:
    """List every literal form of *value*; duplicates are possible.

    A spelling of one or two characters, or a common word, has no form. One of three to five characters has forms
    that count as whole words only. Encoded forms shorter than six bytes are left out.
    """
    for variant in plain_variants(value):
        if len(variant.strip()) > 2 and variant.strip().lower() not in COMMON:
            word = len(variant) < MINIMUM
            yield Form(_utf8(variant), word=word)
            encoded = (form for form in _encoded(variant) if len(form.literal) >= MINIMUM)
            yield from (form._replace(word=True) for form in encoded) if word else encoded


def _encoded(text: str) -> Iterator[Form]:
    raw = _utf8(text)
    yield from base64_cores(raw)
    yield Form(hexlify(raw), caseless=True)
    yield from (Form(text.encode(codec, "surrogatepass")) for codec in ("utf-16-le", "utf-16-be", "utf-32-le"))
    if not text.isascii():  # read or written as Latin-1 by one of the programs on the way
        yield from (
            Form(_utf8(text.encode(codec, "surrogatepass").decode("latin-1"))) for codec in ("utf-8", "utf-16-le")
        )
        yield Form(text.encode("latin-1", "replace"))
    if _is_hexadecimal(text):
        yield Form(raw, caseless=True)
        yield from _bytes_forms(unhexlify, text.replace("-", ""))
    elif _KEY.fullmatch(text):
        yield Form(raw.translate(_URL_SAFE))
        yield from _bytes_forms(a2b_base64, text.translate(_STANDARD))
    if text.isascii() and text.isalnum():
        yield Form(_utf8(_everything_percent(text)), caseless=True)
        return
    for encoded in {encoded for encoder in _TEXT_ENCODERS for encoded in encoder(text)} - {text}:
        yield Form(_utf8(encoded), caseless="%" in encoded or "\\u" in encoded)


def binary_forms(raw: bytes) -> Iterator[Form]:
    """List the literal forms of a value that is not text."""
    encoded = (*base64_cores(raw), Form(hexlify(raw), caseless=True), Form(repr(raw)[2:-1].encode("ascii")))
    return (form for form in (Form(raw), *encoded) if len(form.literal) >= MINIMUM)


def _bytes_forms(decode: Callable[[str], bytes], digits: str) -> Iterator[Form]:
    """List the forms of the bytes that a key in digits stands for."""
    try:
        raw = decode(digits)
    except ValueError:
        return
    yield from binary_forms(raw)


def _is_hexadecimal(text: str) -> bool:
    """Tell whether *text* is a UUID or a run of hexadecimal digits, which programs print in either case."""
    digits = text.replace("-", "")
    return len(digits) >= 2 * MINIMUM and not digits.isdecimal() and re.fullmatch(r"[0-9a-fA-F]+", digits) is not None
