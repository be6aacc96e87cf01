"""One change in progress: rows sealed and dropped, audit lines appended, and the head that vouches for all of them.

The head's tag covers the end of the trail's chain and a digest over the place and seal of every row, so a row that was
added, removed, exchanged or put back from an older copy does not go unnoticed.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from secretref.errors import InputError, LimitError, ProviderUnavailableError, StoreDamagedError
from secretref.store import _tables as sql
from secretref.store._seal import SEALS_MAX, Sealer, add, record_place, version_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretref.store._connection import Connection, Row
    from secretref.store._types import AuditEvent

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


class Work:
    """One change in progress."""

    def __init__(self, connection: Connection, sealer: Sealer, head: Head) -> None:
        self.connection = connection
        self.sealer = sealer
        self.head = head
        self.removes = False
        self.is_broken = False  # something failed, and the caller went on
        self._dirty = False

    def part(self, work: Callable[[], T]) -> tuple[T | None, Exception | None]:
        """Do *work* so that its failure undoes nothing else; return its result or error.

        Raises:
            ProviderUnavailableError: The database gave up the whole transaction.
        """
        head, removes, dirty = replace(self.head), self.removes, self._dirty
        self.connection.text("SAVEPOINT part")
        result: T | None = None
        try:
            result, error = work(), None
            self.check()
        except Exception as raised:  # noqa: BLE001 - it belongs to whoever wanted this
            error = raised
        if error is None:
            self.connection.text("RELEASE SAVEPOINT part")
            return result, None
        self.connection.abandon(" TO SAVEPOINT part")
        if self.connection.dead:
            raise error if isinstance(error, ProviderUnavailableError) else _broken()
        self.head, self.removes, self._dirty, self.is_broken = head, removes, dirty, False
        return None, error

    def check(self) -> None:
        """Go no further once something failed.

        Raises:
            ProviderUnavailableError: Something failed, and the caller went on.
        """
        if self.is_broken:
            raise _broken()

    def finish(self, *events: AuditEvent) -> None:
        """Append *events* and write the head, as the last thing before the commit."""
        self.check()
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
        return record_of(self.connection, self.sealer, kind, key)

    def ended(self, kind: str, now: float) -> list[Record]:
        """Return the records of a kind whose time is over."""
        rows = self.connection.run(sql.RECORDS_ENDED, kind=kind, now=now)
        return [opened(self.sealer, kind, row) for row in rows]

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


def _broken() -> ProviderUnavailableError:
    return ProviderUnavailableError("store", kind="BrokenTransaction")


def record_of(connection: Connection, sealer: Sealer, kind: str, key: str) -> Record | None:
    """Return the record under *key*."""
    rows = connection.run(sql.RECORD, kind=kind, key=key)
    return opened(sealer, kind, rows[0]) if rows else None


def opened(sealer: Sealer, kind: str, row: Row) -> Record:
    """Open the seal of a record's row."""
    key, seq, number, value_seq, ends, body = row
    place = record_place(kind, key, seq, number, value_seq, ends)
    return Record(kind, key, seq, number, value_seq, ends, body, json.loads(sealer.unseal(body, place, key)))
