"""Preflight: what would go wrong if definitions were run, found without fetching a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from secretref._policy import Grant, Policy, Subject
from secretref._template import Template
from secretref.errors import InputError, LimitError, SecretRefError, TemplateSyntaxError
from secretref.providers._ask import held

__all__ = ["Preflight", "preflight"]


@dataclass(frozen=True, slots=True)
class Preflight:
    """What would go wrong if definitions were run, found without fetching a value.

    Attributes:
        names: The secrets they refer to.
        denied: Those the subject may not read.
        missing: Those it may read that the provider does not have.
        unchecked: Those it may read of which the provider cannot tell without fetching them, or could not be asked.
        unused: Grants of the subject that no reference needs.
        malformed: The definitions that cannot be compiled, by their label, each with its error.
        failure: Why the provider could not be asked, if that was so.
    """

    names: frozenset[str]
    denied: frozenset[str]
    missing: frozenset[str]
    unchecked: frozenset[str]
    unused: tuple[Grant, ...]
    malformed: Mapping[str, TemplateSyntaxError | InputError | LimitError]
    failure: SecretRefError | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is denied, missing or malformed, and the provider could be asked."""
        return not (self.denied or self.missing or self.malformed or self.failure)


def preflight(definitions: object, subject: Subject, policy: Policy, provider: object) -> Preflight:
    """Compile *definitions*, ask *policy*, and ask *provider* which names it has if it can tell."""
    names, malformed = _compiled(_labelled(definitions))
    decision = policy.decide(subject, names)
    known, failure = _known(provider, decision.granted)
    unused = [grant for grant in policy.grants_of(subject) if _concerns_reading(grant) and not _needed(grant, names)]
    return Preflight(
        names=names,
        denied=decision.denied,
        missing=frozenset() if known is None else decision.granted - known,
        unchecked=decision.granted if known is None else frozenset(),
        unused=tuple(unused),
        malformed=malformed,
        failure=failure,
    )


def _labelled(definitions: object) -> Mapping[str, object]:
    if isinstance(definitions, Mapping):
        return {str(label): definition for label, definition in definitions.items()}
    if isinstance(definitions, Template):
        definitions = [definitions]
    if isinstance(definitions, str | bytes) or not isinstance(definitions, Iterable):
        raise InputError("a list of definitions, or a mapping from labels to them")
    return {str(number): definition for number, definition in enumerate(definitions)}


def _compiled(
    definitions: Mapping[str, object],
) -> tuple[frozenset[str], dict[str, TemplateSyntaxError | InputError | LimitError]]:
    names: set[str] = set()
    malformed: dict[str, TemplateSyntaxError | InputError | LimitError] = {}
    for label, definition in definitions.items():
        try:
            names |= (definition if isinstance(definition, Template) else Template.compile(definition)).names
        except (TemplateSyntaxError, InputError, LimitError) as error:
            malformed[label] = error
    return frozenset(names), malformed


def _known(provider: object, names: frozenset[str]) -> tuple[frozenset[str] | None, SecretRefError | None]:
    """Return which of *names* exist, or None if the provider cannot tell, and why it could not be asked."""
    if not names:
        return names, None
    try:
        return held(provider, names), None
    except SecretRefError as error:
        return None, error


def _concerns_reading(grant: Grant) -> bool:
    return "READ" in grant.access and grant.target.type == "SECRET_NAME"


def _needed(grant: Grant, names: frozenset[str]) -> bool:
    return any(grant.target.covers(name) for name in names)
