"""Texts with some of their parts replaced, and the way back."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

from secretref._matcher import Span

__all__ = ["Dialect", "Edit", "Meanings"]


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

    def decoded(self, data: bytes) -> bytes:
        """Put the meaning in the place of each token."""
        if self.sign not in data:
            return data
        pieces = self.tokens.split(data)
        if len(pieces) == 1:
            return data
        pieces[1::2] = map(self.meanings.__getitem__, pieces[1::2])
        return b"".join(pieces)


class Edit:
    """A text with the tokens of a dialect decoded, and the way back.

    Args:
        data: The text.
        dialect: What is decoded.
        leading: What is taken out right in front of a range belongs to it.
    """

    __slots__ = ("_decoded_at", "_leading", "_source_at", "decoded")

    def __init__(self, data: bytes, dialect: Dialect, *, leading: bool = False) -> None:
        self._leading = leading
        pieces = dialect.tokens.split(data)
        self._source_at = [0, *accumulate(map(len, pieces))]
        pieces[1::2] = map(dialect.meanings.__getitem__, pieces[1::2])
        self._decoded_at = [0, *accumulate(map(len, pieces))]
        self.decoded = b"".join(pieces)

    def source(self, span: Span) -> Span:
        """Map a range of the decoded text; a part that was replaced counts as a whole."""
        start = self._position(span[0], 0)
        if self._leading and self._decoded_at[first := bisect_left(self._decoded_at, span[0])] == span[0]:
            start = self._source_at[first]
        return start, self._position(span[1] - 1, 1)

    def _position(self, offset: int, end: int) -> int:
        piece = bisect_right(self._decoded_at, offset) - 1
        if piece % 2:  # odd pieces are replacements
            return self._source_at[piece + end]
        return self._source_at[piece] + offset - self._decoded_at[piece] + end
