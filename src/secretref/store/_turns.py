"""Turns: threads that want the same kind of thing at the same time have it done once for all of them.

One thread leads: it does what all who wait at that moment want. Who comes meanwhile waits; when the leader is done, the
first of them leads next, and those who were served go on at once.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Turn(Generic[T]):
    wish: T
    done: bool = False
    fault: str = ""
    wake: threading.Event = field(default_factory=threading.Event)


class Turns(Generic[T]):
    """A queue of wishes, served in bulk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Turn[T]] = []
        self._is_led = False

    def take(self, wish: T, work: Callable[[list[T]], str]) -> str:
        """Have *work* done for *wish* and whatever waits beside it; return its fault, empty if there was none."""
        turn = _Turn(wish)
        with self._lock:
            self._waiting.append(turn)
            leads, self._is_led = not self._is_led, True
        if not leads:
            self._wait(turn)
        if not turn.done:
            self._lead(work)
        return turn.fault

    def _lead(self, work: Callable[[list[T]], str]) -> None:
        with self._lock:
            turns, self._waiting = self._waiting, []
        fault = "Interrupted"
        try:
            fault = work([turn.wish for turn in turns])
        finally:
            for turn in turns:
                turn.done, turn.fault = True, fault
            self._hand_over()
            for turn in turns:
                turn.wake.set()

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].wake.set()
            else:
                self._is_led = False

    def _wait(self, turn: _Turn[T]) -> None:
        try:
            turn.wake.wait()
        except BaseException:  # nobody may wait for a leader that left
            with self._lock:
                if turn in self._waiting:
                    self._waiting.remove(turn)
            if turn.wake.is_set() and not turn.done:
                self._hand_over()
            raise
