"""Values that are broken over lines, for streams that have seen the first lines only."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secretref._encodings import BASE64_DIGITS
from secretref._matcher import Span
from secretref._views.digits import (
    Source,
    base64,
    dumped,
    ends_in_hexadecimal,
    hexadecimal,
    unfinished_decimal,
)
from secretref._views.escapes import join, joined_sources

__all__ = ["wrapped_from"]

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
    joined = join(tail)
    is_short = len(tail) - tail.rfind(b"\n", 0, -1) - 1 <= _SHORT
    telling = 0 if is_short else _TELLING
    run = len(joined.rstrip(BASE64_DIGITS))
    views: list[tuple[bytes, Source]] = [(joined, _same)]
    if ends_in_hexadecimal(joined, telling + 1):
        views += hexadecimal(joined)
    if joined.rstrip().endswith(b","):
        views += unfinished_decimal(joined)
    if len(joined) - run >= (1 if is_short else _WRAPPED):
        for lead in range(4):
            whole = len(joined) - (len(joined) - run - lead) % 4
            views.append([*base64(joined, [(run, whole)])][lead])
    begun = _begun(views, held_from, telling)
    starts = _begun(dumped(tail), held_from, telling)
    if begun:
        starts.append(joined_sources(tail, [(min(begun), min(begun) + 1)])[0][0])
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
