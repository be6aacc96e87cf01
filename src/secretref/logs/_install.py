"""Put a redactor between the loggers and the handlers of the standard library."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from secretref._redactor import Redactor
from secretref.logs._live import Live, Patches
from secretref.logs._records import Hider, redacted_record, report_error

__all__ = ["LIVE", "install"]

_passing = threading.local()  # the record that is on its way through this thread, redacted already


def install(redactor: Redactor, handler: logging.Handler | None = None) -> Callable[[], None]:
    """Hide the values of *redactor* in everything that is logged from now on.

    Without *handler*, all loggers and handlers of the process are covered, those made later, those of other
    libraries and the handler of last resort too. Formatters, JSON ones as well, get records that hold no value, and
    what they make of them is redacted once more. Several redactors can be installed, and removed in any order.

    Args:
        redactor: Hides the values, also those registered later.
        handler: Cover this handler only.

    Returns:
        A function that undoes this call.
    """
    return LIVE.arm(redactor) if handler is None else _cover(redactor, handler)


def _cover(redactor: Redactor, handler: Any) -> Callable[[], None]:
    formatted = handler.format

    def handle(record: logging.LogRecord) -> Any:
        return _handle(redactor, handler, record)

    handler.handle = handle
    handler.format = lambda record: _finished(redactor, formatted(record))
    handler.handleError = lambda record: report_error(redactor, record)

    def undo() -> None:
        for name in ("handle", "format", "handleError"):
            vars(handler).pop(name, None)

    return undo


def _handle(hider: Hider, handler: logging.Handler, record: logging.LogRecord) -> Any:
    """Do what ``Handler.handle`` does, on a copy made after the filters, which may have added something."""
    kept: Any = handler.filter(record)
    if kept:
        copy = redacted_record(hider, kept if isinstance(kept, logging.LogRecord) else record)
        handler.acquire()
        try:
            handler.emit(copy)
        finally:
            handler.release()
    return kept


def _finished(hider: Hider, line: Any) -> Any:
    return hider.text(line) if isinstance(line, str) else hider.data(line)


def _logger_handle(plain: Callable[..., None]) -> Callable[..., None]:
    def handle(self: logging.Logger, record: logging.LogRecord) -> None:
        """Redact before the filters see the record."""
        if LIVE:
            record = redacted_record(LIVE, record)
        with _on_its_way(record):
            plain(self, record)

    return handle


def _call_handlers(plain: Callable[..., None]) -> Callable[..., None]:
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        """Redact once more if filters may have added something, or the record came another way."""
        if LIVE and (self.filters or not _is_on_its_way(record)):
            record = redacted_record(LIVE, record)
        with _on_its_way(record):
            plain(self, record)

    return call_handlers


def _handler_handle(plain: Callable[..., Any]) -> Callable[..., Any]:
    def handle(self: logging.Handler, record: logging.LogRecord) -> Any:
        """Redact once more if filters may add something, or the record came another way, as from a queue."""
        if not LIVE or (_is_on_its_way(record) and not self.filters):
            return plain(self, record)
        return _handle(LIVE, self, record)

    return handle


def _handler_format(plain: Callable[..., Any]) -> Callable[..., Any]:
    def finish(self: logging.Handler, record: logging.LogRecord) -> Any:
        """Redact the finished line."""
        return _finished(LIVE, plain(self, record))

    return finish


def _handle_error(plain: Callable[..., None]) -> Callable[..., None]:
    def handle_error(self: logging.Handler, record: logging.LogRecord) -> None:
        """Report without showing the arguments as they are."""
        if LIVE:
            report_error(LIVE, record)
        else:
            plain(self, record)

    return handle_error


def _is_on_its_way(record: logging.LogRecord) -> bool:
    return getattr(_passing, "record", None) is record


@contextmanager
def _on_its_way(record: logging.LogRecord) -> Iterator[None]:
    before = getattr(_passing, "record", None)
    _passing.record = record
    try:
        yield
    finally:
        _passing.record = before


LIVE = Live(
    Patches(
        (logging.Logger, "handle", _logger_handle),
        (logging.Logger, "callHandlers", _call_handlers),
        (logging.Handler, "handle", _handler_handle),
        (logging.Handler, "format", _handler_format),
        (logging.Handler, "handleError", _handle_error),
    )
)
