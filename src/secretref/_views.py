r"""Decoded views: a text as it reads after a decoding, each position mapped to its source.

A form is a literal. What no literal can list (a mixture of spellings, wrapped lines, one encoding inside another)
is found by decoding the text and searching the result. Plan, for a text and up to three decodings deep:

1. *Joined*: quotes, backslashes and line breaks taken out, and taken out of the values likewise. One call in C
   settles every quoting, doubling and nesting of quotes, shell concatenation and wrapped lines.
2. *Unescaped*: percent, backslash and entity escapes decoded, terminal sequences and invisible characters removed;
   the result is a text of its own and searched again.
3. *Hexadecimal*: every other character taken out, the digits decoded at both alignments. A hit counts if between
   its digits stand separators only.
4. *Base64*: each long run of digits in the joined text decoded at four offsets. Short runs need no decoding: the
   forms hold the digits of the value itself.

Only what decodes to readable text is searched any deeper, and the work is bounded in proportion to the text:
what would exceed the bound counts as a hit as a whole.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
from html import unescape
from itertools import accumulate

from secretref._matcher import Span

__all__ = ["folded", "search"]

Find = Callable[[bytes], list[Span]]

DEPTH = 3
"""Decodings composed."""

_WORK = 24
"""Bytes decoded at most for one byte of text."""


class _Edit:
    """A text with some of its parts replaced, and the way back."""

    __slots__ = ("_decoded_at", "_source_at", "decoded")

    def __init__(self, data: bytes, pattern: re.Pattern[bytes], replacement: Callable[[bytes], bytes]) -> None:
        pieces: list[bytes] = []
        self._source_at = [0]
        done = 0
        for found in pattern.finditer(data):
            start, end = found.span()
            pieces += (data[done:start], replacement(found[0]))
            self._source_at += (start, end)
            done = end
        pieces.append(data[done:])
        self._source_at.append(len(data))
        self.decoded = b"".join(pieces)
        self._decoded_at = [0, *accumulate(map(len, pieces))]

    def source(self, span: Span) -> Span:
        """Map a range of the decoded text; a part that was replaced counts as a whole."""
        return self._position(span[0], 0), self._position(span[1] - 1, 1)

    def _position(self, offset: int, end: int) -> int:
        piece = bisect_right(self._decoded_at, offset) - 1
        if piece % 2:  # odd pieces are replacements
            return self._source_at[piece + end]
        return self._source_at[piece] + offset - self._decoded_at[piece] + end


# --- joined ---

_QUOTES = b"'\"\\`^$"
_BREAK = re.compile(rb"[\r\n][ \t\r\n]*")
_JOINED = re.compile(rb"[\r\n][ \t\r\n]*|['\"\\`^$]+")


def _join(data: bytes) -> bytes:
    if b"\n" in data or b"\r" in data:
        data = _BREAK.sub(b"", data)
    return data.translate(None, _QUOTES)


def _nothing(_: bytes) -> bytes:
    return b""


# --- unescaped ---

_ESCAPE = re.compile(
    rb"""
    %(?:[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})
  | \\+u[dD][89abAB][0-9A-Fa-f]{2}\\+u[dD][c-fC-F][0-9A-Fa-f]{2}
  | \\+(?:[ux]\{[0-9A-Fa-f]{1,8}\}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|[abefnrtv])?
  | &(?:\#[0-9]{1,12}|\#[xX][0-9A-Fa-f]{1,12}|[A-Za-z][A-Za-z0-9]{1,31});?
  | \x1b(?:\[[0-?]*[\ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\ -/]*[0-~])
  | [^\x08\n]\x08
  | \xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xc2\xad|\xe1\xa0\x8e|\xcd\x8f
    """,
    re.VERBOSE,
)
_TRIGGERS = (
    b"%",
    b"\\",
    b"&",
    b"\x1b",
    b"\x08",
    b"\xe2\x80",
    b"\xe2\x81",
    b"\xef\xbb\xbf",
    b"\xc2\xad",
    b"\xe1\xa0\x8e",
    b"\xcd\x8f",
)
_CONTROLS = {b"a": b"\a", b"b": b"\b", b"e": b"\x1b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@lru_cache(maxsize=4096)
def _unescape(token: bytes) -> bytes:
    kind = token[:1]
    if kind == b"%":
        return _character(token[2:]) if token[1:2] == b"u" else bytes.fromhex(token[1:].decode("ascii"))
    if kind == b"&":
        text = token.decode("ascii")
        plain = unescape(text)
        return token if plain == text else plain.encode("utf-8", "surrogatepass")
    if kind != b"\\":
        return b""
    return _backslash(token)


def _backslash(token: bytes) -> bytes:
    escape = token.lstrip(b"\\")
    letter = escape[:1]
    if not escape:
        return token
    if letter in _CONTROLS:
        return _CONTROLS[letter]
    if letter == b"x" and escape[1:2] != b"{":
        return bytes.fromhex(escape[1:].decode("ascii"))
    if letter in (b"u", b"U", b"x"):
        units = escape.replace(b"\\", b"")[1:].strip(b"{}").split(b"u")
        return _character(*units)
    return bytes([int(escape, 8) & 0xFF])


def _character(*units: bytes) -> bytes:
    """Encode a character given as code point or as two UTF-16 units, all in hexadecimal."""
    code = int(units[0], 16)
    if len(units) > 1:
        code = 0x10000 + ((code - 0xD800) << 10) + int(units[1], 16) - 0xDC00
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else b""


def _unescaped(data: bytes) -> bytes:
    if not any(trigger in data for trigger in _TRIGGERS):
        return data
    return _ESCAPE.sub(lambda found: _unescape(found[0]), data)


def folded(value: bytes) -> Iterator[bytes]:
    """List what is left of a value in the views, where that differs from the value itself."""
    once = _unescaped(value)
    twice = _unescaped(once)
    for text in (value, once, twice):
        for fold in (text, _join(text)):
            if fold != value and 2 * len(fold) >= len(value):
                yield fold


# --- hexadecimal ---

_HEX_DIGITS = b"0123456789abcdefABCDEF"
_NOT_HEX = bytes(set(range(256)) - set(_HEX_DIGITS))
_HEX_DIGIT = re.compile(rb"[0-9A-Fa-f]")
_HEX_RUN = re.compile(rb"[0-9A-Fa-f]+(?:[^0-9A-Za-z*]{1,6}[xXuU]?[0-9A-Fa-f]+)*")
"""What may stand between digits: separators, prefixes such as ``\\x``, but never a mark."""


def _hexadecimal(data: bytes) -> Iterator[tuple[bytes, Callable[[Span], Span | None]]]:
    data = data.replace(b"0x", b"  ").replace(b"0X", b"  ")
    digits = data.translate(None, _NOT_HEX)
    if len(digits) < 12:
        return
    positions: list[int] = []
    for lead in (0, 1):
        end = len(digits) - (len(digits) - lead) % 2

        def source(span: Span, lead: int = lead) -> Span | None:
            if not positions:
                positions.extend(found.start() for found in _HEX_DIGIT.finditer(data))
            start, stop = positions[lead + 2 * span[0]], positions[lead + 2 * span[1] - 1] + 1
            return (start, stop) if _HEX_RUN.fullmatch(data, start, stop) else None

        yield bytes.fromhex(digits[lead:end].decode("ascii")), source


# --- base64 ---

_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{24,}")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_PADDING = re.compile(rb"(?:=|%3[Dd]){1,2}")


def _base64(run: bytes) -> Iterator[tuple[bytes, Callable[[Span], Span]]]:
    digits = run.translate(_STANDARD)
    for lead in range(4):
        group = digits[lead : len(digits) - ((len(digits) - lead) % 4 == 1)]

        def source(span: Span, lead: int = lead) -> Span:
            return lead + 4 * span[0] // 3, lead - (-4 * span[1] // 3)

        yield a2b_base64(group + b"=" * (-len(group) % 4)), source


# --- the search ---

_READABLE = bytes(1 if 32 <= byte < 127 or byte in b"\t\r\n" else 0 for byte in range(256))
_PHRASE = b"\1" * 16


def _is_readable(data: bytes) -> bool:
    return _PHRASE in data.translate(_READABLE)


def search(data: bytes, find: Find) -> list[Span]:
    """Find the ranges of *data* whose decoding holds what *find* finds.

    Args:
        data: The text; a whole string, a record or complete lines.
        find: Returns the ranges to hide in a decoded text.
    """
    return _Search(find, _WORK * len(data) + 4096).spans(data, DEPTH)


class _Search:
    """One search, with what is left of its work."""

    __slots__ = ("_find", "_left")

    def __init__(self, find: Find, work: int) -> None:
        self._find = find
        self._left = work

    def spans(self, data: bytes, depth: int) -> list[Span]:
        joined = _join(data)
        found = self._unescaped(data, depth) + self._hexadecimal(data, depth)
        inner = self._base64(joined, depth)
        if len(joined) < len(data):
            inner += self._find(joined)
        if inner and len(joined) < len(data):
            edit = _Edit(data, _JOINED, _nothing)
            inner = [edit.source(span) for span in inner]
        return found + [_with_padding(data, span) for span in inner]

    def _deeper(self, decoded: bytes, depth: int) -> list[Span]:
        """Search a decoded text, and its own views."""
        self._left -= len(decoded)
        if self._left < 0:
            return [(0, len(decoded))] if decoded else []
        found = self._find(decoded)
        return found + self.spans(decoded, depth - 1) if depth > 1 and _is_readable(decoded) else found

    def _unescaped(self, data: bytes, depth: int) -> list[Span]:
        decoded = _unescaped(data)
        if decoded == data:
            return []
        found = self._deeper(decoded, depth)
        edit = _Edit(data, _ESCAPE, _unescape) if found else None
        return [edit.source(span) for span in found] if edit else []

    def _hexadecimal(self, data: bytes, depth: int) -> list[Span]:
        found = (source(span) for decoded, source in _hexadecimal(data) for span in self._deeper(decoded, depth))
        return [span for span in found if span]

    def _base64(self, joined: bytes, depth: int) -> list[Span]:
        return [
            (run.start() + start, run.start() + end)
            for run in _BASE64_RUN.finditer(joined)
            for decoded, source in _base64(run[0])
            for start, end in map(source, self._deeper(decoded, depth))
        ]


def _with_padding(data: bytes, span: Span) -> Span:
    padding = _PADDING.match(data, span[1])
    return (span[0], padding.end()) if padding else span
