"""The audit trail: reading it, and writing what is no change of the store itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from secretref.errors import AuditError, ProviderError, StoreDamagedError
from secretref.store import _tables as sql
from secretref.store._types import AuditEvent, AuditLine

if TYPE_CHECKING:
    from secretref._audit import AuditEvent as Act
    from secretref.store._connection import Row
    from secretref.store._ledger import Ledger

_LAST = 2**62
_OUTCOMES = {"denied": "denied", "missing": "missing", "provider_failed": "failed"}


class AuditTrail:
    """The trail: lines numbered without gaps, each chained to the one before by a keyed hash."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def record(self, *events: AuditEvent) -> None:
        """Append *events* in one durable transaction; threads that call at the same time share it.

        Raises:
            AuditError: They could not be written, so whatever they stand for must not happen.
        """
        fault = ""
        try:
            self._ledger.write(lambda work: [work.append(event) for event in events])
        except ProviderError as error:
            fault = error.kind
        if fault:
            raise AuditError(fault)

    def __call__(self, event: Act) -> None:
        """Be the sink of a resolver, ``Resolver(store, audit=store.audit)``: one line for each name.

        Raises:
            AuditError: It could not be written, so nothing is released.
        """
        said = {"workflow": event.workflow, "task": event.task, "provider": event.provider}
        details = {key: text for key, text in said.items() if text}
        outcome = _OUTCOMES.get(event.kind, "ok")
        self.record(
            *(
                AuditEvent(event.subject, f"secret.{event.kind}", name, outcome, details)
                for name in event.names or ("",)
            )
        )

    def lines(
        self,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
        actor: str = "",
        action: str = "",
        target: str = "",
    ) -> tuple[AuditLine, ...]:
        """Return a page of lines, newest first.

        Args:
            after: Only lines with a greater number.
            before: Only lines with a smaller number: the last one of the page before.
            limit: Lines at most.
            actor: Only what this actor did.
            action: Only this action, or with a trailing ``.*`` this kind.
            target: Only what concerns this name or id.
        """
        pattern = action.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        if pattern.endswith(".*"):
            pattern = pattern[:-1] + "%"
        rows = self._ledger.database.read(
            lambda connection: connection.run(
                sql.AUDIT_PAGE,
                after=after,
                before=_LAST if before is None else before,
                limit=limit,
                actor=actor,
                action=pattern,
                target=target,
            )
        )
        return tuple(_line(row) for row in rows)


def _line(row: Row) -> AuditLine:
    seq, at, actor, action, target, outcome, details, *_ = row
    try:
        return AuditLine(actor, action, target, outcome, json.loads(details), seq=seq, at=at)
    except (ValueError, TypeError):
        pass
    raise StoreDamagedError("store", kind=f"audit line {seq}")
