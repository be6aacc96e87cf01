"""Slow down whoever guesses secrets of access keys, without locking anybody else out.

Failures are counted for each pair of key id and address: after a few, that pair must wait, twice as long each time.
All failures from one address share a budget; once it is spent, further attempts from there are delayed, never refused,
and its failures are recorded together, so that the audit trail does not drown in them. A key id that does not exist is
treated like a wrong secret.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Guesses"]

_FREE = 5  # failures of one pair before it must wait
_LONGEST = 60.0  # seconds one pair waits at most
_PAIRS = 10_000  # pairs and addresses remembered; the oldest go first
_BUDGET = 50.0  # failures of one address at once
_REFILL = 5.0  # failures of one address in a second
_PATIENCE = 2.0  # seconds an attempt is delayed at most
_SILENCE = 10.0  # seconds between records of an address whose budget is spent


@dataclass(slots=True)
class _Pair:
    failures: int = 0
    free_at: float = 0.0


@dataclass(slots=True)
class _Address:
    budget: float = _BUDGET
    at: float = 0.0
    unrecorded: Counter[str] = field(default_factory=Counter)
    recorded_at: float = 0.0


class Guesses:
    """Failures of the last while, in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs: OrderedDict[tuple[str, str], _Pair] = OrderedDict()
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    def wait(self, key_id: str, address: str) -> float:
        """Return the seconds after which this pair may try again; 0 if it may now, and then no other beside it."""
        now = time.monotonic()
        with self._lock:
            pair = self._pairs.get((key_id, address))
            if pair is None or pair.failures < _FREE:
                return 0.0
            wait = max(pair.free_at - now, 0.0)
            if not wait:
                pair.free_at = now + _pause(pair.failures)
            return wait

    def delay(self, address: str) -> float:
        """Return the seconds by which an attempt from *address* is to be delayed."""
        with self._lock:
            known = self._addresses.get(address)
            if known is None:
                return 0.0
            budget = min(known.budget + (time.monotonic() - known.at) * _REFILL, _BUDGET)
            return min(max(-budget / _REFILL, 0.0), _PATIENCE)

    def failed(self, key_id: str, address: str, known_key: str) -> Mapping[str, int]:
        """Note a wrong secret or an unknown key id; *known_key* is the id if there is such a key, else empty.

        Returns:
            The failures to record now, by known key: this one, or those since the last record, or none for a while.
        """
        now = time.monotonic()
        with self._lock:
            pair = self._pairs.setdefault((key_id, address), _Pair())
            self._pairs.move_to_end((key_id, address))
            pair.failures += 1
            if pair.failures >= _FREE:
                pair.free_at = now + _pause(pair.failures)
            known = self._addresses.setdefault(address, _Address(at=now))
            self._addresses.move_to_end(address)
            known.budget = min(known.budget + (now - known.at) * _REFILL, _BUDGET) - 1
            known.at = now
            for memory in (self._pairs, self._addresses):
                if len(memory) > _PAIRS:
                    memory.popitem(last=False)
            return _due(known, known_key, now)

    def succeeded(self, key_id: str, address: str) -> None:
        """Forget the failures of a pair that now has the right secret."""
        with self._lock:
            self._pairs.pop((key_id, address), None)


def _pause(failures: int) -> float:
    return min(0.5 * 2.0 ** min(failures - _FREE, 10), _LONGEST)


def _due(address: _Address, known_key: str, now: float) -> Mapping[str, int]:
    address.unrecorded[known_key] += 1
    if address.budget < 0 and now - address.recorded_at < _SILENCE:
        return {}
    due, address.unrecorded, address.recorded_at = address.unrecorded, Counter(), now
    return due
