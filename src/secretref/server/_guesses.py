"""Slow down whoever guesses secrets of access keys, without locking anybody else out.

Failures are counted for each pair of key id and address: after a few, that pair must wait, twice as long each time.
All failures from one address share a budget; once it is spent, further attempts from there are delayed, never refused,
unless too many wait already. A key id that does not exist is treated like a wrong secret.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["Guesses"]

_FREE = 5  # failures of one pair before it must wait
_LONGEST = 60.0  # seconds one pair waits at most
_PAIRS = 10_000  # pairs and addresses remembered; the oldest go first
_BUDGET = 50.0  # failures of one address at once
_REFILL = 5.0  # failures of one address in a second
_PATIENCE = 2.0  # seconds an attempt is delayed at most


@dataclass(slots=True)
class _Pair:
    failures: int = 0
    free_at: float = 0.0


@dataclass(slots=True)
class _Address:
    budget: float = _BUDGET
    at: float = 0.0


class Guesses:
    """Failures of the last while, in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs: OrderedDict[tuple[str, str], _Pair] = OrderedDict()
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    def wait(self, key_id: str, address: str) -> float:
        """Return the seconds after which this pair may try again; 0 if it may now."""
        with self._lock:
            pair = self._pairs.get((key_id, address))
            return max(pair.free_at - time.monotonic(), 0.0) if pair else 0.0

    def delay(self, address: str) -> float:
        """Return the seconds by which an attempt from *address* is to be delayed."""
        with self._lock:
            known = self._addresses.get(address)
            if known is None:
                return 0.0
            budget = min(known.budget + (time.monotonic() - known.at) * _REFILL, _BUDGET)
            return min(max(-budget / _REFILL, 0.0), _PATIENCE)

    def failed(self, key_id: str, address: str) -> None:
        """Note a wrong secret or an unknown key id."""
        now = time.monotonic()
        with self._lock:
            pair = self._pairs.setdefault((key_id, address), _Pair())
            self._pairs.move_to_end((key_id, address))
            pair.failures += 1
            if pair.failures >= _FREE:
                pair.free_at = now + min(0.5 * 2.0 ** min(pair.failures - _FREE, 10), _LONGEST)
            known = self._addresses.setdefault(address, _Address(at=now))
            self._addresses.move_to_end(address)
            known.budget = min(known.budget + (now - known.at) * _REFILL, _BUDGET) - 1
            known.at = now
            for memory in (self._pairs, self._addresses):
                if len(memory) > _PAIRS:
                    memory.popitem(last=False)

    def succeeded(self, key_id: str, address: str) -> None:
        """Forget the failures of a pair that now has the right secret."""
        with self._lock:
            self._pairs.pop((key_id, address), None)
