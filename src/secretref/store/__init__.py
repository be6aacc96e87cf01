"""The encrypted store: SQLite in one file, or PostgreSQL by URL (extra ``store``)."""

from secretref.store._keys import Key
from secretref.store._store import AccessKeys, AuditTrail, Grants, Shelf, Store, Tokens, open_store, restore
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

__all__ = [
    "AccessKey",
    "AccessKeys",
    "Application",
    "AuditEvent",
    "AuditLine",
    "AuditTrail",
    "Entry",
    "EnvironmentVariable",
    "GrantRecord",
    "Grants",
    "Group",
    "Key",
    "Shelf",
    "Store",
    "StoreInfo",
    "Token",
    "Tokens",
    "User",
    "Verification",
    "Version",
    "open_store",
    "restore",
]
