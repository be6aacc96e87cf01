"""Resolver: authorise → fetch → bind = ResolvedInput. Each step works on the whole set of names at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from pydantic import SecretStr

from secretref._audit import AuditEvent, AuditKind, Sink, write
from secretref._bound import bind
from secretref._data import Data, evaluate, looks_like_reference
from secretref._policy import Policy, Subject
from secretref._resolved import Keeper, Request, ResolvedInput, exceeds, fill, sound
from secretref._survey import DEFAULT, Limits
from secretref._syntax import Expression
from secretref._template import Template
from secretref._tree import plain
from secretref.errors import (
    AccessDeniedError,
    ConfigurationError,
    InputError,
    LimitError,
    NotATemplateError,
    ProviderError,
    SecretNotFoundError,
    SecretRefError,
)
from secretref.providers import is_name
from secretref.providers._ask import aask, ask, name_of

if TYPE_CHECKING:
    from secretref._preflight import Preflight

__all__ = ["Missing", "Resolver"]

Missing: TypeAlias = Literal["error", "null"]
Values: TypeAlias = dict[str, SecretStr]

_UNBOUND: Final = object()
_LONGEST: Final = 1e9  # seconds that every clock can add up


class Resolver:
    """Puts values in the place of references, for subjects that were granted them.

    Safe to share between threads and event loops: it keeps nothing from one resolution to the next.

    Args:
        provider: Where values come from: anything with ``fetch(names)``, see ``secretref.providers``.
        policy: Who may read what, or a callable that returns the policy of the moment. By default nobody may.
        missing: What a reference without a value becomes: ``"error"``, or ``"null"`` as in Conductor
            (``None`` for a whole string, nothing inside a longer one).
        audit: Is handed each audit event before anything is released; if it fails, nothing is.
        deadline: The longest a fetch may take, in seconds, all providers and tries together.
        limits: Budgets; the resolver checks the size of the result.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    def __init__(
        self,
        provider: object,
        *,
        policy: Policy | Callable[[], Policy] | None = None,
        missing: Missing = "error",
        audit: Sink | None = None,
        deadline: float | None = None,
        limits: Limits = DEFAULT,
    ) -> None:
        if not (callable(getattr(provider, "fetch", None)) or callable(getattr(provider, "afetch", None))):
            raise ConfigurationError("a provider has a method fetch(names)")
        if not (policy is None or isinstance(policy, Policy) or callable(policy)):
            raise ConfigurationError("the policy is a Policy, or a callable that returns one")
        if not isinstance(missing, str) or missing not in get_args(Missing):
            raise ConfigurationError('missing is "error" or "null"')
        if not (audit is None or callable(audit)):
            raise ConfigurationError("an audit sink is callable")
        if deadline is not None and not _is_time(deadline):
            raise ConfigurationError("the deadline is a positive number of seconds")
        if not isinstance(limits, Limits):
            raise ConfigurationError("limits are given as Limits")
        self._provider = provider
        self._policy = Policy() if policy is None else policy
        self._missing = missing
        self._audit = audit
        self._deadline = deadline
        self._limits = limits

    def __repr__(self) -> str:
        return f"Resolver(provider={name_of(self._provider)!r})"

    def resolve(
        self,
        template: Template,
        *,
        subject: Subject | str,
        data: Data | None = None,
        bound: object = _UNBOUND,
        workflow: str | None = None,
        task: str | None = None,
        after: Iterable[ResolvedInput] = (),
    ) -> ResolvedInput:
        """Get the value of every reference of *template*.

        Everything is authorised before anything is fetched, so a denied subject cannot learn which secrets exist.
        Values and data are opaque: whatever they look like, they are never evaluated.

        Args:
            template: What ``Template.compile`` made of a trusted definition.
            subject: Who asks, or its short form, such as ``app:orkes-workers``.
            data: What foreign expressions are filled from: a mapping, or a callable that evaluates one. Without, they
                stay as they stand.
            bound: The definition as an engine has filled it already, its secret references untouched.
            workflow: What is run, for the audit and the record.
            task: The task in it, likewise.
            after: What earlier tasks of the run were resolved to. What they returned may hold their values, and *data*
                what they returned: all values they have by now are hidden in the record of this one, too.

        Returns:
            The resolved input; plain text leaves it only through ``reveal()``.

        Raises:
            NotATemplateError: *template* is none.
            PolicyError: *subject* is none.
            ConfigurationError: The callable for the policy gives none.
            AccessDeniedError: Some names are not granted; carries all of them.
            ReferenceError: Some foreign expressions have no datum; carries all of them.
            InputError: Data is not JSON, *bound* does not fit the definition, *workflow* or *task* is no text, or
                *after* lists something else.
            SecretNotFoundError: Some granted names have no value, or paths lead nowhere; carries all of them.
            ProviderError: The provider could not be asked, or not in time.
            LimitError: The result would be too large.
            AuditError: An audit event could not be written.
        """
        keeper = Keeper.after(after)
        request = self._request(template, subject, data, bound, workflow=workflow, task=task)
        return self._released(request, self._fetched(request), keeper)

    async def aresolve(
        self,
        template: Template,
        *,
        subject: Subject | str,
        data: Data | None = None,
        bound: object = _UNBOUND,
        workflow: str | None = None,
        task: str | None = None,
        after: Iterable[ResolvedInput] = (),
    ) -> ResolvedInput:
        """Resolve without blocking the event loop; see ``resolve``."""
        keeper = Keeper.after(after)
        request = self._request(template, subject, data, bound, workflow=workflow, task=task)
        return self._released(request, await self._afetched(request), keeper)

    def declare(
        self,
        names: Iterable[str],
        *,
        subject: Subject | str,
        workflow: str | None = None,
        task: str | None = None,
        after: Iterable[ResolvedInput] = (),
    ) -> ResolvedInput:
        """Get the values of *names* for a task that says what it needs; ``reveal()`` gives ``{name: value}``.

        Raises as ``resolve`` does, and InputError for what is no name.
        """
        return self.resolve(_declared(names), subject=subject, workflow=workflow, task=task, after=after)

    async def adeclare(
        self,
        names: Iterable[str],
        *,
        subject: Subject | str,
        workflow: str | None = None,
        task: str | None = None,
        after: Iterable[ResolvedInput] = (),
    ) -> ResolvedInput:
        """Declare without blocking the event loop; see ``declare``."""
        return await self.aresolve(_declared(names), subject=subject, workflow=workflow, task=task, after=after)

    def preflight(
        self, definitions: Template | Iterable[object] | Mapping[str, object], subject: Subject | str
    ) -> Preflight:
        """Find out what would go wrong if *definitions* were run for *subject*, without fetching a value.

        Args:
            definitions: Templates or definitions: a list of them, or a mapping from labels to them.
            subject: For whom.

        Raises:
            PolicyError: *subject* is none.
        """
        from secretref._preflight import preflight  # noqa: PLC0415 - before a run, or never

        return preflight(definitions, Subject.parse(subject), self._current_policy(), self._provider)

    def refreshed(self, request: Request, keeper: Keeper) -> ResolvedInput:
        """Resolve *request* again past every cache, for ``ResolvedInput.refresh``."""
        self._authorise(request)
        return self._released(request, self._fetched(request, fresh=True), keeper)

    async def arefreshed(self, request: Request, keeper: Keeper) -> ResolvedInput:
        """Resolve *request* again past every cache, for ``ResolvedInput.arefresh``."""
        self._authorise(request)
        return self._released(request, await self._afetched(request, fresh=True), keeper)

    def _request(
        self,
        template: Template,
        subject: Subject | str,
        data: Data | None,
        bound: object,
        *,
        workflow: str | None,
        task: str | None,
    ) -> Request:
        """Check what is asked, authorise it, then look at data: a denied subject makes nobody evaluate anything."""
        if not isinstance(template, Template):
            raise NotATemplateError
        asking, workflow, task = Subject.parse(subject), _title(workflow, "workflow"), _title(task, "task")
        if data is None and bound is _UNBOUND:
            request = Request(template, asking, None, None, workflow, task)
            self._authorise(request)
            return request
        if data is not None and bound is not _UNBOUND:
            raise InputError("either data or a bound tree")
        self._authorise(Request(template, asking, None, None, workflow, task))
        filled = None if data is None else evaluate(template.foreign, data, template.embedded)
        tree = None if data is not None else bind(template, bound)
        request = Request(template, asking, filled, tree, workflow, task)
        suspicious = [
            expression.text[2:-1]
            for expression, datum in (filled or {}).items()
            if looks_like_reference(datum.frozen or datum.text)
        ]
        if suspicious or (tree is not None and tree.suspicious):
            self._event("reference_in_data", (), request, expressions=suspicious)
        return request

    def _authorise(self, request: Request) -> None:
        fault: SecretRefError
        try:
            denied = self._current_policy().denied(request.subject, request.template.names)
            if not denied:
                return
        except SecretRefError as error:
            denied, fault = request.template.names, error
        else:
            fault = AccessDeniedError(denied, subject=str(request.subject))
        self._event("denied", denied, request)
        raise fault

    def _current_policy(self) -> Policy:
        """Return the policy of the moment; when it cannot be had, everything is denied."""
        if isinstance(self._policy, Policy):
            return self._policy
        fault = "returned something else"
        try:
            policy = self._policy()
            if isinstance(policy, Policy):
                return policy
        except SecretRefError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a callable of somebody else raises
            fault = f"failed: {type(error).__name__}"
        raise ConfigurationError(f"the callable for the policy {fault}")

    def _fetched(self, request: Request, *, fresh: bool = False) -> Values:
        names = request.template.names
        if not names:
            return {}
        try:
            return ask(self._provider, names, fresh=fresh, deadline=self._deadline)
        except SecretRefError as error:
            failure = error
        raise self._audited(failure, request)

    async def _afetched(self, request: Request, *, fresh: bool = False) -> Values:
        names = request.template.names
        if not names:
            return {}
        try:
            return await aask(self._provider, names, fresh=fresh, deadline=self._deadline)
        except SecretRefError as error:
            failure = error
        raise self._audited(failure, request)

    def _audited(self, failure: SecretRefError, request: Request) -> SecretRefError:
        """Return what a provider failed with, to be raised outside of every ``except``, once the audit has it."""
        self._event("provider_failed", request.template.names, request)
        return failure

    def _released(self, request: Request, values: Values, keeper: Keeper) -> ResolvedInput:
        """Fill the template, and let it out when nothing is missing, the size is right and the audit knows."""
        if not sound(values):
            raise self._audited(ProviderError(name_of(self._provider), kind="value is no text", names=values), request)
        filled = fill(request.template, values)
        if filled.lost:
            self._lose(request, filled.lost, frozenset(values))
        if exceeds(request, filled, self._limits.result):
            raise LimitError("characters in the result", self._limits.result)
        self._event("resolved", request.template.names, request)
        keeper.add(values, filled)
        return ResolvedInput(request, filled, keeper, self)

    def _lose(self, request: Request, lost: Iterable[Expression], found: frozenset[str]) -> None:
        """Report what has no value, and raise unless that is to be null."""
        names = frozenset(expression.name for expression in lost)
        self._event("missing", names, request)
        if self._missing == "error":
            references = () if found.isdisjoint(names) else [expression.text for expression in lost]
            raise SecretNotFoundError(names, provider=name_of(self._provider), references=references)

    def _event(self, kind: AuditKind, names: Iterable[str], request: Request, expressions: Iterable[str] = ()) -> None:
        if self._audit is not None:
            event = AuditEvent(
                kind=kind,
                names=tuple(sorted(names)),
                subject=str(request.subject),
                provider=name_of(self._provider),
                workflow=request.workflow,
                task=request.task,
                time=datetime.now(UTC),
                expressions=tuple(expressions),
            )
            write(self._audit, event)


def _is_time(seconds: object) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds <= _LONGEST


def _title(text: str | None, what: str) -> str | None:
    """Return *text* if a record can hold it: what cannot be kept must be known before the task runs."""
    if text is not None and not isinstance(text, str):
        raise InputError(f"{what} is no text")
    return None if text is None else plain(text)


def _declared(names: Iterable[str]) -> Template:
    """Make the template that is nothing but *names*."""
    if isinstance(names, str | bytes) or not isinstance(names, Iterable):
        raise InputError("a list of names is expected")
    listed = list(names)
    if not all(map(is_name, listed)):
        raise InputError("the name of a secret is 1 to 255 letters, digits, '_' and '-'")
    return Template.compile({name: f"${{workflow.secrets.{name}}}" for name in listed})
