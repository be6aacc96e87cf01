"""One connection: Core statements, compiled once, on the driver's own connection.

SQLAlchemy Core writes the statements and knows the dialects; each statement is compiled once and runs on the driver's
own connection, because a read takes a tenth of what it would cost through the layers above. Drivers stay in autocommit;
``BEGIN`` and ``COMMIT`` stand in ``_database`` and nowhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretref.errors import ProviderUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.expression import ClauseElement

    from secretref.errors import ProviderError

_KEYS_MOST = 1024  # names in one statement

LOCK_TIMEOUT = 30.0  # seconds that a writer waits for the others

Row = tuple[Any, ...]


class Backend(ABC):
    """What differs between the databases. A file needs all of it; a server does most by itself."""

    begin_read: str
    begin_write: str
    has_tables: str
    lock_schema: str
    shares_memory: bool  # between the connections of a process, so that a fork must find them unused
    url: str
    dialect: Dialect  # how statements are written
    errors: tuple[type[Exception], ...]  # what the driver raises

    @abstractmethod
    def connect(self) -> Any:
        """Open a connection in autocommit mode."""

    @abstractmethod
    def fault(self, error: Exception) -> ProviderError:
        """Translate a driver's error; its text stays behind."""

    @abstractmethod
    def describe(self, connection: Connection) -> tuple[str, str]:
        """Return engine and journal mode, for reports."""

    def is_broken(self, driver: Any) -> bool:  # noqa: ARG002
        """Tell whether the connection is of no more use."""
        return False

    def prepare(self, *, create: bool) -> None:  # noqa: B027 - nothing is right for a server
        """Check or make what must be there before a connection."""

    def acquire(self) -> None:  # noqa: B027 - nothing is right for a server
        """Wait for the lock that writers of all processes share, where the database has no queue of its own."""

    def release(self) -> None:  # noqa: B027 - nothing is right for a server
        """Give that lock back."""

    def renew(self, *, in_use: bool) -> None:  # noqa: B027 - nothing is right for a server
        """Forget in a forked child what the parent holds; *in_use* if a connection was busy during the fork."""

    def check(self, connection: Connection) -> None:  # noqa: B027 - nothing is right for a server
        """Refuse a database whose indexes do not fit its tables."""

    def after_removal(self, connection: Connection) -> None:  # noqa: B027 - nothing is right for a server
        """Make sure that what the last transaction removed is gone from side files."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    text: str
    order: tuple[str, ...] | None  # names of positional parameters; None where the driver takes a mapping
    constants: dict[str, Any]  # parameters that stand in the statement


class Statements:
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

    __slots__ = ("_statements", "dead", "driver", "inherited")

    def __init__(self, statements: Statements, driver: Any) -> None:
        self._statements = statements
        self.driver = driver
        self.dead = False
        self.inherited = False  # by a forked child: another word on it would be heard in the parent's session

    def run(self, statement: ClauseElement, /, **parameters: Any) -> list[Row]:
        """Run a statement with its named parameters."""
        compiled = self._statements.compiled(statement)
        named = {**compiled.constants, **parameters} if compiled.constants else parameters
        bound = named if compiled.order is None else tuple([named[name] for name in compiled.order])
        return self._execute(compiled.text, bound)

    def run_keys(self, statement: ClauseElement, kind: str, keys: Sequence[str]) -> list[Row]:
        """Run a statement over any number of keys, filled up to a power of two, so that eleven texts do for all."""
        found: list[Row] = []
        for start in range(0, len(keys), _KEYS_MOST):
            part = keys[start : start + _KEYS_MOST]
            part = [*part, *[part[-1]] * ((1 << (len(part) - 1).bit_length()) - len(part))]
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

    def abandon(self, what: str = "") -> None:
        """Roll back all, or to the savepoint *what*; where even that fails, the database does it at the end."""
        if self.inherited:
            return
        try:
            self.driver.execute(f"ROLLBACK{what}")
        except self._statements.backend.errors:
            self.dead = True

    def _execute(self, sql: str, bound: Any) -> list[Row]:
        if self.inherited:
            raise ProviderUnavailableError("store", kind="ForkedInTransaction")
        try:
            cursor = self.driver.execute(sql) if bound is None else self.driver.execute(sql, bound)
            return [] if cursor.description is None else cursor.fetchall()
        except self._statements.backend.errors as error:
            fault = self._statements.backend.fault(error)
        raise fault
