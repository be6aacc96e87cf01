r"""Values of several lines, found whatever stands between the lines.

A program that prints a key indents it, joins its lines, or escapes the line breaks. So text and value are compared
with every run of white space, escaped (``\n``) or not, collapsed to one line feed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate

from secretref._encodings import Form
from secretref._matcher import Matcher, Span

__all__ = ["LineMatcher", "collapsed"]

_BLANKS = rb"[ \t\r\n\v\f]|\\+[rnt]|\xc2\xa0|\xe2\x80[\x80-\x8a\xaf]|\xe3\x80\x80"
_GAP = re.compile(rb"(?:%s)+" % _BLANKS)
_OPEN_GAP = re.compile(rb"(?:%s|(?:\\+|\xc2|\xe2\x80?|\xe3\x80?)\Z)+" % _BLANKS)
"""Behind the end of a chunk, a part of a blank may turn out to be one: of an escaped line break, of a character."""

_MOST = 1024
"""A longer run of white space separates, in bytes."""


def collapsed(value: bytes) -> bytes:
    """Write *value* with one line feed for each run of white space in it."""
    return _collapse(value.strip(), _GAP)[0]


def _collapse(data: bytes, gap: re.Pattern[bytes]) -> tuple[bytes, list[int], list[int]]:
    """Collapse gaps; return the result and where in it and in *data* each piece between gaps begins."""
    pieces, starts = [], [0]
    at = 0
    for found in gap.finditer(data):
        start, end = found.span()
        pieces += [data[at:start], b"\n" if end - start <= _MOST else b"\n\n"]
        starts += [start, end]
        at = end
    pieces.append(data[at:])
    return b"".join(pieces), [0, *accumulate(map(len, pieces))], starts


class LineMatcher:
    """Occurrences of values of several lines; answers the questions that a ``Matcher`` answers."""

    __slots__ = ("_anchors", "_begins", "_matcher", "reach")

    def __init__(self, values: Iterable[bytes]) -> None:
        literals = {collapsed(value) for value in values}
        self._matcher = Matcher(Form(literal) for literal in literals)
        self._anchors = Matcher(Form(max(literal.split(b"\n"), key=len)) for literal in literals)
        self._begins = Matcher(Form(literal.split(b"\n")[0]) for literal in literals)
        self.reach = max((len(literal) + literal.count(b"\n") * _MOST for literal in literals), default=0)

    def __repr__(self) -> str:
        return "LineMatcher()"

    def spans(self, data: bytes, *, final: bool = True, words: bool = True) -> tuple[list[Span], int]:
        """Find the ranges to hide; see ``Matcher.spans``. None is ever open."""
        if not self._anchors.spans(data, final=final, words=words)[0]:
            return [], len(data)
        text, ends, starts = _collapse(data, _GAP)
        found = self._matcher.spans(text)[0]
        return [(_source(start, ends, starts), _source(end - 1, ends, starts) + 1) for start, end in found], len(data)

    def places(self, data: bytes) -> list[Span]:
        """List where *data* reads like a value; see ``Matcher.places``."""
        return self.spans(data)[0]

    def held_from(self, data: bytes) -> int:
        """Tell from which offset *data* may begin an occurrence; see ``Matcher.held_from``."""
        return min(self._begins.held_from(data), self._mapped(data, self._matcher.held_from))

    def begun_from(self, data: bytes) -> int:
        """Tell from which offset an occurrence has probably begun; see ``Matcher.begun_from``."""
        return self._mapped(data, self._matcher.begun_from)

    def _mapped(self, data: bytes, question: Callable[[bytes], int]) -> int:
        """Ask about the collapsed tail of *data*; the answer is an offset in *data*."""
        skipped = max(0, len(data) - self.reach)
        tail = data[skipped:]
        if not self._begins.spans(tail)[0]:
            return len(data)
        text, ends, starts = _collapse(tail, _OPEN_GAP)
        start = question(text)
        return len(data) if start == len(text) else skipped + _source(start, ends, starts)


def _source(offset: int, ends: list[int], starts: list[int]) -> int:
    """Map an offset in collapsed text to the source. Values begin and end outside gaps."""
    piece = bisect_right(ends, offset) - 1
    return starts[piece] + offset - ends[piece]
