"""Shelves: the service's state, one kind of record each, sealed like the secrets themselves."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import SecretStr

from secretref._grant import Subject
from secretref.store._seal import plain
from secretref.store._types import AccessKey, AuditEvent, GrantRecord, Token
from secretref.store._work import Work, key_text

if TYPE_CHECKING:
    from secretref.store._ledger import Ledger

T = TypeVar("T", bound=Any)


def to_json(record: Any) -> dict[str, Any]:
    """Turn a frozen record into JSON."""
    return {field.name: _json(getattr(record, field.name)) for field in dataclasses.fields(record)}


def _json(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return dict(value) if isinstance(value, Mapping) else value


def from_json(kind: type[T], data: dict[str, Any]) -> T:
    """Undo :func:`to_json`; the records hold no other lists and objects."""
    made: T = kind(**{name: _frozen(value) for name, value in data.items()})
    return made


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return frozenset(value)
    return MappingProxyType(value) if isinstance(value, dict) else value


class Shelf(Generic[T]):
    """One kind of record, each under a key of 1 to 1024 characters."""

    def __init__(self, ledger: Ledger, kind: str, record: type[T]) -> None:
        self._ledger = ledger
        self._kind = kind
        self._record = record
        self._known: tuple[int, Mapping[str, T]] = (-1, {})

    def get(self, key: str) -> T | None:
        """Return the record under *key*, or ``None``."""
        found = self._ledger.record(self._kind, key_text(key))
        return None if found is None else from_json(self._record, found.data)

    def all(self) -> Mapping[str, T]:
        """Return every record by key, sorted. The mapping is read-only and shared until something changes."""
        if self._ledger.database.in_transaction:
            return self._read_all()
        revision = self._ledger.revision()
        known_at, known = self._known
        if known_at != revision:
            known = self._read_all()
            self._known = (revision, known)  # what was read later than the revision is read again, at worst
        return known

    def _read_all(self) -> Mapping[str, T]:
        found = self._ledger.records(self._kind)
        return MappingProxyType({key: from_json(self._record, record.data) for key, record in found.items()})

    def put(self, key: str, record: T, *, actor: str, action: str = "") -> None:
        """Keep *record* under *key*, replacing what stood there. *action* defaults to ``<kind>.put``."""
        self.change(key, lambda _: record, actor=actor, action=action)

    def change(
        self,
        key: str,
        change: Callable[[T | None], T | None],
        *,
        actor: str,
        action: str = "",
        target: str = "",
        details: Mapping[str, str] | None = None,
    ) -> T | None:
        """Replace the record by what *change* makes of it, in one transaction, so that no update is lost.

        Args:
            key: Of the record.
            change: Gets ``None`` for a key without record, deletes by returning ``None``; what it raises undoes all.
            actor: Who does it.
            action: For the audit line; ``<kind>.put`` or ``<kind>.delete`` if not given.
            target: For the audit line; the key if not given.
            details: For the audit line.
        """
        key_text(key)

        def changed(work: Work) -> T | None:
            old = work.record(self._kind, key)
            before = None if old is None else from_json(self._record, old.data)
            after = change(before)
            verb = "delete" if after is None else "put"
            event = AuditEvent(actor, action or f"{self._kind}.{verb}", target or key, details=details or {})
            if after is None and old is not None:
                work.append(event, revises=True)
                work.drop(old)
            elif after is not None and after != before:
                seq = work.append(event, revises=True)
                work.save(self._kind, key, to_json(after), seq, old)
            return after

        return self._ledger.write(changed)

    def delete(self, key: str, *, actor: str, action: str = "") -> bool:
        """Delete the record; tell whether there was one."""
        there = False

        def change(record: T | None) -> None:
            nonlocal there
            there = record is not None

        self.change(key, change, actor=actor, action=action)
        return there


class Grants(Shelf[GrantRecord]):
    """Permissions, additive; at most one record for each pair of subject and target."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, "grant", GrantRecord)

    def add(self, grant: GrantRecord, *, actor: str) -> GrantRecord:
        """Add the grant's access to what the subject has on the target; return the sum."""

        def change(old: GrantRecord | None) -> GrantRecord:
            return dataclasses.replace(grant, access=grant.access | (old.access if old else frozenset()))

        return self._told(grant, change, actor=actor, action="grant.add") or grant

    def remove(self, grant: GrantRecord, *, actor: str) -> GrantRecord | None:
        """Take the grant's access away; return what is left, ``None`` if nothing."""

        def change(old: GrantRecord | None) -> GrantRecord | None:
            left = old.access - grant.access if old else frozenset()
            return dataclasses.replace(grant, access=left) if left else None

        return self._told(grant, change, actor=actor, action="grant.remove")

    def _told(
        self, grant: GrantRecord, change: Callable[[GrantRecord | None], GrantRecord | None], *, actor: str, action: str
    ) -> GrantRecord | None:
        """Change the grant; its audit line tells in words who may do what, its target is what the grant is on."""
        subject = str(Subject(grant.subject_type, grant.subject_id))
        details = {"subject": subject, "access": " ".join(sorted(grant.access)), "kind": grant.target_type}
        return self.change(
            _grant_key(grant), change, actor=actor, action=action, target=grant.target_id, details=details
        )

    def of_subject(self, subject_type: str, subject_id: str) -> tuple[GrantRecord, ...]:
        """Return the subject's grants."""
        subject = (subject_type, subject_id)
        return tuple(grant for grant in self.all().values() if (grant.subject_type, grant.subject_id) == subject)

    def on_target(self, target_type: str, target_id: str) -> tuple[GrantRecord, ...]:
        """Return the grants on the target."""
        target = (target_type, target_id)
        return tuple(grant for grant in self.all().values() if (grant.target_type, grant.target_id) == target)


def _grant_key(grant: GrantRecord) -> str:
    """Join subject and target; lengths keep two pairs from having one key."""
    subject = f"{grant.subject_type}:{grant.subject_id}"
    return f"{len(subject)} {subject} {grant.target_type}:{grant.target_id}"


class AccessKeys(Shelf[AccessKey]):
    """Access keys of applications, by key id."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, "access_key", AccessKey)

    def issue(self, application_id: str, *, actor: str) -> tuple[AccessKey, SecretStr]:
        """Make a key with a random secret, which is returned this once and kept as a hash only."""
        secret = SecretStr(secrets.token_urlsafe(32))
        key = AccessKey(str(uuid.uuid4()), application_id, time.time(), secret_hash=_hash(secret))
        self.put(key.id, key, actor=actor, action="access_key.issue")
        return key, secret

    def check(self, key_id: str, secret: SecretStr) -> AccessKey | None:
        """Return the key if it is active and *secret* is its secret; an unknown key costs the same comparison."""
        key = self.all().get(key_id)
        matches = hmac.compare_digest(key.secret_hash if key else "-", _hash(secret))
        return key if key is not None and matches and key.active else None


class Tokens:
    """Bearer tokens, found by their text, kept by its hash."""

    _kind = "token"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add(self, token: SecretStr, *, user_id: str, lifetime: float | None, actor: str, key_id: str = "") -> Token:
        """Remember *token* for *lifetime* seconds, ``None`` for no end. Tokens that have ended are dropped."""
        now = time.time()
        made = Token(_hash(token), user_id, key_id, now, None if lifetime is None else now + lifetime)

        def added(work: Work) -> Token:
            for ended in work.ended(self._kind, now):
                work.drop(ended)
            seq = work.append(AuditEvent(actor, "token.issue", user_id, details={"key": key_id}))
            old = work.record(self._kind, made.hash)
            work.save(self._kind, made.hash, to_json(made), seq, old, ends=made.expires_at)
            return made

        return self._ledger.write(added)

    def find(self, token: SecretStr) -> Token | None:
        """Return what is known about *token*, expired or not; ``None`` if unknown or revoked."""
        found = self._ledger.record(self._kind, _hash(token))
        return None if found is None else from_json(Token, found.data)

    def revoke(
        self, *, actor: str, token: SecretStr | None = None, key_id: str | None = None, user_id: str | None = None
    ) -> int:
        """Revoke one token, or all of a key or a user; return how many there were."""
        one = None if token is None else [_hash(token)]

        def revoked(work: Work) -> int:
            found = [
                record
                for record in self._ledger.records(self._kind, one).values()
                if one or (key_id is not None and record.data["key_id"] == key_id) or record.data["user_id"] == user_id
            ]
            for record in found:
                work.append(AuditEvent(actor, "token.revoke", record.data["user_id"]), revises=True)
                work.drop(record)
            return len(found)

        return self._ledger.write(revoked)


def _hash(secret: SecretStr) -> str:
    """Hash a random text of at least 128 bits: nothing to guess, so nothing to slow down."""
    return hashlib.sha256(plain(secret)).hexdigest()
