"""Subject, Target, Grant: one permission, in the JSON shape of Orkes' authorization API."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final, TypeAlias, TypeVar

from secretref.errors import PolicyError

__all__ = ["ACCESS", "Grant", "Key", "Subject", "Target", "choice", "matches", "object_of"]

SUBJECTS: Final = frozenset({"USER", "ROLE", "GROUP"})
ACCESS: Final = ("CREATE", "READ", "UPDATE", "DELETE", "EXECUTE")
TARGETS: Final = frozenset(
    {
        *("APPLICATION", "CLUSTER_CONFIG", "DOMAIN", "ENV_VARIABLE", "GROUP", "INTEGRATION", "INTEGRATION_PROVIDER"),
        *("PROMPT", "ROLE", "SCHEDULER", "SCHEMA", "SECRET", "SECRET_NAME", "TAG", "TASK", "TASK_DEF", "USER"),
        *("USER_FORM_TEMPLATE", "WEBHOOK", "WORKFLOW", "WORKFLOW_DEF", "WORKFLOW_SCHEDULE"),
    }
)
_LONGEST: Final = 1_000  # characters of an id
_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # alone it is no text: no record could hold it
_SHORT: Final = "a subject is written app:ID, user:ID, role:ID or group:ID"

_Made = TypeVar("_Made")
Key: TypeAlias = tuple[str, str]  # type and id of a subject


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks: a user, a role or a group. An application is the user ``app:<id>``.

    Attributes:
        type: ``USER``, ``ROLE`` or ``GROUP``; any case is taken.
        id: Its name, compared exactly.
        roles: Roles the subject has; their grants count for it.
        groups: Groups the subject is in; their grants count for it.
    """

    type: str
    id: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _set(self, type=choice(self.type, SUBJECTS, "type"), id=_id(self.id))
        _set(self, roles=_ids(self.roles, "roles"), groups=_ids(self.groups, "groups"))

    @classmethod
    def parse(cls, subject: Subject | str) -> Subject:
        """Read the short form: ``app:orkes-workers``, ``user:ann``, ``role:WORKER`` or ``group:fin``."""
        if isinstance(subject, Subject):
            return subject
        if not isinstance(subject, str):
            raise PolicyError(_SHORT, place="subject")
        return _parsed(subject)

    @classmethod
    def from_json(cls, document: object, *, place: str = "") -> Subject:
        """Read a short form, or an object with ``type`` and ``id``."""
        if isinstance(document, str | Subject):
            return _placed(place, lambda: cls.parse(document))
        fields = object_of(document, {"type", "id"}, {"roles", "groups"}, place)
        return _placed(place, lambda: cls(**fields))

    def to_json(self) -> dict[str, str]:
        """Return the shape of a subject in a grant."""
        return {"type": self.type, "id": self.id}

    def keys(self) -> tuple[Key, ...]:
        """List whose grants count for this subject."""
        if not self.roles and not self.groups:
            return ((self.type, self.id),)
        others = chain((("ROLE", role) for role in self.roles), (("GROUP", group) for group in self.groups))
        return ((self.type, self.id), *others)

    def __str__(self) -> str:
        if self.type == "USER" and self.id.startswith("app:"):
            return self.id
        return f"{self.type.lower()}:{self.id}"


@lru_cache(maxsize=1_024)
def _parsed(text: str) -> Subject:
    kind, _, name = text.partition(":")
    if kind == "app" and name:
        return Subject("USER", text)
    if kind.upper() in SUBJECTS:
        return Subject(kind, name)
    raise PolicyError(_SHORT, place="subject")


@dataclass(frozen=True, slots=True)
class Target:
    """What a grant is about.

    Attributes:
        type: ``SECRET_NAME`` (``SECRET`` is the same), ``TAG``, or another type of Orkes', which concerns no secret.
        id: For a secret its name, in which ``*`` stands for any characters; for a tag ``key:value``.
    """

    type: str
    id: str

    def __post_init__(self) -> None:
        kind = choice(self.type, TARGETS, "type")
        _set(self, type="SECRET_NAME" if kind == "SECRET" else kind, id=_id(self.id))

    @classmethod
    def from_json(cls, document: object, *, place: str = "") -> Target:
        """Read the name of a secret, ``tag:KEY:VALUE``, or an object with ``type`` and ``id``."""
        if isinstance(document, Target):
            return document
        if isinstance(document, str):
            tag = document.startswith("tag:")
            return _placed(place, lambda: cls("TAG", document[4:]) if tag else cls("SECRET_NAME", document))
        fields = object_of(document, {"type", "id"}, set(), place)
        return _placed(place, lambda: cls(**fields))

    def to_json(self) -> dict[str, str]:
        """Return the shape of a target in a grant."""
        return {"type": self.type, "id": self.id}

    def covers(self, name: str, tags: Collection[str] = ()) -> bool:
        """Tell whether the secret *name*, which carries *tags*, is meant.

        Raises:
            PolicyError: *name* is no text, or *tags* are no list.
        """
        if not isinstance(name, str) or not isinstance(tags, Collection) or isinstance(tags, str | bytes):
            raise PolicyError("the name of a secret is text, and its tags are a list of texts")
        if self.type == "SECRET_NAME":
            return matches(self.id, name)
        return self.type == "TAG" and self.id in tags

    def __str__(self) -> str:
        return self.id if self.type == "SECRET_NAME" else f"{self.type.lower()}:{self.id}"


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission: *subject* may do *access* to *target*. Each takes its object, its JSON or its short form.

    Attributes:
        subject: Who.
        target: What.
        access: Some of ``CREATE``, ``READ``, ``UPDATE``, ``DELETE``, ``EXECUTE``; only ``READ`` reveals.
    """

    subject: Subject
    target: Target
    access: frozenset[str]

    def __init__(
        self,
        subject: Subject | str | Mapping[str, object],
        target: Target | str | Mapping[str, object],
        access: str | Iterable[str] = ("READ",),
    ) -> None:
        found = Subject.from_json(subject, place="subject")
        listed = [access] if isinstance(access, str) else list(access) if isinstance(access, Iterable) else []
        kinds = frozenset(choice(kind, ACCESS, f"access/{number}") for number, kind in enumerate(listed))
        if not kinds:
            raise PolicyError("a grant lists what it allows", place="access")
        _set(self, subject=Subject(found.type, found.id), target=Target.from_json(target, place="target"), access=kinds)

    @classmethod
    def from_json(cls, document: object, *, place: str = "") -> Grant:
        """Read the body of Orkes' authorization request."""
        if isinstance(document, Grant):
            return document
        fields = object_of(document, {"subject", "target", "access"}, set(), place)
        return _placed(place, lambda: cls(**fields))

    def to_json(self) -> dict[str, object]:
        """Return the body of Orkes' authorization request."""
        access = [kind for kind in ACCESS if kind in self.access]
        return {"subject": self.subject.to_json(), "target": self.target.to_json(), "access": access}

    def __str__(self) -> str:
        access = ", ".join(kind for kind in ACCESS if kind in self.access)
        return f"{self.subject} may {access} {self.target}"


def _set(thing: object, /, **fields: object) -> None:
    for name, value in fields.items():
        object.__setattr__(thing, name, value)


def choice(value: object, allowed: Collection[str], place: str) -> str:
    found = value.upper() if isinstance(value, str) else ""
    if found not in allowed:
        raise PolicyError(f"one of {', '.join(sorted(allowed))} is expected", place=place)
    return found


def _id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or _SURROGATE.search(value):
        raise PolicyError(f"an id is text of 1 to {_LONGEST} characters", place="id")
    return value


def _ids(values: object, place: str) -> frozenset[str]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise PolicyError("a list of ids is expected", place=place)
    return frozenset(map(_id, values))


def object_of(document: object, needed: set[str], optional: set[str], place: str) -> dict[str, Any]:
    """Return the members of a JSON object that has all of *needed* and nothing unknown."""
    if not isinstance(document, Mapping):
        raise PolicyError(f"an object with {', '.join(sorted(needed))} is expected", place=place)
    if missing := needed - document.keys():
        raise PolicyError(f"{', '.join(sorted(missing))} is missing", place=place)
    if not document.keys() <= needed | optional:
        raise PolicyError(f"only {', '.join(sorted(needed | optional))} may stand here", place=place)
    return dict(document)


def _placed(place: str, build: Callable[[], _Made]) -> _Made:
    """Build something, and say where in the document it stands if that fails."""
    try:
        return build()
    except PolicyError as error:
        fault = error
    raise PolicyError(fault.reason, place=f"{place}/{fault.place}".strip("/"))


def matches(glob: str, name: str) -> bool:
    """Match exactly, ``*`` standing for any characters; linear, since the first fit is as good as any."""
    start, *middle = glob.split("*")
    if not middle:
        return glob == name
    end = middle.pop()
    if len(name) < len(start) + len(end) or not name.startswith(start) or not name.endswith(end):
        return False
    at, last = len(start), len(name) - len(end)
    for part in middle:
        found = name.find(part, at, last)
        if found < 0:
            return False
        at = found + len(part)
    return True
