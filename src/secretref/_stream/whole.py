"""Whole texts: every range found, and replaced; then searched again, until nothing is found."""

from __future__ import annotations

from typing import AnyStr

from secretref._matcher import Span
from secretref._needles import Needles
from secretref._stream.settling import Settler
from secretref._stream.splicing import merge, splice, whole_characters
from secretref._views import around

__all__ = ["literals_replaced", "redacted_bytes", "redacted_text"]

_BLOCK = 1 << 18
"""Characters of a long text that are encoded and searched at once."""

_ENCODED = 12
"""How much longer a value may be in an encoding than in its longest form."""

_PASSES = 8
"""A mark can put two halves of an encoding side by side; then the result is searched again."""


def redacted_bytes(needles: Needles, data: bytes) -> bytes:
    """Hide every value in *data*; clean bytes come back as the same object."""
    parts = [(0, len(data))]
    for _ in range(_PASSES):
        spans = _spans_of_parts(needles, data, parts)
        if not spans:
            return data
        data = _replaced(needles, data, merge(spans))
        if needles.views == "off":
            return data
        parts = _beside_marks(needles, data, needles.sign) or [(0, len(data))]
    raise OverflowError


def redacted_text(needles: Needles, text: str) -> str:
    """Hide every value in *text*; clean text comes back as the same object."""
    parts: list[Span] = []
    for _ in range(_PASSES):
        blocks: list[bytes] = []
        is_ascii = text.isascii()
        if is_ascii:
            spans = _spans_of_parts(needles, text, parts or _overlapping(needles, len(text)))
        else:
            spans = _spans_of_text(needles, text, blocks)
        if not spans:
            return text
        text = _replaced_in_text(needles, text, spans) if is_ascii else _spliced(needles, b"".join(blocks), spans)
        if needles.views == "off":
            return text
        parts = _beside_marks(needles, text, needles.sign.decode("utf-8", "surrogatepass"))
    raise OverflowError


def literals_replaced(needles: Needles, text: str) -> str:
    """Hide the literal forms only, where the views are known to hold nothing."""
    data = text.encode("utf-8", "surrogatepass")
    spans = needles.spans(data)
    return _spliced(needles, data, spans) if spans else text


def _spliced(needles: Needles, data: bytes, spans: list[Span]) -> str:
    """Hide ranges of UTF-8."""
    ranges = merge([whole_characters(data, span) for span in spans])
    return _replaced(needles, data, ranges).decode("utf-8", "surrogatepass")


def _replaced_in_text(needles: Needles, text: str, spans: list[Span]) -> str:
    """Hide ranges of ASCII text."""
    ranges = merge(spans)
    if _assembles(needles, text, ranges):
        return _replaced(needles, text.encode(), ranges).decode("utf-8", "surrogatepass")
    return splice(text, ranges, needles.sign.decode("utf-8", "surrogatepass"))


def _replaced(needles: Needles, data: bytes, ranges: list[Span]) -> bytes:
    """Put the mark in the place of each range, and hide what the marks assemble."""
    replaced = splice(data, ranges, needles.sign)
    return Settler(needles).feed(replaced, final=True) if _assembles(needles, data, ranges) else replaced


def _assembles(needles: Needles, data: str | bytes, ranges: list[Span]) -> bool:
    """Tell whether marks in the place of *ranges* complete a form; only what stands beside them is searched."""
    if needles.affected is None:
        return False
    near = needles.affected.longest
    beside: list[bytes] = []
    done = 0
    for start, end in (*ranges, (len(data), 0)):
        far = start - done > 2 * near
        pieces = (data[done : done + near], "\n", data[start - near : start]) if far else (data[done:start],)
        beside.append(b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces))
        done = end
    return bool(needles.affected.spans(needles.sign.join(beside))[0])


def _overlap(needles: Needles) -> int:
    return needles.reach if needles.views == "off" else _ENCODED * needles.reach


def _overlapping(needles: Needles, size: int) -> list[Span]:
    """Cut a long text into parts that overlap."""
    if size <= _BLOCK:
        return [(0, size)]
    return [(start, min(size, start + _BLOCK + _overlap(needles))) for start in range(0, size, _BLOCK)]


def _beside_marks(needles: Needles, data: AnyStr, mark: AnyStr) -> list[Span]:
    """List the surroundings of all marks: only there can something be new. Empty if that is most of *data*."""
    radius = _overlap(needles)
    most = len(data) // (4 * radius)
    spots: list[int] = []
    while len(spots) <= most and (spot := data.find(mark, spots[-1] + 1 if spots else 0)) >= 0:
        spots.append(spot)
    return around(spots, radius, len(data)) if len(spots) <= most else []


def _spans_of_parts(needles: Needles, data: str | bytes, parts: list[Span]) -> list[Span]:
    """Ranges to hide in parts of ASCII text, or of bytes."""
    spans: list[Span] = []
    for start, end in parts:
        first = max(0, start - 1)
        part = data[first:end]
        found = needles.hidden(
            part.encode() if isinstance(part, str) else part, start=start - first, final=end == len(data)
        )
        spans += [(begin + first, stop + first) for begin, stop in found] if first else found
    return spans


def _spans_of_text(needles: Needles, text: str, blocks: list[bytes]) -> list[Span]:
    """Ranges of the UTF-8 of *text* to hide. Long text is searched in blocks that overlap.

    Args:
        needles: What to look for.
        text: Any text.
        blocks: Takes its UTF-8, piece by piece.
    """
    if len(text) <= _BLOCK:
        blocks.append(text.encode("utf-8", "surrogatepass"))
        return needles.hidden(blocks[0])
    spans: list[Span] = []
    overlap = _overlap(needles)
    blocks += (text[start : start + _BLOCK].encode("utf-8", "surrogatepass") for start in range(0, len(text), _BLOCK))
    done, before = 0, b""
    for at, block in enumerate(blocks):
        ahead = b"".join(blocks[at + 1 : at + 2 + overlap // _BLOCK])
        found = needles.hidden(before + block + ahead[:overlap], start=len(before), final=len(ahead) <= overlap)
        spans += [(begin + done - len(before), end + done - len(before)) for begin, end in found]
        done, before = done + len(block), block[-1:]
    return spans
