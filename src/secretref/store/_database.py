"""Connections and transactions, alike for SQLite and PostgreSQL, that any number of threads and processes may want."""

from __future__ import annotations

import ctypes
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from secretref.errors import ProviderUnavailableError
from secretref.store._connection import LOCK_TIMEOUT, Connection, Statements
from secretref.store._forks import forks, no_fork
from secretref.store._turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretref.store._connection import Backend

_IDLE_MOST = 16  # connections kept for the next caller

T = TypeVar("T")


class _State:
    """What belongs to one process: a child after a fork starts with a new one."""

    def __init__(self) -> None:
        self.idle: deque[Connection] = deque()
        self.busy: dict[object, int] = {}  # uses of the driver going on, with their threads
        self.lock = threading.Lock()
        self.local = threading.local()
        self.turns: Turns[Any] = Turns()  # for what may share a commit


class Database:
    """Hands out connections, and runs transactions that any number of processes may want at once."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.state = _State()
        self._statements = Statements(backend)
        forks.add(self)

    def __del__(self) -> None:
        self.close()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection; inside a transaction of this thread, the transaction's."""
        state = self.state
        inside = getattr(state.local, "connection", None)
        if inside is not None:
            yield inside
            return
        with no_fork(state.busy):
            connection = None
            with suppress(IndexError):
                connection = state.idle.pop()
            connection = connection or Connection(self._statements, self._connect())
            try:
                yield connection
            finally:
                if state is self.state:  # else forked meanwhile, and the connection is the parent's
                    self._give_back(connection)

    def _connect(self) -> Any:
        try:
            return self.backend.connect()
        except self.backend.errors as error:
            fault = self.backend.fault(error)
        raise fault

    def _give_back(self, connection: Connection) -> None:
        if len(self.state.idle) < _IDLE_MOST and not self._is_broken(connection):
            self.state.idle.append(connection)
        else:
            connection.driver.close()

    def _is_broken(self, connection: Connection) -> bool:
        return connection.dead or self.backend.is_broken(connection.driver)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do *work*, once more on a fresh connection when the one at hand turns out to be broken."""
        with self.connection() as connection:
            try:
                return work(connection)
            except ProviderUnavailableError:
                if self.in_transaction or not self._is_broken(connection):
                    raise
        self.close()  # the others are of the same age
        with self.connection() as connection:
            return work(connection)

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside :meth:`transaction`."""
        return getattr(self.state.local, "connection", None) is not None

    def local(self, name: str) -> Any:
        """Return what this thread keeps under *name* for the time of a transaction."""
        return getattr(self.state.local, name, None)

    def set_local(self, name: str, value: Any) -> None:
        """Keep *value* for this thread."""
        setattr(self.state.local, name, value)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Make all reads in the block see one state."""
        with self.connection() as connection:
            if self.in_transaction:
                yield connection
                return
            connection.text(self.backend.begin_read)
            try:
                yield connection
            finally:
                connection.abandon()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run the block as one transaction, alone among writers; an exception undoes it."""
        state = self.state
        with self._alone(state), self.connection() as connection:
            self._begin(connection)
            state.local.connection = connection
            committed = False
            try:
                yield connection
                connection.text("COMMIT")
                committed = True
            finally:
                state.local.connection = None
                if not committed:
                    connection.abandon()

    def _begin(self, connection: Connection) -> None:
        """Begin; a connection that broke while idle is exchanged."""
        try:
            connection.text(self.backend.begin_write)
        except ProviderUnavailableError:
            if not self._is_broken(connection):
                raise
            connection.driver = None
        if connection.driver is None:
            connection.driver = self._connect()
            connection.text(self.backend.begin_write)

    @contextmanager
    def _alone(self, state: _State) -> Iterator[None]:
        if not state.lock.acquire(timeout=LOCK_TIMEOUT):
            raise ProviderUnavailableError("store", kind="LockTimeout")
        try:
            self.backend.acquire()
            try:
                yield
            finally:
                if state is self.state:
                    self.backend.release()
        finally:
            state.lock.release()

    def close(self) -> None:
        """Close the idle connections."""
        with no_fork(self.state.busy):
            self._close_idle()

    def _close_idle(self) -> None:
        idle = self.state.idle
        while idle:
            idle.pop().driver.close()

    def before_fork(self) -> None:
        """Wait until no other thread is inside SQLite, and let go of what is idle.

        SQLite keeps locks it holds in memory of the process, too. A child that inherits such a note believes to hold
        a lock that it does not, and would read and write beside its parent.
        """
        if not self.backend.shares_memory:
            return
        deadline = time.monotonic() + LOCK_TIMEOUT
        own = threading.get_ident()
        while any(thread != own for thread in list(self.state.busy.values())) and time.monotonic() < deadline:
            time.sleep(0.0002)
        self._close_idle()

    def after_fork(self) -> None:
        """Start afresh in the child; the parent's connections are left alone for good."""
        inherited, self.state = self.state, _State()
        for connection in [*inherited.idle, getattr(inherited.local, "connection", None)]:
            if connection is not None:
                # Closing would end the parent's session, or play back its journal. Not even the end of the
                # interpreter may do that, so the object is made immortal.
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection.driver))
                connection.inherited = True
        self.backend.renew(in_use=bool(inherited.busy))
