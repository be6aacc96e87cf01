r"""Values of several lines or words, found whatever white space stands between.

A program that prints a key indents it, joins its lines, or escapes the line breaks. So text and value are compared
with every run of white space, escaped (``\n``) or not, collapsed to one line feed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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
    return b"\n".join(_GAP.split(value.strip()))


class _Words:
    """One value, word by word."""

    __slots__ = ("_pattern", "anchor", "size", "words")

    def __init__(self, literal: bytes) -> None:
        self.words = literal.split(b"\n")
        self.anchor = max(self.words, key=len)
        self.size = len(literal)
        self._pattern = re.compile((rb"(?:%s)++" % _BLANKS).join(map(re.escape, self.words)))

    def spans(self, data: bytes) -> Iterator[Span]:
        """Find every occurrence, overlapping ones included."""
        found = self._pattern.search(data)
        while found:
            start, end = found.span()
            if all(stop - begin <= _MOST for begin, stop in (gap.span() for gap in _GAP.finditer(data, start, end))):
                yield start, end
            found = self._pattern.search(data, start + 1)

    def is_begun(self, data: bytes, end: int) -> bool:
        """Tell whether *data* breaks off inside an occurrence whose first word ends at *end*."""
        for word in self.words[1:]:
            gap = _OPEN_GAP.match(data, end)
            if gap is None or gap.end() - end > _MOST:
                return end == len(data)
            end = gap.end() + len(word)
            rest = data[gap.end() : end]
            if rest != word:
                return end > len(data) and word.startswith(rest)
        return False


class LineMatcher:
    """Occurrences of values of several lines or words; answers the questions that a ``Matcher`` answers."""

    __slots__ = ("_anchors", "_begins", "_firsts", "_values", "reach")

    def __init__(self, values: Iterable[bytes]) -> None:
        literals = {collapsed(value) for value in values}
        self._values = [_Words(literal) for literal in literals]
        self._anchors = Matcher({Form(value.anchor) for value in self._values})
        self._firsts: dict[bytes, list[_Words]] = {}
        for value in self._values:
            self._firsts.setdefault(value.words[0], []).append(value)
        self._begins = Matcher(map(Form, self._firsts))
        self.reach = max((len(literal) + literal.count(b"\n") * _MOST for literal in literals), default=0)

    def __repr__(self) -> str:
        return "LineMatcher()"

    def spans(self, data: bytes, *, final: bool = True, words: bool = True) -> tuple[list[Span], int]:  # noqa: ARG002 - Matcher's
        """Find the ranges to hide; see ``Matcher.spans``. None is ever open."""
        if not self._anchors.places(data):
            return [], len(data)
        return [span for value in self._values if value.anchor in data for span in value.spans(data)], len(data)

    def places(self, data: bytes) -> list[Span]:
        """List where *data* reads like a value; see ``Matcher.places``."""
        return self.spans(data)[0]

    def held_from(self, data: bytes) -> int:
        """Tell from which offset *data* may begin an occurrence; see ``Matcher.held_from``."""
        return min((start for start, _ in self._begun(data)), default=self._begins.held_from(data))

    def begun_from(self, data: bytes) -> int:
        """Tell from which offset an occurrence has probably begun; see ``Matcher.begun_from``."""
        enough = (
            start
            for start, value in self._begun(data)
            if (size := len(collapsed(data[start:]))) >= 8 and 2 * size >= value.size
        )
        return min(enough, default=len(data))

    def _begun(self, data: bytes) -> Iterator[tuple[int, _Words]]:
        """Where the first word of a value stands, and all that is behind it goes on like the value."""
        skipped = max(0, len(data) - self.reach)
        tail = data[skipped:]
        for start, end in self._begins.places(tail):
            for value in self._firsts[tail[start:end]]:
                if value.is_begun(tail, end):
                    yield skipped + start, value
