"""SQLite: one private file, written so that an acknowledged change survives kill and power loss."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from secretref.errors import ConfigurationError, ProviderError, ProviderUnavailableError, StoreDamagedError
from secretref.store import _files
from secretref.store._connection import LOCK_TIMEOUT, Backend, Connection

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Dialect

_UNAVAILABLE: Final = (
    "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY",
    "SQLITE_NOMEM", "SQLITE_PERM", "SQLITE_AUTH", "SQLITE_PROTOCOL", "SQLITE_INTERRUPT",
)  # fmt: skip
_unsafe: set[Path] = set()  # files that this process may not open any more


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite may use a write-ahead log.

    3.7.0 to 3.51.2 can corrupt the database when a checkpoint and a write meet at the wrong moment; the fix was also
    put into 3.50.7 and 3.44.6.
    """
    return version >= (3, 51, 3) or version in {(3, 50, 7), (3, 44, 6)}


class Sqlite(Backend):
    """The file, how it is opened, and the lock its writers queue at."""

    dialect: Dialect = SQLiteDialect_pysqlite()
    errors: tuple[type[Exception], ...] = (sqlite3.Error, MemoryError, OverflowError, UnicodeDecodeError)
    begin_read = "BEGIN"
    begin_write = "BEGIN IMMEDIATE"
    has_tables = "SELECT count(*) FROM sqlite_master"  # the file is ours: any table means there is a store
    lock_schema = ""  # the transaction is alone as it is
    shares_memory = True

    def __init__(self, path: Path, *, journal: str = "truncate") -> None:
        if journal not in {"truncate", "wal"}:
            raise ConfigurationError("journal is truncate or wal")
        if journal == "wal" and not wal_is_safe(sqlite3.sqlite_version_info):
            raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is not safe with a write-ahead log")
        self.path = path
        self.url = f"sqlite:///{path}"
        self._journal = journal
        self._lock = path.with_name(path.name + ".lock")
        self._gate = -1

    def prepare(self, *, create: bool) -> None:
        """Check directory and file, or make them."""
        if create:
            _files.make_directory(self.path.parent)
        _files.check_private(self.path.parent, directory=True)
        if create or os.path.lexists(self.path):
            self.make_files()
        _files.check_private(self.path)
        for suffix in ("-journal", "-wal", "-shm"):
            side = self.path.with_name(self.path.name + suffix)
            if os.path.lexists(side):
                _files.check_private(side)

    def make_files(self) -> None:
        """Make database and lock file, where they are missing, with their modes from birth."""
        _files.create(self.path)
        _files.create(self._lock)

    def remove(self) -> None:
        """Remove what :meth:`make_files` made, and the journal."""
        for suffix in ("", ".lock", "-journal"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def connect(self) -> sqlite3.Connection:
        """Open the file; it must be there, and it must be private."""
        if _unsafe and self.path.resolve() in _unsafe:
            raise ProviderUnavailableError("store", kind="ForkedInTransaction")
        _files.check_private(self.path)
        driver = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=LOCK_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        for pragma in (
            f"journal_mode={self._journal}",
            "synchronous=FULL",
            "secure_delete=ON",
            "fullfsync=ON",
            "temp_store=MEMORY",
            "trusted_schema=OFF",
            "cell_size_check=ON",
            "mmap_size=0",
        ):
            driver.execute(f"PRAGMA {pragma}")
        return driver

    def fault(self, error: Exception) -> ProviderError:
        """Tell damage from what may pass."""
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        passing = (sqlite3.ProgrammingError, sqlite3.InterfaceError, MemoryError)
        kind = (
            ProviderUnavailableError
            if name.startswith(_UNAVAILABLE) or isinstance(error, passing)
            else StoreDamagedError
        )
        return kind("store", kind=name)

    def acquire(self) -> None:
        """Queue at a lock file: SQLite's own way is to try again and again, and to give up at some point."""
        descriptor = self._open_lock()
        deadline = time.monotonic() + LOCK_TIMEOUT
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise ProviderUnavailableError("store", kind="LockTimeout")
            time.sleep(0.0005)
        self._gate = descriptor

    def _open_lock(self) -> int:
        try:
            return os.open(self._lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            kind = type(error).__name__
        raise ProviderUnavailableError("store", kind=kind)

    def release(self) -> None:
        """Unlock for all who inherited the descriptor, then close it."""
        fcntl.flock(self._gate, fcntl.LOCK_UN)
        os.close(self._gate)
        self._gate = -1

    def renew(self, *, in_use: bool) -> None:
        """Drop the parent's lock descriptor, or the lock would outlive the parent.

        Where the fork came from inside a transaction, SQLite's memory of locks is wrong in this process for good.
        """
        if self._gate >= 0:
            os.close(self._gate)
            self._gate = -1
        if in_use:
            _unsafe.add(self.path.resolve())

    def check(self, connection: Connection) -> None:
        """Compare indexes with tables: a damaged index would make a row that is there look absent."""
        for table in ("secretref_records", "secretref_versions"):
            if connection.text(f"PRAGMA integrity_check({table})") != [("ok",)]:
                raise StoreDamagedError("store", kind="index")

    def after_removal(self, connection: Connection) -> None:
        """Empty the write-ahead log, if there is one; the truncated journal holds nothing any more."""
        if self._journal == "wal":
            connection.text("PRAGMA wal_checkpoint(TRUNCATE)")

    def describe(self, connection: Connection) -> tuple[str, str]:
        """Return SQLite's version and journal mode."""
        return f"SQLite {sqlite3.sqlite_version}", str(connection.text("PRAGMA journal_mode")[0][0])


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
