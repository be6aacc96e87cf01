"""Environment variables: named settings that are no secrets. They are listed with their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from secretref.server._bodies import Key, Tag, VariableBody
from secretref.server._caller import Body, Signed, errors
from secretref.server._errors import not_found
from secretref.server._secrets import IGNORED, NOTHING, TEXT, VALUE, tag_list
from secretref.server._service import Caller
from secretref.server._values import decoded, plain_or_json
from secretref.store import EnvironmentVariable

__all__ = ["routes"]

_KIND = "ENV_VARIABLE"
routes = APIRouter(prefix="/environment", tags=["environment"], responses=errors())


@routes.get("")
def list_all(caller: Signed) -> list[VariableBody]:
    """List the variables that the caller may read, with their values."""
    variables = caller.store.environment.all()
    access = caller.access(_KIND, list(variables))
    return [
        VariableBody(name=name, value=variable.value, tags=tag_list(variable.tags))
        for name, variable in variables.items()
        if _writes(caller) or "READ" in access[name]
    ]


@routes.get("/{key}", response_class=Response, responses={200: {"description": "The value.", "content": TEXT}})
def read(caller: Signed, key: Key, request: Request) -> Response:
    """Read a value."""
    return plain_or_json(request, _variable(caller, key).value, plain=caller.service.settings.plain)


@routes.put("/{key}", response_class=Response, openapi_extra=VALUE, responses={200: NOTHING})
def put(caller: Signed, key: Key, body: Body) -> Response:
    """Create or replace a variable."""
    _ensure_writes(caller, key)
    value = decoded(body, verbatim=True)

    def changed(known: EnvironmentVariable | None) -> EnvironmentVariable:
        return replace(known, value=value) if known else EnvironmentVariable(key, value)

    caller.store.environment.change(key, changed, actor=caller.principal.id)
    return Response()


@routes.delete(
    "/{key}",
    response_class=Response,
    openapi_extra=IGNORED,
    responses={200: {"description": "The value.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def delete(caller: Signed, key: Key) -> Response:
    """Delete a variable; the answer is its last value."""
    _ensure_writes(caller, key)
    variable = _variable(caller, key)
    caller.store.environment.delete(key, actor=caller.principal.id)
    return PlainTextResponse(variable.value)


@routes.get("/{key}/tags")
def tags(caller: Signed, key: Key) -> list[Tag]:
    """List the tags of a variable."""
    return tag_list(_variable(caller, key).tags)


@routes.put("/{key}/tags", response_class=Response, responses={200: NOTHING})
def set_tags(caller: Signed, key: Key, body: list[Tag]) -> Response:
    """Add tags, or replace those with the same key."""
    return _retagged(caller, key, lambda known: {**known, **{tag.key: tag.value for tag in body}})


@routes.delete("/{key}/tags", response_class=Response, responses={200: NOTHING})
def remove_tags(caller: Signed, key: Key, body: list[Tag]) -> Response:
    """Remove tags by key."""
    gone = {tag.key for tag in body}
    return _retagged(caller, key, lambda known: {name: value for name, value in known.items() if name not in gone})


def _retagged(caller: Caller, key: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Response:
    _ensure_writes(caller, key)

    def changed(known: EnvironmentVariable | None) -> EnvironmentVariable:
        if known is None:
            raise not_found()
        return replace(known, tags=change(known.tags))

    caller.store.environment.change(key, changed, actor=caller.principal.id)
    return Response()


def _writes(caller: Caller) -> bool:
    return caller.principal.may("MANAGE_ENVIRONMENT")


def _ensure_writes(caller: Caller, key: str) -> None:
    caller.ensure(_writes(caller), "environment.put", key)


def _variable(caller: Caller, key: str) -> EnvironmentVariable:
    """Return the variable, to those who may read it."""
    caller.ensure(_writes(caller) or "READ" in caller.access(_KIND, [key])[key], "environment.read", key)
    variable = caller.store.environment.get(key)
    if variable is None:
        raise not_found()
    return variable
