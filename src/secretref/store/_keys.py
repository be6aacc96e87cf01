"""Master keys: where they are kept, and how they wrap the store's data keys.

A store's data key is wrapped by the master key, which is needed at opening and rotation only and is not held between.
"""

from __future__ import annotations

import base64
import os
import struct
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import SecretStr

from secretref.errors import ConfigurationError, MissingExtraError
from secretref.store import _files
from secretref.store._seal import KEY_BYTES, plain, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "secretref-key-1:"
_COSTS: Final = struct.Struct(">BBB")  # log2 of scrypt's N, r, p
_SALT_BYTES: Final = 16
_KEYRINGS: Final = ("SecretService", "libsecret", "kwallet", "macOS", "Windows")


class Key(Protocol):
    """Wraps and unwraps data keys; implement it to use a key management service.

    Attributes:
        kind: A word for reports, such as ``kms``.
    """

    kind: str

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Encrypt *data_key*; *context* is authenticated with it."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """Undo :meth:`wrap`; ``None`` when the key or context is wrong."""
        ...


def new_key() -> SecretStr:
    """Return the text of a fresh master key, for a key file, an environment variable or a keyring."""
    return SecretStr(_PREFIX + base64.b64encode(os.urandom(KEY_BYTES)).decode())


def _decoded(text: str, where: str) -> bytes:
    """Read a key's text; whatever is wrong with it is not repeated."""
    body = text.strip()
    try:
        key = base64.b64decode(body.removeprefix(_PREFIX), validate=True) if body.startswith(_PREFIX) else b""
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{where} holds no key of the form {_PREFIX}BASE64")
    return key


class RawKey:
    """A master key given as text; the other kinds say where to find that text."""

    kind = "raw"

    def __init__(self, text: SecretStr) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def candidates(self) -> Iterator[bytes]:
        """Yield the key, and after an interrupted rotation the one that may have taken its place."""
        yield _decoded(plain(self._text).decode(), "the key given")

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Encrypt *data_key* with AES-256-GCM."""
        return seal(AESGCM(next(self.candidates())), data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """Decrypt with the first candidate that fits."""
        opened = (unseal(AESGCM(key), wrapped, context) for key in self.candidates())
        return next((data_key for data_key in opened if data_key is not None), None)


class EnvKey(RawKey):
    """A master key in an environment variable."""

    kind = "env"

    def __init__(self, variable: str) -> None:
        self._variable = variable

    def candidates(self) -> Iterator[bytes]:
        """Yield the variable's key."""
        yield _decoded(os.environ.get(self._variable, ""), f"the environment variable {self._variable}")


class ReplaceableKey(RawKey, ABC):
    """A key kept where the store can replace it, in an order that a kill at any moment cannot break.

    1. The successor is kept beside the old key. 2. The store commits what is sealed under it. 3. It takes the old key's
    place. Between 2 and 3 the successor alone opens the store; whoever opens it then does step 3. All steps are taken
    under the store's lock.
    """

    @abstractmethod
    def successor(self) -> RawKey:
        """Return the key to rotate to, kept safely before its use; what an interrupted rotation left is taken up."""

    @abstractmethod
    def promote(self) -> None:
        """Put the successor in the old key's place."""

    def is_unsettled(self, wrapped: bytes, context: bytes) -> bool:
        """Tell whether a rotation died before its last step, so that only the successor opens *wrapped*."""
        return unseal(AESGCM(next(self.candidates())), wrapped, context) is None


class FileKey(ReplaceableKey):
    """A master key in a file of mode 0600 that belongs to this user."""

    kind = "file"

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._next = self._path.with_name(self._path.name + ".new")

    def create(self) -> None:
        """Write a fresh key, unless there is one."""
        _files.write_new(self._path, plain(new_key()) + b"\n")

    def candidates(self) -> Iterator[bytes]:
        """Yield the file's key and that of an interrupted rotation."""
        yield self._key(self._path)
        with suppress(ConfigurationError):  # there is none, as a rule
            pending = self._key(self._next)
            yield pending
        yield self._key(self._path)  # another process may have finished a rotation between the two

    def _key(self, path: Path) -> bytes:
        return _decoded(_files.read_private(path), f"the key file {path}")

    def successor(self) -> RawKey:
        """Write a fresh key beside the file."""
        _files.write_new(self._next, plain(new_key()) + b"\n")
        return RawKey(SecretStr(_files.read_private(self._next)))

    def promote(self) -> None:
        """Rename the new file over the old one."""
        _files.replace(self._next, self._path)


class KeyringKey(ReplaceableKey):
    """A master key in the keyring of the operating system.

    Only keyrings that ask nobody on the terminal are used, unless *backend* names one.
    """

    kind = "keyring"

    def __init__(self, service: str, name: str, *, backend: Any = None) -> None:
        self._service = service
        self._name = name
        self._keyring = backend or _system_keyring()

    def create(self) -> None:
        """Keep a fresh key, unless there is one."""
        if self._read(self._name) is None:
            self._write(self._name, new_key())

    def candidates(self) -> Iterator[bytes]:
        """Yield the keyring's key and that of an interrupted rotation."""
        for name in (self._name, f"{self._name}.new", self._name):
            text = self._read(name)
            if text is not None or name == self._name:
                yield _decoded(text or "", f"the keyring entry {self._service}/{name}")

    def successor(self) -> RawKey:
        """Keep a fresh key beside the old one."""
        pending = self._read(f"{self._name}.new")
        key = new_key() if pending is None else SecretStr(pending)
        self._write(f"{self._name}.new", key)
        return RawKey(key)

    def promote(self) -> None:
        """Copy the new entry over the old one, then drop it."""
        pending = self._read(f"{self._name}.new")
        if pending is not None:
            self._write(self._name, SecretStr(pending))
            self._keyring.delete_password(self._service, f"{self._name}.new")

    def _read(self, name: str) -> str | None:
        found: str | None = self._keyring.get_password(self._service, name)
        return found

    def _write(self, name: str, key: SecretStr) -> None:
        self._keyring.set_password(self._service, name, plain(key).decode())


class PassphraseKey:
    """A master key derived from a passphrase with scrypt; salt and costs are kept with what it wraps.

    Args:
        passphrase: At least 12 characters for a new store.
        cost: Base-2 logarithm of scrypt's N. 17 takes 128 MiB and some tenths of a second.
    """

    kind = "passphrase"
    _least, _most = 15, 20  # 32 MiB to 1 GiB: a changed file can neither weaken the derivation nor exhaust memory

    def __init__(self, passphrase: SecretStr, *, cost: int = 17) -> None:
        if not self._least <= cost <= self._most:
            raise ConfigurationError(f"cost of a passphrase must be {self._least} to {self._most}")
        self._passphrase = passphrase
        self._cost = cost

    def __repr__(self) -> str:
        return "PassphraseKey()"

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Encrypt *data_key* under a key derived with a fresh salt."""
        if len(self._passphrase) < 12:
            raise ConfigurationError("a passphrase needs at least 12 characters")
        parameters = _COSTS.pack(self._cost, 8, 1) + os.urandom(_SALT_BYTES)
        return parameters + seal(self._derived(parameters), data_key, context + parameters)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """Derive with the costs that stand in *wrapped*, and decrypt."""
        size = _COSTS.size + _SALT_BYTES
        parameters = wrapped[:size]
        if len(parameters) < size or not self._least <= parameters[0] <= self._most or parameters[1:3] != b"\x08\x01":
            return None
        return unseal(self._derived(parameters), wrapped[size:], context + parameters)

    def _derived(self, parameters: bytes) -> AESGCM:
        cost, block, lanes = _COSTS.unpack_from(parameters)
        kdf = Scrypt(salt=parameters[_COSTS.size :], length=KEY_BYTES, n=2**cost, r=block, p=lanes)
        return AESGCM(kdf.derive(plain(self._passphrase)))


def key_from(text: str) -> RawKey:
    """Return the key that ``file:PATH``, ``env:NAME`` or ``keyring:SERVICE/NAME`` stands for."""
    kind, _, rest = text.partition(":")
    service, _, name = rest.partition("/")
    if kind == "file" and rest:
        return FileKey(rest)
    if kind == "env" and rest:
        return EnvKey(rest)
    if kind == "keyring" and service and name:
        return KeyringKey(service, name)
    raise ConfigurationError("a key is given as file:PATH, env:NAME or keyring:SERVICE/NAME")


def _system_keyring() -> Any:
    """Return the first keyring of the system that asks nobody on the terminal."""
    try:
        import keyring  # noqa: PLC0415 - an extra of its own
    except ImportError:
        keyring = None  # type: ignore[assignment]
    if keyring is None:
        raise MissingExtraError("keyring")
    chosen = keyring.get_keyring()
    for backend in getattr(chosen, "backends", [chosen]):
        room, _, module = type(backend).__module__.rpartition(".")
        if room == "keyring.backends" and module in _KEYRINGS:
            return backend
    raise ConfigurationError("this system has no keyring that works without asking on the terminal")
