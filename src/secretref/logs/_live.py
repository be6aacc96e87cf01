"""The redactors armed in this process: what any of them hides is hidden, in every thread and task."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from secretref._redactor import Redactor
from secretref._stream import Mode, RedactionStream

__all__ = ["Live", "Patches"]


class Patches:
    """Functions put in the place of others for a time.

    A replacement is made from what it replaces, and must do the same as that while nothing is armed: if somebody
    else has replaced it in turn when it is to be removed, it stays.
    """

    __slots__ = ("_put", "_targets")

    def __init__(self, *targets: tuple[object, str, Callable[[Any], Any]]) -> None:
        self._targets = targets
        self._put: list[tuple[object, str, object, object]] = []

    def put(self) -> None:
        """Replace each target."""
        for owner, name, make in self._targets:
            plain = getattr(owner, name)
            replacement = make(plain)
            setattr(owner, name, replacement)
            self._put.append((owner, name, plain, replacement))

    def remove(self) -> None:
        """Put everything back that is still ours."""
        for owner, name, plain, replacement in reversed(self._put):
            if getattr(owner, name) is replacement:
                setattr(owner, name, plain)
        self._put.clear()


class Live:
    """The union of armed redactors; they may be armed and disarmed in any order, by any thread.

    Sinks that serve all threads (handlers, standard output, hooks) cannot know whose text passes through them, and
    context variables do not reach threads that a task starts. So every live value is hidden everywhere.
    """

    __slots__ = ("_armed", "_lock", "_patches", "_union")

    def __init__(self, patches: Patches) -> None:
        """Put *patches* in place while anything is armed."""
        self._armed: tuple[Redactor, ...] = ()
        self._union = Redactor.union(lambda: self._armed)
        self._lock = threading.RLock()
        self._patches = patches

    def __bool__(self) -> bool:
        return bool(self._armed)

    def __repr__(self) -> str:
        return f"Live({len(self._armed)} armed)"

    def arm(self, redactor: Redactor) -> Callable[[], None]:
        """Hide what *redactor* hides until the returned function is called; calling that again does nothing."""
        with self._lock:
            if not self._armed:
                self._patches.put()
            self._armed += (redactor,)
        pending = [redactor]

        def disarm() -> None:
            with self._lock:
                if pending:
                    armed = list(self._armed)
                    armed.pop(next(place for place, one in enumerate(armed) if one is pending[0]))
                    pending.clear()
                    self._armed = tuple(armed)
                    if not armed:
                        self._patches.remove()

        return disarm

    def text(self, text: str) -> str:
        """Hide the values of all armed redactors in *text*."""
        return self._union.text(text)

    def data(self, value: object) -> object:
        """Hide them in a copy of *value*."""
        return self._union.data(value)

    def exception(self, exception: BaseException) -> BaseException:
        """Copy *exception* with all of them hidden."""
        return self._union.exception(exception)

    def stream(self, mode: Mode = "line") -> RedactionStream:
        """Open a stream through whatever is armed at each moment."""
        return self._union.stream(mode)
