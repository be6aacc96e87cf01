"""Connections and transactions, alike for SQLite and PostgreSQL.

SQLAlchemy Core writes the statements and knows the dialects; each statement is compiled once and runs on the driver's
own connection, because a read takes a tenth of what it would cost through the layers above. Drivers stay in autocommit;
``BEGIN`` and ``COMMIT`` stand here and nowhere else.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
import weakref
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from secretref.errors import ProviderUnavailableError
from secretref.store._turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.expression import ClauseElement

    from secretref.errors import ProviderError

_IDLE_MOST = 16  # connections kept for the next caller
_KEYS_MOST = 1000  # names in one statement

LOCK_TIMEOUT = 30.0  # seconds that a writer waits for the others

Row = tuple[Any, ...]
T = TypeVar("T")


class Backend(Protocol):
    """What differs between the databases."""

    begin_read: str
    begin_write: str
    has_tables: str
    lock_schema: str
    shares_memory: bool  # between the connections of a process, so that a fork must find them unused
    url: str

    @property
    def dialect(self) -> Dialect:
        """How statements are written."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""
        ...

    def prepare(self, *, create: bool) -> None:
        """Check or make what must be there before a connection."""
        ...

    def connect(self) -> Any:
        """Open a connection in autocommit mode."""
        ...

    def is_broken(self, driver: Any) -> bool:
        """Tell whether the connection is of no more use."""
        ...

    def fault(self, error: Exception) -> ProviderError:
        """Translate a driver's error; its text stays behind."""
        ...

    def acquire(self) -> None:
        """Wait for the lock that writers of all processes share, where the database has no queue of its own."""
        ...

    def release(self) -> None:
        """Give that lock back."""
        ...

    def renew(self, *, in_use: bool) -> None:
        """Forget in a forked child what the parent holds; *in_use* if a connection was busy during the fork."""
        ...

    def check(self, connection: Connection) -> None:
        """Refuse a database whose indexes do not fit its tables."""
        ...

    def after_removal(self, connection: Connection) -> None:
        """Make sure that what the last transaction removed is gone from side files."""
        ...

    def describe(self, connection: Connection) -> tuple[str, str]:
        """Return engine and journal mode, for reports."""
        ...


@dataclass(frozen=True, slots=True)
class _Compiled:
    text: str
    order: tuple[str, ...] | None  # names of positional parameters; None where the driver takes a mapping
    constants: dict[str, Any]  # parameters that stand in the statement


class _Statements:
    """The statements of one database, each compiled once. No connection leads back to the pool, so that both end."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._compiled: dict[tuple[int, int], _Compiled] = {}

    def compiled(self, statement: ClauseElement, keys: int = 0) -> _Compiled:
        """Compile *statement*, a constant of the module, once, and again for each number of keys."""
        return self._compiled.get((id(statement), keys)) or self._compile(statement, keys)

    def _compile(self, statement: ClauseElement, keys: int) -> _Compiled:
        known = statement.params(kind="", keys=[""] * keys) if keys else statement
        options = {"render_postcompile": True} if keys else {}
        result: Any = known.compile(dialect=self.backend.dialect, compile_kwargs=options)
        order = None if result.positiontup is None else tuple(result.positiontup)
        constants = {name: bind.value for name, bind in result.binds.items() if not bind.required}
        compiled = _Compiled(str(result), order, constants)
        self._compiled[id(statement), keys] = compiled
        return compiled


class Connection:
    """A driver's connection that runs Core statements and raises this library's errors only."""

    __slots__ = ("_statements", "dead", "driver")

    def __init__(self, statements: _Statements, driver: Any) -> None:
        self._statements = statements
        self.driver = driver
        self.dead = False

    def run(self, statement: ClauseElement, /, **parameters: Any) -> list[Row]:
        """Run a statement with its named parameters."""
        compiled = self._statements.compiled(statement)
        named = {**compiled.constants, **parameters} if compiled.constants else parameters
        bound = named if compiled.order is None else tuple([named[name] for name in compiled.order])
        return self._execute(compiled.text, bound)

    def run_keys(self, statement: ClauseElement, kind: str, keys: Sequence[str]) -> list[Row]:
        """Run a statement over any number of keys."""
        found: list[Row] = []
        for start in range(0, len(keys), _KEYS_MOST):
            part = keys[start : start + _KEYS_MOST]
            compiled = self._statements.compiled(statement, len(part))
            if compiled.order is None:
                bound: Any = {"kind": kind} | {f"keys_{number}": key for number, key in enumerate(part, 1)}
            else:
                bound = (kind, *part)
            found += self._execute(compiled.text, bound)
        return found

    def define(self, statement: ClauseElement) -> None:
        """Run a statement that changes the tables."""
        self.text(str(statement.compile(dialect=self._statements.backend.dialect)))

    def text(self, sql: str) -> list[Row]:
        """Run a command of the database's own, without parameters."""
        return self._execute(sql, None)

    def abandon(self) -> None:
        """Roll back; where even that fails, the database does it when the connection is closed."""
        try:
            self.driver.execute("ROLLBACK")
        except self._statements.backend.errors:
            self.dead = True

    def _execute(self, sql: str, bound: Any) -> list[Row]:
        try:
            cursor = self.driver.execute(sql) if bound is None else self.driver.execute(sql, bound)
            return [] if cursor.description is None else cursor.fetchall()
        except self._statements.backend.errors as error:
            fault = self._statements.backend.fault(error)
        raise fault


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
        self._statements = _Statements(backend)
        _forks.add(self)

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
        with _no_fork(state):
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
                if state is not self.state:
                    raise ProviderUnavailableError("store", kind="ForkedInTransaction")
                connection.text("COMMIT")
                committed = True
            finally:
                state.local.connection = None
                if not committed and state is self.state:
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
        with _no_fork(self.state):
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
        self.backend.renew(in_use=bool(inherited.busy))


class _Forks:
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


_forks = _Forks()


@contextmanager
def _no_fork(state: _State) -> Iterator[None]:
    """Announce a use of the driver, unless a fork is being prepared: then wait until it is over."""
    use = object()
    state.busy[use] = threading.get_ident()
    while _forks.preparing:
        del state.busy[use]
        _forks.over.wait(LOCK_TIMEOUT)
        state.busy[use] = threading.get_ident()
    try:
        yield
    finally:
        del state.busy[use]
