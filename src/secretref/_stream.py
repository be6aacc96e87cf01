"""Find and replace, chunk by chunk, in bounded memory.

Plan
1. Every occurrence of every form in what is at hand becomes a range of the source; ranges that overlap or touch
   become one, and each one mark. ``Matcher`` and ``LineMatcher`` find them.
2. What could be the beginning of an occurrence is held back; the rest is final and goes out. If a range reaches
   into the held part, its mark goes out at once and the held part remembers how much of it is covered.
3. A mark can assemble a new occurrence (``a***b``), or stand where a letter kept a short value from being a whole
   word. A second stage, present only where a form can be affected, settles that.

A whole text is a stream fed once: there is one algorithm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import AnyStr, Literal, get_args

from secretref._matcher import Matcher, Span
from secretref._needles import Needles
from secretref.errors import ConfigurationError, InputError

__all__ = ["WITHHELD", "Mode", "RedactionStream", "Replacer", "Settler", "merge", "splice", "whole_characters"]

WITHHELD = "[redaction failed]"
"""Stands for text that could not be redacted: it is withheld, never passed on."""

Mode = Literal["line", "eager"]

_LINE = 1 << 16
"""A longer unfinished line is handled eagerly, in bytes."""

_PAST = 1 << 13
"""Bytes that have gone out and are remembered, lest a value registered too late be completed."""


def merge(spans: list[Span]) -> list[Span]:
    """Sort ranges and join those that overlap or touch."""
    spans.sort()
    merged: list[Span] = []
    start, end = spans[0]
    for next_start, next_end in spans:
        if next_start > end:
            merged.append((start, end))
            start, end = next_start, next_end
        elif next_end > end:
            end = next_end
    merged.append((start, end))
    return merged


def splice(data: AnyStr, spans: Sequence[Span], mark: AnyStr) -> AnyStr:
    """Put *mark* in the place of each range; *spans* are merged."""
    pieces: list[AnyStr] = []
    done = 0
    for start, end in spans:
        pieces += (data[done:start], mark)
        done = end
    pieces.append(data[done:])
    return data[:0].join(pieces)


def whole_characters(data: bytes, span: Span) -> Span:
    """Widen a range of UTF-8 to whole characters."""
    start, end = span
    while start and start < len(data) and data[start] & 0xC0 == 0x80 and span[0] - start < 3:
        start -= 1
    while end < len(data) and data[end] & 0xC0 == 0x80 and end - span[1] < 3:
        end += 1
    return start, end


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
        return cut if cut - end > _LINE else end

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
        if (
            not final
            and self._mark not in self._pending + chunk
            and not (self._seen and self._mark.endswith(self._seen))
        ):
            data = self._seen + self._pending + chunk
            return self._released(data, self._matcher.held_from(data))
        out = []
        for at in range(0, len(chunk), self._PIECE):
            last = final and at + self._PIECE >= len(chunk)
            out.append(self._settled(self._pending + chunk[at : at + self._PIECE], final=last))
        if final and not chunk:
            out.append(self._settled(self._pending, final=True))
        return b"".join(out)

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


class RedactionStream:
    """Chunks in, redacted chunks out: for every chunking the same as the whole text at once.

    All chunks are text or all are bytes. Memory is bounded by the longest value and, in line mode, by 64 KiB of an
    unfinished line. Values registered meanwhile count from the next chunk on. Not for several threads at once.

    Args:
        current: Returns the needles of the moment.
        mode: ``"line"`` holds the unfinished line back, and complete lines are searched in their decoded views;
            ``"eager"`` holds back only what may begin a value.

    Attributes:
        late: How many occurrences had gone out, wholly or in part, before their value was registered.
    """

    __slots__ = ("_current", "_kind", "_lines", "_needles", "_replacer", "_settler", "_state", "_waiting", "late")

    _needles: Needles
    _replacer: Replacer
    _settler: Settler | None
    _waiting: bytearray

    def __init__(self, current: Callable[[], Needles], mode: Mode) -> None:
        if mode not in get_args(Mode):
            raise ConfigurationError("a stream is line or eager")
        self._current = current
        self._lines = mode == "line"
        self._start(current())
        self._kind: type[str | bytes] = str
        self._state: Literal["new", "open", "failed", "closed"] = "new"
        self.late = 0

    def __repr__(self) -> str:
        return "RedactionStream()"

    def feed(self, chunk: AnyStr) -> AnyStr:
        """Take a chunk and return what is certain by now.

        Raises:
            InputError: The chunk is of another type than those before, or the stream is closed.
        """
        if self._state == "new":
            self._kind, self._state = (bytes, "open") if isinstance(chunk, bytes) else (str, "open")
        if self._state == "closed" or not isinstance(chunk, self._kind):
            raise InputError("an open stream takes chunks of one type, text or bytes")
        data = chunk if isinstance(chunk, bytes) else chunk.encode("utf-8", "surrogatepass")
        return self._guarded(data, final=False, truncated=False)  # type: ignore[return-value]

    def close(self, *, truncated: bool = False) -> str | bytes:
        """Return what was held back; closing again returns nothing.

        Args:
            truncated: The source was cut off, as by a kill or a time limit. Then the held part is hidden when it is
                at least eight bytes and half of a value.
        """
        if self._state == "closed":
            return self._kind()
        out = self._guarded(b"", final=True, truncated=truncated)
        self._state = "closed"
        return out

    def _guarded(self, data: bytes, *, final: bool, truncated: bool) -> str | bytes:
        out = b""
        if self._state != "failed":
            try:
                out = self._advance(data, final=final, truncated=truncated)
            except Exception:  # noqa: BLE001 - whatever failed, nothing of the stream may pass from here on
                self._state, out = "failed", WITHHELD.encode("ascii")
        return out if self._kind is bytes else out.decode("utf-8", "surrogatepass")

    def _advance(self, data: bytes, *, final: bool, truncated: bool) -> bytes:
        needles, rest = self._current(), b""
        if not needles.sources >= self._needles.sources:  # values have gone, but what is held was written before
            rest = self._flow(bytes(self._waiting), final=True, truncated=False)
            self._start(needles)
        elif needles is not self._needles:
            self._renew(needles)
        if final:
            data = bytes(self._waiting)
        elif self._lines and needles.sources:
            cut = data.rfind(b"\n") + 1
            if not cut and len(self._waiting) + len(data) <= _LINE:
                self._waiting += data
                return rest
            cut = cut or len(data)
            data, self._waiting = bytes(self._waiting) + data[:cut], bytearray(data[cut:])
        return rest + self._flow(data, final=final, truncated=truncated)

    def _flow(self, data: bytes, *, final: bool, truncated: bool) -> bytes:
        out = self._replacer.feed(data, final=final, truncated=truncated)
        return self._settler.feed(out, final=final) if self._settler else out

    def _start(self, needles: Needles) -> None:
        self._needles = needles
        self._replacer = Replacer(needles, lines=self._lines and bool(needles.sources))
        self._settler = Settler(needles) if needles.affected else None
        self._waiting = bytearray()  # an unfinished line

    def _renew(self, needles: Needles) -> None:
        """Go on with more needles."""
        if not self._needles.sources:
            self._start(needles)
            return
        self._needles = needles
        late = self._replacer.rebase(needles)
        if late and self._settler:
            self._settler.cover()
        self.late += late
        if needles.affected:
            self._settler = self._settler or Settler(needles)
            self._settler.rebase(needles)
