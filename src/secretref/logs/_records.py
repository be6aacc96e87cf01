"""Redacted copies of log records: every field, and the finished message instead of its two halves."""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from typing import Any, Protocol

from secretref.errors import InputError

__all__ = ["Hider", "escaped", "hidden", "redacted_record", "report_error"]

WITHHELD = "[redaction failed]"
_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NAMES = ("name", "levelname", "pathname", "filename", "module", "funcName", "threadName", "processName", "taskName")
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    ord("\r"): "\\r", ord("\n"): "\\n", ord("\t"): "\\t", 0x2028: "\\u2028", 0x2029: "\\u2029",
}  # fmt: skip


class Hider(Protocol):
    """A redactor, or several at once."""

    def text(self, text: str, /) -> str:
        """Redact a text."""

    def data(self, value: object, /) -> object:
        """Redact a copy of an object."""

    def exception(self, exception: BaseException, /) -> BaseException:
        """Copy an exception, redacted."""


def escaped(name: str) -> str:
    """Escape what would let a name begin a line of its own or steer a terminal."""
    return name if name.isprintable() else name.translate(_CONTROL)


def hidden(hider: Hider, value: object) -> Any:
    """Redact any value; what can only be read once is named by its type."""
    if type(value) is str:
        return hider.text(value)
    try:
        return hider.data(value)
    except InputError:
        return hider.text(f"<{type(value).__name__}>")


def redacted_record(hider: Hider, record: logging.LogRecord) -> logging.LogRecord:
    """Copy *record* with its message finished and everything hidden; *record* itself is left alone.

    A message that cannot be formatted stands beside its arguments. Whatever fails, the record is withheld.
    """
    copy: logging.LogRecord = logging.LogRecord.__new__(logging.LogRecord)
    try:
        copy.__dict__.update(_fields(hider, record))
    except Exception:  # noqa: BLE001 - whatever failed, the record must not pass
        copy.__dict__.clear()
        copy.__init__(WITHHELD, record.levelno, "", 0, WITHHELD, (), None)  # type: ignore[misc]
    return copy


def _fields(hider: Hider, record: logging.LogRecord) -> dict[str, object]:
    held = vars(record)
    fields = {name: value for name, value in held.items() if name in _FIELDS}
    fields["msg"], fields["args"] = hider.text(_message(record)), ()
    for name in _NAMES:
        if isinstance(value := held.get(name), str):
            fields[name] = escaped(hider.text(value))
    for name in ("exc_text", "stack_info", "message", "asctime"):
        if isinstance(value := held.get(name), str):
            fields[name] = hider.text(value)
    fields["exc_info"] = exc_info(hider, held.get("exc_info"))
    for name, value in held.items():
        if name not in _FIELDS:
            fields[hider.text(name)] = hidden(hider, value)
    return fields


def _message(record: logging.LogRecord) -> str:
    """Finish the message; where it does not fit its arguments, put them beside each other."""
    with suppress(Exception):  # a broken format, or an argument that cannot be shown
        return str.__str__(record.getMessage())
    return f"{record.msg!s} {record.args!r}"


def exc_info(hider: Hider, found: Any) -> Any:
    """Copy the exception that a record carries, in whatever way it does."""
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if not isinstance(error, BaseException):
        return None
    copy = hider.exception(error)
    return type(copy), copy, copy.__traceback__


def report_error(hider: Hider, record: logging.LogRecord) -> None:
    """Say on standard error that a record could not be written, as logging does, but redacted."""
    error = sys.exc_info()[1]
    if not logging.raiseExceptions or sys.stderr is None:
        return
    shown = "".join(traceback.format_exception(hider.exception(error))) if error else ""
    copy = redacted_record(hider, record)
    text = f"--- Logging error ---\n{shown}Message: {copy.msg!r}\nFile: {copy.pathname}, line {copy.lineno}\n"
    try:
        sys.stderr.write(hider.text(text))
    except (OSError, ValueError):  # standard error is closed or gone
        return
