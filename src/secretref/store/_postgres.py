"""PostgreSQL: the same tables on a server, for more than one machine (extra ``postgres``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from secretref.errors import (
    MissingExtraError,
    ProviderError,
    ProviderUnavailableError,
    StoreDamagedError,
)
from secretref.store._connection import LOCK_TIMEOUT, Backend, Connection

try:
    import psycopg
except ImportError:
    raise MissingExtraError("postgres") from None

if TYPE_CHECKING:
    from sqlalchemy import URL
    from sqlalchemy.engine import Dialect

_SETTINGS = f"SET lock_timeout = '{LOCK_TIMEOUT}s'; SET statement_timeout = '60s'; SET synchronous_commit = on"


class Postgres(Backend):
    """A server, and how it is reached.

    Writers queue at the row of the head; checksums and the removal of old rows are the server's affair, and a forked
    child leaves the parent's sessions alone as they are.
    """

    dialect: Dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    errors: tuple[type[Exception], ...] = (psycopg.Error,)
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED"
    has_tables = (
        "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = 'secretref_meta'"
    )
    shares_memory = False
    lock_schema = "SELECT pg_advisory_xact_lock(7351629023)"

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
        self._target = url.set(drivername="postgresql").render_as_string(hide_password=False)

    def connect(self) -> Any:
        """Open a session; everything is plain SQL, so the driver begins no transaction by itself."""
        driver = psycopg.connect(self._target, autocommit=True, connect_timeout=10)
        driver.execute(_SETTINGS)
        return driver

    def is_broken(self, driver: Any) -> bool:
        """Tell whether the server hung up."""
        return bool(driver.closed)

    def fault(self, error: Exception) -> ProviderError:
        """Tell damage from what may pass."""
        name = type(error).__name__
        if isinstance(error, psycopg.OperationalError):
            return ProviderUnavailableError("store", kind=name)
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return ProviderError("store", kind=name)
        return StoreDamagedError("store", kind=name)

    def describe(self, connection: Connection) -> tuple[str, str]:
        """Return the server's version."""
        return f"PostgreSQL {connection.text('SHOW server_version')[0][0]}", "server"
