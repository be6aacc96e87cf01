"""Cheap signs that a text holds something to decode, found by one pass of Hyperscan over it.

The patterns do not depend on any value and are wider than what the decoders understand, so that whether they are
asked makes no difference to the result.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any

__all__ = ["Signs", "Triggers", "triggers"]

Span = tuple[int, int]

_BASE64 = rb"[A-Za-z0-9+/_\-]"
_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_NO_CAPITAL = rb"[a-z0-9+/_\-]"
_LATE = 48
"""Base64 of text has a capital letter among so many digits; paths, digests and UUIDs in lower case have none."""
_HEXADECIMAL = rb"[0-9A-Fa-f]"
_BETWEEN = rb"(?:[^0-9A-Za-z]{1,6}(?:0?[xXuU])?|0?[xXuU])?"
_LISTED = rb"[0-9], ?[0-9]{1,3}, ?[0-9]{1,3}, ?[0-9]{1,3}, ?[0-9]"

_WARM = 1 << 15
"""Bytes asked about before building the automaton pays; until then regular expressions do."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What a text holds that can be decoded.

    Attributes:
        base64: Long runs of base64 digits with a capital letter near their start.
        hexadecimal: There are many hexadecimal digits with nothing but separators between them.
        listed: There is a list of small numbers.
    """

    base64: list[Span]
    hexadecimal: bool
    listed: bool


@lru_cache(maxsize=32)
def triggers(least: int) -> Triggers:
    """Triggers for values of at least *least* bytes, built once in a process."""
    return Triggers(least)


class Triggers:
    """Signs to look for. Safe to share between threads."""

    __slots__ = ("_asked", "_automaton", "_begun", "_hexadecimal", "_local", "_long", "_run", "_size")

    def __init__(self, least: int) -> None:
        self._size = min(24, 16 * least // 9)  # a value in base64 twice; once is found without decoding
        self._run = re.compile(_BASE64 + rb"+")
        self._begun = rb"(?:^|[^A-Za-z0-9+/_\-])(?:%s{0,%d}[A-Z]%s{%d})" % (
            _NO_CAPITAL,
            _LATE,
            _BASE64,
            min(12, self._size - 2),
        )
        self._long = re.compile(
            rb"(?<![A-Za-z0-9+/_-])(?=%s{0,%d}[A-Z])%s{%d,}" % (_NO_CAPITAL, _LATE, _BASE64, self._size)
        )
        self._hexadecimal = rb"(?:%s%s){%d}" % (_HEXADECIMAL, _BETWEEN, min(24, 2 * least))
        self._asked = 0
        self._automaton: Any = None
        self._local = threading.local()

    def signs(self, data: bytes) -> Signs:
        """Look for what can be decoded in *data*."""
        if self._automaton is None:
            self._asked += len(data)
            if self._asked <= _WARM:
                return Signs([found.span() for found in self._long.finditer(data)], hexadecimal=True, listed=True)
            self._automaton = self._built()
        ends: list[int] = []
        others: set[int] = set()
        self._automaton.scan(
            data,
            match_event_handler=lambda index, _start, end, *_: others.add(index) if index else ends.append(end),
            scratch=self._scratch(),
        )
        runs = [(start, stop) for start, stop in map(self._whole, repeat(data), ends) if stop - start >= self._size]
        return Signs(runs, hexadecimal=1 in others, listed=2 in others)

    def _whole(self, data: bytes, end: int) -> Span:
        """Follow a run both ways from a place in it."""
        before = data[max(0, end - 2 * _LATE) : end]
        found = self._run.match(data, end - len(before) + len(before.rstrip(_DIGITS)))
        return found.span() if found else (end, end)

    def _built(self) -> Any:
        import hyperscan  # noqa: PLC0415 - 10 ms, only when it pays

        patterns = [self._begun, self._hexadecimal, _LISTED]
        once = hyperscan.HS_FLAG_SINGLEMATCH
        automaton = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        automaton.compile(
            expressions=patterns,
            ids=[0, 1, 2],
            elements=3,
            flags=[hyperscan.HS_FLAG_DOTALL | flag for flag in (0, once, once)],
        )
        return automaton

    def _scratch(self) -> Any:
        """Working memory of Hyperscan, one for each thread."""
        if not hasattr(self._local, "scratch"):
            import hyperscan  # noqa: PLC0415 - loaded by then

            self._local.scratch = hyperscan.Scratch(self._automaton)
        return self._local.scratch
