"""Audit events: who got or was refused which names, when; never a value. Sinks are callables."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from secretref.errors import AuditError

if TYPE_CHECKING:
    from logging import Logger

__all__ = ["AuditEvent", "AuditKind", "LoggingSink", "Sink", "write"]

AuditKind: TypeAlias = Literal["resolved", "denied", "missing", "provider_failed", "reference_in_data"]


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened while references were resolved.

    Attributes:
        kind: ``resolved``: values were released. ``denied``, ``missing``, ``provider_failed``: nothing was, unless
            missing values are wanted as null. ``reference_in_data``: data that merely passes through holds something
            like a reference, which was left as it is.
        names: The secrets concerned, sorted.
        subject: Who asked, in short form.
        provider: Who was to be asked.
        workflow: What the caller said it runs, if anything.
        task: The task in it.
        time: When, in UTC.
        expressions: The foreign expressions whose data holds something like a reference.
    """

    kind: AuditKind
    names: tuple[str, ...]
    subject: str
    provider: str
    workflow: str | None
    task: str | None
    time: datetime
    expressions: tuple[str, ...] = ()

    @property
    def outcome(self) -> Literal["released", "refused", "failed", "noted"]:
        """What came of it, in one word."""
        if self.kind == "resolved":
            return "released"
        if self.kind == "reference_in_data":
            return "noted"
        return "refused" if self.kind == "denied" else "failed"

    def to_json(self) -> dict[str, object]:
        """Return the event as a JSON object; what was not said is left out."""
        fields = {
            "kind": self.kind,
            "outcome": self.outcome,
            "names": list(self.names),
            "subject": self.subject,
            "provider": self.provider,
            "workflow": self.workflow,
            "task": self.task,
            "time": self.time.isoformat(),
            "expressions": list(self.expressions) or None,
        }
        return {name: value for name, value in fields.items() if value is not None}


Sink: TypeAlias = Callable[[AuditEvent], object]


class LoggingSink:
    """Write each event as one line of JSON to a logger: releases at INFO, all others at WARNING.

    Args:
        logger: The logger, or its name.
    """

    def __init__(self, logger: Logger | str = "secretref.audit") -> None:
        import logging  # noqa: PLC0415 - not everybody logs

        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger

    def __call__(self, event: AuditEvent) -> None:
        """Log *event*; ASCII only, so that no name can forge a line."""
        import json  # noqa: PLC0415 - see above

        log = self._logger.info if event.kind == "resolved" else self._logger.warning
        log("%s", json.dumps(event.to_json()))


def write(sink: Sink, event: AuditEvent) -> None:
    """Hand *event* to *sink*.

    Raises:
        AuditError: The sink failed, or only promises to write: nothing may be released then.
    """
    kind = ""
    try:
        promise = sink(event)
        if hasattr(promise, "__await__"):
            kind = "the sink is asynchronous"
            getattr(promise, "close", bool)()
        elif isinstance(promise, Generator | AsyncGenerator):
            kind = "the sink is a generator"
    except Exception as error:  # noqa: BLE001 - whatever a sink raises
        kind = type(error).__name__
    if kind:
        raise AuditError(kind)
