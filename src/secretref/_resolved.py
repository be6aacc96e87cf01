"""ResolvedInput: the values of one execution, and the one door through which they leave.

``reveal`` renders on demand; what it renders is kept nowhere. All plain text of a resolution is handled in this
module, by functions that raise nothing while they hold it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Protocol, final

from pydantic import SecretStr

from secretref._bound import Bound
from secretref._data import Datum
from secretref._document import extract
from secretref._plan import render
from secretref._policy import Subject
from secretref._redactor import Redactor
from secretref._syntax import Expression, Kind
from secretref._template import Template
from secretref._tree import freeze, plain, steps, thaw
from secretref.errors import InputError

if TYPE_CHECKING:
    from secretref._record import ExecutionRecord
    from secretref.logs import Guard

__all__ = ["Filled", "Keeper", "Refresher", "Request", "ResolvedInput", "exceeds", "fill", "sound"]

_NOTHING: Final = SecretStr("")
_ABSENT: Final = object()
_TEXT: Final = frozenset({str})
_NONE: Final[frozenset[Expression]] = frozenset()


class Request(NamedTuple):
    """What is to be resolved, for whom; holds data but no value.

    Attributes:
        template: The definition.
        subject: Who asks.
        data: What each foreign expression yields; None if the engine fills them.
        bound: The tree the engine has bound already, if it has.
        workflow: What the caller runs.
        task: The task in it.
    """

    template: Template
    subject: Subject
    data: Mapping[Expression, Datum] | None
    bound: Bound | None
    workflow: str | None
    task: str | None


class Filled(NamedTuple):
    """What each secret expression yields.

    Attributes:
        texts: As text.
        typed: Those that yield no string: where they are a whole string, their text is read as JSON.
        lost: Those whose secret is missing, or whose path leads nowhere.
    """

    texts: dict[Expression, SecretStr]
    typed: frozenset[Expression]
    lost: tuple[Expression, ...]

    def __repr__(self) -> str:
        return f"Filled({len(self.texts)} references)"


class Refresher(Protocol):
    """Resolves a request again, past every cache."""

    def refreshed(self, request: Request, keeper: Keeper) -> ResolvedInput:
        """Resolve *request* again."""
        ...

    async def arefreshed(self, request: Request, keeper: Keeper) -> ResolvedInput:
        """Resolve *request* again."""
        ...


def sound(values: Mapping[str, SecretStr]) -> bool:
    """Tell whether all values are text."""
    return {type(value.get_secret_value()) for value in values.values()} <= _TEXT


def fill(template: Template, values: Mapping[str, SecretStr]) -> Filled:
    """Give each secret expression of *template* its value; what has none is lost and yields nothing."""
    texts: dict[Expression, SecretStr] = {}
    typed, lost = [], []
    for expression in template.secrets:
        value = values.get(expression.name)
        if value is not None and expression.steps:
            found = extract(value.get_secret_value(), expression.steps)
            value = None if found is None else SecretStr(found.text)
            if found is not None and found.is_json:
                typed.append(expression)
        if value is None:
            lost.append(expression)
            value = _NOTHING
        texts[expression] = value
    return Filled(texts, frozenset([*typed, *lost]) if typed or lost else _NONE, tuple(lost))


def exceeds(request: Request, filled: Filled, most: int) -> bool:
    """Tell whether the rendered input, which is the definition and what comes in its places, is larger than *most*."""
    size, places = request.template.size
    if request.bound is not None:
        size = len(request.bound.frozen)
    lengths = [len(value) for value in filled.texts.values()]
    if request.data:
        lengths += [len(datum.frozen or datum.text) for datum in request.data.values()]
    if not lengths or size + places * max(lengths) <= most:
        return size > most
    by_expression = dict(zip([*filled.texts, *(request.data or ())], lengths, strict=True))
    return size + sum(by_expression.get(each, 0) * times for each, times in request.template.occurrences.items()) > most


class Keeper:
    """All values of an execution, those before a rotation too, and the redactor that hides them.

    Args:
        earlier: Keepers of the same run; what they have by now is hidden as well.
    """

    __slots__ = ("_lock", "_redactor", "_values")

    def __init__(self, earlier: Iterable[Keeper] = ()) -> None:
        self._lock = RLock()  # a finaliser that logs may come back while it is held
        self._redactor: Redactor | None = None
        self._values: list[tuple[str, SecretStr]] = []
        for each in earlier:
            self._values += each.values

    @property
    def values(self) -> list[tuple[str, SecretStr]]:
        """The names and values there are by now."""
        with self._lock:
            return list(self._values)

    @classmethod
    def after(cls, earlier: object) -> Keeper:
        """Make one for what is resolved after *earlier*, a list of resolved inputs."""
        listed = list(earlier) if isinstance(earlier, Iterable) else [None]
        found = [one for one in listed if isinstance(one, ResolvedInput)]
        if len(found) < len(listed):
            raise InputError("after is a list of what earlier tasks were resolved to")
        return cls(one._keeper for one in found)  # noqa: SLF001 - of this module

    def derive(self, name: str, value: str) -> None:
        """Keep and hide a value that was made from others."""
        self.redactor.register(name, value)
        with self._lock:
            self._values.append((name, SecretStr(value)))

    def add(self, values: Mapping[str, SecretStr], filled: Filled) -> None:
        """Keep what was fetched and what paths lead to in it: both must be hidden before they are handed out."""
        found = [*values.items()]
        for each, value in filled.texts.items():
            if each.steps and each not in filled.lost:
                found.append(
                    (".".join([each.name, *("$" if step is None else str(step) for step in each.steps)]), value)
                )
        with self._lock:
            self._values += found
            if self._redactor is not None:
                for name, value in found:
                    self._redactor.register(name, value)

    @property
    def redactor(self) -> Redactor:
        """The redactor, made on first use."""
        with self._lock:
            if self._redactor is None:
                redactor = Redactor(dict(self._values))
                for name, value in self._values:
                    redactor.register(name, value)
                self._redactor = redactor
            return self._redactor


@final
class ResolvedInput:
    """A template with the values for one execution. It shows names only, and cannot be copied, pickled or printed open.

    Attributes:
        names: The secrets it uses.
        template: The definition.
    """

    __slots__ = ("_at", "_filled", "_keeper", "_request", "_source")

    def __init__(self, request: Request, filled: Filled, keeper: Keeper, source: Refresher) -> None:
        self._request = request
        self._filled = filled
        self._at = datetime.now(UTC)
        self._keeper = keeper
        self._source = source

    @property
    def names(self) -> frozenset[str]:
        """The secrets it uses."""
        return self._request.template.names

    @property
    def template(self) -> Template:
        """The definition."""
        return self._request.template

    @property
    def redactor(self) -> Redactor:
        """Hides the values of this execution, and what paths lead to in them, wherever they appear."""
        return self._keeper.redactor

    def reveal(self, *, shared: bool = False) -> Any:
        """Render the input: the definition with the values in their places. This is the door.

        Args:
            shared: Copy only the containers that change, and share all others with other calls: faster, for engines
                that promise not to change what they get. Otherwise every container is fresh.

        Returns:
            The input for the task. It is kept nowhere; neither should you keep it.
        """
        request = self._request
        texts = {expression: value.get_secret_value() for expression, value in self._filled.texts.items()}
        whole = {expression: _frozen(texts[expression]) for expression in self._filled.typed}
        if request.data:
            texts |= {expression: datum.text for expression, datum in request.data.items()}
            whole |= {each: datum.frozen for each, datum in request.data.items() if datum.frozen is not None}
        if request.bound is not None:
            return render(thaw(request.bound.frozen), request.bound.edits, texts, whole, spine=False)
        template = request.template
        todo = template.edits if request.data is None else template.bindings
        return render(template.box if shared else template.fresh_box(), todo, texts, whole, spine=shared)

    def record(
        self,
        output: object = None,
        *,
        error: object = None,
        logs: str | Iterable[str] = (),
        data: bool = False,
        received: object = _ABSENT,
    ) -> ExecutionRecord:
        """Make the record of this execution: the input by reference, all that the task emitted redacted by value.

        What cannot be redacted is withheld; a record is made in any case.

        Args:
            output: What the task returned: anything; it is written as JSON.
            error: What it failed with: an exception, which becomes its type and text, or a text.
            logs: What it wrote: a text, or lines.
            data: Keep what the foreign expressions yielded, too.
            received: The input as the task left it, if that is to be kept: where values stood, the definition stands
                again, whatever the task has made of them; where it changed the shape around them, a remark.
        """
        from secretref._record import Facts, recorded  # noqa: PLC0415 - pydantic builds a model, on first use

        emitted: dict[str, object] = {"output": output}
        if error is not None:
            emitted["error"] = error
        if logs:
            emitted["logs"] = logs
        if data:
            emitted["data"] = {
                expression.text[2:-1]: datum.text if datum.frozen is None else thaw(datum.frozen)
                for expression, datum in (self._request.data or {}).items()
            }
        if received is not _ABSENT:
            emitted["received"] = lambda: _masked(self._request.template, received)
        request = self._request
        facts = Facts(
            input=request.template.definition,
            names=tuple(sorted(self.names)),
            subject=str(request.subject),
            workflow=request.workflow,
            task=request.task,
            resolved_at=self._at,
        )
        return recorded(self.redactor, facts, emitted)

    def guard(self) -> Guard:
        """Make a guard that, while it is entered, hides these values in logs, standard output and error, and hooks.

        It holds for all threads and tasks of the process: ``with resolved.guard(): …``.
        """
        from secretref.logs import guarded  # noqa: PLC0415 - pulls in logging and asyncio, for who uses it

        return guarded(self.redactor)

    def derive(self, name: str, value: str) -> str:
        """Hide *value*, which was made from these values, as if it were one of them; returns it.

        Raises:
            InputError: *name* is no text, or *value* neither text nor bytes.
        """
        if not isinstance(name, str):
            raise InputError("the name of a value is text")
        self._keeper.derive(name, value)
        return value

    def refresh(self) -> ResolvedInput:
        """Fetch exactly these names again, past every cache, for another try after the values were refused.

        The subject must still be granted them. The old values stay hidden in what is recorded of either.

        Raises:
            AccessDeniedError: The names are no longer granted.
            SecretNotFoundError: Some have no value any more.
            ProviderError: The provider could not be asked.
            AuditError: The audit event could not be written.
        """
        return self._source.refreshed(self._request, self._keeper)

    async def arefresh(self) -> ResolvedInput:
        """Refresh without blocking the event loop; see ``refresh``."""
        return await self._source.arefreshed(self._request, self._keeper)

    def __repr__(self) -> str:
        return f"ResolvedInput(names={sorted(self.names)}, subject={str(self._request.subject)!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a resolved input holds values: it cannot be pickled or copied")


def _frozen(text: str) -> bytes:
    """Read a value that is no string; one that is missing is null."""
    import json  # noqa: PLC0415 - on first use

    return freeze(json.loads(text) if text else None)


def _masked(template: Template, received: object) -> Any:
    """Put the definition's text back wherever a value was put, and withhold where that cannot be told any more."""
    from secretref._record import WITHHELD  # noqa: PLC0415 - see record

    box = [plain(received, surrogates=True)]
    for frame, leaf in template.leaves():
        if any(item.expression.kind is Kind.SECRET for item in leaf.items):
            _cover(box, template.box, steps(frame), leaf.text, WITHHELD)
    return box[0]


def _cover(found: Any, defined: Any, way: list[Any], text: str, remark: str) -> None:
    """Write *text* where *way* leads in the tree *found*.

    A container that is not of the shape it had becomes *remark*: what was in it may be anywhere in it now. Where a
    member of a mapping is gone, those that are new may be what became of it.
    """
    holder, key = found, way[0]
    for step in way:
        if type(found) is not type(defined) or (type(found) is list and len(found) != len(defined)):
            holder[key] = remark
            return
        if type(found) is dict and step not in found:
            found.update(dict.fromkeys(found.keys() - defined.keys(), remark))
            return
        holder, key = found, step
        found, defined = found[step], defined[step]
    holder[key] = text
