"""The second stage: what only the marks of the first have assembled."""

from __future__ import annotations

from secretref._matcher import Matcher
from secretref._needles import Needles
from secretref._stream.splicing import whole_characters

__all__ = ["Settler"]


class Settler:
    """Second stage: hide what only the marks of the first stage have assembled.

    It reduces: the occurrence that ends first becomes a mark, and the search goes on with the mark in its place.
    So what goes out holds no form, and a second redaction finds nothing to do.
    """

    __slots__ = ("_mark", "_matcher", "_pending", "_seen")

    _PIECE = 4096
    """Bytes searched at once, so that a flood of reductions stays linear."""

    def __init__(self, needles: Needles) -> None:
        self._mark = needles.sign
        self._seen = b""  # the last byte that went out
        self._pending = b""
        self.rebase(needles)

    def rebase(self, needles: Needles) -> None:
        """Go on with other needles."""
        self._matcher = needles.affected or Matcher(())

    def cover(self) -> None:
        """Hide what is held back: it may be the rest of a value that the first stage has let go."""
        self._pending = self._pending and self._mark

    def feed(self, chunk: bytes, *, final: bool = False) -> bytes:
        """Take the next output of the first stage and return what is certain by now."""
        waiting = self._pending + chunk
        if not final and self._mark not in waiting and not (self._seen and self._mark.endswith(self._seen)):
            data = self._seen + waiting
            return self._released(data, min(self._matcher.held_from(data), self._ended_from(data)))
        out = []
        for at in range(0, len(chunk), self._PIECE):
            last = final and at + self._PIECE >= len(chunk)
            out.append(self._settled(self._pending + chunk[at : at + self._PIECE], final=last))
        if final and not chunk:
            out.append(self._settled(self._pending, final=True))
        return b"".join(out)

    def _ended_from(self, data: bytes) -> int:
        """Tell where a form begins that ends with *data*: a mark behind it may make it a whole word."""
        near = max(0, len(data) - self._matcher.longest)
        ended = (near + start for start, end in self._matcher.places(data[near:]) if near + end == len(data))
        return min(ended, default=len(data))

    def _settled(self, data: bytes, *, final: bool) -> bytes:
        gone = len(self._seen)
        data = self._seen + data
        for _ in range(len(data) + self._PIECE):
            spans = self._matcher.spans(data)[0]
            # Whatever ends with the data waits for the next byte, so that chunking cannot change the order.
            ended = [(end, start) for start, end in spans if start >= gone and (final or end < len(data))]
            if not ended:
                break
            end, start = min(ended)
            data = data[:start] + self._mark + data[end:]
        else:
            raise OverflowError
        return self._released(
            data, len(data) if final else min([self._matcher.held_from(data), *(start for start, _ in spans)])
        )

    def _released(self, data: bytes, cut: int) -> bytes:
        """Let go what stands before *cut*; *data* begins with what was seen last."""
        gone = len(self._seen)
        cut = max(gone, whole_characters(data, (cut, cut))[0])
        self._pending, self._seen = data[cut:], data[max(0, cut - 1) : cut]
        return data[gone:cut]
