"""What every request needs: the store, the directory at its present revision, and who is calling."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from secretref.server._access import SECRET, Directory, Principal
from secretref.server._errors import ApiError, conflict, denied, refused
from secretref.server._guesses import Guesses
from secretref.store import AuditEvent

if TYPE_CHECKING:
    from secretref.store import Store, Token

__all__ = ["Caller", "Service", "Settings", "tag_words"]

_REMEMBERED = 10_000  # tokens whose record is kept in memory


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server behaves; the defaults let every SDK work.

    Attributes:
        hosts: Host names that are served, without port.
        origins: Origins of pages that may call; the server's own is always among them.
        token_life: Seconds a token lives unless less is asked for.
        longest_token_life: Seconds a token may live at most, whatever is asked for.
        verbatim: Store the body of a put as it is, even where it is a JSON string.
        plain: Answer a read with text/plain always, even where only JSON is accepted.
        delete_absent: Status of deleting a secret that does not exist.
        max_body: Bytes of one request body.
        body_timeout: Seconds for a request body to arrive.
        tls: Whether the listener speaks TLS.
    """

    hosts: frozenset[str] = frozenset({"localhost", "127.0.0.1", "::1"})
    origins: frozenset[str] = frozenset()
    token_life: float = 3600.0
    longest_token_life: float = 24 * 3600.0
    verbatim: bool = False
    plain: bool = False
    delete_absent: int = 404
    max_body: int = 1024 * 1024 + 1024
    body_timeout: float = 20.0
    tls: bool = False


@dataclass(slots=True)
class Service:
    """The store with what the server remembers of it."""

    store: Store
    settings: Settings
    guesses: Guesses = field(default_factory=Guesses)
    _directory: Directory | None = None
    _loading: threading.Lock = field(default_factory=threading.Lock)

    def directory(self) -> Directory:
        """Return who may do what at this moment: a grant or revocation in any process counts from the next call."""
        current = self._directory
        if current is not None and current.revision == self.store.revision():
            return current
        with self._loading:
            self._directory = Directory(self.store)
            return self._directory

    def issue_token(self, key_id: str, user_id: str, lifetime: float) -> str:
        """Make a token: 256 random bits behind two parts that tell a client whose it is and when it ends."""
        now = int(time.time())
        claims = {"sub": user_id, "iat": now, "exp": now + int(lifetime)}
        parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"typ": "JWT", "alg": "none"}, claims)]
        token = ".".join(
            base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, secrets.token_bytes(32))
        )
        self.store.tokens.add(SecretStr(token), user_id=user_id, key_id=key_id, lifetime=lifetime, actor=user_id)
        return token

    def identify(self, token: str | None, directory: Directory | None = None) -> Caller:
        """Return who calls, by *directory* if it is at hand.

        Raises:
            ApiError: 401; the token is missing, unknown, revoked or expired, or its key is gone.
        """
        if not token:
            raise refused()
        directory = directory or self.directory()
        known = self._known(directory, token)
        if known is None or not directory.works(known.key_id):
            raise refused()
        if known.expires_at is not None and known.expires_at <= time.time():
            raise refused(expired=True)
        return Caller(self, directory, directory.principal(known.user_id), known.key_id)

    def identify_all(self, tokens: Iterable[str | None]) -> list[Caller | ApiError]:
        """Return who calls with each of *tokens*, by one directory; or his refusal."""
        directory = self.directory()
        callers: list[Caller | ApiError] = []
        for token in tokens:
            try:
                callers.append(self.identify(token, directory))
            except ApiError as refusal:
                callers.append(refusal)
        return callers

    def _known(self, directory: Directory, token: str) -> Token | None:
        """Remember tokens, by hash only, as long as the revision holds, so that a revocation counts."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        known = directory.tokens.get(digest)
        if known is None:
            known = self.store.tokens.find(SecretStr(token))
            if known is not None and len(directory.tokens) < _REMEMBERED:
                directory.tokens[digest] = known
        return known

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make the block one transaction, and undo it if nobody could sign in as administrator afterwards.

        Raises:
            ApiError: 409; the last administrator would be gone.
        """
        with self.store.transaction():
            yield
            if not Directory(self.store).has_admin():
                raise conflict("the last administrator must stay able to sign in")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who is signed in, with what may be asked on his behalf."""

    service: Service
    directory: Directory
    principal: Principal
    key_id: str

    @property
    def store(self) -> Store:
        """The store."""
        return self.service.store

    def access(self, kind: str, names: Collection[str]) -> Mapping[str, frozenset[str]]:
        """Return what the caller may do with each of *names*."""
        return self.directory.access(self.principal, kind, names, self._tags(kind, names))

    def readable(self, names: Collection[str]) -> frozenset[str]:
        """Return those of the secrets *names* that the caller may READ."""
        return self.directory.readable(self.principal, names, self._tags(SECRET, names))

    def _tags(self, kind: str, names: Collection[str]) -> Mapping[str, Collection[str]]:
        """Look up tags where a grant of the caller names one."""
        if kind != SECRET or self.principal.is_admin or not self.directory.uses_tags(self.principal):
            return {}
        return {name: tag_words(entry.tags) for name, entry in self.store.entries(names).items()}

    def require(self, access: str, kind: str, name: str, action: str) -> frozenset[str]:
        """Return all access to *name* if *access* is among it.

        Whether *name* exists makes no difference to the answer, nor to the work done for it.

        Raises:
            ApiError: 403.
        """
        held = self.access(kind, [name])[name]
        self.ensure(access in held, action, name)
        return held

    def ensure(self, allowed: bool, action: str, target: str = "") -> None:  # noqa: FBT001 - the decision itself
        """Record a denial and end the request unless *allowed*.

        Raises:
            ApiError: 403.
        """
        if not allowed:
            self.record(action, [target], "denied")
            raise denied()

    def ensure_admin(self, action: str, target: str = "") -> None:
        """Do what ``ensure`` does with callers who are no administrators."""
        self.ensure(self.principal.is_admin, action, target)

    def record(self, action: str, targets: Iterable[str], outcome: str = "ok") -> None:
        """Write one audit line for each target; when that fails, the request fails."""
        self.store.audit.record(*(self.event(action, target, outcome) for target in targets))

    def event(self, action: str, target: str, outcome: str) -> AuditEvent:
        """Return the audit line of something the caller did or was refused."""
        return AuditEvent(self.principal.id, action, target, outcome, {"key": self.key_id})


def tag_words(tags: Mapping[str, str]) -> list[str]:
    """Return tags as grants name them: ``key:value``."""
    return [f"{key}:{value}" for key, value in tags.items()]
