"""The first stage: each range of the source becomes one mark."""

from __future__ import annotations

from secretref._matcher import Span
from secretref._needles import Needles
from secretref._stream.splicing import merge, whole_characters

__all__ = ["LINE", "Replacer"]

LINE = 1 << 16
"""A longer unfinished line is handled eagerly, in bytes."""

_PAST = 1 << 13
"""Bytes that have gone out and are remembered, lest a value registered too late be completed."""


class Replacer:
    """First stage: replace each range of the source by one mark."""

    __slots__ = ("_buffer", "_gone", "_lines", "_mark", "_marked", "_memory", "_needles", "_past")

    def __init__(self, needles: Needles, *, lines: bool = False) -> None:
        self._mark = needles.sign
        self._lines = lines
        self._past = b""  # of the source, for values that are registered later
        self._buffer = b""  # the end of what has gone out already, as it was in the source; then what is held back
        self._gone = 0
        self._marked = False  # the last thing that went out was a mark
        self._use(needles)

    def _use(self, needles: Needles) -> None:
        self._needles, self._memory = needles, needles.reach

    def rebase(self, needles: Needles) -> int:
        """Go on with more finders, for values that were registered meanwhile.

        What went out last is searched again, so a value half written before it was registered is not completed.

        Returns:
            How many occurrences have gone out already, wholly or in part.
        """
        self._buffer, self._gone, self._past = self._past + self._buffer, self._gone + len(self._past), b""
        known = set(self._found(self._buffer, final=True)[0])
        self._use(needles)
        return sum(1 for span in self._found(self._buffer, final=True)[0] if span not in known and span[0] < self._gone)

    def feed(self, chunk: bytes, *, final: bool = False, truncated: bool = False) -> bytes:
        """Take a chunk and return what is certain by now.

        Args:
            chunk: The next part of the source.
            final: Nothing follows; everything held back goes out.
            truncated: What followed was cut off, so a value that has probably begun is hidden as well.
        """
        data, gone = self._buffer + chunk if self._buffer else chunk, self._gone
        spans, cut = self._found(data, final=final)
        if truncated:
            begun = min((finder.begun_from(data) for finder in self._needles.finders), default=cut)
            spans += [(begun, cut)] if begun < cut else []
        if self._lines:
            whole = cut if final else max(gone, data.rfind(b"\n", gone, cut) + 1)
            decoded = self._decoded(data, gone, whole)
            cut = cut if final else self._line_cut(data, whole, cut, decoded)
            spans += decoded
        if cut <= gone:
            self._buffer = data
            return b""
        ranges = [span for span in merge(spans) if span[1] > gone and span[0] < cut] if spans else []
        reached = ranges[-1][1] if ranges else 0
        out = self._replaced(data, ranges, gone, cut)
        self._marked = reached >= cut
        kept = max(0, cut - self._memory)
        self._past = data[kept - _PAST : kept] if kept >= _PAST else (self._past + data[:kept])[-_PAST:]
        self._buffer, self._gone = data[kept:], cut - kept
        return out

    def _decoded(self, data: bytes, gone: int, whole: int) -> list[Span]:
        """Ranges that decode to values, in the part of *data* that is fresh and complete."""
        if self._needles.views == "off":
            return []
        return [(start + gone, end + gone) for start, end in self._needles.decoded_spans(data[gone:whole])]

    def _found(self, data: bytes, *, final: bool) -> tuple[list[Span], int]:
        spans: list[Span] = []
        cut = len(data)
        for finder in self._needles.finders:
            found, opened = finder.spans(data, final=final)
            spans += found
            if not final:
                cut = min(cut, opened, finder.held_from(data))
        return spans, whole_characters(data, (cut, cut))[0]

    def _line_cut(self, data: bytes, whole: int, cut: int, decoded: list[Span]) -> int:
        """Move the cut back to the end of a line that no value goes across, unless that holds back too much.

        Args:
            data: What is at hand.
            whole: End of the complete lines in it.
            cut: Where no literal form goes across.
            decoded: Ranges in the complete lines that decode to values.
        """
        gone = self._gone
        end = whole
        if whole > gone and self._needles.views != "off":
            end = gone + self._needles.wrapped_from(data[gone:whole])
            while across := [start for start, stop in decoded if start < end < stop]:
                end = max(gone, data.rfind(b"\n", gone, min(across)) + 1)
        return cut if cut - end > LINE else end

    def _replaced(self, data: bytes, ranges: list[Span], gone: int, cut: int) -> bytes:
        if not ranges:
            return data[gone:cut]
        pieces: list[bytes] = []
        done = gone
        for start, end in ranges:
            if start >= gone or not self._marked:  # else it goes on under the mark that went out last
                pieces += (data[done : max(start, gone)], self._mark)
            done = end
        pieces.append(data[done:cut])
        return b"".join(pieces)
