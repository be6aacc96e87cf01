"""The tables, the steps that made them, and every statement the store runs.

A migration is a list of DDL statements and is never edited once released; ``FORMAT`` is the number of steps applied.
All steps that are missing run in one transaction, so a store has the old format or the new one and nothing between.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.expression import ClauseElement, ColumnElement

_tables = MetaData()

meta = Table(
    "secretref_meta", _tables, Column("name", String, primary_key=True), Column("value", String, nullable=False)
)
keys = Table(  # data keys, wrapped by the master key; audit keys, sealed by the data key
    "secretref_keys",
    _tables,
    Column("id", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
)
head = Table(  # one row: where the trail ends, and a digest over everything that is sealed
    "secretref_head",
    _tables,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("seals", BigInteger, nullable=False),
    Column("data_key", String, nullable=False),
    Column("audit_key", String, nullable=False),
    Column("tag", LargeBinary, nullable=False),
)
records = Table(  # everything but values: entries of secrets, grants, applications, tokens …
    "secretref_records",
    _tables,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),  # current version of a secret, else 0
    Column("value_seq", BigInteger, nullable=False),  # line under which that version was sealed, else 0
    Column("ends", Float),  # from when on it counts as absent
    Column("body", LargeBinary, nullable=False),
)
versions = Table(
    "secretref_versions",
    _tables,
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
audit = Table(
    "secretref_audit",
    _tables,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("target", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("details", String, nullable=False),
    Column("audit_key", String, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)
_by_target = Index("secretref_audit_target", audit.c.target, audit.c.seq)

MIGRATIONS: list[list[ClauseElement]] = [
    [*(CreateTable(table) for table in (meta, keys, head, records, versions, audit)), CreateIndex(_by_target)],
]

ROW_TABLES: Final = (meta, keys, records, versions, audit, head)  # what a backup copies, in this order


def _equal(table: Table, *columns: str) -> list[ColumnElement[bool]]:
    return [table.c[column] == bindparam(column) for column in columns]


def _tail(column: Column[bytes]) -> Any:
    """Return the last 16 bytes: the tag of a seal."""
    return func.substr(column, func.length(column) - 15, 16)


_place = (records.c.key, records.c.seq, records.c.number, records.c.value_seq, records.c.ends)
_record = (*_place, records.c.body)
_of_keys = (records.c.kind == bindparam("kind"), records.c.key.in_(bindparam("keys", expanding=True)))

# Reading values is this one statement, whatever the number of names.
FETCH = (
    select(*_record, versions.c.body)
    .join_from(records, versions, (versions.c.name == records.c.key) & (versions.c.version == records.c.number))
    .where(*_of_keys)
)
REVISION = select(head.c.revision)

HEAD = select(head)
HEAD_FOR_UPDATE = select(head).with_for_update()
HEAD_INSERT = insert(head)
HEAD_UPDATE = update(head).values(
    {column.name: bindparam(column.name) for column in head.columns if column.name != "id"}
)
META = select(meta.c.value).where(*_equal(meta, "name"))
META_INSERT = insert(meta)
FORMAT_UPDATE = update(meta).where(meta.c.name == "format").values(value=bindparam("value"))
KEYS = select(keys.c.id, keys.c.purpose, keys.c.wrapped)
KEY_INSERT = insert(keys)
KEYS_DELETE = delete(keys)

RECORD = select(*_record).where(*_equal(records, "kind", "key"))
RECORDS = select(*_record).where(*_equal(records, "kind"))
RECORDS_OF = select(*_record).where(*_of_keys)
RECORDS_ENDED = select(*_record).where(*_equal(records, "kind"), records.c.ends <= bindparam("now"))
RECORD_INSERT = insert(records)
RECORD_DELETE = delete(records).where(*_equal(records, "kind", "key"))
VERSION = select(versions.c.seq, versions.c.body).where(*_equal(versions, "name", "version"))
VERSIONS = select(versions.c.version, versions.c.seq, versions.c.body).where(*_equal(versions, "name"))
VERSION_INSERT = insert(versions)
VERSION_DELETE = delete(versions).where(*_equal(versions, "name", "version"))

# All rows, for opening (tags of seals only), verification, rotation and backup.
RECORD_TAGS = select(records.c.kind, *_place, _tail(records.c.body))
VERSION_TAGS = select(versions.c.name, versions.c.version, versions.c.seq, _tail(versions.c.body))
ROWS = {table: select(table) for table in ROW_TABLES}
INSERTS = {table: insert(table) for table in ROW_TABLES}

AUDIT_INSERT = insert(audit)
AUDIT_LINE = select(audit).where(*_equal(audit, "seq"))
AUDIT_CHAIN = select(audit).where(audit.c.seq > bindparam("after")).order_by(audit.c.seq).limit(bindparam("limit"))
AUDIT_PAGE = (
    select(audit)
    .where(
        audit.c.seq > bindparam("after"),
        audit.c.seq < bindparam("before"),
        *(or_(bindparam(name) == "", audit.c[name] == bindparam(name)) for name in ("actor", "target")),
        or_(bindparam("action") == "", audit.c.action.like(bindparam("action"), escape="!")),
    )
    .order_by(audit.c.seq.desc())
    .limit(bindparam("limit"))
)
