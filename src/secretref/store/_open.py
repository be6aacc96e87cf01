"""Opening: from a URL and a key to a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from secretref.errors import ConfigurationError, StoreDamagedError
from secretref.store import _tables as sql
from secretref.store import _upkeep
from secretref.store._database import Database
from secretref.store._keys import FileKey, Key, KeyringKey, key_from
from secretref.store._ledger import Ledger
from secretref.store._sqlite import Sqlite
from secretref.store._store import Store
from secretref.store._types import AuditEvent

if TYPE_CHECKING:
    from secretref.store._connection import Backend


def open_store(
    url: str | Path,
    *,
    key: Key | str | None = None,
    create: bool = False,
    actor: str = "local",
    anchor: str | None = None,
    history: int = 10,
    check: bool = True,
) -> Store:
    """Open the store at *url*; with ``create=True`` make it if there is none.

    Args:
        url: A file path, ``sqlite:///path`` or ``postgresql://…``.
        key: The master key, or where it is kept: ``file:PATH``, ``env:NAME``, ``keyring:SERVICE/NAME``.
            By default the file ``<path>.key`` beside an SQLite store, made together with it.
        create: Make the store, its directory and its key file or keyring entry when they are missing.
        actor: Who is named in audit lines when a call names nobody.
        anchor: End of the audit trail as an earlier :meth:`Store.verify` returned it; an older copy is refused.
        history: Versions of a secret that are kept, the current one included.
        check: Compare all rows with the head at opening. ``False`` opens a damaged store for ``verify``; each value
            that is read is checked all the same.

    Raises:
        ConfigurationError: No such store, no key, or files that others can read.
        StoreKeyError: The key does not open it; nothing was changed.
        StoreFormatError: A newer release wrote it.
        StoreDamagedError: Its contents were changed by something else than this library.
        ProviderUnavailableError: The database could not be reached.
    """
    if history < 1:
        raise ConfigurationError("history is at least 1")
    backend = _backend(url)
    backend.prepare(create=create)
    master = _key(key, backend)
    ledger = Ledger(Database(backend), master)
    if create and isinstance(master, FileKey | KeyringKey) and not ledger.format():
        master.create()
    ledger.prepare(create=create)
    seen = ledger.check_rows() if check else ledger.look()
    ledger.settle()
    if anchor is not None:
        _check_anchor(ledger, anchor)
    return Store(ledger, actor=actor, history=history, seen=seen)


def restore(backup: str | Path, url: str | Path, *, key: Key | str, actor: str = "local") -> Store:
    """Make a store at *url*, where none may be, from a backup; *key* is the one of the backup's time.

    Raises:
        ConfigurationError: A store exists at *url*, or the backup is no private file.
        StoreKeyError: The key does not open the backup.
        StoreDamagedError: The backup is not whole.
    """
    master = key_from(key) if isinstance(key, str) else key
    source, target = Ledger(Database(_backend(backup)), master), Ledger(Database(_backend(url)), master)
    target.database.backend.prepare(create=True)
    try:
        _upkeep.restore(source, target)
    finally:
        source.database.close()
        target.database.close()
    store = open_store(url, key=master, actor=actor)
    store.audit.record(AuditEvent(actor, "store.restore"))
    return store


def _backend(url: str | Path) -> Backend:
    if isinstance(url, Path) or "://" not in url:
        return Sqlite(Path(url))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    kind = "" if parsed is None else parsed.get_backend_name()
    if parsed is not None and kind == "sqlite" and parsed.database:
        return Sqlite(Path(parsed.database), journal=str(parsed.query.get("journal", "truncate")))
    if parsed is not None and kind == "postgresql":
        from secretref.store._postgres import Postgres  # noqa: PLC0415 - an extra of its own

        return Postgres(parsed)
    raise ConfigurationError("a store is a path, sqlite:///PATH or postgresql://…")


def _key(key: Key | str | None, backend: Backend) -> Key:
    if key is None and isinstance(backend, Sqlite):
        key = f"file:{backend.path}.key"
    if key is None:
        raise ConfigurationError("a store on a server needs a key: file:PATH, env:NAME or keyring:SERVICE/NAME")
    return key_from(key) if isinstance(key, str) else key


def _check_anchor(ledger: Ledger, anchor: str) -> None:
    number, _, mac = anchor.partition(":")
    if not number.isdecimal():
        raise ConfigurationError("an anchor is NUMBER:MAC as verify returns it")
    rows = ledger.database.read(lambda connection: connection.run(sql.AUDIT_LINE, seq=int(number)))
    if not rows or rows[0][-1].hex() != mac:
        raise StoreDamagedError("store", kind="anchor")
