"""The live guard: logs, standard output and hooks hide the values of a task while it runs."""

from __future__ import annotations

import contextvars
import sys
import weakref
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from secretref._redactor import Redactor
from secretref._sinks import RedactingStream
from secretref.errors import InputError
from secretref.logs._hooks import HOOKS
from secretref.logs._install import LIVE
from secretref.logs._live import Live, Patches

__all__ = ["Guard", "Scope", "copy_scope", "derive", "guarded"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_scope: contextvars.ContextVar[tuple[Redactor, ...]] = contextvars.ContextVar("secretref_scope", default=())


class _StandardStreams(Patches):
    """Standard output and error, also under their dunder names, each wrapped once."""

    __slots__ = ("_wrappers",)

    def __init__(self) -> None:
        names = ("stdout", "stderr", "__stdout__", "__stderr__")
        super().__init__(*((sys, name, self._wrapped) for name in names))
        self._wrappers: dict[int, RedactingStream] = {}

    def remove(self) -> None:
        """Put the streams back and let go what was held; who has kept a wrapper writes through it, unchanged."""
        super().remove()
        for wrapper in self._wrappers.values():
            with suppress(OSError, ValueError):  # a stream that was closed meanwhile
                wrapper.flush()
        self._wrappers.clear()

    def _wrapped(self, plain: Any) -> Any:
        if plain is None:
            return None
        return self._wrappers.setdefault(id(plain), RedactingStream(plain, STREAMS))


STREAMS = Live(_StandardStreams())


def guarded(redactor: Redactor) -> Guard:
    """Make a guard that hides the values of *redactor* in logs, standard output and error, and hooks."""
    return Guard(redactor)


class Guard:
    """Hides values while it is entered, in all threads and tasks of the process.

    Several guards may be entered at a time and left in any order; what any of them hides is hidden. An unfinished
    line of output is held back until it ends or the last guard is left.
    """

    __slots__ = ("_left", "_redactor")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._left: list[ExitStack] = []

    def __repr__(self) -> str:
        return "Guard()"

    def __enter__(self) -> Self:
        stack = ExitStack()
        _scope.set((*_scope.get(), self._redactor))
        stack.callback(_leave, self._redactor)
        for sink in (LIVE, HOOKS, STREAMS):
            stack.callback(sink.arm(self._redactor))
        self._left.append(stack)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._left.pop().close()


def _leave(redactor: Redactor) -> None:
    """Take *redactor* out of the scope, in whatever order guards are left, and in another context as well."""
    inner_first = [*reversed(_scope.get())]
    with suppress(ValueError):  # left in another context, as generators may be
        inner_first.remove(redactor)
    _scope.set(tuple(reversed(inner_first)))


class Scope:
    """The guards of a task, kept for a thread or callback that the task starts and that may outlive it.

    The values stay hidden as long as the scope is referred to, and while ``run`` runs.
    """

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        stack = ExitStack()
        for redactor in _scope.get():
            for sink in (LIVE, HOOKS, STREAMS):
                stack.callback(sink.arm(redactor))
        weakref.finalize(self, stack.close)

    def __repr__(self) -> str:
        return "Scope()"

    def run(self, function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call *function* with the context variables of the task."""
        return self._context.copy().run(function, *args, **kwargs)


def derive(name: str, value: str) -> str:
    """Hide *value*, which the running task has made from its secrets, as if it were one of them; returns it.

    Raises:
        InputError: No guarded task is running here.
    """
    scope = _scope.get()
    if not scope:
        raise InputError("no guarded task is running")
    scope[-1].register(name, value)
    return value


def copy_scope() -> Scope:
    """Keep the values of the current task hidden for work it hands on, as to ``Thread(target=copy_scope().run, …)``."""
    return Scope()
