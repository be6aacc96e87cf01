"""ExecutionRecord: what may be kept. Input by reference; everything a task emitted redacted by value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

from secretref._redactor import RedactedText, Redactor

__all__ = ["WITHHELD", "ExecutionRecord", "Facts", "recorded"]

WITHHELD: Final = "[withheld]"


class ExecutionRecord(BaseModel):
    """What may be kept of one execution; ``model_dump_json`` is what is stored.

    No value is reachable from it. Its ``input`` compiles and runs again.

    Attributes:
        input: The definition, with its references.
        output: What the task returned, redacted.
        error: What it failed with, redacted: the type of the exception and its text.
        logs: What it wrote, line by line, redacted.
        data: What the foreign expressions yielded, redacted, if that was wanted.
        received: The input as the task left it, if it was given: redacted, and where values stood the definition again.
        names: The secrets that were used.
        weak: Those whose values are too short or too common to be searched for everywhere.
        withheld: Which of the fields could not be redacted, and hold a remark instead.
        subject: For whom, in short form, redacted.
        workflow: What was run, if that was said, redacted.
        task: The task in it, likewise.
        resolved_at: When the references were resolved.
        recorded_at: When this record was made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    input: JsonValue
    output: JsonValue = None
    error: RedactedText | None = None
    logs: tuple[RedactedText, ...] = ()
    data: dict[str, JsonValue] | None = None
    received: JsonValue = None
    names: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    subject: str
    workflow: str | None = None
    task: str | None = None
    resolved_at: AwareDatetime
    recorded_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an execution before it runs."""

    input: Any
    names: tuple[str, ...]
    subject: str
    workflow: str | None
    task: str | None
    resolved_at: datetime


def recorded(redactor: Redactor, facts: Facts, emitted: Mapping[str, object]) -> ExecutionRecord:
    """Make a record of *facts* and of what a task emitted: each field is redacted, or withheld if that fails."""
    fields: dict[str, Any] = {
        name: text if text is None else redactor.text(text)
        for name, text in (("subject", facts.subject), ("workflow", facts.workflow), ("task", facts.task))
    }
    withheld = []
    for name, value in emitted.items():
        try:
            fields[name] = _REDUCED[name](redactor, value)
        except Exception:  # noqa: BLE001 - whatever a task emits may do anything when it is looked at
            fields[name] = (WITHHELD,) if name == "logs" else {"": WITHHELD} if name == "data" else WITHHELD
            withheld.append(name)
    return ExecutionRecord(
        **fields,
        input=facts.input,
        names=facts.names,
        weak=tuple(sorted(redactor.weak)),
        withheld=tuple(withheld),
        resolved_at=facts.resolved_at,
        recorded_at=datetime.now(UTC),
    )


def _as_json(redactor: Redactor, value: object) -> Any:
    """Redact *value* and write it as JSON; redact that again, for what only shows when it is written."""
    import json  # noqa: PLC0415 - on first use

    from pydantic_core import from_json, to_json, to_jsonable_python  # noqa: PLC0415

    redacted = redactor.data(value)
    try:
        tree = to_jsonable_python(redacted, bytes_mode="utf8", fallback=_type_name)
    except ValueError:  # bytes that are no text
        tree = to_jsonable_python(redacted, bytes_mode="base64", fallback=_type_name)
    found = {"": {"": redactor.data(tree)}}  # as deep as it will be in a record that is read back
    try:
        written = to_json(found, inf_nan_mode="strings")
    except ValueError:  # lone surrogates, which no file can hold
        written = json.dumps(found, ensure_ascii=False).encode("utf-8", "replace")
    return from_json(written)[""][""]


def _data(redactor: Redactor, value: object) -> Any:
    found = _as_json(redactor, value)
    return found if isinstance(found, dict) else {"": found}


def _type_name(value: object) -> str:
    return f"<{type(value).__name__}>"


def _error(redactor: Redactor, error: object) -> RedactedText:
    if isinstance(error, BaseException):
        lines = [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]
        return _storable(redactor.text("\n".join(lines)))
    return _storable(redactor.text(error if isinstance(error, str) else str(error)))


def _logs(redactor: Redactor, logs: object) -> tuple[RedactedText, ...]:
    """Redact lines as one text, since a value may reach over several."""
    lines = [logs] if isinstance(logs, str) else list(logs) if isinstance(logs, Iterable) else [str(logs)]
    text = "\n".join(line.rstrip("\r\n") if isinstance(line, str) else str(line) for line in lines)
    return tuple(_storable(RedactedText(line)) for line in redactor.text(text).split("\n"))


def _storable(text: RedactedText) -> RedactedText:
    return RedactedText(text.encode("utf-8", "replace").decode())


_REDUCED: Final[Mapping[str, Callable[[Redactor, Any], Any]]] = {
    "output": _as_json,
    "error": _error,
    "logs": _logs,
    "data": _data,
    "received": lambda redactor, masked: _as_json(redactor, masked()),
}
