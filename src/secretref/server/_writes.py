"""Puts of secrets, many at once: one look at who calls, and one durable commit for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from pydantic import SecretStr

from secretref.server._access import SECRET
from secretref.server._batches import Batches
from secretref.server._errors import ApiError, denied
from secretref.server._values import decoded
from secretref.store import GrantRecord

if TYPE_CHECKING:
    from secretref.server._service import Caller, Service

__all__ = ["Writes"]

_RESERVED = frozenset({"v2", "clearLocalCache", "clearRedisCache"})  # reading such a name would be another call
_OF_CREATOR = frozenset({"CREATE", "READ", "UPDATE", "DELETE"})
_Put: TypeAlias = tuple[str | None, str, bytes]  # token, name and body


class Writes:
    """The puts of one application."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._batches: Batches[_Put, bool] = Batches(self._answer)

    async def put(self, token: str | None, name: str, body: bytes) -> None:
        """Keep the value that *body* holds under *name*.

        Raises:
            ApiError: 400, 401 or 403.
            SecretRefError: The store could not keep it.
        """
        if not await self._batches.ask((token, name, body)):
            raise denied()

    def _answer(self, batch: Sequence[_Put]) -> list[bool | Exception]:
        callers = self._service.identify_all([token for token, *_ in batch])
        works = [
            partial(self._put, caller, name, body)
            for caller, (_, name, body) in zip(callers, batch, strict=True)
            if not isinstance(caller, ApiError)
        ]
        done = iter(self._service.store.changes(works) if works else ())
        answers: list[bool | Exception] = []
        for caller in callers:
            allowed, error = (None, caller) if isinstance(caller, ApiError) else next(done)
            answers.append(error or bool(allowed))
        return answers

    def _put(self, caller: Caller, name: str, body: bytes) -> bool:
        """Put, if the caller may; whether he does is in the trail in either case."""
        if name in _RESERVED:
            raise ApiError(HTTPStatus.BAD_REQUEST, "this name is reserved")
        store, principal = caller.store, caller.principal
        value = SecretStr(decoded(body, verbatim=self._service.settings.verbatim))
        held = caller.access(SECRET, [name])[name]
        fresh = store.entry(name) is None
        allowed = (principal.may("CREATE_SECRET") or "CREATE" in held) if fresh else "UPDATE" in held
        if not allowed:
            caller.record("secret.put", [name], "denied")
            return False
        store.put(name, value, actor=principal.id)
        if fresh and not principal.is_admin:
            store.grants.add(GrantRecord("USER", principal.id, SECRET, name, _OF_CREATOR), actor=principal.id)
        return True
