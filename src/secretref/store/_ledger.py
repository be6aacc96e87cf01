"""The ledger: sealed rows, the head that vouches for all of them, and the trail of who changed what.

Every change is one transaction: lock and check the head · append an audit line, chained to the one before · seal rows
under that line's number · move the head on. The head's tag covers the end of the chain and a digest over the place and
seal of every row, so a row that was added, removed, exchanged or put back from an older copy does not go unnoticed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from secretref.errors import (
    ConfigurationError,
    InputError,
    LimitError,
    ProviderError,
    ProviderUnavailableError,
    StoreDamagedError,
    StoreFormatError,
    StoreKeyError,
)
from secretref.store import _tables as sql
from secretref.store._keys import Key, ReplaceableKey
from secretref.store._seal import KEY_BYTES, SEALS_MAX, Sealer, add, record_place, version_place
from secretref.store._types import AuditEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretref.store._database import Connection, Database, Row

T = TypeVar("T")
JSON = dict[str, Any]
_TEXT_MOST = 1024


@dataclass(slots=True)
class Head:
    """Where the store stands; the one row that every change moves on."""

    seq: int
    mac: bytes
    revision: int
    state: bytes
    seals: int
    data_key: str
    audit_key: str

    @classmethod
    def read(cls, rows: list[Row]) -> tuple[Head, bytes]:
        """Take the head and its tag from the rows of a query."""
        if len(rows) != 1:
            raise StoreDamagedError("store", kind="head")
        return cls(*rows[0][1:-1]), rows[0][-1]

    def row(self, sealer: Sealer) -> JSON:
        """Return the columns, with a fresh tag."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "tag": self._tag(sealer)}

    def check(self, sealer: Sealer, tag: bytes) -> None:
        """Refuse a head that something else wrote."""
        try:
            genuine = self._tag(sealer) == tag
        except (TypeError, AttributeError):
            genuine = False
        if not genuine:
            raise StoreDamagedError("store", kind="head")

    def _tag(self, sealer: Sealer) -> bytes:
        return sealer.head_tag([
            self.seq, self.mac.hex(), self.revision, self.state.hex(), self.seals, self.data_key, self.audit_key
        ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """A sealed row, opened."""

    kind: str
    key: str
    seq: int
    number: int
    value_seq: int
    ends: float | None
    body: bytes
    data: JSON

    @property
    def place(self) -> str:
        """Where its seal holds."""
        return record_place(self.kind, self.key, self.seq, self.number, self.value_seq, self.ends)


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
            with self.write():
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
        return self.read(lambda connection, sealer: _record(connection, sealer, kind, key))

    def records(self, kind: str, keys: list[str] | None = None) -> dict[str, Record]:
        """Return the records of a kind, or those of *keys*, sorted by key."""

        def work(connection: Connection, sealer: Sealer) -> dict[str, Record]:
            rows = (
                connection.run(sql.RECORDS, kind=kind)
                if keys is None
                else connection.run_keys(sql.RECORDS_OF, kind, keys)
            )
            found = [_opened(sealer, kind, row) for row in rows]
            return {record.key: record for record in sorted(found, key=lambda record: record.key)}

        return self.read(work)

    def revision(self) -> int:
        """Return the head's revision."""
        rows = self.database.read(lambda connection: connection.run(sql.REVISION))
        if len(rows) != 1:
            raise StoreDamagedError("store", kind="head")
        return int(rows[0][0])

    # --- writing -----------------------------------------------------------------------------------------------

    @contextmanager
    def write(self) -> Iterator[Work]:
        """Run the block as one change; inside another one of this thread, as part of it."""
        database = self.database
        outer = database.local("work")
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


class Work:
    """One change in progress."""

    def __init__(self, connection: Connection, sealer: Sealer, head: Head) -> None:
        self.connection = connection
        self.sealer = sealer
        self.head = head
        self.removes = False
        self.is_broken = False  # a part failed, and the caller went on
        self._dirty = False

    def finish(self, *events: AuditEvent) -> None:
        """Append *events* and write the head, as the last thing before the commit."""
        if self.is_broken:
            raise ProviderUnavailableError("store", kind="BrokenTransaction")
        for event in events:
            self.append(event)
        if self._dirty:
            self.connection.run(sql.HEAD_UPDATE, **self.head.row(self.sealer))

    def append(self, event: AuditEvent, *, revises: bool = False) -> int:
        """Append a line to the trail and return its number; *revises* if it changes who may do what."""
        head, now = self.head, time.time()
        details = json.dumps(dict(event.details), sort_keys=True)
        line: list[str | int | float] = [
            head.seq + 1,
            now,
            *map(_clean, (event.actor, event.action, event.target, event.outcome)),
            details,
        ]
        head.mac = self.sealer.chain(head.audit_key, head.mac, line)
        head.seq += 1
        head.revision += revises
        columns = ("seq", "at", "actor", "action", "target", "outcome", "details")
        self.connection.run(
            sql.AUDIT_INSERT, **dict(zip(columns, line, strict=True)), audit_key=head.audit_key, mac=head.mac
        )
        self._dirty = True
        return head.seq

    def record(self, kind: str, key: str) -> Record | None:
        """Return the record as this change sees it."""
        return _record(self.connection, self.sealer, kind, key)

    def ended(self, kind: str, now: float) -> list[Record]:
        """Return the records of a kind whose time is over."""
        rows = self.connection.run(sql.RECORDS_ENDED, kind=kind, now=now)
        return [_opened(self.sealer, kind, row) for row in rows]

    def save(
        self,
        kind: str,
        key: str,
        data: JSON,
        seq: int,
        old: Record | None,
        *,
        number: int = 0,
        value_seq: int = 0,
        ends: float | None = None,
    ) -> Record:
        """Keep *data* under *key*, in place of *old*."""
        if old is not None:
            self.drop(old)
        place = (kind, key, seq, number, value_seq, ends)
        record = Record(*place, self._sealed(json.dumps(data).encode(), record_place(*place)), data)
        columns = ("kind", "key", "seq", "number", "value_seq", "ends", "body")
        self.connection.run(sql.RECORD_INSERT, **{column: getattr(record, column) for column in columns})
        return record

    def drop(self, old: Record) -> None:
        """Remove a record."""
        self._count(old.body, -1, old.place)
        self.connection.run(sql.RECORD_DELETE, kind=old.kind, key=old.key)
        self.removes = True

    def save_version(self, name: str, version: int, seq: int, data: bytes) -> None:
        """Keep a value."""
        body = self._sealed(data, version_place(name, version, seq))
        self.connection.run(sql.VERSION_INSERT, name=name, version=version, seq=seq, body=body)

    def drop_version(self, name: str, version: int, seq: int, body: bytes) -> None:
        """Remove a value."""
        self._count(body, -1, version_place(name, version, seq))
        self.connection.run(sql.VERSION_DELETE, name=name, version=version)
        self.removes = True

    def _sealed(self, data: bytes, place: str) -> bytes:
        if self.head.seals >= SEALS_MAX:
            raise LimitError("seals under one data key; rotate it", SEALS_MAX)
        self.head.seals += 1
        body = self.sealer.seal(data, place)
        self._count(body, 1, place)
        return body

    def _count(self, body: bytes, sign: int, place: str) -> None:
        self.head.state = add(self.head.state, sign * self.sealer.fingerprint(body, place))
        self._dirty = True


def digest(sealer: Sealer, records: list[Row], versions: list[Row]) -> bytes:
    """Digest all rows, given as places and tags of seals."""
    total = 0
    try:
        for *place, tag in records:
            total += sealer.fingerprint(tag, record_place(*place))
        for *place, tag in versions:
            total += sealer.fingerprint(tag, version_place(*place))
    except TypeError:  # a column holds something of another type
        return b""
    return add(bytes(32), total)


def key_text(text: str) -> str:
    """Refuse a text that one of the databases could not keep as a key."""
    if not 0 < len(text) <= _TEXT_MOST or _clean(text) != text:
        raise InputError("a key is 1 to 1024 characters without NUL")
    return text


def _clean(text: str) -> str:
    """Make any text fit for a line: no NUL, no lone surrogate, not too long."""
    return text[:_TEXT_MOST].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _record(connection: Connection, sealer: Sealer, kind: str, key: str) -> Record | None:
    rows = connection.run(sql.RECORD, kind=kind, key=key)
    return _opened(sealer, kind, rows[0]) if rows else None


def _opened(sealer: Sealer, kind: str, row: Row) -> Record:
    key, seq, number, value_seq, ends, body = row
    place = record_place(kind, key, seq, number, value_seq, ends)
    return Record(kind, key, seq, number, value_seq, ends, body, json.loads(sealer.unseal(body, place, key)))
