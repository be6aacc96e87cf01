"""Secret references in workflow definitions: resolved at execution time, kept out of everything recorded."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secretref._audit import AuditEvent as AuditEvent
    from secretref._audit import LoggingSink as LoggingSink
    from secretref._policy import Decision as Decision
    from secretref._policy import Explanation as Explanation
    from secretref._policy import Grant as Grant
    from secretref._policy import Policy as Policy
    from secretref._policy import Subject as Subject
    from secretref._policy import Target as Target
    from secretref._preflight import Preflight as Preflight
    from secretref._record import ExecutionRecord as ExecutionRecord
    from secretref._redactor import Redactor as Redactor
    from secretref._resolved import ResolvedInput as ResolvedInput
    from secretref._resolver import Resolver as Resolver
    from secretref._sinks import RedactingStream as RedactingStream
    from secretref._survey import Limits as Limits
    from secretref._template import SecretRef as SecretRef
    from secretref._template import Template as Template
    from secretref.guard import TaskGuard as TaskGuard
    from secretref.guard import copy_scope as copy_scope
    from secretref.guard import derive as derive
    from secretref.guard import task as task

_ROOMS = {
    "AuditEvent": "_audit",
    "Decision": "_policy",
    "ExecutionRecord": "_record",
    "Explanation": "_policy",
    "Grant": "_policy",
    "Limits": "_survey",
    "LoggingSink": "_audit",
    "Policy": "_policy",
    "Preflight": "_preflight",
    "RedactingStream": "_sinks",
    "Redactor": "_redactor",
    "ResolvedInput": "_resolved",
    "Resolver": "_resolver",
    "SecretRef": "_template",
    "Subject": "_policy",
    "Target": "_policy",
    "TaskGuard": "guard",
    "Template": "_template",
    "copy_scope": "guard",
    "derive": "guard",
    "task": "guard",
}

__all__ = [*_ROOMS]  # noqa: PLE0604 - names only; each room is entered when one of its names is used


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"secretref.{_ROOMS[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(_ROOMS)
