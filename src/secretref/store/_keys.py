"""Master keys: where they are kept, and how they wrap the store's data keys."""

from __future__ import annotations

from typing import Protocol


class Key(Protocol):
    """Wraps and unwraps data keys; implement it to use a key management service.

    Attributes:
        kind: A word for reports, such as ``kms``.
    """

    kind: str

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Encrypt *data_key*; *context* is authenticated with it."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Undo :meth:`wrap`; raise any exception when the key or context is wrong."""
        ...
