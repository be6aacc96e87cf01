"""Conductor's Python worker, guarded: references in, values to the function, nothing but marks out.

::

    @worker_task(task_definition_name="send")
    @guarded(resolver, subject="app:orkes-workers")
    def send(url: str, token: str) -> dict: ...

What is a reference is decided by the definition of the task, which Conductor sends along with its bound input
(``workflowTask.inputParameters``): the places that held references there are filled, and nothing that callers or
earlier tasks brought into the input is. Values that the server itself resolved arrive in ``runtimeMetadata`` and are
hidden like the others.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any

from conductor.client.automator.utils import convert_from_dict_or_list, simple_types
from conductor.client.context import task_context
from conductor.client.context.task_context import TaskInProgress
from conductor.client.http.models.task import Task
from conductor.client.http.models.task_result import TaskResult
from conductor.client.worker.exception import NonRetryableException

from secretref._redactor import Redactor
from secretref._resolved import ResolvedInput
from secretref._resolver import Resolver
from secretref._template import Template
from secretref.errors import AuditError, ProviderUnavailableError, SecretRefError
from secretref.guard import guard

__all__ = ["guarded"]

_WORTH_REPEATING = (ProviderUnavailableError, AuditError)


def guarded(
    resolver: Resolver, *, subject: str = "app:orkes-workers", definitions: Collection[str] = ()
) -> Callable[[Callable[..., Any]], Callable[[Task], Any]]:
    """Make functions that a ``Worker`` can execute, or ``worker_task`` decorate, of functions that need values.

    The function is called as the SDK would: with the task if that is its one parameter, else with the input by name.
    What it returns comes back redacted, what it raises as a redacted copy of the same type, so that
    ``NonRetryableException`` keeps its meaning. Denied, missing and malformed references end the task for good;
    a provider that could not be reached fails the attempt.

    Args:
        resolver: Resolves the references.
        subject: On whose behalf.
        definitions: Input parameters that are definitions even where the server sends no ``workflowTask``. Never name
            one into which callers or earlier tasks can write.
    """

    def decorate(function: Callable[..., Any]) -> Callable[[Task], Any]:
        arguments = _arguments_of(function)

        def prepared(task: Task) -> tuple[ResolvedInput, Callable[[], Any]]:
            resolved = _resolved(resolver, subject, task, definitions)
            for name, value in (task.runtime_metadata or {}).items():
                if isinstance(value, str) and value:
                    resolved.redactor.register(name, value)
            inner = copy.copy(task)
            inner.input_data = resolved.reveal()

            def call() -> Any:
                args, kwargs = arguments(inner)
                return function(*args, **kwargs)

            return resolved, call

        def run(task: Task) -> Any:
            resolved, call = prepared(task)
            with guard(resolved):
                return _ended(resolved.redactor, *_outcome(call))

        async def arun(task: Task) -> Any:
            ready, error = await asyncio.to_thread(_outcome, lambda: prepared(task))  # no future carries StopIteration
            if error is not None:
                raise error
            resolved, call = ready
            with guard(resolved):
                return _ended(resolved.redactor, *await _aoutcome(call))

        wrapper: Any = functools.wraps(function)(arun if inspect.iscoroutinefunction(function) else run)
        only = inspect.Parameter("task", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Task)
        wrapper.__signature__ = inspect.Signature([only])  # the SDK looks: one parameter of this type is the task
        done: Callable[[Task], Any] = wrapper
        return done

    return decorate


def _resolved(resolver: Resolver, subject: str, task: Task, definitions: Collection[str]) -> ResolvedInput:
    bound = task.input_data or {}
    known = getattr(task.workflow_task, "input_parameters", None) or {}
    known = {**known, **{name: bound[name] for name in definitions if name in bound}}
    final = ""
    try:
        template = Template.compile({name: value for name, value in known.items() if name in bound})
        return resolver.resolve(
            template, subject=subject, bound=bound, workflow=task.workflow_type, task=task.reference_task_name
        )
    except _WORTH_REPEATING:
        raise
    except SecretRefError as error:
        final = f"{error.code}: {error}"
    raise NonRetryableException(final)


def _arguments_of(function: Callable[..., Any]) -> Callable[[Task], tuple[tuple[Any, ...], dict[str, Any]]]:
    """Return what makes arguments of a task, by the rules of the SDK."""
    parameters = inspect.signature(function, eval_str=True).parameters
    annotations = [parameter.annotation for parameter in parameters.values()]
    if len(annotations) == 1 and annotations[0] in {Task, object, inspect.Parameter.empty}:
        return lambda task: ((task,), {})

    def by_name(task: Task) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given = task.input_data
        found = {}
        for name, parameter in parameters.items():
            if name not in given:
                found[name] = None if parameter.default is inspect.Parameter.empty else parameter.default
            elif parameter.annotation in simple_types:
                found[name] = given[name]
            else:
                found[name] = convert_from_dict_or_list(parameter.annotation, given[name])
        return (), found

    return by_name


def _outcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Return result or exception to a caller that keeps neither in a variable, which a traceback could show."""
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001 - raised again, clean
        return None, error


async def _aoutcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return await call(), None
    except Exception as error:  # noqa: BLE001 - raised again, clean
        return None, error


def _ended(redactor: Redactor, result: Any, error: Exception | None) -> Any:
    """Hide the values in everything a task can leave behind; raise outside of any ``except``, so nothing is chained."""
    context = task_context._task_context_var.get()  # noqa: SLF001 - the public way raises where there is none
    if context is not None:
        _clean(redactor, context.task_result)
    if error is not None:
        clean = redactor.exception(error)
        del error
        raise clean
    if isinstance(result, TaskResult):
        _clean(redactor, result)
        return result
    if isinstance(result, TaskInProgress):
        result.output = redactor.data(result.output)
        return result
    return redactor.data(result)


def _clean(redactor: Redactor, result: TaskResult) -> None:
    result.output_data = redactor.data(result.output_data)
    if isinstance(result.reason_for_incompletion, str):
        result.reason_for_incompletion = redactor.text(result.reason_for_incompletion)
    for line in result.logs or ():
        line.log = redactor.data(line.log)
