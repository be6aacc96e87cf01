"""Users, groups and roles: the subjects that grants can be given to. All of it is for administrators."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, get_args

from fastapi import APIRouter, Query, Response

from secretref.server._access import ROLES, Directory
from secretref.server._bodies import GroupBody, GroupChange, Id, Permission, RoleBody, RoleChange, UserBody, UserChange
from secretref.server._caller import Signed, errors
from secretref.server._errors import ApiError, conflict, not_found
from secretref.server._secrets import IGNORED, NOTHING
from secretref.server._service import Caller
from secretref.store import Group, Role, User

__all__ = ["routes", "user_body"]

routes = APIRouter(responses=errors(409))


@routes.get("/users", tags=["users"])
def list_users(caller: Signed, apps: Annotated[bool, Query()] = False) -> list[UserBody]:  # noqa: FBT002 - a query field
    """List the users, and on request the applications."""
    caller.ensure_admin("user.list")
    applications = [f"app:{id_}" for id_ in caller.directory.applications] if apps else []
    return [user_body(caller.directory, user_id) for user_id in (*caller.directory.users, *applications)]


@routes.get("/users/{id}", tags=["users"])
def read_user(caller: Signed, id: Id) -> UserBody:  # noqa: A002 - the field's name in the API
    """Return a user, or an application as ``app:<id>``."""
    caller.ensure(caller.principal.is_admin or id == caller.principal.id, "user.read", id)
    return user_body(caller.directory, id)


@routes.put("/users/{id}", tags=["users"])
def put_user(caller: Signed, id: Id, body: UserChange) -> UserBody:  # noqa: A002
    """Create or change a user."""
    caller.ensure_admin("user.put", id)
    if id.startswith("app:"):
        raise conflict("ids that begin with app: belong to applications")
    _known_roles(caller, body.roles)
    actor = caller.principal.id
    with caller.service.change():
        known = caller.store.users.get(id) or User(id)
        roles = known.roles if body.roles is None else frozenset(body.roles)
        caller.store.users.put(id, User(id, body.name or "", roles), actor=actor)
        for group in caller.store.groups.all().values() if body.groups is not None else ():
            _members(caller, group, group.members | {id} if group.id in (body.groups or ()) else group.members - {id})
    return user_body(Directory(caller.store), id)


@routes.delete("/users/{id}", tags=["users"], response_class=Response, openapi_extra=IGNORED, responses={200: NOTHING})
def delete_user(caller: Signed, id: Id) -> Response:  # noqa: A002
    """Delete a user with all his grants."""
    caller.ensure_admin("user.delete", id)
    with caller.service.change():
        if not caller.store.users.delete(id, actor=caller.principal.id):
            raise not_found()
        for group in caller.store.groups.all().values():
            if id in group.members:
                _members(caller, group, group.members - {id})
        _forget(caller, "USER", id)
    return Response()


@routes.get("/groups", tags=["groups"])
def list_groups(caller: Signed) -> list[GroupBody]:
    """List the groups."""
    caller.ensure_admin("group.list")
    return [_group_body(caller.directory, group) for group in caller.directory.groups.values()]


@routes.get("/groups/{id}", tags=["groups"])
def read_group(caller: Signed, id: Id) -> GroupBody:  # noqa: A002
    """Return a group."""
    return _group_body(caller.directory, _group(caller, id, "group.read"))


@routes.put("/groups/{id}", tags=["groups"])
def put_group(caller: Signed, id: Id, body: GroupChange) -> GroupBody:  # noqa: A002
    """Create or change a group; its members stay."""
    caller.ensure_admin("group.put", id)
    _known_roles(caller, body.roles)
    with caller.service.change():
        known = caller.store.groups.get(id) or Group(id)
        roles = known.roles if body.roles is None else frozenset(body.roles)
        group = replace(known, description=body.description or "", roles=roles)
        caller.store.groups.put(id, group, actor=caller.principal.id)
    return _group_body(caller.directory, group)


@routes.delete(
    "/groups/{id}", tags=["groups"], response_class=Response, openapi_extra=IGNORED, responses={200: NOTHING}
)
def delete_group(caller: Signed, id: Id) -> Response:  # noqa: A002
    """Delete a group with all its grants."""
    _group(caller, id, "group.delete")
    with caller.service.change():
        caller.store.groups.delete(id, actor=caller.principal.id)
        _forget(caller, "GROUP", id)
    return Response()


@routes.get("/groups/{id}/users", tags=["groups"])
def list_members(caller: Signed, id: Id) -> list[UserBody]:  # noqa: A002
    """List the members of a group."""
    return [user_body(caller.directory, member) for member in sorted(_group(caller, id, "group.read").members)]


@routes.post("/groups/{id}/users", tags=["groups"], response_class=Response, responses={200: NOTHING})
def add_members(caller: Signed, id: Id, body: list[str]) -> Response:  # noqa: A002
    """Add users to a group."""
    return _regrouped(caller, id, add=body)


@routes.delete("/groups/{id}/users", tags=["groups"], response_class=Response, responses={200: NOTHING})
def remove_members(caller: Signed, id: Id, body: list[str]) -> Response:  # noqa: A002
    """Remove users from a group."""
    return _regrouped(caller, id, remove=body)


@routes.post(
    "/groups/{id}/users/{user}",
    tags=["groups"],
    response_class=Response,
    openapi_extra=IGNORED,
    responses={200: NOTHING},
)
def add_member(caller: Signed, id: Id, user: Id) -> Response:  # noqa: A002
    """Add a user to a group."""
    return _regrouped(caller, id, add=[user])


@routes.delete(
    "/groups/{id}/users/{user}",
    tags=["groups"],
    response_class=Response,
    openapi_extra=IGNORED,
    responses={200: NOTHING},
)
def remove_member(caller: Signed, id: Id, user: Id) -> Response:  # noqa: A002
    """Remove a user from a group."""
    return _regrouped(caller, id, remove=[user])


@routes.get("/roles", tags=["roles"])
def list_roles(caller: Signed) -> list[RoleBody]:
    """List all roles."""
    caller.ensure_admin("role.list")
    return _role_bodies(caller.directory, caller.directory.roles)


@routes.get("/roles/system", tags=["roles"])
def list_system_roles(caller: Signed) -> dict[str, RoleBody]:
    """List the roles that come with the server, by name."""
    caller.ensure_admin("role.list")
    return {role.name: role for role in _role_bodies(caller.directory, ROLES)}


@routes.get("/roles/custom", tags=["roles"])
def list_custom_roles(caller: Signed) -> list[RoleBody]:
    """List the roles that were made here."""
    caller.ensure_admin("role.list")
    return _role_bodies(caller.directory, [name for name in caller.directory.roles if name not in ROLES])


@routes.get("/roles/permissions", tags=["roles"])
def list_permissions(caller: Signed) -> dict[str, dict[str, str]]:
    """List what a role can allow, by name."""
    caller.ensure_admin("role.list")
    return {name: {"name": name} for name in get_args(Permission)}


@routes.post("/roles", tags=["roles"])
def create_role(caller: Signed, body: RoleChange) -> RoleBody:
    """Make a role."""
    return _role_put(caller, body.name, body.permissions)


@routes.get("/roles/{name}", tags=["roles"])
def read_role(caller: Signed, name: Id) -> RoleBody:
    """Return a role."""
    caller.ensure_admin("role.read", name)
    if name not in caller.directory.roles:
        raise not_found()
    return _role_bodies(caller.directory, [name])[0]


@routes.put("/roles/{name}", tags=["roles"])
def put_role(caller: Signed, name: Id, body: RoleChange) -> RoleBody:
    """Make or change a role; the name in the address counts."""
    return _role_put(caller, name, body.permissions)


@routes.delete(
    "/roles/{name}", tags=["roles"], response_class=Response, openapi_extra=IGNORED, responses={200: NOTHING}
)
def delete_role(caller: Signed, name: Id) -> Response:
    """Delete a role with all its grants; whoever had it keeps an empty name."""
    caller.ensure_admin("role.delete", name)
    with caller.service.change():
        if not caller.store.roles.delete(name, actor=caller.principal.id):
            raise not_found()
        _forget(caller, "ROLE", name)
    return Response()


def user_body(directory: Directory, user_id: str) -> UserBody:
    """Describe a user, or an application as a user.

    Raises:
        ApiError: 404.
    """
    application = directory.applications.get(user_id.removeprefix("app:")) if user_id.startswith("app:") else None
    known = application or directory.users.get(user_id)
    if known is None:
        raise not_found()
    principal = directory.principal(user_id)
    return UserBody(
        id=user_id,
        name=known.name,
        roles=_role_bodies(directory, sorted(principal.subject.roles)),
        groups=[_group_body(directory, directory.groups[group]) for group in sorted(principal.subject.groups)],
        uuid=known.id,
        namespace="",
        application_user=application is not None,
        orkes_workers_app=user_id == "app:orkes-workers",
    )


def _role_bodies(directory: Directory, names: Iterable[str]) -> list[RoleBody]:
    return [
        RoleBody(name=name, permissions=[{"name": one} for one in sorted(directory.roles.get(name, ()))])
        for name in names
    ]


def _group_body(directory: Directory, group: Group) -> GroupBody:
    return GroupBody(id=group.id, description=group.description, roles=_role_bodies(directory, sorted(group.roles)))


def _group(caller: Caller, id: str, action: str) -> Group:  # noqa: A002
    caller.ensure_admin(action, id)
    group = caller.directory.groups.get(id)
    if group is None:
        raise not_found()
    return group


def _regrouped(caller: Caller, id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Response:  # noqa: A002
    _group(caller, id, "group.put")
    with caller.service.change():
        group = caller.store.groups.get(id)
        if group is None:
            raise not_found()
        _members(caller, group, (group.members | frozenset(add)) - frozenset(remove))
    return Response()


def _members(caller: Caller, group: Group, members: frozenset[str]) -> None:
    caller.store.groups.put(group.id, replace(group, members=members), actor=caller.principal.id)


def _known_roles(caller: Caller, roles: Iterable[str] | None) -> None:
    if not set(roles or ()) <= set(caller.directory.roles):
        raise ApiError(HTTPStatus.NOT_FOUND, "no such role")


def _role_put(caller: Caller, name: str, permissions: Iterable[str]) -> RoleBody:
    caller.ensure_admin("role.put", name)
    if name in ROLES:
        raise conflict("the roles that come with the server stay as they are")
    caller.store.roles.put(name, Role(name, frozenset(permissions)), actor=caller.principal.id)
    return RoleBody(name=name, permissions=[{"name": one} for one in sorted(set(permissions))])


def _forget(caller: Caller, kind: str, subject: str) -> None:
    for grant in caller.store.grants.of_subject(kind, subject):
        caller.store.grants.remove(grant, actor=caller.principal.id)
