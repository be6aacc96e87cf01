r"""Decoded views: a text as it reads after a decoding, each position mapped to its source.

A form is a literal. What no literal can list (a mixture of spellings, wrapped lines, one encoding inside another)
is found by decoding the text and searching the result. Plan, for a text and up to three decodings deep:

1. *Joined*: quotes, backslashes and line breaks taken out, and taken out of the values likewise. One call in C
   settles every quoting, doubling and nesting of quotes, shell concatenation and wrapped lines.
2. *Unescaped*: percent, backslash and entity escapes decoded, terminal sequences and invisible characters removed;
   the result is a text of its own and searched again.
3. *Hexadecimal*: every other character taken out, the digits decoded at both alignments. A hit counts if between
   its digits stand separators only. Dumps and lists of decimal numbers likewise.
4. *Base64*: each long run of digits in the joined text decoded at four offsets. Short runs need no decoding: the
   forms hold the digits of the value itself.

Only what decodes to readable text is searched any deeper, and the work is bounded in proportion to the text:
what would exceed the bound counts as a hit as a whole.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import accumulate

from secretref._guesses import guesses
from secretref._matcher import Matcher, Span
from secretref._triggers import triggers

__all__ = ["folded", "search", "wrapped_from"]

Find = Callable[[bytes], list[Span]]

DEPTH = 3
"""Decodings composed."""

_WORK = 24
"""Bytes decoded at most for one byte of text."""

_GUESSED = 240
"""The same where unusual decodings are tried."""

_ESCAPED = 8
"""How much longer a form may become by escaping."""


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
_JOINED = re.compile(rb"[\r\n][ \t\r\n\v\f]*|['\"\\`^$]+")


def _join(data: bytes) -> bytes:
    if b"\n" in data or b"\r" in data:
        first, *rest = data.replace(b"\r", b"\n").split(b"\n")
        data = first + b"".join(map(bytes.lstrip, rest))
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
  | \xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xc2\xad|\xe1\xa0\x8e|\xcd\x8f
    """,
    re.VERBOSE,
)
_OVERSTRUCK = re.compile(rb"(?:[\xc2-\xf4][\x80-\xbf]{1,3}|[^\x08\n])\x08")
_TRIGGERS = (
    b"%",
    b"\\",
    b"&",
    b"\x1b",
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
        from html import unescape  # noqa: PLC0415 - 5 ms of tables, for mark-up only

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
    if not any(map(data.__contains__, _TRIGGERS)):
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


# --- hexadecimal and decimal bytes ---

Source = Callable[[Span], Span | None]
"""Maps a range of decoded bytes to digits; None if what stands between them is more than separators."""

_HEX_DIGITS = b"0123456789abcdefABCDEF"
_NOT_HEX = bytes(set(range(256)) - set(_HEX_DIGITS))
_HEX_DIGIT = re.compile(rb"[0-9A-Fa-f]")
_HEX_RUN = re.compile(rb"[0-9A-Fa-f]+(?:(?:[^0-9A-Za-z*]{1,6}[xXuU]?|[xXuU])[0-9A-Fa-f]+)*")


def _hexadecimal(data: bytes, runs: list[Span]) -> Iterator[tuple[bytes, Source]]:
    data = data.replace(b"0x", b"  ").replace(b"0X", b"  ")
    digits = b"".join([data[start:end] for start, end in runs]).translate(None, _NOT_HEX)
    positions: list[int] = []
    for lead in (0, 1):
        end = len(digits) - (len(digits) - lead) % 2

        def source(span: Span, lead: int = lead) -> Span | None:
            if not positions:
                positions.extend(found.start() for run in runs for found in _HEX_DIGIT.finditer(data, *run))
            start, stop = positions[lead + 2 * span[0]], positions[lead + 2 * span[1] - 1] + 1
            return (start, stop) if _HEX_RUN.fullmatch(data, start, stop) else None

        yield bytes.fromhex(digits[lead:end].decode("ascii")), source


_DUMP = re.compile(rb"[0-9A-Fa-f]{6,8}:?[ \t]{1,3}((?:(?:[0-9A-Fa-f]{2}){1,2}(?:[ \t]{1,2}|(?=[\r\n]|\Z))){1,16})[^\r\n]*")


def _dumped(data: bytes) -> Iterator[tuple[bytes, Source]]:
    """Decode the lines of ``xxd``, ``hexdump`` and ``od``, in both orders of bytes; a line counts as a whole."""
    lines = list(_DUMP.finditer(data)) if b"0000000" in data else []
    rows = [bytes.fromhex(b"".join(line[1].split())[:32].decode("ascii")) for line in lines]
    ends = [0, *accumulate(map(len, rows))]

    def source(span: Span) -> Span:
        return lines[bisect_right(ends, span[0]) - 1].start(1), lines[bisect_right(ends, span[1] - 1) - 1].end()

    if lines:
        yield b"".join(rows), source
        yield b"".join(row[at + 1 : at + 2] + row[at : at + 1] for row in rows for at in range(0, len(row), 2)), source


_DECIMAL_DIGITS = b"0123456789"
_LISTS = (b",,,,,", b", , , , , ")
_DECIMALS = re.compile(rb"[0-9]{1,3}(?:, ?[0-9]{1,3}){5,}")
_NUMBER = re.compile(rb"[0-9]+")


def _decimal(data: bytes) -> Iterator[tuple[bytes, Source]]:
    """Decode lists of byte values, as in JSON and in source code."""
    bare = data.translate(None, _DECIMAL_DIGITS)
    if not any(map(bare.__contains__, _LISTS)):
        return
    for run in _DECIMALS.finditer(data):
        numbers = list(_NUMBER.finditer(data, *run.span()))

        def source(span: Span, numbers: list[re.Match[bytes]] = numbers) -> Span:
            return numbers[span[0]].start(), numbers[span[1] - 1].end()

        yield bytes(int(number[0]) & 0xFF for number in numbers), source


# --- base64 ---

_STANDARD = bytes.maketrans(b"-_", b"+/")
_PADDING = re.compile(rb"(?:=|%3[Dd]){1,2}")


_APART = b"A" * 8
"""Between runs that are decoded together: zero bytes, whatever the alignment."""


def _base64(data: bytes, runs: list[Span]) -> Iterator[tuple[bytes, Callable[[Span], Span]]]:
    digits = b"".join([data[start:end] + _APART for start, end in runs]).translate(_STANDARD)
    ends = [0, *accumulate(end - start + len(_APART) for start, end in runs)]
    for lead in range(4):

        def source(span: Span, lead: int = lead) -> Span:
            run = bisect_right(ends, lead + 4 * span[0] // 3) - 1
            start, end = runs[run]
            offset = start - ends[run] + lead
            return offset + 4 * span[0] // 3, min(end, offset - (-4 * span[1] // 3))

        yield a2b_base64(digits[lead : len(digits) - (len(digits) - lead) % 4]), source


_TELLING = 3
"""Bytes of a value at the end of a line that count as its beginning; fewer would hold back most lines."""


def wrapped_from(lines: bytes, held_from: Callable[[bytes], int], reach: int, least: int) -> int:
    """Tell from which offset complete *lines* may hold the beginning of what the next line continues.

    Args:
        lines: Complete lines.
        held_from: Tells from which offset a text may begin an occurrence.
        reach: Most bytes that an occurrence spans.
        least: Length of the shortest value, in bytes.
    """
    tail = lines[-4 * reach :]
    joined = _join(tail)
    signs = triggers(_least_run(least)).signs(joined)
    begun = [start for start, _ in _begun(((joined, _same),), held_from)]
    if signs.base64 and signs.base64[-1][1] == len(joined):
        begun += [start for start, _ in _begun(_base64(joined, signs.base64[-1:]), held_from)]
    if signs.separated or signs.hexadecimal:
        begun += [start for start, _ in _begun(_hexadecimal(joined, [(0, len(joined))]), held_from)]
    if signs.listed:
        begun += [start for start, _ in _begun(_decimal(joined + b"\n"), held_from)]
    starts = [start for start, _ in _begun(_dumped(tail), held_from)]
    if begun:
        starts.append(_Edit(tail, _JOINED, _nothing).source((min(begun), min(begun) + 1))[0])
    if not starts:
        return len(lines)
    return lines.rfind(b"\n", 0, len(lines) - len(tail) + min(starts)) + 1


def _begun(views: Iterable[tuple[bytes, Source]], held_from: Callable[[bytes], int]) -> Iterator[Span]:
    """Ranges at the end of views that may begin an occurrence."""
    for decoded, source in views:
        text = decoded.rstrip(b"\0")
        start = held_from(text)
        if len(text) - start > _TELLING and (span := source((start, len(text)))):
            yield span


def _same(span: Span) -> Span:
    return span


def _least_run(least: int) -> int:
    """Length of the shortest value in base64 twice, at most 24: once is found without decoding."""
    return min(24, 16 * least // 9)


# --- the search ---

_TEXT = frozenset(range(32, 127)) | frozenset(b"\t\r\n")
_READABLE = bytes(byte in _TEXT for byte in range(256))


@lru_cache(maxsize=32)
def _phrases(least: int) -> re.Pattern[bytes]:
    return re.compile(rb"[\t\r\n -~\x80-\xff]{%d,}" % least)


def search(
    data: bytes, find: Find, *, least: int, reach: int, letters: Matcher | None, guess: bool = False
) -> list[Span]:
    """Find the ranges of *data* whose decoding holds what *find* finds.

    Args:
        data: The text; a whole string, a record or complete lines.
        find: Returns the ranges to hide in a decoded text.
        least: Length of the shortest value, in bytes: less readable text is no reason to decode again.
        reach: Most bytes that a hit of *find* spans.
        letters: Finds the longest run of letters and digits of each value, which most escaping leaves as it is;
            None if some value has none that is long enough to tell.
        guess: Try unusual decodings, too.
    """
    work = (_GUESSED if guess else _WORK) * len(data) + 4096
    return _Search(find, least, _ESCAPED * reach, letters, work, guess=guess).spans(data, DEPTH)


class _Search:
    """One search, with what is left of its work."""

    __slots__ = ("_around", "_find", "_guess", "_left", "_letters", "_phrase", "_phrases", "_triggers")

    def __init__(self, find: Find, least: int, around: int, letters: Matcher | None, work: int, *, guess: bool) -> None:
        self._find = find
        self._guess = guess
        self._around = around
        self._letters = letters
        self._phrase = b"\1" * min(16, least)
        self._phrases = _phrases(min(16, least))
        self._triggers = triggers(_least_run(least))
        self._left = work

    def spans(self, data: bytes, depth: int) -> list[Span]:
        found = self._unescaped(data, depth) + self._mapped(_dumped(data), depth)
        if self._guess:
            found += [source(span) for decoded, source in guesses(data) for span in self._deeper(decoded, depth)]
        joined = _join(data)
        inner = self._find(joined) if len(joined) < len(data) else []
        signs = self._triggers.signs(joined)
        if signs.base64:
            inner += self._mapped(_base64(joined, signs.base64), depth)
        if signs.hexadecimal or signs.separated:
            runs = [(0, len(joined))] if signs.separated else signs.hexadecimal
            inner += self._mapped(_hexadecimal(joined, runs), depth)
        if signs.listed:
            inner += self._mapped(_decimal(joined), depth)
        if inner and len(joined) < len(data):
            edit = _Edit(data, _JOINED, _nothing)
            inner = [edit.source(span) for span in inner]
        return found + [_with_padding(data, span) for span in inner]

    def _mapped(self, views: Iterator[tuple[bytes, Source]], depth: int) -> list[Span]:
        """Search decoded bytes, and where they can be read also their own views."""
        found = (
            source(span)
            for decoded, source in views
            for span in self._deeper(decoded, depth if self._guess or self._has_readable_secret(decoded, depth) else 1)
        )
        return [span for span in found if span]

    def _has_readable_secret(self, decoded: bytes, depth: int) -> bool:
        """Search the phrases in bytes of which most may be noise."""
        if depth == 1 or self._phrase not in decoded.translate(_READABLE):
            return False
        return self.spans(b"\0".join(self._phrases.findall(decoded)), depth - 1) != []

    def _unescaped(self, data: bytes, depth: int) -> list[Span]:
        if b"\x08" in data:  # as terminals print bold
            return self._edited(data, _OVERSTRUCK, _nothing, depth)
        if not any(map(data.__contains__, _TRIGGERS)):
            return []
        return [
            (start + at, end + at)
            for at, stop in self._worth_it(data)
            for start, end in self._edited(data[at:stop], _ESCAPE, _unescape, depth)
        ]

    def _worth_it(self, data: bytes) -> list[Span]:
        """Parts of *data* around the signs of a value."""
        spots = None if self._letters is None else self._triggers.escapes(data)
        if spots is None or self._letters is None:
            return [(0, len(data))]
        spots += [end for _, end in self._letters.spans(data)[0]]
        parts: list[Span] = []
        for spot in sorted(spots):
            start, end = max(0, spot - self._around), min(len(data), spot + self._around)
            if parts and start <= parts[-1][1]:
                parts[-1] = (parts[-1][0], end)
            else:
                parts.append((start, end))
        return parts

    def _edited(self, data: bytes, pattern: re.Pattern[bytes], new: Callable[[bytes], bytes], depth: int) -> list[Span]:
        decoded = pattern.sub(lambda found: new(found[0]), data)
        found = self._deeper(decoded, depth) if decoded != data else []
        edit = _Edit(data, pattern, new) if found else None
        return [edit.source(span) for span in found] if edit else []

    def _deeper(self, decoded: bytes, depth: int) -> list[Span]:
        self._left -= len(decoded)
        if self._left < 0:
            return [(0, len(decoded))] if decoded else []
        return self._find(decoded) + (self.spans(decoded, depth - 1) if depth > 1 else [])


def _with_padding(data: bytes, span: Span) -> Span:
    padding = _PADDING.match(data, span[1])
    return (span[0], padding.end()) if padding else span
