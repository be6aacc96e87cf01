"""Runs of digits that stand for bytes: hexadecimal, dumps, lists of decimal numbers, base64."""

from __future__ import annotations

import re
from binascii import a2b_base64, unhexlify
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate

from secretref._matcher import Span
from secretref._views.edits import Kept

__all__ = [
    "Source",
    "base64",
    "decimal",
    "dumped",
    "ends_in_hexadecimal",
    "hexadecimal",
    "unfinished_decimal",
]

Source = Callable[[Span], Span | None]
"""Maps a range of decoded bytes to digits; None if what stands between them is more than separators."""

_HEX_DIGITS = b"0123456789abcdefABCDEF"
_NOT_HEX = bytes(set(range(256)) - set(_HEX_DIGITS))
_HEX_RUN = re.compile(rb"[0-9A-Fa-f]+(?:(?:[^0-9A-Za-z*]{1,6}[xXuU]?|[xXuU])[0-9A-Fa-f]+)*")


_ENDS_IN_HEX = {
    size: re.compile(rb"(?:[0-9A-Fa-f](?:[xXuU]?[^0-9A-Za-z*]{1,6}|[xXuU])?){%d}" % (2 * size)) for size in (1, 4)
}


def ends_in_hexadecimal(data: bytes, size: int) -> bool:
    """Tell whether the last hexadecimal digits of *data* may stand for *size* bytes (one or four) or more."""
    backwards = data.rstrip(_NOT_HEX)[: -20 * size : -1]
    return _ENDS_IN_HEX[size].match(backwards) is not None


def hexadecimal(data: bytes, *, prefixed: bool = True) -> Iterator[tuple[bytes, Source]]:
    """Decode all hexadecimal digits, whatever stands between them, at both alignments.

    Args:
        data: Any text.
        prefixed: There may be a ``0x`` in it.
    """
    if prefixed:
        data = data.replace(b"0x", b"  ").replace(b"0X", b"  ")
    digits = data.translate(None, _NOT_HEX)
    ways: list[Kept] = []
    for lead in (0, 1):
        end = len(digits) - (len(digits) - lead) % 2

        def source(span: Span, lead: int = lead) -> Span | None:
            if not ways:
                ways.append(Kept([(0, data)], _NOT_HEX))
            start, stop = ways[0].position(lead + 2 * span[0]), ways[0].position(lead + 2 * span[1] - 1) + 1
            return (start, stop) if _HEX_RUN.fullmatch(data, start, stop) else None

        yield unhexlify(digits[lead:end]), source


_DUMP = re.compile(
    rb"[0-9A-Fa-f]{4,8}:?[ \t]{1,3}((?:(?:[0-9A-Fa-f]{2}){1,2}(?:[ \t]{1,2}|(?=[\r\n]|\Z))){1,16})[^\r\n]*"
)


_OFFSETS = (re.compile(rb":(?<=[0-9A-Fa-f]{4}:)[ \t]{1,3}[0-9A-Fa-f]{2}"), re.compile(rb"0000[0-9A-Fa-f]{0,4}[ \t]"))


def dumped(data: bytes) -> Iterator[tuple[bytes, Source]]:
    """Decode lines of ``xxd``, ``hexdump``, ``od`` and ``curl``, in both orders of bytes; a line counts as a whole."""
    if not any(offset.search(data) for offset in _OFFSETS):
        return
    lines = list(_DUMP.finditer(data))
    rows = [unhexlify(b"".join(line[1].split())[:32]) for line in lines]
    ends = [0, *accumulate(map(len, rows))]

    def source(span: Span) -> Span:
        return lines[bisect_right(ends, span[0]) - 1].start(1), lines[bisect_right(ends, span[1] - 1) - 1].end()

    if lines:
        yield b"".join(rows), source
        yield b"".join(row[at + 1 : at + 2] + row[at : at + 1] for row in rows for at in range(0, len(row), 2)), source


_DECIMALS = re.compile(rb"[0-9]{1,3}(?:, ?[0-9]{1,3}){5,}")
_UNFINISHED_DECIMALS = re.compile(rb"(?:[0-9]{1,3},\s*)+\Z")
_NUMBER = re.compile(rb"[0-9]+")


def decimal(data: bytes) -> Iterator[tuple[bytes, Source]]:
    """Decode lists of byte values, as in JSON and in source code."""
    return _listed(data, _DECIMALS)


def unfinished_decimal(data: bytes) -> Iterator[tuple[bytes, Source]]:
    """Decode a list of byte values at the end of *data* that may go on."""
    return _listed(data + b"\n", _UNFINISHED_DECIMALS)


_VALUES = {b"%0*d" % (size, number): number & 0xFF for size in (1, 2, 3) for number in range(10**size)}


def _listed(data: bytes, lists: re.Pattern[bytes]) -> Iterator[tuple[bytes, Source]]:
    for run in lists.finditer(data):
        bounds: list[Span] = []

        def source(span: Span, run: re.Match[bytes] = run, bounds: list[Span] = bounds) -> Span:
            if not bounds:
                bounds.extend(number.span() for number in _NUMBER.finditer(data, *run.span()))
            return bounds[span[0]][0], bounds[span[1] - 1][1]

        yield bytes(map(_VALUES.__getitem__, _NUMBER.findall(run[0]))), source


_STANDARD = bytes.maketrans(b"-_", b"+/")
_APART = b"A" * 8
"""Between runs that are decoded together: zero bytes, whatever the alignment."""


def base64(data: bytes, runs: list[Span]) -> Iterator[tuple[bytes, Callable[[Span], Span]]]:
    """Decode runs of base64 digits at every alignment."""
    digits = _APART.join([data[start:end] for start, end in runs] + [b""]).translate(_STANDARD)
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
