"""Signing in with an access key, and what the token says; and the audit trail."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from secretref.server._bodies import AuditBody, SignIn, TokenBody, UserBody
from secretref.server._caller import Signed, errors, service_of
from secretref.server._errors import ApiError, refused
from secretref.server._people import user_body
from secretref.server._secrets import milliseconds
from secretref.server._service import Service
from secretref.store import AuditEvent

__all__ = ["routes"]

routes = APIRouter(responses=errors())


@routes.post("/token", tags=["tokens"])
async def sign_in(request: Request, body: SignIn) -> TokenBody:
    """Trade an access key for a token. Wrong secrets are slowed down; an unknown key id is a wrong secret."""
    service = service_of(request)
    address = request.client.host if request.client else ""
    key_id = body.key_id or ""
    wait = service.guesses.wait(key_id, address)
    if wait > 0:
        raise ApiError(429, headers={"Retry-After": str(math.ceil(wait))})
    await asyncio.sleep(service.guesses.delay(address))
    return await run_in_threadpool(_signed_in, service, body, address)


def _signed_in(service: Service, body: SignIn, address: str) -> TokenBody:
    key_id = body.key_id or ""
    key = service.store.access_keys.check(key_id, body.key_secret) if body.key_id and body.key_secret else None
    if key is None or not service.directory().works(key.id):
        known = key_id if key_id in service.directory().access_keys else ""  # else it may be anything that was typed
        due = service.guesses.failed(key_id, address, known)
        if due:
            service.store.audit.record(
                *(
                    AuditEvent("", "token.issue", one, "denied", {"address": address, "attempts": str(attempts)})
                    for one, attempts in due.items()
                )
            )
        raise refused()
    service.guesses.succeeded(key_id, address)
    settings, user_id = service.settings, f"app:{key.application_id}"
    lifetime = settings.token_life
    if body.expiration is not None:  # in milliseconds; Orkes takes a negative one for "never"
        longest = int(settings.longest_token_life * 1000)
        lifetime = (min(body.expiration, longest) if body.expiration > 0 else longest) / 1000
    token = service.issue_token(key.id, user_id, min(max(lifetime, 1.0), settings.longest_token_life))
    return TokenBody(token=token, user_id=user_id)


@routes.get("/token/userInfo", tags=["tokens"])
def user_info(caller: Signed) -> UserBody:
    """Tell who the token speaks for."""
    return user_body(caller.directory, caller.principal.id)


@routes.get("/audit", tags=["audit"])
def audit(  # noqa: PLR0917 - one for each query field
    caller: Signed,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    actor: Annotated[str, Query(max_length=512)] = "",
    action: Annotated[str, Query(max_length=64)] = "",
    target: Annotated[str, Query(max_length=512)] = "",
) -> list[AuditBody]:
    """List the audit trail, newest first; for administrators."""
    caller.ensure_admin("audit.read")
    lines = caller.store.audit.lines(after=after, before=before, limit=limit, actor=actor, action=action, target=target)
    return [
        AuditBody(
            seq=line.seq,
            time=milliseconds(line.at),
            actor=line.actor,
            action=line.action,
            target=line.target,
            outcome=line.outcome,
            details=dict(line.details),
        )
        for line in lines
    ]
