"""Seals: authenticated encryption of what the store keeps, and the keyed digests beside it.

A body is one byte of format, a random nonce of 12 bytes, and AES-256-GCM's output. The seal authenticates format, store
id, key id and the place of the row (table, name, version, sequence number), so a body holds at exactly one place.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secretref.errors import InputError, StoreDamagedError

if TYPE_CHECKING:
    from pydantic import SecretStr

FORMAT: Final = b"\x01"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
SEALS_MAX: Final = 2**32  # random nonces of 96 bits: beyond this a repetition is no longer out of the question
_STATE_MODULUS: Final = 2**256


def plain(value: SecretStr) -> bytes:
    """Take the plaintext out, to seal, hash or derive from it: the one door of the store."""
    text = value.get_secret_value()
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    raise InputError("value is not encodable as UTF-8")


def record_place(  # noqa: PLR0917 - the columns of a row, in their order
    kind: str, key: str, seq: int, number: int, value_seq: int, ends: float | None
) -> str:
    """Spell where a record stands; free text comes last, so that no two places share a spelling."""
    return f"record {seq!r} {number!r} {value_seq!r} {ends!r} {kind} {key}"


def version_place(name: str, version: int, seq: int) -> str:
    """Spell where a value stands."""
    return f"version {version!r} {seq!r} {name}"


def seal(key: AESGCM, data: bytes, context: bytes) -> bytes:
    """Encrypt *data*, bound to *context*."""
    nonce = os.urandom(NONCE_BYTES)
    return FORMAT + nonce + key.encrypt(nonce, data, context)


def unseal(key: AESGCM, body: bytes, context: bytes) -> bytes | None:
    """Undo :func:`seal`; ``None`` when it does not hold."""
    if body[:1] != FORMAT or len(body) < 1 + NONCE_BYTES + TAG_BYTES:
        return None
    try:
        return key.decrypt(body[1 : 1 + NONCE_BYTES], body[1 + NONCE_BYTES :], context)
    except InvalidTag:
        return None


@dataclass(frozen=True, slots=True)
class Sealer:
    """The data key in memory, with what is derived from it."""

    store_id: str
    key_id: str
    audit_id: str
    audit_keys: dict[str, bytes] = field(repr=False)
    _aead: AESGCM = field(repr=False)
    _state_key: bytes = field(repr=False)
    _head_key: bytes = field(repr=False)

    @classmethod
    def of(cls, data_key: bytes, store_id: str, key_id: str, audit_id: str) -> Sealer:
        """Derive all from *data_key*."""
        derived = [hmac.digest(data_key, label, "sha256") for label in (b"seal", b"state", b"head")]
        return cls(store_id, key_id, audit_id, {}, AESGCM(derived[0]), derived[1], derived[2])

    def _context(self, place: str) -> bytes:
        return f"1 {self.store_id} {self.key_id} {place}".encode()

    def seal(self, data: bytes, place: str) -> bytes:
        """Encrypt *data* for *place*."""
        return seal(self._aead, data, self._context(place))

    def unseal(self, body: bytes, place: str, name: str = "") -> bytes:
        """Decrypt what was sealed for *place*.

        Raises:
            StoreDamagedError: The seal does not hold; carries *name*.
        """
        try:
            data = unseal(self._aead, body, self._context(place))
        except TypeError:  # a damaged file may yield any type in any column
            data = None
        if data is None:
            raise StoreDamagedError("store", kind="seal", names=[name] if name else [])
        return data

    def fingerprint(self, body: bytes, place: str) -> int:
        """Digest a row by its place and its seal's tag, for the state in the head."""
        text = self._context(place) + body[-TAG_BYTES:]
        return int.from_bytes(hashlib.blake2b(text, key=self._state_key, digest_size=32).digest(), "big")

    def head_tag(self, fields: list[str | int]) -> bytes:
        """Authenticate the head row."""
        return hmac.digest(self._head_key, self._context(json.dumps(["head", *fields])), "sha256")

    def chain(self, key_id: str, before: bytes, line: list[str | int | float]) -> bytes:
        """Return the audit line's link: a keyed hash over the link before and the line."""
        text = json.dumps([self.store_id, key_id, *line]).encode()
        return hmac.digest(self.audit_keys[key_id], before + text, "sha256")


def add(state: bytes, fingerprint: int) -> bytes:
    """Add a row to the digest over all rows, or take one away by a negative *fingerprint*."""
    return ((int.from_bytes(state, "big") + fingerprint) % _STATE_MODULUS).to_bytes(32, "big")
