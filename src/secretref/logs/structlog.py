"""Keep values out of structlog's events: ``structlog.configure(processors=[…, processor(redactor), renderer])``."""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from typing import Any

from secretref._redactor import Redactor
from secretref.logs._records import exc_info, hidden, redacted_record

__all__ = ["processor"]


def processor(redactor: Redactor) -> Callable[[Any, str, Any], Any]:
    """Make a processor that redacts events, exceptions and finished lines.

    Put it before the renderer, and once more after it when other processors add values in between. Renderers that
    show the locals of frames find none.
    """

    def redact(_logger: object, _method: str, event: Any) -> Any:
        if not isinstance(event, MutableMapping):
            return hidden(redactor, event)
        clean: dict[str, Any] = {}
        for name, value in event.items():
            if name == "exc_info" and value:
                clean[name] = exc_info(redactor, value)
            elif isinstance(value, logging.LogRecord):
                clean[name] = redacted_record(redactor, value)
            else:
                clean[redactor.text(name)] = hidden(redactor, value)
        return clean

    return redact
