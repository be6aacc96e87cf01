"""Redact what the interpreter itself reports: errors nobody caught, errors nobody could raise, warnings."""

from __future__ import annotations

import asyncio
import linecache
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Callable
from typing import Any

from secretref._objects import TextProxy
from secretref._redactor import Redactor
from secretref.logs._live import Live, Patches
from secretref.logs._records import escaped, hidden

__all__ = ["HOOKS", "install_hooks"]


def install_hooks(redactor: Redactor) -> Callable[[], None]:
    """Hide the values of *redactor* in what the hooks of the interpreter are given.

    Covered are ``sys.excepthook``, ``threading.excepthook``, ``sys.unraisablehook``, the exception handlers of
    asyncio loops and ``warnings.showwarning``, whoever has set them before.

    Returns:
        A function that undoes this call.
    """
    return HOOKS.arm(redactor)


def _excepthook(plain: Callable[..., object]) -> Callable[..., object]:
    def excepthook(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> object:
        if not HOOKS:
            return plain(kind, error, trace)
        copy = HOOKS.exception(error)
        return plain(type(copy), copy, copy.__traceback__)

    return excepthook


def _thread_excepthook(plain: Callable[..., object]) -> Callable[..., object]:
    def excepthook(args: Any) -> object:
        if not HOOKS or args.exc_value is None:
            return plain(args)
        copy = HOOKS.exception(args.exc_value)
        thread = args.thread
        if thread is not None:
            thread = types.SimpleNamespace(name=escaped(HOOKS.text(thread.name)), ident=thread.ident)
        return plain(threading.ExceptHookArgs((type(copy), copy, copy.__traceback__, thread)))

    return excepthook


def _unraisablehook(plain: Callable[..., object]) -> Callable[..., object]:
    def unraisablehook(args: Any) -> object:
        if not HOOKS or args.exc_value is None:
            return plain(args)
        copy = HOOKS.exception(args.exc_value)
        shown, what = hidden(HOOKS, args.object), HOOKS.text(args.err_msg or "Exception ignored in")
        if plain is not sys.__unraisablehook__:
            fields = {"exc_type": type(copy), "exc_value": copy, "exc_traceback": copy.__traceback__}
            return plain(types.SimpleNamespace(**fields, err_msg=args.err_msg and what, object=shown))
        text = f"{what}: {shown!r}\n" + "".join(
            traceback.format_exception(copy)
        )  # the built-in hook takes its own type only
        return sys.stderr.write(HOOKS.text(text)) if sys.stderr else None

    return unraisablehook


def _showwarning(plain: Callable[..., object]) -> Callable[..., object]:
    def showwarning(  # noqa: PLR0917 - the signature of the hook
        message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: str | None = None
    ) -> object:
        if not HOOKS:
            return plain(message, category, filename, lineno, file, line)
        copy = HOOKS.exception(message) if isinstance(message, Warning) else HOOKS.text(str(message))
        source = HOOKS.text(linecache.getline(filename, lineno) if line is None else line)
        return plain(copy, category, HOOKS.text(filename), lineno, file, source)

    return showwarning


def _loop_handler(plain: Callable[..., object]) -> Callable[..., object]:
    def call_exception_handler(self: object, context: dict[str, Any]) -> object:
        if not HOOKS:
            return plain(self, context)
        clean = {name: _context_value(value) for name, value in context.items()}
        return plain(self, clean)

    return call_exception_handler


def _context_value(value: Any) -> object:
    """Keep tasks and handles of a report, unless what they show holds a value."""
    if isinstance(value, str):
        return HOOKS.text(value)
    if isinstance(value, BaseException):
        return HOOKS.exception(value)
    shown = repr(value)
    clean = HOOKS.text(shown)
    return value if clean == shown else TextProxy(clean, clean)


HOOKS = Live(
    Patches(
        (sys, "excepthook", _excepthook),
        (threading, "excepthook", _thread_excepthook),
        (sys, "unraisablehook", _unraisablehook),
        (warnings, "showwarning", _showwarning),
        (asyncio.BaseEventLoop, "call_exception_handler", _loop_handler),
    )
)
