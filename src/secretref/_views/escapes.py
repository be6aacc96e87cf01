r"""Escapes of percent signs, backslashes and entities, and what does not show on a screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import accumulate

from secretref._matcher import Span
from secretref._views.edits import Dialect, Edit, Kept, Meanings

__all__ = ["edits", "folded", "join", "joined_sources", "readings"]


def _dialect(sign: bytes, tokens: bytes, meaning: Callable[[bytes], bytes]) -> Dialect:
    return Dialect(sign, re.compile(rb"(%s)" % tokens), Meanings(meaning))


def _nothing(_: bytes) -> bytes:
    return b""


# --- joined ---

_QUOTES = b"'\"\\`^$"


def join(data: bytes) -> bytes:
    """Take out quotes, backslashes and line breaks, those with the blanks behind them."""
    if b"\r" in data or b"\n" in data:
        data = b"".join(_lines(data))
    return data.translate(None, _QUOTES)


def _lines(data: bytes) -> list[bytes]:
    """Split into lines, without the blanks at their beginnings."""
    first, *rest = (data.replace(b"\r", b"\n") if b"\r" in data else data).split(b"\n")
    return [first, *map(bytes.lstrip, rest)]


def joined_sources(data: bytes, spans: list[Span]) -> list[Span]:
    """Map ranges of joined text back to *data*."""
    lines = _lines(data)
    ends = accumulate(len(line) + 1 for line in data.replace(b"\r", b"\n").split(b"\n"))
    return Kept([(end - 1 - len(line), line) for end, line in zip(ends, lines, strict=True)], _QUOTES).sources(spans)


# --- unescaped ---


def _percent(token: bytes) -> bytes:
    return _character(token[2:]) if token[1:2] == b"u" else bytes.fromhex(token[1:].decode("ascii"))


_CONTROLS = {b"a": b"\a", b"b": b"\b", b"e": b"\x1b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def _backslash(token: bytes) -> bytes:
    escape = token.lstrip(b"\\")
    letter = escape[:1]
    if letter in _CONTROLS:
        return _CONTROLS[letter]
    if letter == b"x" and escape[1:2] != b"{":
        return bytes.fromhex(escape[1:].decode("ascii"))
    if letter in (b"u", b"U", b"x"):
        return _character(*escape.replace(b"\\", b"")[1:].strip(b"{}").split(b"u"))
    return bytes([int(escape, 8) & 0xFF])


def _entity(token: bytes) -> bytes:
    name = token[1:].rstrip(b";")
    if name[:1] == b"#":
        return _character(name[2:] if name[1:2] in b"xX" else b"%x" % int(name[1:]))
    from html.entities import html5  # noqa: PLC0415 - 5 ms of tables, for mark-up only

    return html5.get(f"{name.decode('ascii')};", token.decode("ascii")).encode()


def _character(*units: bytes) -> bytes:
    """Encode a character given as code point or as two UTF-16 units, all in hexadecimal."""
    code = int(units[0], 16)
    if len(units) > 1:
        code = 0x10000 + ((code - 0xD800) << 10) + int(units[1], 16) - 0xDC00
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else b""


# A token begins with a literal sign, which is what makes a pattern fast to search for; that no backslash stands before
# it is checked behind. So a long run of backslashes is looked at once.
_ESCAPES = (
    _dialect(b"%", rb"%(?:[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})", _percent),
    _dialect(
        b"\\",
        rb"\\(?:(?<!\\\\)\\*+(?:u[dD][89abAB][0-9A-Fa-f]{2}\\+u[dD][c-fC-F][0-9A-Fa-f]{2}"
        rb"|[ux]\{[0-9A-Fa-f]{1,8}\}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[abefnrtv])"
        rb"|(?<![\\\x1b]\\)(?:\\\\)*+[0-7]{1,3})",  # an even number of backslashes stands for itself
        _backslash,
    ),
    _dialect(
        b"&",
        rb"&(?:#[0-9]{1,12};?|#[xX][0-9A-Fa-f]{1,12};?|[A-Za-z][A-Za-z0-9]{1,31};"
        rb"|amp|lt|gt|quot|AMP|LT|GT|QUOT"  # old names, which count without a semicolon (HTML, 13.2.5.73)
        rb"|[A-Za-z][A-Za-z0-9]{1,31})",
        _entity,
    ),
)

# Readings of a text that contradict the usual one, each with what follows.
_ZERO_OCTAL = (  # echo -e, printf %b
    _dialect(b"\\0", rb"\\0[0-7]{3}", lambda token: bytes([int(token[2:].decode("ascii"), 8) & 0xFF])),
)
_LATIN = (  # characters, not bytes
    _dialect(b"\\x", rb"\\(?<!\\\\)\\*+x[0-9A-Fa-f]{2}", lambda token: _character(token[-2:])),
    *_ESCAPES,
)
_SHELL = (_dialect(b"\\", rb"\\[&%#;{}]", lambda token: token[1:]),)  # printf %q over an escape
_HALVED = (  # octal in JSON
    _dialect(b"\\\\", rb"\\(?<!\\\\)\\(?:\\\\)*+(?=\\?[0-7])", lambda token: token[: len(token) // 2]),
)
_FORM = (_dialect(b"+", rb"\+", lambda _: b" "), *_ESCAPES)


class _Overstruck(Edit):
    """Text with overstruck letters printed once; where they stood is asked for seldom."""

    __slots__ = ("_data",)
    _BACKWARDS = re.compile(rb"\x08(?:[\x80-\xbf]{1,3}[\xc2-\xf4]|[^\x08\n])")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.decoded = self._BACKWARDS.sub(b"", data[::-1])[::-1]  # backwards, a token begins with its sign

    def sources(self, spans: list[Span]) -> list[Span]:
        pieces = _OVERSTRUCK.tokens.split(self._data)
        return Edit(pieces, [b""] * (len(pieces) // 2), leading=True).sources(spans)


class _Overstrike(Dialect):
    """Letters printed, then printed over."""

    __slots__ = ()

    def edit(self, data: bytes) -> Edit | None:
        return _Overstruck(data) if self.sign in data else None


_QUOTED = (  # mail (RFC 2045, section 6.7)
    _dialect(b"=", rb"=(?:[0-9A-Fa-f]{2}|[ \t]*\r?\n)", lambda token: bytes.fromhex(token[1:].decode("ascii"))),
)
_IS_QUOTED = re.compile(rb"=(?:3D|\?|[ \t]*\r?\n)")
_WIDE = (_dialect(b"\0", rb"\0+", _nothing),)  # UTF-16 and UTF-32, as far as it is ASCII
_OVERSTRUCK = _Overstrike(b"\x08", re.compile(rb"((?:[\xc2-\xf4][\x80-\xbf]{1,3}|[^\x08\n])\x08)"), Meanings(_nothing))
_INVISIBLE_ASCII = (
    _dialect(b"\x1b", rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?", _nothing),
    _OVERSTRUCK,
)
_INVISIBLE = (
    _INVISIBLE_ASCII[0],
    _dialect(b"\xe2", rb"\xe2(?:\x80[\x8b-\x8f\xaa-\xae]|\x81[\xa0-\xaf])", _nothing),
    _dialect(b"\xef\xbb\xbf", rb"\xef\xbb\xbf", _nothing),
    _dialect(b"\xc2\xad", rb"\xc2\xad", _nothing),
    _dialect(b"\xe1\xa0\x8e", rb"\xe1\xa0\x8e", _nothing),
    _dialect(b"\xcd\x8f", rb"\xcd\x8f", _nothing),
    _OVERSTRUCK,
)
_AFTER = re.compile(rb"\\(?=(.))", re.DOTALL)


def readings(data: bytes, *, wide: bool, blanks: bool, guess: bool) -> Iterator[tuple[Dialect, ...]]:
    """List what to decode in *data*, each reading on its own.

    Args:
        data: The text.
        wide: Some value is not ASCII.
        blanks: Some value holds a blank, which forms write as a plus sign.
        guess: Nothing but an equals sign need tell of quoted-printable text.
    """
    if b"\0" in data:
        yield _WIDE
    if not data.isascii():
        yield _INVISIBLE
    elif b"\x1b" in data or b"\x08" in data:
        yield _INVISIBLE_ASCII
    if b"\\" in data:
        yield _ESCAPES
        after = set(_AFTER.findall(data))
        if b"0" in after:
            yield _ZERO_OCTAL
        if not after.isdisjoint((b"&", b"%", b"{")):
            yield _SHELL
        if b"\\" in after:
            yield _HALVED
        if b"x" in after and (wide or b"\\xad" in data):
            yield _LATIN
    elif b"%" in data or b"&" in data:
        yield _ESCAPES
    if blanks and b"+" in data:
        yield _FORM
    if b"=" in data and (guess or _IS_QUOTED.search(data)):
        yield _QUOTED


def edits(data: bytes, dialects: tuple[Dialect, ...]) -> list[Edit]:
    """Decode the tokens of one dialect after the other."""
    made: list[Edit] = []
    for dialect in dialects:
        edit = dialect.edit(data)
        if edit:
            made.append(edit)
            data = edit.decoded
    return made


def _rewritten(data: bytes, dialects: tuple[Dialect, ...]) -> bytes:
    made = edits(data, dialects)
    return made[-1].decoded if made else data


def folded(value: bytes) -> Iterator[bytes]:
    """List what is left of a value in the views, where that differs from the value itself."""
    once = _rewritten(value, _ESCAPES)
    twice = _rewritten(once, _ESCAPES)
    for text in (value, once, twice, _rewritten(value, _INVISIBLE)):
        for fold in (text, join(text)):
            if fold != value and 2 * len(fold) >= len(value):
                yield fold
