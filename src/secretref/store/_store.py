"""Store: an encrypted provider that can also put and delete, and keeps the service's state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from pydantic import SecretStr

    from secretref.store._keys import Key
    from secretref.store._types import (
        AccessKey,
        Application,
        AuditEvent,
        AuditLine,
        Entry,
        EnvironmentVariable,
        GrantRecord,
        Group,
        StoreInfo,
        Token,
        User,
        Verification,
        Version,
    )

T = TypeVar("T")


class Shelf(Generic[T]):
    """One kind of record, each under a key: ``store.applications``, ``store.users``, …"""

    def get(self, key: str) -> T | None:
        """Return the record under *key*, or ``None``."""
        raise NotImplementedError

    def all(self) -> Mapping[str, T]:
        """Return every record by key, sorted. The mapping is read-only and shared until something changes."""
        raise NotImplementedError

    def put(self, key: str, record: T, *, actor: str, action: str = "") -> None:
        """Keep *record* under *key*, replacing what stood there. *action* defaults to ``<kind>.put``."""
        raise NotImplementedError

    def change(self, key: str, change: Callable[[T | None], T | None], *, actor: str, action: str = "") -> T | None:
        """Replace the record by what *change* makes of it, in one transaction, so that no update is lost.

        *change* gets ``None`` for a key without record, and deletes by returning ``None``. What it raises undoes all.
        """
        raise NotImplementedError

    def delete(self, key: str, *, actor: str, action: str = "") -> bool:
        """Delete the record; tell whether there was one."""
        raise NotImplementedError


class Grants(Shelf["GrantRecord"]):
    """Permissions, additive; at most one record for each pair of subject and target."""

    def add(self, grant: GrantRecord, *, actor: str) -> GrantRecord:
        """Add the grant's access to what the subject has on the target; return the sum."""
        raise NotImplementedError

    def remove(self, grant: GrantRecord, *, actor: str) -> GrantRecord | None:
        """Take the grant's access away; return what is left, ``None`` if nothing."""
        raise NotImplementedError

    def of_subject(self, subject_type: str, subject_id: str) -> tuple[GrantRecord, ...]:
        """Return the subject's grants."""
        raise NotImplementedError

    def on_target(self, target_type: str, target_id: str) -> tuple[GrantRecord, ...]:
        """Return the grants on the target."""
        raise NotImplementedError


class AccessKeys(Shelf["AccessKey"]):
    """Access keys of applications, by key id."""

    def issue(self, application_id: str, *, actor: str) -> tuple[AccessKey, SecretStr]:
        """Make a key with a random secret, which is returned this once and kept as a hash only."""
        raise NotImplementedError

    def check(self, key_id: str, secret: SecretStr) -> AccessKey | None:
        """Return the key if it is active and *secret* is its secret; unknown keys cost the same time."""
        raise NotImplementedError


class Tokens:
    """Bearer tokens, found by their text, kept by its hash."""

    def add(self, token: SecretStr, *, user_id: str, key_id: str = "", lifetime: float | None, actor: str) -> Token:
        """Remember *token*; *lifetime* in seconds, ``None`` for no end. Expired tokens are dropped on the way."""
        raise NotImplementedError

    def find(self, token: SecretStr) -> Token | None:
        """Return what is known about *token*, expired or not; ``None`` if unknown or revoked."""
        raise NotImplementedError

    def revoke(
        self, *, token: SecretStr | None = None, key_id: str | None = None, user_id: str | None = None, actor: str
    ) -> int:
        """Revoke one token, or all of a key or user; return how many there were."""
        raise NotImplementedError


class AuditTrail:
    """The trail: lines numbered without gaps, each chained to the one before by a keyed hash."""

    def record(self, *events: AuditEvent) -> None:
        """Append *events* in one durable transaction; threads that call at the same time share it.

        Raises:
            AuditError: They could not be written, so whatever they stand for must not happen.
        """
        raise NotImplementedError

    def lines(
        self,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
    ) -> tuple[AuditLine, ...]:
        """Return a page of lines, newest first.

        Args:
            after: Only lines with a greater number.
            before: Only lines with a smaller number: the last one of the page before.
            limit: Lines at most.
            actor: Only what this actor did.
            action: Only this action, or with a trailing ``.*`` this kind.
            target: Only what concerns this name or id.
        """
        raise NotImplementedError


class Store:
    """An encrypted store in SQLite or PostgreSQL; a provider that can also put and delete.

    Every mutation is one transaction that also holds its audit line. Handles may be shared by threads and survive a fork.
    Get one from :func:`open_store`; close it, or use it as a context manager.

    Attributes:
        grants: Permissions.
        applications: Applications by id.
        access_keys: Their keys by key id.
        tokens: Bearer tokens.
        users: Users by id.
        groups: Groups by id.
        environment: Environment variables by name.
        audit: The audit trail.
    """

    grants: Grants
    applications: Shelf[Application]
    access_keys: AccessKeys
    tokens: Tokens
    users: Shelf[User]
    groups: Shelf[Group]
    environment: Shelf[EnvironmentVariable]
    audit: AuditTrail

    def fetch(self, names: frozenset[str]) -> Mapping[str, SecretStr]:
        """Return the current value of each name that has one and has not expired, in one query.

        Raises:
            StoreDamagedError: An entry's seal does not hold.
            ProviderUnavailableError: The database could not be asked.
        """
        raise NotImplementedError

    async def afetch(self, names: frozenset[str]) -> Mapping[str, SecretStr]:
        """Do what :meth:`fetch` does, in a thread."""
        raise NotImplementedError

    def fetch_version(self, name: str, version: int) -> SecretStr | None:
        """Return the value of one version, ``None`` if there is no such version."""
        raise NotImplementedError

    def exists(self, name: str) -> bool:
        """Tell whether :meth:`fetch` would find *name*."""
        raise NotImplementedError

    def entry(self, name: str) -> Entry | None:
        """Return what is known of *name* besides its value; expired ones too."""
        raise NotImplementedError

    def entries(self, names: Iterable[str] | None = None) -> Mapping[str, Entry]:
        """Return the entries of *names*, or all, sorted by name; expired ones too."""
        raise NotImplementedError

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
        raise NotImplementedError

    def delete(self, name: str, *, actor: str | None = None) -> bool:
        """Delete *name* with all its versions; tell whether there was one."""
        raise NotImplementedError

    def tag(self, name: str, tags: Mapping[str, str | None], *, actor: str | None = None) -> Entry:
        """Set tags by key; ``None`` removes one.

        Raises:
            SecretNotFoundError: There is no such secret.
        """
        raise NotImplementedError

    def versions(self, name: str) -> tuple[Version, ...]:
        """Return the versions that are kept, newest first."""
        raise NotImplementedError

    def rollback(self, name: str, version: int, *, actor: str | None = None) -> Entry:
        """Make the value of an earlier version the current one, as a new version.

        Raises:
            SecretNotFoundError: There is no such version.
        """
        raise NotImplementedError

    def revision(self) -> int:
        """Return a number that grows whenever who-may-do-what changed, in any process.

        It covers grants, applications, access keys, users, groups, tags, revoked tokens and deleted secrets; new tokens
        and values do not count. What was decoded at one revision holds as long as this number stays.
        """
        raise NotImplementedError

    def transaction(self) -> AbstractContextManager[None]:
        """Make what this thread does until the end of the block one transaction, readings included."""
        raise NotImplementedError

    def rotate_key(self, new: Key | None = None, *, actor: str | None = None) -> StoreInfo:
        """Seal everything anew under a new data key, wrapped by *new* master key; the old one opens nothing afterwards.

        All or nothing: when the process dies, call it again. A key kept in a file or keyring is replaced in place
        when *new* is not given.
        """
        raise NotImplementedError

    def backup(self, path: str | Path) -> StoreInfo:
        """Write a consistent copy, sealed under the same key, to a new file of mode 0600: a store of its own."""
        raise NotImplementedError

    def verify(self, *, anchor: str | None = None) -> Verification:
        """Open every seal and follow the audit chain; *anchor* is one that an earlier call returned."""
        raise NotImplementedError

    def info(self) -> StoreInfo:
        """Tell what runs underneath."""
        raise NotImplementedError

    def close(self) -> None:
        """Give the connections back and forget the keys."""
        raise NotImplementedError

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        """Names of all secrets, sorted; expired ones too."""
        raise NotImplementedError


def open_store(
    url: str | Path,
    *,
    key: Key | str | None = None,
    create: bool = False,
    actor: str = "local",
    anchor: str | None = None,
) -> Store:
    """Open the store at *url*; with ``create=True`` make it if there is none.

    Args:
        url: A file path, ``sqlite:///path`` or ``postgresql://…``.
        key: The master key, or where it is kept: ``file:PATH``, ``env:NAME``, ``keyring:SERVICE/NAME``.
            By default the file ``<path>.key`` beside an SQLite store, made together with it.
        create: Make the store, its directory and its key file when they are missing.
        actor: Who is named in audit lines when a call names nobody.
        anchor: End of the audit trail as an earlier :meth:`Store.verify` returned it; an older copy is refused.

    Raises:
        ConfigurationError: No such store, no key, or files that others can read.
        StoreKeyError: The key does not open it; nothing was changed.
        StoreFormatError: A newer release wrote it.
        StoreDamagedError: Its contents were changed by something else than this library.
        ProviderUnavailableError: The database could not be reached.
    """
    raise NotImplementedError


def restore(backup: str | Path, url: str | Path, *, key: Key | str, actor: str = "local") -> Store:
    """Make a store at *url*, where none may be, from a backup; the key is the one of the backup's time."""
    raise NotImplementedError
