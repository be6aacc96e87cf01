"""Cheap signs that a text holds something to decode, found by one pass of Hyperscan over it.

The patterns do not depend on any value and are wider than what the decoders understand, so that whether they are
asked makes no difference to the result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat

from secretref._automaton import Automaton
from secretref._encodings import BASE64_DIGITS

__all__ = ["Signs", "Triggers", "triggers"]

Span = tuple[int, int]

_BASE64 = rb"[A-Za-z0-9+/_\-]"
_BEHIND = 12
"""Base64 has a capital letter with so many digits behind it; paths, digests and UUIDs in lower case have none."""

_LOOK_BACK = 128
_HEXADECIMAL = rb"[0-9A-Fa-f]"
_BETWEEN = rb"(?:[^0-9A-Za-z]{1,6}(?:0?[xXuU])?|0?[xXuU])?"
_PREFIXED = rb"0[xX][0-9A-Fa-f]"
_LISTED = rb"[0-9], ?[0-9]{1,3}, ?[0-9]{1,3}, ?[0-9]{1,3}, ?[0-9]"
_DUMPED = rb"(?:0000[0-9A-Fa-f]{0,4}:?|[0-9A-Fa-f]{4}:)[ \t]{1,3}[0-9A-Fa-f]{2}"

_WARM = 1 << 15
"""Bytes asked about before building the automaton pays; until then regular expressions do."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What a text holds that can be decoded.

    Attributes:
        base64: Long runs of base64 digits with a capital letter among them.
        hexadecimal: There are many hexadecimal digits with nothing but separators between them.
        prefixed: There is a hexadecimal number with ``0x`` in front.
        listed: There is a list of small numbers.
        dumped: There is a line of a dump: an offset, and bytes in hexadecimal.
    """

    base64: Sequence[Span]
    hexadecimal: bool = False
    prefixed: bool = False
    listed: bool = False
    dumped: bool = False


_NONE = Signs(())


@lru_cache(maxsize=32)
def triggers(least: int) -> Triggers:
    """Triggers for values of at least *least* bytes, built once in a process."""
    return Triggers(least)


class Triggers:
    """Signs to look for. Safe to share between threads."""

    __slots__ = ("_asked", "_automaton", "_long", "_patterns", "_size")

    def __init__(self, least: int) -> None:
        self._size = min(24, 16 * least // 9)  # a value in base64 twice; once is found without decoding
        behind = min(_BEHIND, self._size // 2)
        self._long = re.compile(
            rb"(?<![A-Za-z0-9+/_-])(?=%s*[A-Z]%s{%d})%s{%d,}" % (_BASE64, _BASE64, behind, _BASE64, self._size)
        )
        self._patterns = [
            rb"[A-Z]%s{%d,}(?:[^A-Za-z0-9+/_\-]|\z)" % (_BASE64, behind),  # one report for each run, behind its end
            rb"(?:%s%s){%d}" % (_HEXADECIMAL, _BETWEEN, min(24, 2 * least)),
            _PREFIXED,
            _LISTED,
            _DUMPED,
        ]
        self._asked = 0
        self._automaton: Automaton | None = None

    def signs(self, data: bytes) -> Signs:
        """Look for what can be decoded in *data*."""
        if self._automaton is None:
            self._asked += len(data)
            if self._asked <= _WARM:
                runs = [found.span() for found in self._long.finditer(data)]
                return Signs(runs, hexadecimal=True, prefixed=True, listed=True, dumped=True)
            self._automaton = Automaton(self._patterns, once=[index > 0 for index in range(len(self._patterns))])
        ends: list[int] = []
        others: set[int] = set()

        def note(index: int, _start: int, end: int, _flags: int, _context: object) -> None:
            if index:
                others.add(index)
            else:
                ends.append(end)

        self._automaton.scan(data, note)
        if not ends and not others:
            return _NONE
        runs = [(start, stop) for start, stop in map(_whole, repeat(data), ends) if stop - start >= self._size]
        return Signs(runs, 1 in others, 2 in others, 3 in others, 4 in others)


def _whole(data: bytes, end: int) -> Span:
    """Follow a run back from behind its end."""
    if data[end - 1] not in BASE64_DIGITS:
        end -= 1
    size = _LOOK_BACK
    while True:
        before = data[max(0, end - size) : end]
        length = len(before) - len(before.rstrip(BASE64_DIGITS))
        if length < size:
            return end - length, end
        size *= 8
