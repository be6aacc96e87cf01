"""Forks: a process is copied only while none of its threads is inside a driver."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

from secretref.store._connection import LOCK_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretref.store._database import Database


class Forks:
    """Lets a fork happen only while nobody is inside a driver."""

    def __init__(self) -> None:
        self.preparing = False
        self.over = threading.Event()
        self._one = threading.Lock()
        self._databases: weakref.WeakSet[Database] = weakref.WeakSet()
        os.register_at_fork(before=self._before, after_in_parent=self._in_parent, after_in_child=self._in_child)

    def add(self, database: Database) -> None:
        """Take care of *database* from now on."""
        self._databases.add(database)

    def _before(self) -> None:
        self._one.acquire()
        self.preparing, self.over = True, threading.Event()
        for database in list(self._databases):
            database.before_fork()

    def _in_parent(self) -> None:
        self.preparing = False
        self.over.set()
        self._one.release()

    def _in_child(self) -> None:
        self.preparing, self._one = False, threading.Lock()
        for database in list(self._databases):
            database.after_fork()


forks = Forks()


@contextmanager
def no_fork(busy: dict[object, int]) -> Iterator[None]:
    """Announce a use of the driver, unless a fork is being prepared: then wait until it is over."""
    use = object()
    busy[use] = threading.get_ident()
    while forks.preparing:
        del busy[use]
        forks.over.wait(LOCK_TIMEOUT)
        busy[use] = threading.get_ident()
    try:
        yield
    finally:
        del busy[use]
