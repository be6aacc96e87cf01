"""Keep values for a while."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NoReturn

from pydantic import SecretStr

from secretref.errors import SecretRefError
from secretref.providers._ask import aask, ask, seconds_left
from secretref.providers._layer import Layer, the_one_below
from secretref.providers._settings import check_counts, check_seconds

if TYPE_CHECKING:
    from secretref.providers import ChecksNames, ProviderURL, SecretProvider

__all__ = ["CacheProvider"]

_TTL, _ENTRIES, _BYTES = 300.0, 1024, 1 << 20
_CHARACTER = 4  # bytes: the most that one can take, so that sizes need no look at the value

# What comes of a flight: values, an error, or None when its leader was cancelled.
_Outcome = dict[str, SecretStr] | SecretRefError | None


@dataclass(slots=True)
class _Entry:
    value: SecretStr
    expires: float
    size: int


@dataclass(slots=True, eq=False)
class _Flight:
    """One question to the provider, under way; others who need its names wait for it."""

    names: frozenset[str]
    started: float
    on_loop: bool
    waiting: int = 1
    end: Callable[[], object] = lambda: None  # ends it when nobody waits any more
    outcome: Future[_Outcome] = field(default_factory=Future)


@dataclass(slots=True)
class _State:
    """All that changes. A forked child starts with a new one: locks and flights do not survive a fork."""

    process: int = field(default_factory=os.getpid)
    lock: threading.Lock = field(default_factory=threading.Lock)
    entries: dict[str, _Entry] = field(default_factory=dict)  # the oldest first
    size: int = 0
    flights: dict[str, _Flight] = field(default_factory=dict)

    def evict(self, name: str) -> None:
        """Drop the value of *name*."""
        if entry := self.entries.pop(name, None):
            self.size -= entry.size

    def forget(self, name: str) -> None:
        """Drop the value of *name*, and do not keep what a flight under way will bring: it may be older."""
        self.flights.pop(name, None)
        self.evict(name)

    def expire(self, now: float) -> None:
        """Drop what is too old. The oldest stand first, so this costs what it drops."""
        while self.entries and next(iter(self.entries.values())).expires <= now:
            self.evict(next(iter(self.entries)))


class CacheProvider(Layer):
    """Asks another provider, and keeps its answers for *ttl* seconds.

    Whoever asks for a name that is being fetched waits for that fetch, in threads and on event loops alike; if
    the one who asked first is cancelled, the others still get their answer. Absent names and errors are not kept.
    A cache belongs to one provider and thereby to one set of credentials: make a cache for each, share none.
    Grants are checked before a provider is asked, so a revoked one counts at once, cached or not.

    Args:
        provider: Where the values come from.
        ttl: How long a value may be served, in seconds since it was asked for.
        max_entries: How many values are kept; the oldest go first.
        max_bytes: How much they may take, at four bytes a character.
        clock: Seconds that only go forward.

    Raises:
        ConfigurationError: A bound is not above zero.
    """

    name: ClassVar[str] = "cache"

    def __init__(
        self,
        provider: SecretProvider,
        *,
        ttl: float = _TTL,
        max_entries: int = _ENTRIES,
        max_bytes: int = _BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_seconds(self.name, ttl=ttl)
        check_counts(self.name, max_entries=max_entries, max_bytes=max_bytes)
        super().__init__(provider)
        self._provider = provider
        self._ttl = ttl
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._state = _State()

    @classmethod
    def from_url(cls, url: ProviderURL) -> CacheProvider:
        """Build it from ``cache://?ttl=60&of=URL``."""
        return cls(
            the_one_below(url),
            ttl=url.number("ttl", _TTL),
            max_entries=url.whole("max_entries", _ENTRIES),
            max_bytes=url.whole("max_bytes", _BYTES),
        )

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds values: it cannot be pickled or copied")

    def forget(self, names: frozenset[str]) -> None:
        """Drop the values of *names*; what is being fetched right now is not kept either."""
        state = self._live()
        with state.lock:
            for name in names:
                state.forget(name)

    def _run(self, names: frozenset[str], *, fresh: bool) -> dict[str, SecretStr]:
        state = self._live()
        found: dict[str, SecretStr] = {}
        while True:
            missing = names - found.keys()
            hits, own, flights = self._begin(state, missing, fresh=fresh, blocking=True)
            found |= hits
            try:
                if own:
                    self._lead(state, own, fresh=fresh)
                outcomes = [flight.outcome.result() for flight in flights]
            finally:
                self._leave(state, flights)
            if self._collect(found, missing, outcomes):
                return found

    async def _arun(self, names: frozenset[str], *, fresh: bool) -> dict[str, SecretStr]:
        state = self._live()
        found: dict[str, SecretStr] = {}
        while True:
            missing = names - found.keys()
            hits, own, flights = self._begin(state, missing, fresh=fresh, blocking=False)
            found |= hits
            if own:
                self._launch(state, own, fresh=fresh)
            try:
                # The shield keeps a cancelled follower from cancelling the outcome of all.
                outcomes = [await asyncio.shield(asyncio.wrap_future(flight.outcome)) for flight in flights]
            finally:
                self._leave(state, flights)
            if self._collect(found, missing, outcomes):
                return found

    def _live(self) -> _State:
        if self._state.process != os.getpid():
            self._state = _State()
        return self._state

    def _begin(
        self, state: _State, names: frozenset[str], *, fresh: bool, blocking: bool
    ) -> tuple[dict[str, SecretStr], _Flight | None, list[_Flight]]:
        """Divide *names* into those at hand and those to wait for; open a flight for what nobody is fetching.

        Who blocks a thread that runs an event loop must not wait for a flight of any loop: that loop may be the
        one it stops. It then flies alone.
        """
        alone = blocking and _loop_runs_here()
        now = self._clock()
        with state.lock:
            state.expire(now)
            for name in names if fresh else ():
                state.forget(name)
            entries = ((name, state.entries.get(name)) for name in names)
            hits = {name: entry.value for name, entry in entries if entry and entry.expires > now}
            rest = names - hits.keys()
            joined = {
                name: flight for name in rest if (flight := state.flights.get(name)) and not (alone and flight.on_loop)
            }
            flights = list(dict.fromkeys(joined.values()))
            for flight in flights:
                flight.waiting += 1
            own = _Flight(rest - joined.keys(), now, not blocking) if rest - joined.keys() else None
            if own:
                for name in own.names:
                    state.flights.setdefault(name, own)
                flights.append(own)
        return hits, own, flights

    def _lead(self, state: _State, flight: _Flight, *, fresh: bool) -> None:
        outcome: _Outcome = None
        try:
            outcome = ask(self._provider, flight.names, fresh=fresh)
        except SecretRefError as error:
            if not seconds_left(1):
                raise  # the leader ran out of time, not those who wait for it: they ask again
            outcome = error
        finally:
            self._land(state, flight, outcome)

    def _launch(self, state: _State, flight: _Flight, *, fresh: bool) -> None:
        """Fetch in a task of its own, which outlives the leader as long as somebody waits."""
        outcome: _Outcome = None

        async def fly() -> None:
            nonlocal outcome
            try:
                outcome = await aask(self._provider, flight.names, fresh=fresh)
            except SecretRefError as error:
                outcome = error

        loop = asyncio.get_running_loop()
        task = loop.create_task(fly())
        # Not in a finally of fly: a task cancelled before its first step never enters it.
        task.add_done_callback(lambda _: self._land(state, flight, outcome))
        flight.end = partial(loop.call_soon_threadsafe, task.cancel)

    def _land(self, state: _State, flight: _Flight, outcome: _Outcome) -> None:
        values = outcome if isinstance(outcome, dict) else {}
        with state.lock:
            for name in flight.names:
                if state.flights.get(name) is flight:  # else it was forgotten meanwhile, and this may be old
                    state.forget(name)
                    if name in values:
                        self._keep(state, name, values[name], flight.started)
        flight.outcome.set_result(outcome)

    def _leave(self, state: _State, flights: list[_Flight]) -> None:
        """Stop waiting. The last one to leave a flight that has not landed ends it."""
        with state.lock:
            for flight in flights:
                flight.waiting -= 1
                if flight.waiting or flight.outcome.done():
                    continue
                for name in flight.names:
                    if state.flights.get(name) is flight:
                        del state.flights[name]
                with suppress(RuntimeError):  # the loop is closed, and the task has ended with it
                    flight.end()

    def _collect(
        self,
        found: dict[str, SecretStr],
        names: frozenset[str],
        outcomes: list[_Outcome],
    ) -> bool:
        """Add what the flights brought for *names*; tell whether all of them came to an end."""
        for outcome in outcomes:
            if isinstance(outcome, SecretRefError):
                build, fields = outcome.__reduce__()  # a new error for everybody: threads must not share a traceback
                raise build(*fields)
        for outcome in outcomes:
            if isinstance(outcome, dict):
                found |= {name: outcome[name] for name in names & outcome.keys()}
        return None not in outcomes

    def _keep(self, state: _State, name: str, value: SecretStr, since: float) -> None:
        size = _CHARACTER * (len(name) + len(value))
        if size > self._max_bytes:
            return
        state.entries[name] = _Entry(value, since + self._ttl, size)
        state.size += size
        while len(state.entries) > self._max_entries or state.size > self._max_bytes:
            state.evict(next(iter(state.entries)))

    def _exists(self, names: frozenset[str], /) -> frozenset[str]:
        provider: ChecksNames = self._provider  # type: ignore[assignment] # else this is not called
        return provider.exists(names)


def _loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
