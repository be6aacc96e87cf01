"""The encrypted store: SQLite in one file, or PostgreSQL by URL (extra ``store``)."""

from secretref.errors import MissingExtraError

try:
    import cryptography  # noqa: F401 - needed further down; here a missing one is told
    import sqlalchemy  # noqa: F401
except ImportError:
    raise MissingExtraError("store") from None

from secretref.store._keys import EnvKey, FileKey, Key, KeyringKey, PassphraseKey, RawKey, key_from, new_key
from secretref.store._open import open_store, restore
from secretref.store._shelves import AccessKeys, Grants, Shelf, Tokens
from secretref.store._store import Store
from secretref.store._trail import AuditTrail
from secretref.store._types import (
    AccessKey,
    Application,
    AuditEvent,
    AuditLine,
    Entry,
    EnvironmentVariable,
    GrantRecord,
    Group,
    Role,
    StoreInfo,
    Token,
    User,
    Verification,
    Version,
)

__all__ = [
    "AccessKey",
    "AccessKeys",
    "Application",
    "AuditEvent",
    "AuditLine",
    "AuditTrail",
    "Entry",
    "EnvKey",
    "EnvironmentVariable",
    "FileKey",
    "GrantRecord",
    "Grants",
    "Group",
    "Key",
    "KeyringKey",
    "PassphraseKey",
    "RawKey",
    "Role",
    "Shelf",
    "Store",
    "StoreInfo",
    "Token",
    "Tokens",
    "User",
    "Verification",
    "Version",
    "key_from",
    "new_key",
    "open_store",
    "restore",
]
