"""Texts with some of their parts replaced, and the way back."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate, compress
from typing import NamedTuple

from secretref._matcher import Span

__all__ = ["Dialect", "Edit", "Kept", "Meanings"]


class Meanings(dict[bytes, bytes]):
    """What the tokens of a dialect stand for, each worked out once."""

    _MOST = 4096
    _LONG = 16

    def __init__(self, meaning: Callable[[bytes], bytes]) -> None:
        self._meaning = meaning

    def __missing__(self, token: bytes) -> bytes:
        meaning = self._meaning(token)
        if len(self) >= self._MOST:
            self.clear()
        if len(token) <= self._LONG:
            self[token] = meaning
        return meaning


class Edit:
    """A text with its tokens decoded, and the way back.

    Args:
        pieces: The text; every other piece, from the second on, is a token.
        meanings: What the tokens stand for.
        leading: What is taken out right in front of a range belongs to it.

    Attributes:
        decoded: The text with the meanings in the place of the tokens.
    """

    __slots__ = ("_decoded_at", "_leading", "_pieces", "_read", "_source_at", "decoded")

    def __init__(self, pieces: list[bytes], meanings: list[bytes], *, leading: bool = False) -> None:
        self._leading = leading
        self._pieces, self._read = pieces, pieces.copy()
        self._read[1::2] = meanings
        self.decoded = b"".join(self._read)

    def sources(self, spans: list[Span]) -> list[Span]:
        """Map ranges of the decoded text back; a part that was replaced counts as a whole."""
        self._source_at = [0, *accumulate(map(len, self._pieces))]
        self._decoded_at = [0, *accumulate(map(len, self._read))]
        return [(self._start(start), self._position(end - 1, 1)) for start, end in spans]

    def _start(self, offset: int) -> int:
        if self._leading and self._decoded_at[first := bisect_left(self._decoded_at, offset)] == offset:
            return self._source_at[first]
        return self._position(offset, 0)

    def _position(self, offset: int, end: int) -> int:
        piece = bisect_right(self._decoded_at, offset) - 1
        if piece % 2:  # odd pieces are tokens
            return self._source_at[piece + end]
        return self._source_at[piece] + offset - self._decoded_at[piece] + end


class Kept:
    """The way back from a text that some of its bytes have been taken out of.

    Args:
        parts: Where each part of the text stands in the source, and its bytes.
        dropped: What has been taken out.
    """

    __slots__ = ("_at", "_current", "_is_kept", "_pieces", "_positions", "_source_at")

    _PIECE = 256

    def __init__(self, parts: Iterable[tuple[int, bytes]], dropped: bytes) -> None:
        self._is_kept = bytes(byte not in dropped for byte in range(256))
        pieces = [
            (start + at, part[at : at + self._PIECE])
            for start, part in parts
            for at in range(0, len(part), self._PIECE)
        ]
        self._source_at = [start for start, _ in pieces]
        self._pieces = [piece for _, piece in pieces]
        self._at = [0, *accumulate(len(piece.translate(None, dropped)) for piece in self._pieces)]
        self._current, self._positions = -1, [0]

    def sources(self, spans: list[Span]) -> list[Span]:
        """Map ranges back to the source; fastest from left to right."""
        return [(self.position(start), self.position(end - 1) + 1) for start, end in spans]

    def position(self, offset: int) -> int:
        """Map an offset; fastest from left to right."""
        number = bisect_right(self._at, offset) - 1
        if number != self._current:
            piece = self._pieces[number]
            self._current, self._positions = number, [*compress(range(len(piece)), piece.translate(self._is_kept))]
        return self._source_at[number] + self._positions[offset - self._at[number]]


class Dialect(NamedTuple):
    """One way to escape.

    Attributes:
        sign: Bytes that none of its tokens can do without.
        tokens: Matches a token, the whole of it in a group.
        meanings: What tokens stand for.
    """

    sign: bytes
    tokens: re.Pattern[bytes]
    meanings: Meanings

    def edit(self, data: bytes) -> Edit | None:
        """Decode the tokens in *data*, if there are any."""
        if self.sign not in data:
            return None
        pieces = self.tokens.split(data)
        if len(pieces) == 1:
            return None
        return Edit(pieces, [*map(self.meanings.__getitem__, pieces[1::2])])
