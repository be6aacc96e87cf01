"""The ledger: the store's rows behind their seals, its keys, and its transactions.

Every change is one transaction: lock and check the head · append an audit line, chained to the one before · seal rows
under that line's number · move the head on. Threads that change something at the same time share one commit.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from secretref.errors import (
    ConfigurationError,
    ProviderError,
    StoreDamagedError,
    StoreFormatError,
    StoreKeyError,
)
from secretref.store import _tables as sql
from secretref.store._keys import Key, ReplaceableKey
from secretref.store._seal import KEY_BYTES, Sealer
from secretref.store._types import AuditEvent
from secretref.store._work import Head, Record, Work, digest, opened, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretref.store._connection import Connection, Row
    from secretref.store._database import Database
    from secretref.store._turns import Turn

T = TypeVar("T")


class Ledger:
    """The store's rows behind their seals."""

    def __init__(self, database: Database, key: Key) -> None:
        self.database = database
        self.key = key
        self.store_id = ""
        self._sealer: Sealer | None = None

    # --- opening -----------------------------------------------------------------------------------------------

    def prepare(self, *, create: bool) -> None:
        """Apply missing migrations in one transaction; with *create*, make a store where there is none.

        Raises:
            ConfigurationError: There is no store.
            StoreFormatError: A newer release wrote it.
        """
        if self.format() == len(sql.MIGRATIONS):
            return
        with self.database.transaction() as connection:
            if self.database.backend.lock_schema:
                connection.text(self.database.backend.lock_schema)
            done = self.format()
            if done == 0 and not create:
                raise ConfigurationError(f"no store at {self.database.backend.url}")
            for statement in (statement for step in sql.MIGRATIONS[done:] for statement in step):
                connection.define(statement)
            if done == 0:
                self._found(connection)
            else:
                connection.run(sql.FORMAT_UPDATE, value=str(len(sql.MIGRATIONS)))

    def format(self) -> int:
        """Return how many migrations were applied; 0 when there is no store yet."""

        def read(connection: Connection) -> int:
            if not connection.text(self.database.backend.has_tables)[0][0]:
                return 0
            rows = connection.run(sql.META, name="format")
            text = rows[0][0] if rows else ""
            return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 9 else -1

        found = self.database.read(read)
        if found < 0:
            raise StoreDamagedError("store", kind="format")
        if found > len(sql.MIGRATIONS):
            raise StoreFormatError("store", kind=f"format {found}")
        return found

    def _found(self, connection: Connection) -> None:
        """Write the first rows: identity, keys, head, and line 1 of the trail."""
        self.store_id = os.urandom(16).hex()
        connection.run(sql.META_INSERT, name="format", value=str(len(sql.MIGRATIONS)))
        connection.run(sql.META_INSERT, name="store", value=self.store_id)
        sealer = self.new_keys(connection, self.key)
        head = Head(0, bytes(32), 0, bytes(32), 1, sealer.key_id, sealer.audit_id)
        connection.run(sql.HEAD_INSERT, id=1, **head.row(sealer))
        Work(connection, sealer, head).finish(AuditEvent("local", "store.create", details={"store": self.store_id}))

    def new_keys(self, connection: Connection, master: Key, older: Mapping[str, bytes] | None = None) -> Sealer:
        """Make a data key wrapped by *master*, an audit key sealed by it, and keep *older* audit keys likewise."""
        data_key, now = os.urandom(KEY_BYTES), time.time()
        key_id, audit_id = os.urandom(8).hex(), os.urandom(8).hex()
        sealer = Sealer.of(data_key, self.store_id, key_id, audit_id)
        sealer.audit_keys.update(older or {}, **{audit_id: os.urandom(KEY_BYTES)})
        wrapped = master.wrap(data_key, self._context(key_id))
        connection.run(sql.KEYS_DELETE)
        connection.run(sql.KEY_INSERT, id=key_id, purpose="data", wrapped=wrapped, created_at=now)
        for name, key in sealer.audit_keys.items():
            connection.run(
                sql.KEY_INSERT, id=name, purpose="audit", wrapped=sealer.seal(key, f"key {name}"), created_at=now
            )
        return sealer

    def _context(self, key_id: str) -> bytes:
        return json.dumps(["secretref data key", self.store_id, key_id]).encode()

    def unlock(self, connection: Connection) -> Sealer:
        """Unwrap the data key and check the head with it.

        Raises:
            StoreKeyError: The master key does not open it.
        """
        rows = connection.run(sql.META, name="store")
        self.store_id = str(rows[0][0]) if rows else ""
        head, tag = Head.read(connection.run(sql.HEAD))
        rows = connection.run(sql.KEYS)
        data_key = self._unwrapped(str(head.data_key), rows)
        sealer = Sealer.of(data_key, self.store_id, str(head.data_key), str(head.audit_key))
        head.check(sealer, tag)
        for key_id, purpose, body in rows:
            if purpose == "audit":
                sealer.audit_keys[key_id] = sealer.unseal(body, f"key {key_id}")
        if head.audit_key not in sealer.audit_keys:
            raise StoreDamagedError("store", kind="keys")
        self._sealer = sealer
        return sealer

    def _unwrapped(self, key_id: str, rows: list[Row]) -> bytes:
        wrapped = next((row[2] for row in rows if row[:2] == (key_id, "data")), None)
        if not isinstance(wrapped, bytes):
            raise StoreDamagedError("store", kind="keys")
        kind = "WrongKey"
        data_key = None
        try:
            data_key = self.key.unwrap(wrapped, self._context(key_id))
        except ProviderError:
            raise
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - a key service may raise anything
            kind = type(error).__name__
        if data_key is None:
            raise StoreKeyError("store", kind=kind)
        return data_key

    def settle(self) -> None:
        """Finish a rotation that died before the new master key took the old one's place."""
        if isinstance(self.key, ReplaceableKey) and self.is_unsettled():
            with self.transaction():
                if self.is_unsettled():
                    self.key.promote()

    def is_unsettled(self) -> bool:
        """Tell whether only the key that a rotation left pending opens the store."""
        with self.database.snapshot() as connection:
            rows = [row for row in connection.run(sql.KEYS) if row[1] == "data"]
        key_id, _, wrapped = rows[0]
        return isinstance(self.key, ReplaceableKey) and self.key.is_unsettled(wrapped, self._context(key_id))

    def check_rows(self) -> dict[str, int]:
        """Compare all rows with the head; return the number of each secret's last line.

        Raises:
            StoreDamagedError: They differ.
        """
        with self.database.snapshot() as connection:
            sealer = self.unlock(connection)
            self.database.backend.check(connection)
            head, _ = Head.read(connection.run(sql.HEAD))
            records, versions = connection.run(sql.RECORD_TAGS), connection.run(sql.VERSION_TAGS)
        if digest(sealer, records, versions) != head.state:
            raise StoreDamagedError("store", kind="state")
        return {key: seq for kind, key, seq, *_ in records if kind == "secret"}

    def look(self) -> dict[str, int]:
        """Unlock without comparing the rows."""
        with self.database.snapshot() as connection:
            self.unlock(connection)
        return {}

    # --- reading -----------------------------------------------------------------------------------------------

    @property
    def sealer(self) -> Sealer:
        """The data key at hand."""
        if self._sealer is None:
            raise StoreKeyError("store", kind="Closed")
        return self._sealer

    def forget(self) -> None:
        """Drop the keys."""
        self._sealer = None

    def read(self, work: Callable[[Connection, Sealer], T]) -> T:
        """Do *work*; once more with fresh keys when another process has rotated them."""
        sealer = self.sealer
        try:
            return self.database.read(lambda connection: work(connection, sealer))
        except StoreDamagedError:
            if self.database.in_transaction:
                raise
            with self.database.snapshot() as connection:
                fresh = self.unlock(connection)
            if fresh.key_id == sealer.key_id:
                raise
        return self.database.read(lambda connection: work(connection, fresh))

    def record(self, kind: str, key: str) -> Record | None:
        """Return the record under *key*."""
        return self.read(lambda connection, sealer: record_of(connection, sealer, kind, key))

    def records(self, kind: str, keys: list[str] | None = None) -> dict[str, Record]:
        """Return the records of a kind, or those of *keys*, sorted by key."""

        def work(connection: Connection, sealer: Sealer) -> dict[str, Record]:
            rows = (
                connection.run(sql.RECORDS, kind=kind)
                if keys is None
                else connection.run_keys(sql.RECORDS_OF, kind, keys)
            )
            found = [opened(sealer, kind, row) for row in rows]
            return {record.key: record for record in sorted(found, key=lambda record: record.key)}

        return self.read(work)

    def revision(self) -> int:
        """Return the head's revision."""
        rows = self.database.read(lambda connection: connection.run(sql.REVISION))
        if len(rows) != 1:
            raise StoreDamagedError("store", kind="head")
        return int(rows[0][0])

    # --- writing -----------------------------------------------------------------------------------------------

    def write(self, work: Callable[[Work], T]) -> T:
        """Do *work* as one change, which is durable when this returns; inside a transaction, as part of it.

        What other threads want at the same time is done in the same transaction, by any one of them, and a part that
        fails undoes itself only.
        """
        outer: Work | None = self.database.local("work")
        if outer is None:
            done: T = self.database.state.turns.take(work, self._serve)
            return done
        outer.check()
        try:
            return work(outer)
        except ProviderError:
            outer.is_broken = True
            raise

    def _serve(self, turns: Sequence[Turn[Callable[[Work], Any]]]) -> None:
        with self.transaction() as work:
            if len(turns) == 1:
                turns[0].result = turns[0].wish(work)
                return
            for turn in turns:
                turn.result, turn.error = work.part(partial(turn.wish, work))

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        """Run the block as one change of its own; inside another one of this thread, as part of it."""
        database = self.database
        outer: Work | None = database.local("work")
        if outer is not None:
            try:
                yield outer
            except ProviderError:
                outer.is_broken = True
                raise
            return
        with database.transaction() as connection:
            head, tag = Head.read(connection.run(sql.HEAD_FOR_UPDATE))
            sealer = self.sealer if head.data_key == self.sealer.key_id else self.unlock(connection)
            head.check(sealer, tag)
            work = Work(connection, sealer, head)
            database.set_local("work", work)
            try:
                yield work
                work.finish()
            finally:
                database.set_local("work", None)
        if work.removes:
            with database.connection() as connection:
                database.backend.after_removal(connection)
