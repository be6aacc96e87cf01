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

from collections.abc import Callable
from typing import AnyStr, Literal, get_args

from secretref._needles import Needles
from secretref._stream.replacing import LINE, Replacer
from secretref._stream.settling import Settler
from secretref._stream.splicing import merge
from secretref._stream.whole import literals_replaced, redacted_bytes, redacted_text
from secretref.errors import ConfigurationError, InputError

__all__ = ["WITHHELD", "Mode", "RedactionStream", "literals_replaced", "merge", "redacted_bytes", "redacted_text"]

WITHHELD = "[redaction failed]"
"""Stands for text that could not be redacted: it is withheld, never passed on."""

Mode = Literal["line", "eager"]


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
        if not isinstance(mode, str) or mode not in get_args(Mode):
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
            if not cut and len(self._waiting) + len(data) <= LINE:
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
