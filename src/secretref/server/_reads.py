"""Reads of values, many at once.

A batch is one look at the revision, one query for all values, and one durable write for all audit lines, made
before anything is released.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import SecretStr

from secretref.errors import StoreDamagedError
from secretref.providers import is_name
from secretref.server._batches import Batches
from secretref.server._errors import ApiError
from secretref.store import AuditEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretref.server._service import Service

__all__ = ["Kind", "Reads"]

Kind: TypeAlias = Literal["FOUND", "NOT_FOUND", "ACCESS_DENIED", "UNREADABLE"]
Outcomes: TypeAlias = dict[str, tuple[Kind, SecretStr | None]]

_Read: TypeAlias = tuple[str | None, frozenset[str]]  # token and names
_AUDITED: dict[Kind, str] = {"FOUND": "ok", "NOT_FOUND": "missing", "ACCESS_DENIED": "denied", "UNREADABLE": "failed"}


class Reads:
    """The reads of one application."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._batches: Batches[_Read, Outcomes] = Batches(self._answer)

    async def read(self, token: str | None, names: frozenset[str]) -> Outcomes:
        """Return an outcome for each of *names*, values included.

        Raises:
            ApiError: 401.
            SecretRefError: The store could not be asked, or the audit not be written.
        """
        return await self._batches.ask((token, names))

    def _answer(self, batch: Sequence[_Read]) -> list[Outcomes | Exception]:
        callers = self.service.identify_all([token for token, _ in batch])
        readable = [
            frozenset[str]() if isinstance(caller, ApiError) else caller.readable(names)
            for caller, (_, names) in zip(callers, batch, strict=True)
        ]
        values, damaged = self._fetched(frozenset(filter(is_name, frozenset[str]().union(*readable))))
        results: list[Outcomes | Exception] = []
        events: list[AuditEvent] = []
        for caller, (_, names), allowed in zip(callers, batch, readable, strict=True):
            if isinstance(caller, ApiError):
                results.append(caller)
                continue
            outcomes = {name: _outcome(name, allowed, values, damaged) for name in sorted(names)}
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
