"""Policy → Decision: who may read what.

A policy is an immutable set of grants. They add up; what none of them allows is denied.
Nothing here knows which secrets exist.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self, final

from secretref._grant import ACCESS, Grant, Key, Subject, Target, choice, matches, object_of
from secretref.errors import PolicyError

__all__ = ["Decision", "Explanation", "Grant", "Policy", "Subject", "Target"]

_TEXT: Final = frozenset({str})
_NO_TAGS: Final[Mapping[str, Collection[str]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for a set of names.

    Attributes:
        subject: Who asked.
        access: For what.
        granted: The names that some grant allows.
        denied: All others.
    """

    subject: Subject
    access: str
    granted: frozenset[str]
    denied: frozenset[str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a subject may or may not do something to one secret; ``str`` gives the reason.

    Attributes:
        allowed: The answer.
        reason: It in words.
        grants: The grants that allow it; if it is denied, those that come near.
    """

    allowed: bool
    reason: str
    grants: tuple[Grant, ...]

    def __str__(self) -> str:
        return self.reason


class _Rules:
    """The targets one subject is granted one kind of access to, arranged for look-up."""

    __slots__ = ("exact", "globs", "lengths", "prefixes", "tags")

    def __init__(self) -> None:
        self.exact: set[str] = set()
        self.prefixes: set[str] = set()  # of names that end in their only star
        self.globs: dict[str, list[str]] = {}  # others, by what stands before the first star
        self.lengths: set[int] = set()  # of the keys of both
        self.tags: set[str] = set()

    def add(self, target: Target) -> None:
        if target.type == "TAG":
            self.tags.add(target.id)
        elif target.type == "SECRET_NAME" and "*" not in target.id:
            self.exact.add(target.id)
        elif target.type == "SECRET_NAME":
            start, _, rest = target.id.partition("*")
            self.lengths.add(len(start))
            if rest:
                self.globs.setdefault(start, []).append(target.id)
            else:
                self.prefixes.add(start)

    def allow(self, names: frozenset[str], tags: Mapping[str, Collection[str]]) -> frozenset[str]:
        found = names & self.exact
        if len(found) == len(names) or not (self.lengths or self.tags):
            return found
        others = names - found
        return found.union(name for name in others if self._glob(name) or not self.tags.isdisjoint(tags.get(name, ())))

    def _glob(self, name: str) -> bool:
        starts = [name[:length] for length in self.lengths if length <= len(name)]
        return any(
            start in self.prefixes or any(matches(glob, name) for glob in self.globs.get(start, ())) for start in starts
        )


@final
class Policy:
    """All grants. Immutable: a changed policy is a new one, and a resolver can be given a callable that returns it.

    Args:
        grants: Grants, or their JSON. Without any, everything is denied.
    """

    __slots__ = ("_everything", "_rules", "grants")

    _everything: bool
    _rules: dict[tuple[str, Key], _Rules]
    grants: tuple[Grant, ...]

    def __init__(self, grants: Iterable[Grant | Mapping[str, object]] = ()) -> None:
        if isinstance(grants, str | bytes | Mapping) or not isinstance(grants, Iterable):
            raise PolicyError("a list of grants is expected", place="grants")
        listed = tuple(Grant.from_json(grant, place=f"grants/{number}") for number, grant in enumerate(grants))
        rules: dict[tuple[str, Key], _Rules] = {}
        for grant in listed:
            for access in grant.access:
                rules.setdefault((access, (grant.subject.type, grant.subject.id)), _Rules()).add(grant.target)
        for slot, value in (("grants", listed), ("_rules", rules), ("_everything", False)):
            object.__setattr__(self, slot, value)

    @classmethod
    def allow_all(cls) -> Self:
        """Allow everybody everything: for programs that have only one subject."""
        policy = cls()
        object.__setattr__(policy, "_everything", True)
        return policy

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a policy file: JSON or TOML, by its ending, with a list ``grants``.

        Raises:
            PolicyError: The file cannot be read, or something in it is wrong.
        """
        if not isinstance(path, str | Path):
            raise PolicyError("a policy file is given by its path")
        path = Path(path)
        fault, document = "", None
        try:
            document = _READERS[path.suffix.lower()](path.read_text("utf-8"))
        except KeyError:
            fault = "a policy file ends in .json or .toml"
        except OSError as error:
            fault = f"cannot be read: {type(error).__name__}"
        except PolicyError as error:
            fault = error.reason
        except (ValueError, RecursionError):
            fault = f"is no {path.suffix[1:].upper()}"
        if fault:
            raise PolicyError(fault, place=path.name)
        return cls.from_json(document)

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read a list of grants, or an object whose only member ``grants`` is one."""
        if isinstance(document, Mapping):
            document = object_of(document, {"grants"}, set(), "")["grants"]
        if not isinstance(document, list | tuple):
            raise PolicyError("a list of grants is expected", place="grants")
        return cls(document)

    def to_json(self) -> dict[str, list[dict[str, object]]]:
        """Return what ``from_json`` reads."""
        if self._everything:
            raise PolicyError("a policy that allows everything has no grants to write")
        return {"grants": [grant.to_json() for grant in self.grants]}

    def decide(
        self,
        subject: Subject | str,
        names: Iterable[str],
        *,
        access: str = "READ",
        tags: Mapping[str, Collection[str]] = _NO_TAGS,
    ) -> Decision:
        """Say which of *names* the subject may have *access* to.

        Args:
            subject: Who asks, or its short form.
            names: Names of secrets, whether or not they exist.
            access: For what.
            tags: The tags ``key:value`` each name carries; a grant to a tag counts only for names listed here.

        Raises:
            PolicyError: *subject* or *access* is none, a name is no text, or *tags* are none.
        """
        asking, wanted = Subject.parse(subject), _names(names)
        kind = choice(access, ACCESS, "access")
        if tags is not _NO_TAGS:
            _check_tags(tags)
        granted = self._granted(asking, wanted, kind, tags)
        return Decision(asking, kind, granted, wanted - granted)

    def denied(self, subject: Subject, names: frozenset[str]) -> frozenset[str]:
        """Return those of *names*, texts all, that *subject* may not READ, for the resolver."""
        return names - self._granted(subject, names, "READ", _NO_TAGS)

    def _granted(
        self, asking: Subject, wanted: frozenset[str], access: str, tags: Mapping[str, Collection[str]]
    ) -> frozenset[str]:
        if self._everything:
            return wanted
        granted: frozenset[str] = frozenset()
        for key in asking.keys():  # noqa: SIM118 - no mapping
            rules = self._rules.get((access, key))
            if rules is not None:
                granted |= rules.allow(wanted, tags)
        return granted

    def explain(
        self, subject: Subject | str, name: str, *, access: str = "READ", tags: Collection[str] = ()
    ) -> Explanation:
        """Say why *subject* may or may not have *access* to the secret *name*, which carries *tags*."""
        asking, kind = Subject.parse(subject), choice(access, ACCESS, "access")
        _check_tags({"": tags})
        (name,) = _names([name])
        what = f"{asking} may {kind} {_shown(name)}"
        if self._everything:
            return Explanation(allowed=True, reason=f"{what}: this policy allows everything", grants=())
        own = self.grants_of(asking)
        matching = tuple(grant for grant in own if grant.target.covers(name, tags))
        allowing = tuple(grant for grant in matching if kind in grant.access)
        if allowing:
            return Explanation(allowed=True, reason=f"{what}: {'; '.join(map(str, allowing))}", grants=allowing)
        refused = f"{asking} may not {kind} {_shown(name)}"
        if matching:
            return Explanation(
                allowed=False, reason=f"{refused}: only {'; '.join(map(str, matching))}", grants=matching
            )
        alike = tuple(grant for grant in own if grant.target.id.casefold() == name.strip().casefold())
        if alike:
            names = ", ".join(str(grant.target) for grant in alike)
            return Explanation(
                allowed=False, reason=f"{refused}: names are exact, and it is granted {names}", grants=alike
            )
        held = f"none of its {len(own)} grants names it" if own else "it has no grants"
        return Explanation(allowed=False, reason=f"{refused}: {held}", grants=())

    def grants_of(self, subject: Subject | str) -> tuple[Grant, ...]:
        """List the grants that count for *subject*, those of its roles and groups included."""
        keys = set(Subject.parse(subject).keys())
        return tuple(grant for grant in self.grants if (grant.subject.type, grant.subject.id) in keys)

    def __repr__(self) -> str:
        return "Policy.allow_all()" if self._everything else f"Policy({len(self.grants)} grants)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Policy):
            return NotImplemented
        return self._everything == other._everything and set(self.grants) == set(other.grants)

    def __hash__(self) -> int:
        return hash((self._everything, frozenset(self.grants)))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a policy cannot be changed; make a new one")

    def __reduce__(self) -> tuple[Any, ...]:
        return (Policy.allow_all, ()) if self._everything else (Policy, (self.grants,))


def _names(names: Iterable[str]) -> frozenset[str]:
    listed = [names] if isinstance(names, str) else list(names) if isinstance(names, Iterable) else [names]
    if not set(map(type, listed)) <= _TEXT and not all(isinstance(name, str) for name in listed):
        raise PolicyError("the name of a secret is text", place="names")
    return frozenset(listed)


def _check_tags(tags: object) -> None:
    listed = tags.values() if isinstance(tags, Mapping) else [None]
    if not all(isinstance(found, Collection) and not isinstance(found, str | bytes) for found in listed):
        raise PolicyError("a list of tags is expected for each name", place="tags")


def _shown(text: str) -> str:
    return text[:100] if text.isprintable() else ascii(text[:100])


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a JSON object that says something twice."""
    if len(found := dict(members)) < len(members):
        raise PolicyError("an object holds a key twice")
    return found


def _json(text: str) -> object:
    import json  # noqa: PLC0415 - on first use

    return json.loads(text, object_pairs_hook=_unique)


def _toml(text: str) -> object:
    import tomllib  # noqa: PLC0415 - on first use

    return tomllib.loads(text)


_READERS: Final = {".json": _json, ".toml": _toml}
