"""Every exception the library raises.

::

    SecretRefError                         code: a stable slug, used by the CLI and the server
    ├── TemplateSyntaxError (ValueError)   faults: every fault of the definition, each with place, span and fix
    ├── InputError (ValueError)            place: input of a kind that cannot be processed (cycle, generator, …)
    │   └── NotATemplateError (TypeError)  text, or anything else than a template, was to be resolved
    ├── LimitError (ValueError)            limit, maximum: a budget was exceeded before work began
    ├── PolicyError (ValueError)           place: the policy document is wrong
    ├── ConfigurationError (ValueError)    a provider or setting is configured wrongly
    ├── WeakSecretError (ValueError)       names: values that strict mode refuses to register
    ├── AccessDeniedError                  names, subject
    ├── SecretNotFoundError (LookupError)  names, provider, references
    ├── ReferenceError (LookupError)       references: foreign expressions without a datum
    ├── ProviderError                      provider, kind (the SDK error's class name, never its text)
    │   ├── ProviderUnavailableError       asking again may help
    │   ├── StoreKeyError                  the key does not open the store; nothing was changed
    │   ├── StoreFormatError               a newer release wrote the store
    │   ├── StoreDamagedError              names: entries that something else than this library changed
    │   └── StoreConflictError             names: entries that are at another version than expected
    ├── AuditError                         the audit sink failed, so nothing was released
    ├── RedactedError                      original_type: stands in for an exception that could not be copied
    └── MissingExtraError (ImportError)    extra; the message is the install command

No error holds a value: not in its message, attributes, ``args``, notes, cause or context.
Raise it *after* the ``except`` block that noticed the fault, because ``from None`` only hides the context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

__all__ = [
    "AccessDeniedError",
    "AuditError",
    "ConfigurationError",
    "Fault",
    "InputError",
    "LimitError",
    "MissingExtraError",
    "NotATemplateError",
    "PolicyError",
    "ProviderError",
    "ProviderUnavailableError",
    "RedactedError",
    "ReferenceError",
    "SecretNotFoundError",
    "SecretRefError",
    "StoreConflictError",
    "StoreDamagedError",
    "StoreFormatError",
    "StoreKeyError",
    "TemplateSyntaxError",
    "WeakSecretError",
]

_SHOWN = 10
_SHOWN_LENGTH = 100


def _listed(names: Iterable[str]) -> str:
    """Join sorted names, the first few in full, so that a message stays short."""
    ordered = sorted(names)
    shown = ", ".join(_shortened(name) for name in ordered[:_SHOWN])
    rest = len(ordered) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


def printable(text: str) -> str:
    """Escape what could move a cursor, turn the direction of writing or forge a line."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _shortened(text: str) -> str:
    """Cut *text* to 100 characters, and make it harmless."""
    return printable(text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 1]}…")


def _rebuild(kind: type[SecretRefError], fields: dict[str, Any]) -> SecretRefError:
    return kind(**fields)


class SecretRefError(Exception):
    """Base of all errors of this library; ``code`` names the kind in a stable slug."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self._fields = fields
        for name, value in fields.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Callable[..., SecretRefError], tuple[Any, ...]]:
        """Pickle by fields, so that an error survives the way from a worker process."""
        return _rebuild, (type(self), self._fields or {"message": str(self)})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a definition.

    Attributes:
        place: JSON Pointer of the string or key that holds the fault; empty for the root.
        span: Half-open range of the faulty reference in that string, in characters.
        reference: The faulty reference alone, shortened to 100 characters, never its surroundings.
        reason: A stable slug, such as ``unclosed`` or ``bad-name``.
        expected: What should stand there: the fix, in words.
    """

    place: str
    span: tuple[int, int]
    reference: str
    reason: str
    expected: str

    def __str__(self) -> str:
        start, end = self.span
        where = f"{_shortened(self.place)} " if self.place else ""
        return f"{where}[{start}:{end}] {_shortened(self.reference)}: {self.expected}"


class TemplateSyntaxError(SecretRefError, ValueError):
    """A definition holds malformed references; ``faults`` lists all of them, in document order."""

    code = "syntax"
    faults: tuple[Fault, ...]

    def __init__(self, faults: Iterable[Fault]) -> None:
        found = tuple(faults)
        shown = "; ".join(str(fault) for fault in found[:5])
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        super().__init__(f"malformed secret reference: {shown}{more}", faults=found)

    @property
    def place(self) -> str:
        """Place of the first fault."""
        return self.faults[0].place

    @property
    def span(self) -> tuple[int, int]:
        """Span of the first fault."""
        return self.faults[0].span

    @property
    def expected(self) -> str:
        """Fix of the first fault."""
        return self.faults[0].expected


class InputError(SecretRefError, ValueError):
    """Input of a kind that cannot be processed; ``place`` says where, as a JSON Pointer."""

    code = "input"
    reason: str
    place: str

    def __init__(self, reason: str, *, place: str = "") -> None:
        where = f" (at {_shortened(place)})" if place else ""
        super().__init__(f"{printable(reason)}{where}", reason=reason, place=place)


class NotATemplateError(InputError, TypeError):
    """Something else than a template was to be resolved: only ``Template.compile`` declares text to be trusted."""

    def __init__(self, reason: str = "Template.compile makes a template; nothing else is resolved") -> None:
        super().__init__(reason)

    def __reduce__(self) -> tuple[Callable[..., SecretRefError], tuple[Any, ...]]:
        return NotATemplateError, (self.reason,)


class LimitError(SecretRefError, ValueError):
    """A budget was exceeded; nothing has been fetched. ``limit`` names it, ``maximum`` is its value."""

    code = "limit"
    limit: str
    maximum: int

    def __init__(self, limit: str, maximum: int) -> None:
        super().__init__(f"more than {maximum} {limit}", limit=limit, maximum=maximum)


class PolicyError(SecretRefError, ValueError):
    """A policy document, subject or grant is wrong; ``place`` says where."""

    code = "policy"
    reason: str
    place: str

    def __init__(self, reason: str, *, place: str = "") -> None:
        where = f" (at {_shortened(place)})" if place else ""
        super().__init__(f"{reason}{where}", reason=reason, place=place)


class ConfigurationError(SecretRefError, ValueError):
    """A provider or a setting is configured wrongly."""

    code = "configuration"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class WeakSecretError(SecretRefError, ValueError):
    """Strict mode refuses values that are too short or too common; ``names`` says whose."""

    code = "weak"
    names: frozenset[str]

    def __init__(self, names: Iterable[str]) -> None:
        found = frozenset(names)
        super().__init__(f"too weak to be searched for safely: {_listed(found)}", names=found)


class AccessDeniedError(SecretRefError):
    """Some names are not granted to the subject, whether or not the secrets exist."""

    code = "denied"
    names: frozenset[str]
    subject: str

    def __init__(self, names: Iterable[str], *, subject: str) -> None:
        found = frozenset(names)
        super().__init__(f"{_shortened(subject)} may not READ: {_listed(found)}", names=found, subject=subject)


class SecretNotFoundError(SecretRefError, LookupError):
    """Some granted names have no value, or a path leads nowhere in one.

    Attributes:
        names: The secrets concerned.
        provider: Who was asked.
        references: The references whose path could not be followed; empty when the secret itself is missing.
    """

    code = "missing"
    names: frozenset[str]
    provider: str
    references: tuple[str, ...]

    def __init__(self, names: Iterable[str], *, provider: str = "", references: Iterable[str] = ()) -> None:
        found, walked = frozenset(names), tuple(references)
        where = f" in {_shortened(provider)}" if provider else ""
        super().__init__(
            f"no such secret{where}: {_listed(walked or found)}", names=found, provider=provider, references=walked
        )


class ReferenceError(SecretRefError, LookupError):  # noqa: A001 - the field's word; reached by its path only
    """Some foreign expressions have no datum.

    Attributes:
        references: The expressions.
        kind: Class name of the first error an evaluator raised that means more than that; its text may hold data.
    """

    code = "reference"
    references: tuple[str, ...]
    kind: str

    def __init__(self, references: Iterable[str], *, kind: str = "") -> None:
        found = tuple(references)
        why = f" ({_shortened(kind)})" if kind else ""
        super().__init__(f"no datum for: {_listed(found)}{why}", references=found, kind=kind)


class ProviderError(SecretRefError):
    """A provider could not be asked.

    Attributes:
        provider: Its name.
        kind: Class name of the error underneath, or a short word; never its text.
        names: The names asked for, where known.
    """

    code = "provider"
    provider: str
    kind: str
    names: frozenset[str]

    def __init__(self, provider: str, *, kind: str, names: Iterable[str] = ()) -> None:
        found = frozenset(names)
        about = f" for {_listed(found)}" if found else ""
        super().__init__(
            f"provider {_shortened(provider)} failed{about}: {_shortened(kind)}",
            provider=provider,
            kind=kind,
            names=found,
        )


class ProviderUnavailableError(ProviderError):
    """A provider could not be asked now; asking again may help."""

    code = "unavailable"


class StoreKeyError(ProviderError):
    """The key does not open the store; nothing was changed."""

    code = "key"


class StoreFormatError(ProviderError):
    """A newer release wrote the store; this one does not touch it."""

    code = "format"


class StoreDamagedError(ProviderError):
    """Contents of the store were changed by something else than this library; ``names`` lists what is known of them."""

    code = "damaged"


class StoreConflictError(ProviderError):
    """Entries are at another version than expected; nothing was changed."""

    code = "conflict"


class AuditError(SecretRefError):
    """The audit sink failed, so nothing was released; ``kind`` is the class name of its error."""

    code = "audit"
    kind: str

    def __init__(self, kind: str) -> None:
        super().__init__(f"audit event could not be written: {_shortened(kind)}", kind=kind)


class RedactedError(SecretRefError):
    """Stands in for an exception that could not be copied safely.

    Attributes:
        original_type: Class name of the exception it stands for.
        text: Its text, redacted.
    """

    code = "redacted"
    original_type: str
    text: str

    def __init__(self, original_type: str, text: str) -> None:
        super().__init__(f"{original_type}: {text}", original_type=original_type, text=text)


class MissingExtraError(SecretRefError, ImportError):
    """An optional part is not installed; the message is the command that installs it."""

    code = "extra"
    extra: str

    def __init__(self, extra: str) -> None:
        super().__init__(f"pip install 'secretref-workflow[{extra}]'", extra=extra)
