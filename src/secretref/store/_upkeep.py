"""Upkeep: key rotation, backup and restore, verification."""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING, Any

from secretref.errors import ConfigurationError, ProviderUnavailableError, StoreDamagedError, StoreKeyError
from secretref.store import _files
from secretref.store import _tables as sql
from secretref.store._database import Database
from secretref.store._keys import Key, ReplaceableKey
from secretref.store._ledger import Ledger
from secretref.store._seal import add, record_place, version_place
from secretref.store._sqlite import Sqlite
from secretref.store._types import AuditEvent, Verification
from secretref.store._work import Head, digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from secretref.store._connection import Connection, Row
    from secretref.store._seal import Sealer
    from secretref.store._work import Work

_PAGE = 1000


def rotate(ledger: Ledger, new: Key | None, actor: str) -> None:
    """Seal every row anew under fresh keys, in one transaction."""
    if ledger.database.in_transaction:
        raise ConfigurationError("a key is rotated in a transaction of its own")
    fault = None
    try:
        _rotate(ledger, new, actor)
    except ProviderUnavailableError as error:  # it may have struck after the commit
        fault = error
    if new is not None:
        _use_what_opens(ledger, new)
    if fault is not None:
        raise fault
    ledger.look()
    ledger.settle()


def _use_what_opens(ledger: Ledger, new: Key) -> None:
    """Take the key that opens the store now; where that cannot be told, stay with the old one."""
    old, ledger.key = ledger.key, new
    try:
        ledger.look()
    except (ProviderUnavailableError, StoreKeyError):
        ledger.key = old


def _rotate(ledger: Ledger, new: Key | None, actor: str) -> None:
    with ledger.transaction() as work:
        master = new or _successor(ledger)
        old, head = work.sealer, work.head
        work.append(AuditEvent(actor, "key.rotate", old.key_id))  # the old chain ends with the news
        sealer = ledger.new_keys(work.connection, master, old.audit_keys)
        records, versions = _rows(work.connection, sql.records), _rows(work.connection, sql.versions)
        head.state, head.seals = bytes(32), len(sealer.audit_keys)
        for row in records:
            fresh = _resealed(work, old, sealer, row[-1], record_place(*row[:-1]))
            work.connection.run(sql.RECORD_DELETE, kind=row[0], key=row[1])
            work.connection.run(sql.RECORD_INSERT, **_named(sql.records, (*row[:-1], fresh)))
        for row in versions:
            fresh = _resealed(work, old, sealer, row[-1], version_place(*row[:-1]))
            work.connection.run(sql.VERSION_DELETE, name=row[0], version=row[1])
            work.connection.run(sql.VERSION_INSERT, **_named(sql.versions, (*row[:-1], fresh)))
        head.data_key, head.audit_key = sealer.key_id, sealer.audit_id
        work.sealer, work.removes = sealer, True
        work.append(AuditEvent(actor, "key.use", sealer.key_id))


def _successor(ledger: Ledger) -> Key:
    """Return the next master key, where the key can make one; an interrupted rotation before this one is finished."""
    if not isinstance(ledger.key, ReplaceableKey):
        raise ConfigurationError(f"a key of kind {ledger.key.kind} cannot be replaced in place: give the new one")
    if ledger.is_unsettled():
        ledger.key.promote()
    return ledger.key.successor()


def _resealed(work: Work, old: Sealer, new: Sealer, body: bytes, place: str) -> bytes:
    fresh = new.seal(old.unseal(body, place), place)
    work.head.state = add(work.head.state, new.fingerprint(fresh, place))
    work.head.seals += 1
    return fresh


def _rows(connection: Connection, table: Any) -> list[Row]:
    return connection.run(sql.ROWS[table])


def restore(source: Ledger, target: Ledger) -> None:
    """Copy a backup, once it is known to be whole, to where no store is."""
    if source.format() != len(sql.MIGRATIONS):
        raise ConfigurationError("the backup has an older format: open it once, which migrates it")
    source.check_rows()
    if target.format():
        raise ConfigurationError(f"a store exists at {target.database.backend.url}")
    copy(source.database, target.database)


def copy(source: Database, target: Database) -> None:
    """Copy all rows as they are, from one consistent state, in one transaction."""
    with source.snapshot() as reading, target.transaction() as writing:
        for statement in (statement for step in sql.MIGRATIONS for statement in step):
            writing.define(statement)
        for table in (table for table in sql.ROW_TABLES if table is not sql.audit):
            for row in reading.run(sql.ROWS[table]):
                writing.run(sql.INSERTS[table], **_named(table, row))
        for row in _lines(reading, 0):
            writing.run(sql.AUDIT_INSERT, **_named(sql.audit, row))


def _named(table: Any, row: Row) -> dict[str, Any]:
    return dict(zip(table.columns.keys(), row, strict=True))


def _lines(connection: Connection, after: int) -> Iterator[Row]:
    while page := connection.run(sql.AUDIT_CHAIN, after=after, limit=_PAGE):
        yield from page
        after = page[-1][0]


def backup(ledger: Ledger, path: Path) -> None:
    """Copy the store into a new SQLite file that appears whole or not at all."""
    if os.path.lexists(path):
        raise ConfigurationError(f"{path} exists already")
    partial = Sqlite(path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.partial"))
    partial.make_files()
    target = Database(partial)
    try:
        copy(ledger.database, target)
        target.close()
        os.link(partial.path, path)  # unlike a rename, it does not replace what appeared meanwhile
        _files.sync_directory(path)
    finally:
        target.close()
        partial.remove()


def verify(ledger: Ledger, anchor: str | None) -> Verification:
    """Open every seal and follow the chain."""
    problems: list[str] = []
    with ledger.database.snapshot() as connection:
        sealer = ledger.unlock(connection)
        head, _ = Head.read(connection.run(sql.HEAD))
        records, versions = _rows(connection, sql.records), _rows(connection, sql.versions)
        places = [(f"{row[0]} {row[1]}", record_place(*row[:-1]), row[-1]) for row in records]
        places += [(f"secret {row[0]}, version {row[1]}", version_place(*row[:-1]), row[-1]) for row in versions]
        problems += [
            f"{what}: its seal does not hold" for what, place, body in places if not _holds(sealer, body, place)
        ]
        problems += _missing(sealer, head, records, versions)
        problems += _chain_problems(connection, sealer, head, anchor)
    return Verification(head.seq, len(versions), len(records), tuple(problems), f"{head.seq}:{head.mac.hex()}")


def _holds(sealer: Sealer, body: bytes, place: str) -> bool:
    try:
        sealer.unseal(body, place)
    except StoreDamagedError:
        return False
    return True


def _missing(sealer: Sealer, head: Head, records: list[Row], versions: list[Row]) -> Iterator[str]:
    """Yield what only the whole shows: rows that are gone, or were put back from an older copy."""
    kept = {row[:3] for row in versions}
    for kind, key, _, number, value_seq, *_ in records:
        if kind == "secret" and (key, number, value_seq) not in kept:
            yield f"secret {key}, version {number}: gone"
    if digest(sealer, records, versions) != head.state:
        yield "the rows are not those the head vouches for: some were added, removed, or put back from an older copy"


def _chain_problems(connection: Connection, sealer: Sealer, head: Head, anchor: str | None) -> Iterator[str]:
    """Follow the chain from its start; after a break go on from the line as it stands, to name every break."""
    anchored, _, anchor_mac = (anchor or "0:").partition(":")
    expected, link, is_anchored = 1, bytes(32), anchor is None
    for seq, at, actor, action, target, outcome, details, key_id, mac in _lines(connection, 0):
        if seq != expected:
            yield f"audit: {_span(expected, seq - 1)} gone"
        elif not _follows(sealer, key_id, link, [seq, at, actor, action, target, outcome, details], mac):
            yield f"audit: line {seq} was changed, or moved here"
        expected, link = seq + 1, mac
        is_anchored = is_anchored or (str(seq) == anchored and mac.hex() == anchor_mac)
    if (expected - 1, link) != (head.seq, head.mac):
        yield f"audit: {_span(expected, head.seq)} gone" if expected <= head.seq else "audit: its end is not the head's"
    if not is_anchored:
        yield "audit: the anchor's line is not there: this is an older copy, or another store"


def _span(first: int, last: int) -> str:
    return f"line {first} is" if first == last else f"lines {first} to {last} are"


def _follows(sealer: Sealer, key_id: str, before: bytes, line: list[Any], mac: bytes) -> bool:
    return key_id in sealer.audit_keys and hmac.compare_digest(sealer.chain(key_id, before, line), mac)
