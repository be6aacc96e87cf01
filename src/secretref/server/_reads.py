"""Reads of values, many at once: what arrives while one batch is at the store makes up the next.

A batch is one look at the revision, one query for all values, and one durable write for all audit lines, made
before anything is released. A read that arrives alone is a batch of its own, so nobody waits for company.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import SecretStr

from secretref.errors import StoreDamagedError
from secretref.providers import is_name
from secretref.server._errors import ApiError
from secretref.store import AuditEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretref.server._service import Caller, Service

__all__ = ["Kind", "Reads"]

Kind: TypeAlias = Literal["FOUND", "NOT_FOUND", "ACCESS_DENIED", "UNREADABLE"]
Outcomes: TypeAlias = dict[str, tuple[Kind, SecretStr | None]]

_LARGEST = 256  # requests in one batch
_AUDITED: dict[Kind, str] = {"FOUND": "ok", "NOT_FOUND": "missing", "ACCESS_DENIED": "denied", "UNREADABLE": "failed"}


@dataclass(frozen=True, slots=True)
class _Read:
    token: str | None
    names: frozenset[str]
    done: asyncio.Future[Outcomes]


@dataclass(slots=True)
class Reads:
    """The queue of one application; used on one event loop."""

    service: Service
    _waiting: list[_Read] = field(default_factory=list)
    _worker: asyncio.Task[None] | None = None

    async def read(self, token: str | None, names: frozenset[str]) -> Outcomes:
        """Return an outcome for each of *names*, values included.

        Raises:
            ApiError: 401.
            SecretRefError: The store could not be asked, or the audit not be written.
        """
        loop = asyncio.get_running_loop()
        read = _Read(token, names, loop.create_future())
        self._waiting.append(read)
        if self._worker is None or self._worker.done() or self._worker.get_loop() is not loop:
            self._worker = loop.create_task(self._work())
        return await read.done

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_LARGEST], self._waiting[_LARGEST:]
            results: Sequence[Outcomes | Exception]
            try:
                results = await asyncio.to_thread(self._answer, batch)
            except Exception as error:  # noqa: BLE001 - each request hears of it
                results = [error] * len(batch)
            for read, result in zip(batch, results, strict=True):
                if read.done.done():  # its client has gone
                    continue
                if isinstance(result, Exception):
                    read.done.set_exception(result)
                else:
                    read.done.set_result(result)

    def _answer(self, batch: Sequence[_Read]) -> list[Outcomes | Exception]:
        directory = self.service.directory()
        callers: list[Caller | ApiError] = []
        for read in batch:
            try:
                callers.append(self.service.identify(read.token, directory))
            except ApiError as refusal:
                callers.append(refusal)
        readable = [
            frozenset[str]() if isinstance(caller, ApiError) else caller.readable(read.names)
            for caller, read in zip(callers, batch, strict=True)
        ]
        values, damaged = self._fetched(frozenset(filter(is_name, frozenset[str]().union(*readable))))
        results: list[Outcomes | Exception] = []
        events: list[AuditEvent] = []
        for caller, read, allowed in zip(callers, batch, readable, strict=True):
            if isinstance(caller, ApiError):
                results.append(caller)
                continue
            outcomes = {name: _outcome(name, allowed, values, damaged) for name in sorted(read.names)}
            events += [caller.event("secret.read", name, _AUDITED[kind]) for name, (kind, _) in outcomes.items()]
            results.append(outcomes)
        if events:
            self.service.store.audit.record(*events)
        return results

    def _fetched(self, names: frozenset[str]) -> tuple[Mapping[str, SecretStr], frozenset[str]]:
        """Fetch *names*; those whose seal does not hold are set apart, and the others fetched without them."""
        damaged: frozenset[str] = frozenset()
        while names > damaged:
            try:
                return self.service.store.fetch(names - damaged), damaged
            except StoreDamagedError as error:
                damaged |= (error.names & (names - damaged)) or names
        return {}, damaged


def _outcome(
    name: str, allowed: frozenset[str], values: Mapping[str, SecretStr], damaged: frozenset[str]
) -> tuple[Kind, SecretStr | None]:
    if name not in allowed:
        return "ACCESS_DENIED", None
    if name in damaged:
        return "UNREADABLE", None
    return ("FOUND", values[name]) if name in values else ("NOT_FOUND", None)
