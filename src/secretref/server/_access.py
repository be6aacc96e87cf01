"""Who may do what: the one place that decides.

Secrets are decided by ``Policy``, the same that resolvers use, made of the grants in the store. A caller has the grants
of its user or application, of its roles, of its groups and of their roles. Nothing is granted by default; the role
ADMIN is granted everything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretref._grant import ACCESS, Grant, Subject, Target
from secretref._policy import Policy

if TYPE_CHECKING:
    from secretref.store import AccessKey, Application, Group, Store, Token, User

__all__ = ["FREE_ROLES", "ROLES", "SECRET", "Directory", "Principal"]

SECRET = "SECRET_NAME"  # noqa: S105 - the type of target
EVERYTHING = frozenset(ACCESS)
ADMIN = "ADMIN"
ROLES: Mapping[str, frozenset[str]] = {
    ADMIN: frozenset({"ALL"}),
    "USER": frozenset({"CREATE_SECRET", "CREATE_APPLICATION"}),
    "METADATA_MANAGER": frozenset({"CREATE_SECRET", "MANAGE_ENVIRONMENT"}),
    "METADATA_API": frozenset({"CREATE_METADATA"}),
    "APPLICATION_MANAGER": frozenset({"CREATE_APPLICATION", "MANAGE_APPLICATIONS"}),
    "APPLICATION_CREATOR": frozenset({"CREATE_APPLICATION"}),
    "WORKFLOW_MANAGER": frozenset({"MANAGE_WORKFLOWS"}),
    "WORKER": frozenset({"EXECUTE_TASKS"}),
    "UNRESTRICTED_WORKER": frozenset({"EXECUTE_ALL_TASKS"}),
    "USER_READ_ONLY": frozenset(),
}
FREE_ROLES = frozenset({"WORKER", "METADATA_API", "APPLICATION_CREATOR", "USER_READ_ONLY"})
"""Roles that somebody who is no administrator may give to an application of his own."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, with everything that grants can be given to.

    Attributes:
        subject: The user, with its roles, its groups and their roles; an application is the user ``app:<id>``.
        permissions: What its roles allow besides grants.
    """

    subject: Subject
    permissions: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """Its user id."""
        return self.subject.id

    @property
    def keys(self) -> frozenset[tuple[str, str]]:
        """Type and id of every subject whose grants it has."""
        return frozenset(self.subject.keys())

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed."""
        return ADMIN in self.subject.roles

    def may(self, permission: str) -> bool:
        """Whether a role of it allows *permission*."""
        return self.is_admin or permission in self.permissions


class Directory:
    """Applications, users, groups and grants, as they were at one revision of the store.

    Attributes:
        tokens: Tokens that were found valid at this revision, by hash.
    """

    def __init__(self, store: Store) -> None:
        self.revision = store.revision()
        self.applications: Mapping[str, Application] = store.applications.all()
        self.access_keys: Mapping[str, AccessKey] = store.access_keys.all()
        self.users: Mapping[str, User] = store.users.all()
        self.groups: Mapping[str, Group] = store.groups.all()
        self.roles = {**ROLES, **{role.name: role.permissions for role in store.roles.all().values()}}
        self.policy = Policy(
            Grant(Subject(one.subject_type, one.subject_id), Target(one.target_type, one.target_id), one.access)
            for one in store.grants.all().values()
        )
        self._principals: dict[str, Principal] = {}
        self.tokens: dict[str, Token] = {}

    def principal(self, user_id: str) -> Principal:
        """Return the user or application *user_id* with its roles and groups; unknown ones have none."""
        found = self._principals.get(user_id)
        if found is None:
            found = self._principals[user_id] = self._assembled(user_id)
        return found

    def _assembled(self, user_id: str) -> Principal:
        groups = frozenset(group.id for group in self.groups.values() if user_id in group.members)
        application = self.applications.get(user_id.removeprefix("app:")) if user_id.startswith("app:") else None
        own = application or self.users.get(user_id)
        roles = (own.roles if own else frozenset()).union(*(self.groups[group].roles for group in groups))
        permissions = frozenset[str]().union(*(self.roles.get(role, frozenset()) for role in roles))
        return Principal(Subject("USER", user_id, roles, groups), permissions)

    def works(self, key_id: str) -> bool:
        """Whether *key_id* is an active key of an application that exists."""
        key = self.access_keys.get(key_id)
        return key is not None and key.active and key.application_id in self.applications

    def has_admin(self) -> bool:
        """Whether somebody can still sign in as an administrator."""
        return any(
            self.works(key.id) and self.principal(f"app:{key.application_id}").is_admin
            for key in self.access_keys.values()
        )

    def access(
        self, principal: Principal, kind: str, names: Collection[str], tags: Mapping[str, Collection[str]]
    ) -> dict[str, frozenset[str]]:
        """Return everything *principal* may do with each of the targets *names*, which carry *tags* (``key:value``)."""
        if principal.is_admin:
            return dict.fromkeys(names, EVERYTHING)
        held: dict[str, set[str]] = {name: set() for name in names}
        if kind == SECRET:
            for access in ACCESS:
                for name in self.policy.decide(principal.subject, names, access=access, tags=tags).granted:
                    held[name].add(access)
        else:  # other targets are exact
            for grant in self.policy.grants_of(principal.subject):
                if grant.target.type == kind and grant.target.id in held:
                    held[grant.target.id] |= grant.access
        return {name: frozenset(access) for name, access in held.items()}

    def readable(
        self, principal: Principal, names: Collection[str], tags: Mapping[str, Collection[str]]
    ) -> frozenset[str]:
        """Return those of the secrets *names* that *principal* may READ."""
        if principal.is_admin:
            return frozenset(names)
        return self.policy.decide(principal.subject, names, tags=tags).granted

    def uses_tags(self, principal: Principal) -> bool:
        """Whether a grant of *principal* names a tag, so that tags must be looked up."""
        return any(grant.target.type == "TAG" for grant in self.policy.grants_of(principal.subject))

    def given_by(self, tags: Collection[str]) -> frozenset[str]:
        """Return everything that carrying one of *tags* lets anybody do."""
        given = (grant.access for grant in self.policy.grants if grant.target.type == "TAG" and grant.target.id in tags)
        return frozenset[str]().union(*given)
