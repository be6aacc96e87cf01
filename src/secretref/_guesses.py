"""Decodings that few programs apply, tried on demand: best effort, and slower than all the others together."""

from __future__ import annotations

import re
import zlib
from base64 import b32decode, b85decode
from codecs import encode
from collections.abc import Callable, Iterator

__all__ = ["guesses"]

Span = tuple[int, int]
View = tuple[bytes, Callable[[Span], Span]]

_INFLATED = 1 << 20
"""Bytes inflated at most from one compressed member."""

_BASE32 = re.compile(rb"[A-Z2-7]{16,}|[a-z2-7]{16,}")
_BASE85 = re.compile(rb"[!-~]{10,}")
_MEMBER = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_ROT13 = bytes(ord(encode(chr(byte), "rot13")) if byte < 128 else byte for byte in range(256))
_SWAPPED = bytes(byte ^ 32 if chr(byte).isalpha() and byte < 128 else byte for byte in range(256))


def guesses(data: bytes) -> Iterator[View]:
    """Decode *data* in unusual ways; each result with the way back to *data*."""
    same = _shifted(0)
    yield data.translate(_ROT13), same
    yield data.translate(_SWAPPED), same
    yield data[::-1], lambda span: (len(data) - span[1], len(data) - span[0])
    for lead in (0, 1):  # one separator behind each character
        yield data[lead::2], lambda span, lead=lead: (lead + 2 * span[0], lead + 2 * span[1] - 1)  # type: ignore[misc]
    yield from _grouped(data, _BASE32, 8, 5, lambda digits: b32decode(digits.upper()))
    yield from _grouped(data, _BASE85, 5, 4, b85decode)
    yield from _inflated(data)


def _shifted(start: int) -> Callable[[Span], Span]:
    return lambda span: (start + span[0], start + span[1])


def _grouped(
    data: bytes, runs: re.Pattern[bytes], digits: int, size: int, decode: Callable[[bytes], bytes]
) -> Iterator[View]:
    """Decode runs whose groups of *digits* hold *size* bytes, at every alignment."""
    for run in runs.finditer(data):
        for lead in range(digits):
            group = run[0][lead : len(run[0]) - (len(run[0]) - lead) % digits]
            start = run.start() + lead
            decoded = _decoded(decode, group)
            if decoded:
                yield (
                    decoded,
                    lambda span, start=start: (  # type: ignore[misc]
                        start + span[0] * digits // size,
                        start - (-span[1] * digits // size),
                    ),
                )


def _decoded(decode: Callable[[bytes], bytes], group: bytes) -> bytes:
    try:
        return decode(group)
    except ValueError:
        return b""


def _inflated(data: bytes) -> Iterator[View]:
    """Inflate gzip and zlib members; one that is broken yields what can be read of it."""
    for member in _MEMBER.finditer(data):
        inflater = zlib.decompressobj(wbits=47)  # either format, told by its header
        start = member.start()
        try:
            text = inflater.decompress(data[start:], _INFLATED)
        except zlib.error:
            continue
        end = len(data) - len(inflater.unused_data) - len(inflater.unconsumed_tail)
        if text:
            yield text, lambda _span, start=start, end=end: (start, end)  # type: ignore[misc]
