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
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from secretref._guesses import guesses
from secretref._matcher import Span
from secretref._triggers import triggers

__all__ = ["around", "folded", "search", "wrapped_from"]

Find = Callable[[bytes], list[Span]]

DEPTH = 3
"""Decodings composed."""

_WORK = 64
"""Bytes decoded at most for one byte of text."""

_GUESSED = 640
"""The same where unusual decodings are tried."""


class _Edit:
    """A text with some of its parts replaced, and the way back."""

    __slots__ = ("_decoded_at", "_leading", "_source_at", "decoded")

    def __init__(
        self, data: bytes, pattern: re.Pattern[bytes], replacement: Callable[[bytes], bytes], *, leading: bool = False
    ) -> None:
        self._leading = leading
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
        """Map a range of the decoded text; a part that was replaced counts as a whole.

        *leading*: what was taken out right in front of it as well.
        """
        start = self._position(span[0], 0)
        if self._leading and self._decoded_at[first := bisect_left(self._decoded_at, span[0])] == span[0]:
            start = self._source_at[first]
        return start, self._position(span[1] - 1, 1)

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
        first, *rest = (data.replace(b"\r", b"\n") if b"\r" in data else data).split(b"\n")
        data = first + b"".join(map(bytes.lstrip, rest))
    return data.translate(None, _QUOTES)


# --- unescaped ---


class _Dialect(NamedTuple):
    """One way to escape: the bytes it cannot do without, its tokens, and what they stand for."""

    sign: bytes
    tokens: re.Pattern[bytes]
    meaning: Callable[[bytes], bytes]


@lru_cache(maxsize=1024)
def _percent(token: bytes) -> bytes:
    return _character(token[2:]) if token[1:2] == b"u" else bytes.fromhex(token[1:].decode("ascii"))


_CONTROLS = {b"a": b"\a", b"b": b"\b", b"e": b"\x1b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@lru_cache(maxsize=1024)
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


@lru_cache(maxsize=1024)
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


def _nothing(_: bytes) -> bytes:
    return b""


_ESCAPES = (
    _Dialect(b"%", re.compile(rb"%(?:[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})"), _percent),
    _Dialect(
        b"\\",
        # From the start of a run of backslashes, so that a long run is looked at once.
        re.compile(
            rb"(?<!\\)\\++(?:u[dD][89abAB][0-9A-Fa-f]{2}\\+u[dD][c-fC-F][0-9A-Fa-f]{2}"
            rb"|[ux]\{[0-9A-Fa-f]{1,8}\}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[abefnrtv])"
            rb"|(?<![\\\x1b])(?:\\\\)*+\\[0-7]{1,3}"  # an even number of backslashes stands for itself
        ),
        _backslash,
    ),
    _Dialect(
        b"&",
        re.compile(rb"&(?:#[0-9]{1,12}|#[xX][0-9A-Fa-f]{1,12}|[A-Za-z][A-Za-z0-9]{1,31});?"),
        _entity,
    ),
)


def _zero_octal(token: bytes) -> bytes:
    return bytes([int(token[2:].decode("ascii"), 8) & 0xFF])


def _latin(token: bytes) -> bytes:
    return _character(token[-2:])


def _bare(token: bytes) -> bytes:
    return token[1:]


def _blank(_: bytes) -> bytes:
    return b" "


def _half(token: bytes) -> bytes:
    return token[: len(token) // 2]


# Readings of a text that contradict the usual one, each with what follows.
_ZERO_OCTAL = (_Dialect(b"\\0", re.compile(rb"\\0[0-7]{3}"), _zero_octal),)  # echo -e, printf %b
_LATIN = (_Dialect(b"\\x", re.compile(rb"(?<!\\)\\++x[0-9A-Fa-f]{2}"), _latin), *_ESCAPES)  # characters, not bytes
_SHELL = (_Dialect(b"\\", re.compile(rb"\\[&%#;{}]"), _bare),)  # printf %q over an escape
_HALVED = (  # octal in JSON; each run of backslashes is looked at once
    _Dialect(b"\\\\", re.compile(rb"(?<!\\)(?:\\\\)++(?=\\?[0-7])"), _half),
)
_FORM = (_Dialect(b"+", re.compile(rb"\+"), _blank), *_ESCAPES)

_INVISIBLE = (
    _Dialect(
        b"\x1b",
        re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?"),
        _nothing,
    ),
    _Dialect(b"\xe2", re.compile(rb"\xe2(?:\x80[\x8b-\x8f\xaa-\xae]|\x81[\xa0-\xaf])"), _nothing),
    _Dialect(b"\xef\xbb\xbf", re.compile(rb"\xef\xbb\xbf"), _nothing),
    _Dialect(b"\xc2\xad", re.compile(rb"\xc2\xad"), _nothing),
    _Dialect(b"\xe1\xa0\x8e", re.compile(rb"\xe1\xa0\x8e"), _nothing),
    _Dialect(b"\xcd\x8f", re.compile(rb"\xcd\x8f"), _nothing),
    _Dialect(b"\x08", re.compile(rb"(?:[\xc2-\xf4][\x80-\xbf]{1,3}|[^\x08\n])\x08"), _nothing),  # bold by overstriking
)


_INVISIBLE_ASCII = (_INVISIBLE[0], _INVISIBLE[-1])


def _rewritten(data: bytes, dialects: tuple[_Dialect, ...]) -> bytes:
    for dialect in dialects:
        if dialect.sign in data:
            data = dialect.tokens.sub(lambda token, meaning=dialect.meaning: meaning(token[0]), data)  # type: ignore[misc]
    return data


def _sources(data: bytes, dialects: tuple[_Dialect, ...], spans: list[Span]) -> list[Span]:
    """Map ranges of rewritten text back to *data*."""
    edits = []
    for dialect in dialects:
        if dialect.sign in data:
            leading = dialect.sign == b"\x08"  # an overstruck letter stands on both sides of the backspace
            edits.append(_Edit(data, dialect.tokens, dialect.meaning, leading=leading))
            data = edits[-1].decoded
    spans = list(set(spans))
    for edit in reversed(edits):
        spans = [edit.source(span) for span in spans]
    return spans


def folded(value: bytes) -> Iterator[bytes]:
    """List what is left of a value in the views, where that differs from the value itself."""
    once = _rewritten(value, _ESCAPES)
    twice = _rewritten(once, _ESCAPES)
    for text in (value, once, twice, _rewritten(value, _INVISIBLE)):
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


def _hexadecimal(data: bytes) -> Iterator[tuple[bytes, Source]]:
    for prefix in (b"0x", b"0X"):
        if prefix in data:
            data = data.replace(prefix, b"  ")
    digits = data.translate(None, _NOT_HEX)
    positions: list[int] = []
    for lead in (0, 1):
        end = len(digits) - (len(digits) - lead) % 2

        def source(span: Span, lead: int = lead) -> Span | None:
            if not positions:
                positions.extend(found.start() for found in _HEX_DIGIT.finditer(data))
            start, stop = positions[lead + 2 * span[0]], positions[lead + 2 * span[1] - 1] + 1
            return (start, stop) if _HEX_RUN.fullmatch(data, start, stop) else None

        yield bytes.fromhex(digits[lead:end].decode("ascii")), source


_DUMP = re.compile(
    rb"[0-9A-Fa-f]{4,8}:?[ \t]{1,3}((?:(?:[0-9A-Fa-f]{2}){1,2}(?:[ \t]{1,2}|(?=[\r\n]|\Z))){1,16})[^\r\n]*"
)


def _dumped(data: bytes) -> Iterator[tuple[bytes, Source]]:
    """Decode lines of ``xxd``, ``hexdump``, ``od`` and ``curl``, in both orders of bytes; a line counts as a whole."""
    lines = list(_DUMP.finditer(data)) if b"0000000" in data or b"0: " in data else []
    rows = [bytes.fromhex(b"".join(line[1].split())[:32].decode("ascii")) for line in lines]
    ends = [0, *accumulate(map(len, rows))]

    def source(span: Span) -> Span:
        return lines[bisect_right(ends, span[0]) - 1].start(1), lines[bisect_right(ends, span[1] - 1) - 1].end()

    if lines:
        yield b"".join(rows), source
        yield b"".join(row[at + 1 : at + 2] + row[at : at + 1] for row in rows for at in range(0, len(row), 2)), source


_DECIMALS = re.compile(rb"[0-9]{1,3}(?:, ?[0-9]{1,3}){5,}")
_UNFINISHED_DECIMALS = re.compile(rb"(?:[0-9]{1,3},\s*)+\Z")
_NUMBER = re.compile(rb"[0-9]+")


def _decimal(data: bytes, lists: re.Pattern[bytes] = _DECIMALS) -> Iterator[tuple[bytes, Source]]:
    """Decode lists of byte values, as in JSON and in source code."""
    for run in lists.finditer(data):
        numbers = list(_NUMBER.finditer(data, *run.span()))

        def source(span: Span, numbers: list[re.Match[bytes]] = numbers) -> Span:
            return numbers[span[0]].start(), numbers[span[1] - 1].end()

        yield bytes(int(number[0]) & 0xFF for number in numbers), source


# --- base64 ---

_BASE64_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_STANDARD = bytes.maketrans(b"-_", b"+/")
_PADDING = re.compile(rb"(?:=|%3[Dd]){1,2}")


_APART = b"A" * 8
"""Between runs that are decoded together: zero bytes, whatever the alignment."""


def _base64(data: bytes, runs: list[Span]) -> Iterator[tuple[bytes, Callable[[Span], Span]]]:
    digits = b"".join([data[start:end] + _APART for start, end in runs]).translate(_STANDARD)
    ends: list[int] = []
    for lead in range(4):

        def source(span: Span, lead: int = lead) -> Span:
            if not ends:
                ends.extend((0, *accumulate(end - start + len(_APART) for start, end in runs)))
            run = bisect_right(ends, lead + 4 * span[0] // 3) - 1
            start, end = runs[run]
            offset = start - ends[run] + lead
            return offset + 4 * span[0] // 3, min(end, offset - (-4 * span[1] // 3))

        yield a2b_base64(digits[lead : len(digits) - (len(digits) - lead) % 4]), source


_TELLING = 3
"""So many bytes of a value at the end of a line do not yet count as its beginning: that would hold back most lines."""

_SHORT = 3
"""Behind a line of no more bytes, its end included, a single byte counts."""

_WRAPPED = 20
"""Digits of base64 at the end of a line that may go on in the next."""


def wrapped_from(lines: bytes, held_from: Callable[[bytes], int], reach: int) -> int:
    """Tell from which offset complete *lines* may hold the beginning of what the next line continues.

    Args:
        lines: Complete lines.
        held_from: Tells from which offset a text may begin an occurrence.
        reach: Most bytes that an occurrence spans.
    """
    tail = lines[-4 * reach :]
    joined = _join(tail)
    is_short = len(tail) - tail.rfind(b"\n", 0, -1) - 1 <= _SHORT
    telling = 0 if is_short else _TELLING
    run = len(joined.rstrip(_BASE64_DIGITS))
    views = [(joined, _same), *_hexadecimal(joined), *_decimal(joined + b"\n", _UNFINISHED_DECIMALS)]
    if len(joined) - run >= (1 if is_short else _WRAPPED):
        for lead in range(4):
            whole = len(joined) - (len(joined) - run - lead) % 4
            views.append([*_base64(joined, [(run, whole)])][lead])
    begun = _begun(views, held_from, telling)
    starts = _begun(_dumped(tail), held_from, telling)
    if begun:
        starts.append(_Edit(tail, _JOINED, _nothing).source((min(begun), min(begun) + 1))[0])
    if not starts:
        return len(lines)
    return lines.rfind(b"\n", 0, len(lines) - len(tail) + min(starts)) + 1


def _begun(views: Iterable[tuple[bytes, Source]], held_from: Callable[[bytes], int], telling: int) -> list[int]:
    """Where the ends of views begin an occurrence of more than *telling* bytes."""
    starts = []
    for decoded, source in views:
        text = decoded.rstrip(b"\0")
        start = held_from(text)
        if len(text) - start > telling and (span := source((start, len(text)))):
            starts.append(span[0])
    return starts


def _same(span: Span) -> Span:
    return span


# --- the search ---


def around(spots: list[int], radius: int, size: int) -> list[Span]:
    """Join the surroundings of *spots* in a text of *size* bytes."""
    parts: list[Span] = []
    for spot in sorted(spots):
        start, end = max(0, spot - radius), min(size, spot + radius)
        if parts and start <= parts[-1][1]:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
    return parts


_INVISIBLE_BYTES = b"\x08\x1b\xc2\xad\xcd\x8f\xe1\xa0\x8e\xe2\x80\x81\x8b\x8c\x8d\xef\xbb\xbf"
_READABLE = bytes(32 <= byte < 127 or byte in b"\t\r\n" + _INVISIBLE_BYTES for byte in range(256))


@lru_cache(maxsize=32)
def _phrases(least: int) -> re.Pattern[bytes]:
    return re.compile(rb"[\t\r\n\x08\x1b -~\x80-\xff]{%d,}" % least)


def search(data: bytes, find: Find, *, least: int, wide: bool, blanks: bool, guess: bool = False) -> list[Span]:
    """Find the ranges of *data* whose decoding holds what *find* finds.

    Args:
        data: The text; a whole string, a record or complete lines.
        find: Returns the ranges to hide in a decoded text.
        least: Length of the shortest value, in bytes: less readable text is no reason to decode again.
        wide: Some value is not ASCII, so readable text may hold any bytes.
        blanks: Some value holds a blank, which forms write as a plus sign.
        guess: Try unusual decodings, too.
    """
    work = (_GUESSED if guess else _WORK) * len(data) + 4096
    return _Search(find, least, work, wide=wide, blanks=blanks, guess=guess).spans(data, DEPTH)


class _Search:
    """One search, with what is left of its work."""

    __slots__ = ("_blanks", "_clean", "_find", "_guess", "_left", "_phrase", "_phrases", "_triggers", "_wide")

    def __init__(self, find: Find, least: int, work: int, *, wide: bool, blanks: bool, guess: bool) -> None:
        self._find = find
        self._guess, self._wide, self._blanks = guess, wide, blanks
        self._phrase = b"\1" * min(16, max(12, least))
        self._phrases = _phrases(len(self._phrase))
        self._triggers = triggers(least)
        self._left = work
        self._clean: dict[bytes, int] = {}  # runs of digits, and how deep they were searched in vain

    def spans(self, data: bytes, depth: int) -> list[Span]:
        joined = _join(data)
        inner = self._find(joined) if len(joined) < len(data) else []
        signs = self._triggers.signs(joined)
        inner += self._in_runs(joined, signs.base64, depth)
        if signs.hexadecimal:
            inner += self._mapped(_hexadecimal(joined), depth)
        if signs.listed:
            inner += self._mapped(_decimal(joined), depth)
        if inner and len(joined) < len(data):
            edit = _Edit(data, _JOINED, _nothing)
            inner = [edit.source(span) for span in inner]
        found = [_with_padding(data, span) for span in inner]
        found += self._mapped(_dumped(data), depth)
        for dialects in self._readings(data):
            found += self._in_dialects(data, dialects, depth)
        if self._guess:
            found += [source(span) for decoded, source in guesses(data) for span in self._deeper(decoded, depth)]
        return found

    def _in_runs(self, joined: bytes, runs: list[Span], depth: int) -> list[Span]:
        """Search runs of base64 digits, but none twice that another view has shown to be clean."""
        digits = [joined[start:end] for start, end in runs]
        fresh = [run for run, text in zip(runs, digits, strict=True) if self._clean.get(text, 0) < depth]
        found = self._mapped(_base64(joined, fresh), depth) if fresh else []
        if not found:
            self._clean.update(dict.fromkeys(digits, depth))
        return found

    def _readings(self, data: bytes) -> Iterator[tuple[_Dialect, ...]]:
        yield _INVISIBLE_ASCII if data.isascii() else _INVISIBLE
        if b"\\" in data:
            yield _ESCAPES
            if b"\\0" in data:
                yield _ZERO_OCTAL
            if b"\\&" in data or b"\\%" in data or b"\\{" in data:
                yield _SHELL
            if b"\\\\" in data:
                yield _HALVED
            if b"\\xad" in data or (self._wide and b"\\x" in data):
                yield _LATIN
        elif b"%" in data or b"&" in data:
            yield _ESCAPES
        if self._blanks and b"+" in data:
            yield _FORM

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
        if depth == 1 or not (self._wide or self._phrase in decoded.translate(_READABLE)):
            return False
        return self.spans(b"\0".join(self._phrases.findall(decoded)), depth - 1) != []

    def _in_dialects(self, data: bytes, dialects: tuple[_Dialect, ...], depth: int) -> list[Span]:
        decoded = _rewritten(data, dialects)
        found = self._deeper(decoded, depth) if decoded != data else []
        return _sources(data, dialects, found) if found else []

    def _deeper(self, decoded: bytes, depth: int) -> list[Span]:
        self._left -= len(decoded)
        if self._left < 0:
            return [(0, len(decoded))] if decoded else []
        return self._find(decoded) + (self.spans(decoded, depth - 1) if depth > 1 else [])


def _with_padding(data: bytes, span: Span) -> Span:
    padding = _PADDING.match(data, span[1])
    return (span[0], padding.end()) if padding else span
