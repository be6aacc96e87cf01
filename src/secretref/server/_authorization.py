"""Grants: who may do what with which target."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from secretref._grant import ACCESS
from secretref.server._bodies import (
    AuthorizationBody,
    GrantBody,
    GrantedTarget,
    Id,
    Message,
    Permissions,
    SubjectType,
    TargetType,
)
from secretref.server._caller import Signed, errors
from secretref.server._service import Caller
from secretref.store import GrantRecord

__all__ = ["grant_list", "routes"]

routes = APIRouter(tags=["authorization"], responses=errors(409))


@routes.post("/auth/authorization")
def grant(caller: Signed, body: AuthorizationBody) -> Message:
    """Grant access. Who is no administrator shares only what he has, and only where he has UPDATE."""
    record = _record(body)
    held = _share(caller, record, "grant.add")
    caller.ensure(record.access <= held, "grant.add", record.target_id)
    caller.store.grants.add(record, actor=caller.principal.id)
    return Message(message="Granted permission")


@routes.delete("/auth/authorization")
def revoke(caller: Signed, body: AuthorizationBody) -> Message:
    """Take access away. It counts from the next request on."""
    record = _record(body)
    _share(caller, record, "grant.remove")
    caller.store.grants.remove(record, actor=caller.principal.id)
    return Message(message="Removed permission")


@routes.get("/auth/authorization/{type}/{id}")
def grants_on(
    caller: Signed,
    type: TargetType,  # noqa: A002 - the field's name in the API
    id: Id,  # noqa: A002
    group_by: Annotated[Literal["access", "subject"], Query(alias="groupBy")] = "access",
) -> dict[str, list[dict[str, str]] | list[str]]:
    """List who may do what with a target: ``{access: [subject]}``, or ``{"TYPE:id": [access]}``."""
    caller.ensure(bool(caller.access(type, [id])[id]), "grant.list", id)
    found: dict[str, list[dict[str, str]] | list[str]] = {}
    by_access: dict[str, list[dict[str, str]]] = defaultdict(list)
    for record in caller.store.grants.on_target(type, id):
        found[f"{record.subject_type}:{record.subject_id}"] = sorted(record.access)
        for access in sorted(record.access):
            by_access[access].append({"type": record.subject_type, "id": record.subject_id})
    return found if group_by == "subject" else {**by_access}


@routes.get("/auth/subjects/{type}/{id}/grants")
def grants_of(
    caller: Signed,
    type: SubjectType,  # noqa: A002
    id: Id,  # noqa: A002
    resource_type: Annotated[TargetType | None, Query(alias="resourceType")] = None,
) -> list[GrantBody]:
    """List what a subject may do; for administrators and the subject itself."""
    caller.ensure(caller.principal.is_admin or (type, id) in caller.principal.keys, "grant.list", id)
    return grant_list(caller, type, id, resource_type)


@routes.delete("/auth/subjects/{type}/{id}/grants")
def revoke_all(
    caller: Signed,
    type: SubjectType,  # noqa: A002
    id: Id,  # noqa: A002
    resource_type: Annotated[TargetType | None, Query(alias="resourceType")] = None,
) -> Message:
    """Take away everything that was granted to a subject."""
    caller.ensure_admin("grant.remove", id)
    with caller.store.transaction():
        for record in caller.store.grants.of_subject(type, id):
            if resource_type in {None, record.target_type}:
                caller.store.grants.remove(record, actor=caller.principal.id)
    return Message(message="Revoked grants")


@routes.get("/users/{id}/permissions", tags=["users"])
def user_permissions(caller: Signed, id: Id, request: Request) -> Permissions:  # noqa: A002
    """List what was granted to a user or application."""
    caller.ensure_admin("grant.list", id)
    return _permissions(grant_list(caller, "USER", id), request)


@routes.get("/users/{id}/checkPermissions", tags=["users"])
def check_permissions(
    caller: Signed,
    id: Id,  # noqa: A002
    type: Annotated[TargetType, Query()],  # noqa: A002
    target: Annotated[str, Query(alias="id", min_length=1, max_length=512)],
) -> dict[str, bool]:
    """Tell what a user or application may do with a target, its roles, groups and tags included."""
    caller.ensure_admin("grant.list", id)
    asked = Caller(caller.service, caller.directory, caller.directory.principal(id), "")
    held = asked.access(type, [target])[target]
    return {access: access in held for access in sorted(ACCESS)}


@routes.get("/groups/{id}/permissions", tags=["groups"])
def group_permissions(caller: Signed, id: Id, request: Request) -> Permissions:  # noqa: A002
    """List what was granted to a group."""
    caller.ensure_admin("grant.list", id)
    return _permissions(grant_list(caller, "GROUP", id), request)


def grant_list(caller: Caller, kind: str, subject: str, resource_type: str | None = None) -> list[GrantBody]:
    """Return the grants of one subject."""
    return [
        GrantBody(target=GrantedTarget(type=record.target_type, id=record.target_id), access=sorted(record.access))
        for record in caller.store.grants.of_subject(kind, subject)
        if resource_type in {None, record.target_type}
    ]


def _permissions(grants: list[GrantBody], request: Request) -> Permissions:
    """Conductor's Python SDK before 1.2 raises on SECRET_NAME; it is the one SDK that calls itself python-requests."""
    if request.headers.get("user-agent", "").startswith("python-requests/"):
        for grant in grants:
            grant.target.type = grant.target.type.replace("SECRET_NAME", "SECRET")
    return Permissions(granted_access=grants)


def _record(body: AuthorizationBody) -> GrantRecord:
    subject, target = body.subject, body.target
    return GrantRecord(subject.type, subject.id, target.type, target.id, frozenset(body.access))


def _share(caller: Caller, record: GrantRecord, action: str) -> frozenset[str]:
    """Return the caller's own access to the target if he may share it.

    A tag reaches what somebody else owns, so only administrators grant by tag.
    """
    if record.target_type == "TAG":
        caller.ensure_admin(action, record.target_id)
    return caller.require("UPDATE", record.target_type, record.target_id, action)
