"""What the store holds and tells: frozen records without a value in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Entry:
    """One secret as the store knows it, without its value.

    Attributes:
        name: What it is called.
        version: Number of the current version; the first is 1.
        tags: Labels, one value for each key.
        created_at: When the name was first put, in seconds since the epoch; so are all times here.
        created_by: Actor who did so.
        updated_at: When the value, tags or expiry last changed.
        updated_by: Actor who did so.
        expires_at: From when on the secret counts as absent, by the wall clock; never if ``None``.
    """

    name: str
    version: int
    created_at: float
    created_by: str
    updated_at: float
    updated_by: str
    tags: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a secret, without its value."""

    name: str
    version: int
    created_at: float
    created_by: str


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """A permission in the shape of Orkes' authorization body.

    Attributes:
        subject_type: ``USER``, ``ROLE`` or ``GROUP``; an application is the user ``app:<id>``.
        subject_id: Who.
        target_type: ``SECRET_NAME``, ``TAG`` (id ``key:value``), ``ENV_VARIABLE``, ``APPLICATION`` and so on.
        target_id: What.
        access: Any of ``CREATE``, ``READ``, ``UPDATE``, ``DELETE``, ``EXECUTE``.
    """

    subject_type: str
    subject_id: str
    target_type: str
    target_id: str
    access: frozenset[str]


@dataclass(frozen=True, slots=True)
class Application:
    """A program that signs in with an access key; it acts as the user ``app:<id>``."""

    id: str
    name: str
    created_by: str
    created_at: float
    updated_by: str
    updated_at: float
    roles: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key of an application; of its secret only a hash is kept, and never shown."""

    id: str
    application_id: str
    created_at: float
    active: bool = True
    secret_hash: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; the store knows only its hash.

    Attributes:
        hash: SHA-256 of the token, in hex: its key in the store.
        user_id: For whom it speaks (``app:<id>`` or a user's id).
        key_id: Access key it was issued for, empty if none. Tokens die with their key.
        created_at: When it was issued.
        expires_at: From when on it is refused; never if ``None``.
    """

    hash: str = field(repr=False)
    user_id: str
    key_id: str
    created_at: float
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class User:
    """A person known to the service."""

    id: str
    name: str = ""
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """Users who share roles and grants."""

    id: str
    description: str = ""
    roles: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Role:
    """A role made by the operator, and what it permits."""

    name: str
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EnvironmentVariable:
    """A named setting that is no secret; it is sealed on disk all the same."""

    name: str
    value: str = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that was done or refused; never with a value, length or hash.

    Attributes:
        actor: Who, such as ``app:orkes-workers``.
        action: What, as ``kind.verb``: ``secret.read``, ``secret.put``, ``grant.add``.
        target: To what: a name or an id.
        outcome: ``ok``, ``denied``, ``missing`` or ``failed``.
        details: Anything more: version, application, workflow, task.
    """

    actor: str
    action: str
    target: str = ""
    outcome: str = "ok"
    details: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class AuditLine(AuditEvent):
    """An event as it stands in the trail: numbered without a gap, timed and chained."""

    seq: int = 0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Verification:
    """Outcome of :meth:`Store.verify`.

    Attributes:
        lines: Audit lines whose chain was checked.
        versions: Sealed values that were opened.
        records: Other sealed records that were opened.
        problems: One sentence each, naming the line or entry; empty means intact.
        anchor: Ends of the trail as ``seq:mac``. Keep it elsewhere: with it an exchange of the whole database shows.
    """

    lines: int
    versions: int
    records: int
    problems: tuple[str, ...]
    anchor: str


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What runs underneath.

    Attributes:
        url: Where, without credentials.
        store_id: Random identity, part of what every seal authenticates.
        format: Number of migrations applied.
        engine: Name and version of the database, such as ``SQLite 3.40.1``.
        journal: Journal mode of SQLite, or ``server``.
        key_id: Data key in use.
        key_kind: How the master key is kept: ``file``, ``env``, ``keyring``, ``passphrase`` or a kind of your own.
        seals: How often the data key has sealed; at 2**32 it must be rotated.
    """

    url: str
    store_id: str
    format: int
    engine: str
    journal: str
    key_id: str
    key_kind: str
    seals: int
