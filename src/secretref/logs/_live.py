"""The redactors armed in this process: what any of them hides is hidden, in every thread and task."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from secretref._redactor import Redactor
from secretref._stream import RedactionStream

__all__ = ["Live", "LiveStream", "Patches"]


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

    __slots__ = ("_armed", "_lock", "_patches")

    def __init__(self, patches: Patches) -> None:
        """Put *patches* in place while anything is armed."""
        self._armed: tuple[Redactor, ...] = ()
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
        for redactor in self._armed:
            text = redactor.text(text)
        return text

    def bytes(self, data: bytes) -> bytes:
        """Hide them in *data*."""
        for redactor in self._armed:
            data = redactor.bytes(data)
        return data

    def data(self, value: object) -> object:
        """Hide them in a copy of *value*."""
        for redactor in self._armed:
            value = redactor.data(value)
        return value

    def exception(self, exception: BaseException) -> BaseException:
        """Copy *exception* with all of them hidden."""
        for redactor in self._armed:
            exception = redactor.exception(exception)
        return exception

    def stream(self, mode: str = "line") -> LiveStream:
        """Open a stream through whatever is armed at each moment."""
        return LiveStream(lambda: self._armed, mode)


class LiveStream:
    """A redaction stream with a stage for each armed redactor; stages come and go with them."""

    __slots__ = ("_armed", "_mode", "_stages")

    def __init__(self, armed: Callable[[], tuple[Redactor, ...]], mode: Any) -> None:
        self._armed, self._mode = armed, mode
        self._stages: dict[int, tuple[Redactor, RedactionStream]] = {}

    def feed(self, chunk: Any) -> Any:
        """Take a chunk; return what is certain by now."""
        armed = {id(redactor): redactor for redactor in self._armed()}
        for key in armed.keys() - self._stages.keys():
            self._stages[key] = armed[key], armed[key].stream(self._mode)
        for key, (_, stage) in list(self._stages.items()):
            chunk = stage.feed(chunk)
            if key not in armed:
                chunk += stage.close()
                del self._stages[key]
        return chunk

    def close(self, *, truncated: bool = False) -> Any:
        """Return what was held back."""
        rest: Any = None
        for _, stage in self._stages.values():
            passed = stage.feed(rest) if rest else None
            held = stage.close(truncated=truncated)
            rest = passed + held if passed else held
        return rest
