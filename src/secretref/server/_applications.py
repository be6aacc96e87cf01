"""Applications, their access keys, roles and tags."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from fastapi import APIRouter, Response

from secretref.server._access import FREE_ROLES
from secretref.server._bodies import AccessKeyBody, ApplicationBody, CreatedKeyBody, Id, Message, NameChange, Tag
from secretref.server._caller import Signed, errors
from secretref.server._errors import denied, not_found
from secretref.server._secrets import IGNORED, NOTHING, milliseconds, tag_list
from secretref.server._service import Caller
from secretref.store import AccessKey, Application

__all__ = ["routes"]

routes = APIRouter(prefix="/applications", tags=["applications"], responses=errors(409))


@routes.post("")
def create(caller: Signed, body: NameChange) -> ApplicationBody:
    """Create an application; whoever creates it may manage it."""
    caller.ensure(caller.principal.may("CREATE_APPLICATION"), "application.create")
    now, actor = time.time(), caller.principal.id
    application = Application(str(uuid.uuid4()), body.name, actor, now, actor, now)
    caller.store.applications.put(application.id, application, actor=actor)
    return _described(application)


@routes.get("")
def list_all(caller: Signed) -> list[ApplicationBody]:
    """List the applications that the caller may see."""
    return [_described(one) for one in caller.directory.applications.values() if _manages(caller, one)]


@routes.get("/key/{key_id}")
def by_access_key(caller: Signed, key_id: Id) -> ApplicationBody:
    """Return the application that an access key belongs to."""
    key = caller.directory.access_keys.get(key_id)
    return _described(_managed(caller, key.application_id if key else "", "application.read"))


@routes.get("/{id}")
def read(caller: Signed, id: Id) -> ApplicationBody:  # noqa: A002 - the field's name in the API
    """Return one application."""
    if f"app:{id}" == caller.principal.id:
        return _described(caller.directory.applications[id])
    return _described(_managed(caller, id, "application.read"))


@routes.put("/{id}")
def rename(caller: Signed, id: Id, body: NameChange) -> ApplicationBody:  # noqa: A002
    """Rename an application."""
    _managed(caller, id, "application.put")
    return _described(_changed(caller, id, lambda known: replace(known, name=body.name)))


@routes.delete("/{id}")
def delete(caller: Signed, id: Id) -> Message:  # noqa: A002
    """Delete an application with its access keys, tokens and grants."""
    application = _managed(caller, id, "application.delete")
    store, actor = caller.store, caller.principal.id
    with caller.service.change():
        for key in _keys(caller, id):
            store.access_keys.delete(key.id, actor=actor)
        store.tokens.revoke(user_id=f"app:{id}", actor=actor)
        for grant in (*store.grants.of_subject("USER", f"app:{id}"), *store.grants.on_target("APPLICATION", id)):
            store.grants.remove(grant, actor=actor)
        store.applications.delete(id, actor=actor)
    return Message(message=f"Deleted Application '{application.name}'")


@routes.post("/{id}/accessKeys")
def create_key(caller: Signed, id: Id) -> CreatedKeyBody:  # noqa: A002
    """Make an access key. Its secret is shown this once; whoever has it acts as the application."""
    application = _managed(caller, id, "key.create")
    caller.ensure(caller.principal.is_admin or application.created_by == caller.principal.id, "key.create", id)
    key, secret = caller.store.access_keys.issue(id, actor=caller.principal.id)
    return CreatedKeyBody(id=key.id, secret=secret.get_secret_value())


@routes.get("/{id}/accessKeys")
def list_keys(caller: Signed, id: Id) -> list[AccessKeyBody]:  # noqa: A002
    """List the access keys of an application, without their secrets."""
    _managed(caller, id, "key.list")
    return [_key_body(key) for key in _keys(caller, id)]


@routes.post("/{id}/accessKeys/{key_id}/status", openapi_extra=IGNORED)
def toggle_key(caller: Signed, id: Id, key_id: Id) -> AccessKeyBody:  # noqa: A002
    """Turn a key off, or on again. Turning it off ends its tokens."""
    _managed_key(caller, id, key_id, "key.toggle")

    def toggled(known: AccessKey | None) -> AccessKey:
        if known is None:
            raise not_found()
        return replace(known, active=not known.active)

    with caller.service.change():
        key = caller.store.access_keys.change(key_id, toggled, actor=caller.principal.id)
        caller.store.tokens.revoke(key_id=key_id, actor=caller.principal.id)
    if key is None:
        raise not_found()
    return _key_body(key)


@routes.delete("/{id}/accessKeys/{key_id}", response_class=Response, openapi_extra=IGNORED, responses={200: NOTHING})
def delete_key(caller: Signed, id: Id, key_id: Id) -> Response:  # noqa: A002
    """Delete a key; its tokens end with it."""
    _managed_key(caller, id, key_id, "key.delete")
    with caller.service.change():
        caller.store.access_keys.delete(key_id, actor=caller.principal.id)
        caller.store.tokens.revoke(key_id=key_id, actor=caller.principal.id)
    return Response()


@routes.post("/{id}/roles/{role}", response_class=Response, openapi_extra=IGNORED, responses={200: NOTHING})
def give_role(caller: Signed, id: Id, role: Id) -> Response:  # noqa: A002
    """Give a role. Only administrators give roles that reach beyond the application."""
    _managed(caller, id, "application.role")
    caller.ensure(caller.principal.is_admin or role in FREE_ROLES, "application.role", id)
    if role not in caller.directory.roles:
        raise not_found()
    _changed(caller, id, lambda known: replace(known, roles=known.roles | {role}))
    return Response()


@routes.delete("/{id}/roles/{role}", response_class=Response, openapi_extra=IGNORED, responses={200: NOTHING})
def take_role(caller: Signed, id: Id, role: Id) -> Response:  # noqa: A002
    """Take a role away."""
    _managed(caller, id, "application.role")
    with caller.service.change():
        _changed(caller, id, lambda known: replace(known, roles=known.roles - {role}))
    return Response()


@routes.get("/{id}/tags")
def tags(caller: Signed, id: Id) -> list[Tag]:  # noqa: A002
    """List the tags of an application."""
    return tag_list(_managed(caller, id, "application.tags").tags)


@routes.put("/{id}/tags", response_class=Response, responses={200: NOTHING})
def set_tags(caller: Signed, id: Id, body: list[Tag]) -> Response:  # noqa: A002
    """Add tags, or replace those with the same key."""
    _managed(caller, id, "application.tag")
    _changed(caller, id, lambda known: replace(known, tags={**known.tags, **{tag.key: tag.value for tag in body}}))
    return Response()


@routes.delete("/{id}/tags", response_class=Response, responses={200: NOTHING})
def remove_tags(caller: Signed, id: Id, body: list[Tag]) -> Response:  # noqa: A002
    """Remove tags by key."""
    _managed(caller, id, "application.tag")
    gone = {tag.key for tag in body}
    _changed(
        caller,
        id,
        lambda known: replace(known, tags={key: value for key, value in known.tags.items() if key not in gone}),
    )
    return Response()


def _manages(caller: Caller, application: Application) -> bool:
    """Administrators manage all; others those they made or manage by role, unless its roles reach beyond it."""
    if caller.principal.is_admin:
        return True
    held = caller.access("APPLICATION", [application.id])[application.id]
    own = application.created_by == caller.principal.id or "UPDATE" in held
    roles = caller.directory.principal(f"app:{application.id}").subject.roles  # those of its groups, too
    return (own or caller.principal.may("MANAGE_APPLICATIONS")) and roles <= FREE_ROLES


def _managed(caller: Caller, id: str, action: str) -> Application:  # noqa: A002
    """Return the application if the caller manages it; to others, one that does not exist looks the same."""
    application = caller.directory.applications.get(id)
    everything = caller.principal.may("MANAGE_APPLICATIONS")
    caller.ensure(everything if application is None else _manages(caller, application), action, id)
    if application is None:
        raise not_found()
    return application


def _managed_key(caller: Caller, id: str, key_id: str, action: str) -> None:  # noqa: A002
    _managed(caller, id, action)
    key = caller.directory.access_keys.get(key_id)
    if key is None or key.application_id != id:
        raise not_found()


def _keys(caller: Caller, id: str) -> list[AccessKey]:  # noqa: A002
    return [key for key in caller.store.access_keys.all().values() if key.application_id == id]


def _changed(caller: Caller, id: str, change: Callable[[Application], Application]) -> Application:  # noqa: A002
    actor = caller.principal.id

    def changed(known: Application | None) -> Application:
        if known is None:
            raise not_found()
        return replace(change(known), updated_by=actor, updated_at=time.time())

    application = caller.store.applications.change(id, changed, actor=actor)
    if application is None:
        raise denied()
    return application


def _described(application: Application) -> ApplicationBody:
    return ApplicationBody(
        id=application.id,
        name=application.name,
        created_by=application.created_by,
        updated_by=application.updated_by,
        create_time=milliseconds(application.created_at),
        update_time=milliseconds(application.updated_at),
        tags=tag_list(application.tags),
        roles=sorted(application.roles),
    )


def _key_body(key: AccessKey) -> AccessKeyBody:
    return AccessKeyBody(
        id=key.id, created_at=milliseconds(key.created_at), status="ACTIVE" if key.active else "INACTIVE"
    )
