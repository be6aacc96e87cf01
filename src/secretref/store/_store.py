"""Store: an encrypted provider that can also put and delete, and keeps the service's state."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Never, Self, TypeVar, overload

from pydantic import SecretStr

from secretref.errors import (
    InputError,
    LimitError,
    SecretNotFoundError,
    StoreConflictError,
    StoreDamagedError,
)
from secretref.providers import is_name
from secretref.store import _tables as sql
from secretref.store import _upkeep
from secretref.store._seal import plain, record_place, version_place
from secretref.store._shelves import AccessKeys, Grants, Shelf, Tokens
from secretref.store._trail import AuditTrail
from secretref.store._types import (
    Application,
    AuditEvent,
    Entry,
    EnvironmentVariable,
    Group,
    Role,
    StoreInfo,
    User,
    Verification,
    Version,
)

if TYPE_CHECKING:
    from secretref.providers import ProviderURL
    from secretref.store._connection import Connection
    from secretref.store._keys import Key
    from secretref.store._ledger import Ledger
    from secretref.store._seal import Sealer
    from secretref.store._work import JSON, Record, Work

T = TypeVar("T")
VALUE_MOST: Final = 2**20
_KIND: Final = "secret"
_MADE: Final = struct.Struct(">dH")  # when, and the length of by whom; both stand before the value in a version's seal


class Store:
    """An encrypted store in SQLite or PostgreSQL; a provider that can also put and delete.

    Every change is one transaction that also holds its audit line. Handles may be shared by threads and survive a
    fork. Get one from :func:`open_store`; close it, or use it as a context manager.

    Attributes:
        grants: Permissions.
        applications: Applications by id.
        access_keys: Their keys by key id.
        tokens: Bearer tokens.
        users: Users by id.
        groups: Groups by id.
        roles: Roles made by the operator, by name.
        environment: Environment variables by name.
        audit: The audit trail.
    """

    name = "store"

    def __init__(self, ledger: Ledger, *, actor: str, history: int, seen: dict[str, int]) -> None:
        self._ledger = ledger
        self._actor = actor
        self._history = history
        self._seen = seen  # last line of each secret met so far: an older row put back is refused
        self.grants = Grants(ledger)
        self.applications = Shelf(ledger, "application", Application)
        self.access_keys = AccessKeys(ledger)
        self.tokens = Tokens(ledger)
        self.users = Shelf(ledger, "user", User)
        self.groups = Shelf(ledger, "group", Group)
        self.roles = Shelf(ledger, "role", Role)
        self.environment = Shelf(ledger, "environment", EnvironmentVariable)
        self.audit = AuditTrail(ledger)

    @classmethod
    def from_url(cls, url: ProviderURL) -> Store:
        """Open the store of ``store://PATH`` or ``store://?url=postgresql://…``; ``key`` says where its key is."""
        from secretref.store._open import open_store  # noqa: PLC0415 - opening builds stores

        place = url.text("url", "") or url.path()
        return open_store(place, key=url.text("key", "") or None)

    def __repr__(self) -> str:
        return f"Store({self._ledger.database.backend.url!r})"

    def __reduce__(self) -> Never:
        """Refuse to be copied or pickled: keys stay in this process."""
        raise TypeError("a store can be neither copied nor pickled; open it where it is needed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- reading -----------------------------------------------------------------------------------------------

    def fetch(self, names: frozenset[str]) -> Mapping[str, SecretStr]:
        """Return the current value of each name that has one and has not expired, in one query.

        Raises:
            StoreDamagedError: An entry's seal does not hold.
            StoreKeyError: The key was rotated, and the key at hand does not open the store any more.
            ProviderUnavailableError: The database could not be asked.
        """
        asked = [name for name in names if is_name(name)]
        return self._ledger.read(lambda connection, sealer: self._fetched(connection, sealer, asked))

    async def afetch(self, names: frozenset[str]) -> Mapping[str, SecretStr]:
        """Do what :meth:`fetch` does, in a thread."""
        return await asyncio.to_thread(self.fetch, names)

    refetch, arefetch = fetch, afetch  # no value is ever kept, so each fetch is fresh

    def _fetched(self, connection: Connection, sealer: Sealer, names: list[str]) -> Mapping[str, SecretStr]:
        seen = {name: self._seen.get(name, 0) for name in names}
        found: dict[str, SecretStr] = {}
        for *place, body, value_body in connection.run_keys(sql.FETCH, _KIND, names):
            name, seq, number, value_seq, ends = place
            sealer.unseal(body, record_place(_KIND, *place), name)
            value = sealer.unseal(value_body, version_place(name, number, value_seq), name)
            if seq < seen[name]:
                raise StoreDamagedError(self.name, kind="replayed", names=[name])
            if not self._ledger.database.in_transaction:  # which may yet be undone
                self._seen[name] = seq
            if ends is None or time.time() < ends:
                found[name] = _value(value)
        return found

    def fetch_version(self, name: str, version: int) -> SecretStr | None:
        """Return the value of one version, ``None`` if there is no such version."""
        if not is_name(name):
            return None

        def work(connection: Connection, sealer: Sealer) -> SecretStr | None:
            rows = connection.run(sql.VERSION, name=name, version=version)
            seq, body = rows[0] if rows else (0, None)
            return None if body is None else _value(sealer.unseal(body, version_place(name, version, seq), name))

        return self._ledger.read(work)

    @overload
    def exists(self, names: str) -> bool: ...
    @overload
    def exists(self, names: frozenset[str]) -> frozenset[str]: ...
    def exists(self, names: str | frozenset[str]) -> bool | frozenset[str]:
        """Return those of *names* that :meth:`fetch` would find; for a single name tell whether it would."""
        asked, now = frozenset([names]) if isinstance(names, str) else names, time.time()
        entries = self.entries(asked).values()
        found = frozenset(entry.name for entry in entries if entry.expires_at is None or now < entry.expires_at)
        return bool(found) if isinstance(names, str) else found

    def entry(self, name: str) -> Entry | None:
        """Return what is known of *name* besides its value; expired ones too."""
        return self.entries([name]).get(name)

    def entries(self, names: Iterable[str] | None = None) -> Mapping[str, Entry]:
        """Return the entries of *names*, or all, sorted by name; expired ones too."""
        asked = None if names is None else [name for name in names if is_name(name)]
        return {name: _entry(record) for name, record in self._ledger.records(_KIND, asked).items()}

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of all secrets, sorted; expired ones too."""
        return iter(self.entries())

    def versions(self, name: str) -> tuple[Version, ...]:
        """Return the versions that are kept, newest first."""
        if not is_name(name):
            return ()

        def work(connection: Connection, sealer: Sealer) -> tuple[Version, ...]:
            rows = sorted(connection.run(sql.VERSIONS, name=name), reverse=True)
            return tuple(
                Version(name, version, *_made(sealer.unseal(body, version_place(name, version, seq), name)))
                for version, seq, body in rows
            )

        return self._ledger.read(work)

    def revision(self) -> int:
        """Return a number that grows whenever who-may-do-what changed, in any process.

        It covers every shelf, revoked tokens, tags and deleted secrets; new tokens and values do not count. What was
        decoded at one revision holds as long as this number stays.
        """
        return self._ledger.revision()

    # --- changing ----------------------------------------------------------------------------------------------

    def put(
        self,
        name: str,
        value: SecretStr,
        *,
        actor: str | None = None,
        tags: Mapping[str, str] | None = None,
        expires_at: float | None = None,
        expected: int | None = None,
    ) -> Entry:
        """Keep *value* as the next version of *name*.

        Args:
            name: ``[A-Za-z0-9_-]{1,255}``.
            value: At most 1 MiB as UTF-8.
            actor: Who does it; the store's own actor if not given.
            tags: Replace the tags; ``None`` keeps those there are.
            expires_at: End of the secret in seconds since the epoch; ``None`` for no end.
            expected: Version that must be the current one, 0 for none.

        Raises:
            InputError: The name or value is of a kind the store cannot keep.
            LimitError: The value is too large.
            StoreConflictError: *expected* is not the current version.
            ProviderUnavailableError: Disk full, I/O error or no connection; the store is as before.
        """
        data = _checked(name, value)
        return self._ledger.write(
            lambda work: self._put(
                work, name, data, "secret.put", actor=actor, tags=tags, expires_at=expires_at, expected=expected
            )
        )

    def _put(
        self,
        work: Work,
        name: str,
        data: bytes,
        action: str,
        *,
        actor: str | None,
        tags: Mapping[str, str] | None,
        expires_at: float | None,
        expected: int | None = None,
    ) -> Entry:
        old = work.record(_KIND, name)
        current = old.number if old else 0
        if expected not in {None, current}:
            raise StoreConflictError(self.name, kind=f"version {current}", names=[name])
        now, by = time.time(), (actor or self._actor)
        before: JSON = old.data if old else {"tags": {}, "created_at": now, "created_by": by}
        kept = before["tags"] if tags is None else dict(tags)
        event = AuditEvent(by, action, name, details={"version": str(current + 1)})
        seq = work.append(event, revises=kept != before["tags"])
        made_by = by.encode("utf-8", "replace")[:255]
        work.save_version(name, current + 1, seq, _MADE.pack(now, len(made_by)) + made_by + data)
        data_now = before | {"tags": kept, "updated_at": now, "updated_by": by}
        saved = work.save(_KIND, name, data_now, seq, old, number=current + 1, value_seq=seq, ends=expires_at)
        self._trim(work, name, keep_from=current + 2 - self._history)
        return _entry(saved)

    def _trim(self, work: Work, name: str, *, keep_from: int) -> int:
        rows = [row for row in work.connection.run(sql.VERSIONS, name=name) if row[0] < keep_from]
        for version, seq, body in rows:
            work.drop_version(name, version, seq, body)
        return len(rows)

    def delete(self, name: str, *, actor: str | None = None) -> bool:
        """Delete *name* with all its versions; tell whether there was one."""

        def deleted(work: Work) -> bool:
            old = work.record(_KIND, name)
            if old is None:
                return False
            work.append(AuditEvent(actor or self._actor, "secret.delete", name), revises=True)
            self._trim(work, name, keep_from=old.number + 1)
            work.drop(old)
            return True

        return is_name(name) and self._ledger.write(deleted)

    def tag(self, name: str, tags: Mapping[str, str | None], *, actor: str | None = None) -> Entry:
        """Set tags by key; ``None`` removes one.

        Raises:
            SecretNotFoundError: There is no such secret.
        """

        def tagged(work: Work) -> Entry:
            old = work.record(_KIND, name) if is_name(name) else None
            if old is None:
                raise SecretNotFoundError([name], provider=self.name)
            merged = {key: text for key, text in {**old.data["tags"], **tags}.items() if text is not None}
            by = actor or self._actor
            seq = work.append(AuditEvent(by, "secret.tag", name), revises=True)
            data = old.data | {"tags": merged, "updated_at": time.time(), "updated_by": by}
            return _entry(
                work.save(_KIND, name, data, seq, old, number=old.number, value_seq=old.value_seq, ends=old.ends)
            )

        return self._ledger.write(tagged)

    def rollback(self, name: str, version: int, *, actor: str | None = None) -> Entry:
        """Make the value of an earlier version the current one, as a new version; tags and expiry stay.

        Raises:
            SecretNotFoundError: There is no such version.
        """

        def rolled_back(work: Work) -> Entry:
            old = work.record(_KIND, name) if is_name(name) else None
            rows = work.connection.run(sql.VERSION, name=name, version=version) if old else []
            if old is None or not rows:
                raise SecretNotFoundError([name], provider=self.name)
            data = _data(work.sealer.unseal(rows[0][1], version_place(name, version, rows[0][0]), name))
            return self._put(work, name, data, "secret.rollback", actor=actor, tags=None, expires_at=old.ends)

        return self._ledger.write(rolled_back)

    def changes(self, works: Iterable[Callable[[], T]]) -> list[tuple[T | None, Exception | None]]:
        """Do all *works* in one transaction; return the result or error of each when it is durable.

        One that raises undoes itself only. What other threads change at the same time shares the commit, so any of
        them may do all the work: a work should do nothing but use the store.

        Raises:
            ProviderUnavailableError: Disk full, I/O error or no connection; the store is as before.
        """

        def done(whole: Work) -> list[tuple[T | None, Exception | None]]:
            return [whole.part(work) for work in works]

        return self._ledger.write(done)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what this thread does until the end of the block one transaction, readings included.

        An exception undoes all of it. Other writers wait, so keep it short and await nothing inside.
        """
        with self._ledger.transaction():
            yield

    # --- upkeep ------------------------------------------------------------------------------------------------

    def rotate_key(self, new: Key | None = None, *, actor: str | None = None) -> StoreInfo:
        """Seal everything anew under a new data key, wrapped by *new* master key; the old one opens nothing then.

        All or nothing: when the process dies, call it again. A key kept in a file or keyring is replaced in place
        when *new* is not given.

        Raises:
            ConfigurationError: The kind of key cannot be replaced in place, or a transaction is open.
        """
        _upkeep.rotate(self._ledger, new, actor or self._actor)
        return self.info()

    def backup(self, path: str | Path, *, actor: str | None = None) -> StoreInfo:
        """Write a consistent copy, sealed under the same key, to a new file of mode 0600: a store of its own.

        Raises:
            ConfigurationError: *path* exists.
        """
        self.audit.record(AuditEvent(actor or self._actor, "store.backup"))
        _upkeep.backup(self._ledger, Path(path))
        return self.info()

    def verify(self, *, anchor: str | None = None) -> Verification:
        """Open every seal and follow the audit chain; *anchor* is one that an earlier call returned."""
        return _upkeep.verify(self._ledger, anchor)

    def info(self) -> StoreInfo:
        """Tell what runs underneath."""
        backend = self._ledger.database.backend
        with self._ledger.database.snapshot() as connection:
            engine, journal = backend.describe(connection)
            seals = connection.run(sql.HEAD)[0][5]
        return StoreInfo(
            url=backend.url,
            store_id=self._ledger.store_id,
            format=len(sql.MIGRATIONS),
            engine=engine,
            journal=journal,
            key_id=self._ledger.sealer.key_id,
            key_kind=self._ledger.key.kind,
            seals=seals,
        )

    def close(self) -> None:
        """Close the connections and drop the keys."""
        self._ledger.database.close()
        self._ledger.forget()


def _checked(name: str, value: SecretStr) -> bytes:
    if not is_name(name):
        raise InputError("a name is 1 to 255 of A-Z a-z 0-9 _ -")
    data = plain(value)
    if len(data) > VALUE_MOST:
        raise LimitError("bytes in a value", VALUE_MOST)
    return data


def _made(body: bytes) -> tuple[float, str]:
    at, length = _MADE.unpack_from(body)
    return at, body[_MADE.size : _MADE.size + length].decode("utf-8", "replace")


def _data(body: bytes) -> bytes:
    return body[_MADE.size + _MADE.unpack_from(body)[1] :]


def _value(body: bytes) -> SecretStr:
    return SecretStr(_data(body).decode())


def _entry(record: Record) -> Entry:
    shown = {**record.data, "tags": MappingProxyType(record.data["tags"])}
    return Entry(record.key, record.number, expires_at=record.ends, **shown)
