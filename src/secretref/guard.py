"""The task guard: resolve in, call, redact out, for any engine, whatever the task is.

::

    @task(resolver, subject="app:workers")
    def send(headers, body): ...

    send({"Authorization": "Bearer ${workflow.secrets.token}"}, {"id": 1})

The function sees values; whoever called it, and whatever keeps its arguments, result, error and logs, does not.
"""

from __future__ import annotations

import functools
import inspect
from asyncio import CancelledError
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from secretref._redactor import Redactor
from secretref._resolved import ResolvedInput
from secretref._resolver import Resolver
from secretref._template import Template
from secretref.errors import ConfigurationError
from secretref.logs import Guard, Scope, copy_scope, derive, guarded

__all__ = ["Scope", "TaskGuard", "copy_scope", "derive", "guard", "task"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_SIGNS = ("${", "$<")
_CONTROL: tuple[type[BaseException], ...] = (CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit)


def guard(resolved: ResolvedInput) -> Guard:
    """Make a guard that hides the values of *resolved* in logs, standard output and hooks while it is entered."""
    return guarded(resolved.redactor)


def task(
    resolver: Resolver,
    *,
    subject: str = "app:task",
    inputs: Collection[str] | None = None,
    data: Mapping[str, Any] | Callable[[str], Any] | None = None,
    control: tuple[type[BaseException], ...] = (),
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let a function be called with references where it expects values.

    Plain functions, coroutine functions, generators and asynchronous generators keep their kind. See ``TaskGuard``.
    """
    return TaskGuard(resolver, subject=subject, inputs=inputs, data=data, control=control).wrap


class TaskGuard:
    """Runs functions with their references resolved, and hides the values in all that comes out.

    Arguments are never changed. The result and everything a generator yields come back redacted, and an exception as a
    redacted copy of its type, without the locals of its frames. Logs, standard output and hooks are guarded meanwhile.

    Args:
        resolver: Resolves the references.
        subject: On whose behalf.
        inputs: The parameters that hold definitions. By default all do; name them where others bring data from
            outside, such as outputs of earlier tasks: references in data must not be resolved.
        data: What other expressions are filled from; without, they stay as they stand.
        control: Exceptions by which the engine steers, such as its retry. They pass, like ``CancelledError``,
            ``KeyboardInterrupt``, ``SystemExit`` and ``GeneratorExit``; only one that holds a value is copied.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        subject: str = "app:task",
        inputs: Collection[str] | None = None,
        data: Mapping[str, Any] | Callable[[str], Any] | None = None,
        control: tuple[type[BaseException], ...] = (),
    ) -> None:
        if not isinstance(resolver, Resolver):
            raise ConfigurationError("a task guard needs a resolver")
        if not (inputs is None or (isinstance(inputs, Collection) and not isinstance(inputs, str | bytes))):
            raise ConfigurationError("inputs are a list of names of parameters")
        if not (isinstance(control, tuple) and all(isinstance(one, type) for one in control)):
            raise ConfigurationError("control is a tuple of classes of exceptions")
        self._resolver, self._subject, self._inputs, self._data = resolver, subject, inputs, data
        self._control = (*_CONTROL, *control)

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call *function*; see the class.

        Raises:
            SecretRefError: The references could not be resolved; the function was not called.
            BaseException: What the function raised, redacted.
        """
        return self._ended(self._call(function, args, kwargs)).get()

    async def acall(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Await *function*; see ``call``."""
        return (await self._aended(self._call(function, args, kwargs))).get()

    def wrap(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """Make a function of the same kind and signature that runs *function* in this guard."""
        if inspect.isasyncgenfunction(function):
            wrapper: Any = self._async_generator(function)
        elif inspect.isgeneratorfunction(function):
            wrapper = self._generator(function)
        elif inspect.iscoroutinefunction(function):

            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                return await self.acall(function, *args, **kwargs)

        else:

            def wrapper(*args: Any, **kwargs: Any) -> Any:
                return self.call(function, *args, **kwargs)

        kept: Callable[_P, _R] = functools.wraps(function)(wrapper)
        return kept

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            call = self._call(function, args, kwargs)
            resolved = self._resolve(call)
            redactor, source = resolved.redactor, call.begin(resolved)
            step: Callable[[], Any] = functools.partial(next, source)
            with guarded(redactor):
                while not (stepped := self._step(redactor, step)).ended:
                    try:
                        step = functools.partial(source.send, (yield stepped.value))
                    except GeneratorExit:
                        stepped = self._step(redactor, source.close)
                        break
                    except BaseException as thrown:  # noqa: BLE001 - goes on into the source
                        step = functools.partial(source.throw, thrown)
            del resolved, redactor, source, step
            return stepped.get()

        return run

    def _async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            call = self._call(function, args, kwargs)
            resolved = await self._aresolve(call)
            redactor, source = resolved.redactor, call.begin(resolved)
            step: Callable[[], Awaitable[Any]] = source.__anext__
            with guarded(redactor):
                while not (stepped := await self._astep(redactor, step)).ended:
                    try:
                        step = functools.partial(source.asend, (yield stepped.value))
                    except GeneratorExit:
                        stepped = await self._astep(redactor, source.aclose)
                        break
                    except BaseException as thrown:  # noqa: BLE001 - goes on into the source
                        step = functools.partial(source.athrow, thrown)
            del resolved, redactor, source, step
            stepped.get()

        return run

    def _ended(self, call: _Call) -> _Step:
        """Resolve and run; whoever raises what came of it holds none of the values in its frame."""
        resolved = self._resolve(call)
        with guarded(resolved.redactor):
            return self._step(resolved.redactor, lambda: call.begin(resolved))

    async def _aended(self, call: _Call) -> _Step:
        resolved = await self._aresolve(call)
        with guarded(resolved.redactor):
            return await self._astep(resolved.redactor, lambda: call.begin(resolved))

    def _resolve(self, call: _Call) -> ResolvedInput:
        return self._resolver.resolve(call.template, subject=self._subject, data=self._data)

    async def _aresolve(self, call: _Call) -> ResolvedInput:
        return await self._resolver.aresolve(call.template, subject=self._subject, data=self._data)

    def _step(self, redactor: Redactor, step: Callable[[], Any]) -> _Step:
        """Run the task, or to its next yield, and keep of what comes out only what is clean."""
        try:
            return _Step(redactor.data(step()))
        except StopIteration as stop:
            return _Step(redactor.data(stop.value), ended=True)
        except BaseException as error:  # noqa: BLE001 - raised again, clean, by get()
            return self._failed(redactor, error)

    async def _astep(self, redactor: Redactor, step: Callable[[], Awaitable[Any]]) -> _Step:
        try:
            return _Step(redactor.data(await step()))
        except StopAsyncIteration:
            return _Step(None, ended=True)
        except BaseException as error:  # noqa: BLE001 - raised again, clean, by get()
            return self._failed(redactor, error)

    def _failed(self, redactor: Redactor, error: BaseException) -> _Step:
        held = [error.args, vars(error), error.__cause__, error.__context__]
        if isinstance(error, self._control) and redactor.data(held) is held:
            return _Step(None, error.with_traceback(None), ended=True)
        return _Step(None, redactor.exception(error), ended=True)

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call:
        """Compile the arguments that hold references; all others are passed as they are."""
        names: list[str] = [] if self._inputs is None else list(inspect.signature(function).parameters)
        named = [(names[place] if place < len(names) else "", value) for place, value in enumerate(args)]
        by_place = {
            str(place): found for place, item in enumerate(named) if (found := self._definition(*item)) is not None
        }
        by_name = {
            name: found for name, value in kwargs.items() if (found := self._definition(name, value)) is not None
        }
        return _Call(function, args, kwargs, Template.compile({"args": by_place, "kwargs": by_name}))

    def _definition(self, name: str, value: object) -> object:
        """Return an argument if it is a definition with references, else None."""
        if isinstance(value, Template):
            return value.definition
        return value if (self._inputs is None or name in self._inputs) and _has_sign(value) else None


@dataclass(slots=True, repr=False)
class _Step:
    """How far a task got: what it yielded or returned, or how it failed; clean."""

    value: Any
    error: BaseException | None = None
    ended: bool = False

    def get(self) -> Any:
        """Return the value or raise the error, outside of any ``except``, so that nothing is chained to it."""
        error, self.error = self.error, None
        if error is None:
            return self.value
        try:
            raise error
        finally:
            del error


@dataclass(frozen=True, slots=True, repr=False)
class _Call:
    """A function and its arguments, with the template of those that hold references."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    template: Template

    def begin(self, resolved: ResolvedInput) -> Any:
        """Call the function with values in the place of references."""
        values = resolved.reveal()
        by_place, by_name = values["args"], values["kwargs"]
        args = (by_place.get(str(place), value) for place, value in enumerate(self.args))
        return self.function(*args, **{name: by_name.get(name, value) for name, value in self.kwargs.items()})


def _has_sign(value: object) -> bool:
    """Say whether a text in a JSON-like value may hold a reference."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            if any(sign in one for sign in _SIGNS):
                return True
        elif isinstance(one, dict | list | tuple) and id(one) not in seen:
            seen.add(id(one))
            stack += [*one, *one.values()] if isinstance(one, dict) else one
    return False
