"""Keep values out of loguru's records: ``logger.configure(patcher=patcher(redactor))``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from secretref._redactor import Redactor
from secretref.logs._records import escaped, exc_info, hidden

__all__ = ["patcher"]


def patcher(redactor: Redactor) -> Callable[[Any], None]:
    """Make a patcher that redacts the message, the exception, ``extra`` and all names of a record.

    Diagnosis of exceptions, which loguru shows by default, finds no variables: the frames hold none.
    """

    def patch(record: Any) -> None:
        for name in ("message", "name", "function", "module"):
            if isinstance(record[name], str):
                clean = redactor.text(record[name])
                record[name] = clean if name == "message" else escaped(clean)
        for name in ("file", "thread", "process"):
            record[name] = _renamed(redactor, record[name])
        if record["exception"] is not None:
            kind = type(record["exception"])
            record["exception"] = kind(*(exc_info(redactor, tuple(record["exception"])) or (None, None, None)))
        record["extra"] = hidden(redactor, record["extra"])

    return patch


def _renamed(redactor: Redactor, value: Any) -> Any:
    """Redact the name of a file, thread or process."""
    for name in ("name", "path"):
        shown = getattr(value, name, None)
        if isinstance(shown, str):
            setattr(value, name, escaped(redactor.text(shown)))
    return value
