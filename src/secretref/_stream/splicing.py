"""Ranges joined, and replaced by the mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import AnyStr

from secretref._matcher import Span

__all__ = ["merge", "splice", "whole_characters"]


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
