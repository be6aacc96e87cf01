"""Turns: what several threads want at the same time is done by one of them for all.

One thread leads: it serves all who wait at that moment. Who comes meanwhile waits; when the leader is done, the first
of them leads next, and those who were served go on at once.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from secretref.errors import ProviderUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Turn(Generic[T]):
    """One wish and what became of it: a result or an error."""

    wish: T
    result: Any = None
    error: BaseException | None = None
    done: bool = False
    wake: threading.Event = field(default_factory=threading.Event)


class Turns(Generic[T]):
    """A queue of wishes, served in bulk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Turn[T]] = []
        self._is_led = False

    def take(self, wish: T, serve: Callable[[Sequence[Turn[T]]], None]) -> Any:
        """Have *wish* served, with whatever waits beside it; return its result or raise its error.

        Args:
            wish: What is wanted.
            serve: Sets the result or error of each turn. What it raises becomes the error of all.
        """
        turn = Turn(wish)
        with self._lock:
            self._waiting.append(turn)
            leads, self._is_led = not self._is_led, True
        if not leads:
            self._wait(turn)
        if not turn.done:
            self._lead(turn, serve)
        if turn.error is not None:
            raise turn.error
        return turn.result

    def _lead(self, own: Turn[T], serve: Callable[[Sequence[Turn[T]]], None]) -> None:
        with self._lock:
            turns, self._waiting = self._waiting, []
        fault: Exception | None = ProviderUnavailableError("store", kind="Interrupted")
        try:
            serve(turns)
            fault = None
        except Exception as error:  # noqa: BLE001 - everybody hears of it
            fault = error
        finally:
            for turn in turns:
                if fault is not None:
                    turn.error = fault if turn is own else copy.copy(fault)
                turn.done = True
            self._hand_over()
            for turn in turns:
                turn.wake.set()

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].wake.set()
            else:
                self._is_led = False

    def _wait(self, turn: Turn[T]) -> None:
        try:
            turn.wake.wait()
        except BaseException:  # nobody may wait for a leader that left
            with self._lock:
                if turn in self._waiting:
                    self._waiting.remove(turn)
            if turn.wake.is_set() and not turn.done:
                self._hand_over()
            raise
