"""The first administrator of an empty store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from secretref.store import Application

if TYPE_CHECKING:
    from pydantic import SecretStr

    from secretref.store import AccessKey, Store

__all__ = ["bootstrap"]

_ACTOR = "bootstrap"


def bootstrap(store: Store) -> tuple[AccessKey, SecretStr] | None:
    """Make the first administrator, and the application that workflows run as, in a store without applications.

    Returns:
        The administrator's access key and its secret, which is shown this once; ``None`` if there are applications.
    """
    with store.transaction():
        if store.applications.all():
            return None
        now = time.time()
        for name, role in (("admin", "ADMIN"), ("orkes-workers", "WORKER")):
            application = Application(name, name, _ACTOR, now, _ACTOR, now, frozenset({role}))
            store.applications.put(name, application, actor=_ACTOR)
        return store.access_keys.issue("admin", actor=_ACTOR)
