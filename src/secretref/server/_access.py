"""Who may do what: the one place that decides.

Access to a target is the union of all grants of the caller's subjects: the user or application itself, its roles,
its groups and their roles. A grant reaches its target by type and id, or by a tag the target carries.
Nothing is granted by default; the role ADMIN is granted everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretref.store import AccessKey, Application, GrantRecord, Group, Store, Token, User

__all__ = ["ACCESS", "FREE_ROLES", "ROLES", "Directory", "Principal"]

ACCESS = frozenset({"CREATE", "READ", "UPDATE", "DELETE", "EXECUTE"})
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
        id: User id; an application is ``app:<id>``.
        roles: Its roles and those of its groups.
        groups: Its groups.
        permissions: What its roles allow besides grants.
    """

    id: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed."""
        return ADMIN in self.roles

    def may(self, permission: str) -> bool:
        """Whether a role of it allows *permission*."""
        return self.is_admin or permission in self.permissions

    @property
    def subjects(self) -> frozenset[tuple[str, str]]:
        """Every subject whose grants it has."""
        roles = {("ROLE", role) for role in self.roles}
        return frozenset({("USER", self.id)} | roles | {("GROUP", group) for group in self.groups})


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
        self._grants: dict[tuple[str, str], dict[tuple[str, str], GrantRecord]] = defaultdict(dict)
        for grant in store.grants.all().values():
            self._grants[grant.subject_type, grant.subject_id][grant.target_type, grant.target_id] = grant
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
        return Principal(user_id, roles, groups, permissions)

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

    def access(self, principal: Principal, kind: str, target: str, tags: Iterable[str] = ()) -> frozenset[str]:
        """Return everything *principal* may do with the target of *kind* that carries *tags* (``key:value``)."""
        if principal.is_admin:
            return ACCESS
        return frozenset[str]().union(*(grant.access for grant in self.reaching(principal, kind, target, tags)))

    def reaching(self, principal: Principal, kind: str, target: str, tags: Iterable[str] = ()) -> list[GrantRecord]:
        """Return the grants of *principal* that reach the target: the reasons for its access."""
        wanted = [(kind, target), *(("TAG", tag) for tag in tags)]
        held = [self._grants[subject] for subject in principal.subjects if subject in self._grants]
        return [grants[aim] for grants in held for aim in wanted if aim in grants]

    def uses_tags(self, principal: Principal) -> bool:
        """Whether a grant of *principal* names a tag, so that tags must be looked up."""
        return any(kind == "TAG" for subject in principal.subjects for kind, _ in self._grants.get(subject, ()))

    def given_by_tag(self, tag: str) -> frozenset[str]:
        """Return everything that carrying *tag* lets anybody do."""
        given = (grants[aim].access for grants in self._grants.values() if (aim := ("TAG", tag)) in grants)
        return frozenset[str]().union(*given)
