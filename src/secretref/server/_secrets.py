"""Secrets: names, values, tags, versions; and the batch that workers ask for."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from secretref._grant import Subject
from secretref.server._access import SECRET
from secretref.server._bodies import Access, Explanation, Key, Names, Outcomes, SecretBody, Tag, VersionBody
from secretref.server._caller import Body, Reader, Signed, Token, Writer, errors
from secretref.server._errors import ApiError, denied, not_found, unreadable
from secretref.server._service import Caller, tag_words
from secretref.server._values import plain_or_json
from secretref.store import Entry

__all__ = ["routes", "tag_list"]

_TEXT = {"schema": {"type": "string"}}
TEXT: dict[str, Any] = {"text/plain": _TEXT, "application/json": _TEXT}
VALUE: dict[str, Any] = {
    "requestBody": {"content": {"text/plain": _TEXT, "application/json": {"schema": {}}}, "required": False}
}
IGNORED: dict[str, Any] = {"requestBody": {"content": {"application/json": {"schema": {}}}, "required": False}}
NOTHING: dict[str, Any] = {"description": "Done; no body.", "content": {}}

routes = APIRouter(tags=["secrets"], responses=errors())


@routes.post("/secrets", openapi_extra=IGNORED)
def list_names(caller: Signed) -> list[str]:
    """List the names of all secrets to which the caller has any access."""
    return [name for name, held in _visible(caller).items() if held]


@routes.get("/secrets")
def list_granted(caller: Signed, access: Annotated[list[Access] | None, Query()] = None) -> list[str]:
    """List the names of all secrets to which the caller has all the given access; READ if none is given."""
    wanted = set(access or ["READ"])
    return [name for name, held in _visible(caller).items() if wanted <= held]


@routes.get("/secrets-v2")
def list_with_tags(caller: Signed) -> list[SecretBody]:
    """List what is known of the secrets to which the caller has any access."""
    entries = caller.store.entries()
    return [_described(entries[name], held) for name, held in _visible(caller, entries).items() if held]


@routes.get("/secrets/clearLocalCache", response_class=Response, responses={200: NOTHING})
def clear_local_cache(_: Signed) -> Response:
    """Do nothing: no value is kept in a cache here."""
    return Response()


@routes.get("/secrets/clearRedisCache", response_class=Response, responses={200: NOTHING})
def clear_redis_cache(_: Signed) -> Response:
    """Do nothing: no value is kept in a cache here."""
    return Response()


@routes.post("/secrets/resolve", response_class=Response, responses={200: {"model": Outcomes}})
async def resolve(token: Token, body: Names, reads: Reader) -> Response:
    """Read many secrets at once: each name has an outcome of its own, and the call as a whole does not fail."""
    outcomes = await reads.read(token, frozenset(body.names))
    results = {
        name: {"outcome": kind} if value is None else {"outcome": kind, "value": value.get_secret_value()}
        for name, (kind, value) in outcomes.items()
    }
    return JSONResponse({"results": results})


@routes.get("/secrets/{key}", response_class=Response, responses={200: {"description": "The value.", "content": TEXT}})
async def read(token: Token, key: Key, request: Request, reads: Reader) -> Response:
    """Read a value: as plain text, or as a JSON string where only JSON is accepted."""
    ((kind, value),) = (await reads.read(token, frozenset({key}))).values()
    if value is None:
        refusal = {"NOT_FOUND": not_found, "ACCESS_DENIED": denied}.get(kind, unreadable)
        raise refusal()
    return plain_or_json(request, value.get_secret_value(), plain=reads.service.settings.plain)


@routes.put("/secrets/{key}", response_class=Response, openapi_extra=VALUE, responses={200: NOTHING})
async def put(token: Token, key: Key, body: Body, writes: Writer) -> Response:
    """Create or replace a secret. The body is the value, or the value as a JSON string."""
    await writes.put(token, key, body)
    return Response()


@routes.delete("/secrets/{key}", response_class=Response, openapi_extra=IGNORED, responses={200: NOTHING})
def delete(caller: Signed, key: Key) -> Response:
    """Delete a secret with its versions and every grant on it."""
    caller.require("DELETE", SECRET, key, "secret.delete")
    actor = caller.principal.id
    with caller.store.transaction():
        existed = caller.store.delete(key, actor=actor)
        if existed:
            for grant in caller.store.grants.on_target(SECRET, key):
                caller.store.grants.remove(grant, actor=actor)
    absent = caller.service.settings.delete_absent
    if not existed and absent != HTTPStatus.OK:
        raise ApiError(absent)
    return Response()


@routes.get("/secrets/{key}/exists")
def exists(caller: Signed, key: Key) -> bool:
    """Tell whether a name is taken; for those who may create secrets or have access to this one."""
    allowed = caller.principal.may("CREATE_SECRET") or bool(caller.access(SECRET, [key])[key])
    caller.ensure(allowed, "secret.exists", key)
    return caller.store.exists(key)


@routes.get("/secrets/{key}/tags")
def tags(caller: Signed, key: Key) -> list[Tag]:
    """List the tags of a secret."""
    return tag_list(_entry(caller, key, "secret.tags").tags)


@routes.put("/secrets/{key}/tags", response_class=Response, responses={200: NOTHING})
def set_tags(caller: Signed, key: Key, body: list[Tag]) -> Response:
    """Add or replace tags by key. Whoever gains access by them may gain no more than the caller has."""
    held = caller.require("UPDATE", SECRET, key, "secret.tag")
    words = tag_words({tag.key: tag.value for tag in body})
    caller.ensure(caller.directory.given_by(words) <= held, "secret.tag", key)
    return _tagged(caller, key, {tag.key: tag.value for tag in body})


@routes.delete("/secrets/{key}/tags", response_class=Response, responses={200: NOTHING})
def remove_tags(caller: Signed, key: Key, body: list[Tag]) -> Response:
    """Remove tags by key."""
    caller.require("UPDATE", SECRET, key, "secret.tag")
    return _tagged(caller, key, {tag.key: None for tag in body})


@routes.get("/secrets/{key}/versions")
def versions(caller: Signed, key: Key) -> list[VersionBody]:
    """List the versions of a secret, newest first, without their values."""
    _entry(caller, key, "secret.versions")
    return [
        VersionBody(version=one.version, create_time=milliseconds(one.created_at), created_by=one.created_by)
        for one in caller.store.versions(key)
    ]


@routes.post("/secrets/{key}/versions/{version}/restore", openapi_extra=IGNORED)
def restore(caller: Signed, key: Key, version: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> SecretBody:
    """Make the value of an earlier version the current one, as a new version."""
    held = caller.require("UPDATE", SECRET, key, "secret.rollback")
    return _described(caller.store.rollback(key, version, actor=caller.principal.id), held)


@routes.get("/secrets/{key}/explain")
def explain(
    caller: Signed,
    key: Key,
    subject: Annotated[str, Query(max_length=512, pattern=r"^(app|user|role|group):[^\x00-\x1f\x7f]+$")],
    access: Access = "READ",
) -> Explanation:
    """Say why a user or application has some access to a secret or has not; for those who may share it.

    A subject is written ``app:<id>``, ``user:<id>``, ``role:<name>`` or ``group:<id>``.
    """
    caller.require("UPDATE", SECRET, key, "grant.list")
    asked = Subject.parse(subject)
    if asked.type == "USER":
        principal = caller.directory.principal(asked.id)
        asked = principal.subject
        if principal.is_admin:
            return Explanation(allowed=True, reason=f"{asked} may {access} {key}: it has the role ADMIN", grants=[])
    entry = caller.store.entry(key)
    found = caller.directory.policy.explain(asked, key, access=access, tags=tag_words(entry.tags) if entry else ())
    return Explanation(allowed=found.allowed, reason=found.reason, grants=[grant.to_json() for grant in found.grants])


def _visible(caller: Caller, entries: Mapping[str, Entry] | None = None) -> Mapping[str, frozenset[str]]:
    return caller.access(SECRET, list(caller.store.entries() if entries is None else entries))


def _entry(caller: Caller, key: str, action: str) -> Entry:
    """Return what is known of *key*, to those who have any access to it."""
    caller.ensure(bool(caller.access(SECRET, [key])[key]), action, key)
    entry = caller.store.entry(key)
    if entry is None:
        raise not_found()
    return entry


def _tagged(caller: Caller, key: str, change: Mapping[str, str | None]) -> Response:
    caller.store.tag(key, change, actor=caller.principal.id)
    return Response()


def _described(entry: Entry, access: frozenset[str]) -> SecretBody:
    return SecretBody(
        name=entry.name,
        tags=tag_list(entry.tags),
        version=entry.version,
        create_time=milliseconds(entry.created_at),
        created_by=entry.created_by,
        update_time=milliseconds(entry.updated_at),
        updated_by=entry.updated_by,
        expire_time=None if entry.expires_at is None else milliseconds(entry.expires_at),
        access=sorted(access),
    )


def milliseconds(seconds: float) -> int:
    """Return a time of the store as the API tells times."""
    return int(seconds * 1000)


def tag_list(tags: Mapping[str, str]) -> list[Tag]:
    """Return tags as the API tells them."""
    return [Tag(key=key, value=value) for key, value in tags.items()]
