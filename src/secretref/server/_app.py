"""The application: routes, what becomes of errors, and its published description."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from secretref._edge import EDGE
from secretref.errors import SecretRefError
from secretref.server import _applications, _authorization, _environment, _people, _secrets, _tokens
from secretref.server._errors import ApiError, reply
from secretref.server._gate import Gate
from secretref.server._reads import Reads
from secretref.server._service import Service, Settings
from secretref.server._writes import Writes
from secretref.server.dashboard import routes as dashboard

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig
    from starlette.requests import Request
    from starlette.responses import Response

    from secretref.store import Store

__all__ = ["create_app"]

_PREFIX = "/api"
_SILENT: TelemetryConfig = {  # newer releases of the framework report, among others, the text of exceptions
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
_ROUTERS = (
    _secrets.routes,
    _tokens.routes,
    _authorization.routes,
    _applications.routes,
    _people.routes,
    _environment.routes,
)


def create_app(store: Store, *, settings: Settings | None = None) -> FastAPI:
    """Make the ASGI application that serves *store*.

    Args:
        store: An open store; it is not closed here. It needs an administrator, see ``bootstrap``.
        settings: How to behave.

    Returns:
        An application with Conductor's REST API under ``/api``, its description at ``/openapi.json`` and the dashboard
        at ``/dashboard/``.
    """
    settings = settings or Settings()
    app = FastAPI(
        title="secretref",
        description="Secrets, and who may read them, by Conductor's REST API.",
        version="1",  # of the API; the release is nobody's business
        docs_url=None,  # the pages would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_SILENT,
        generate_unique_id_function=_operation_id,
    )
    app.state.service = Service(store, settings)
    app.state.reads, app.state.writes = Reads(app.state.service), Writes(app.state.service)
    for router in _ROUTERS:
        app.include_router(router, prefix=_PREFIX)
    app.include_router(dashboard)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(SecretRefError, _library_error)
    app.add_middleware(Gate, settings=settings)
    _describe(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return f"{route.name}_{'_'.join(sorted(route.methods or ())).lower()}_{str(route.tags[0]) if route.tags else 'api'}"


async def _api_error(_: Request, error: Exception) -> Response:
    return error.response() if isinstance(error, ApiError) else reply(HTTPStatus.INTERNAL_SERVER_ERROR)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return reply(HTTPStatus.INTERNAL_SERVER_ERROR)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return reply(error.status_code, headers={"Allow": _allowed(request.url.path.removeprefix(_PREFIX))})
    return reply(error.status_code)


def _allowed(path: str) -> str:
    """Return all methods of a path; the framework names those of one route only."""
    routes = [route for router in (*_ROUTERS, dashboard) for route in router.routes if isinstance(route, APIRoute)]
    found = [route for route in routes if route.path == path] or [
        route for route in routes if route.path_regex.match(path)
    ]
    return ", ".join(sorted({method for route in found for method in route.methods or ()}))


async def _library_error(_: Request, error: Exception) -> Response:
    return reply(EDGE[error.code].status if isinstance(error, SecretRefError) else HTTPStatus.INTERNAL_SERVER_ERROR)


async def _malformed(_: Request, error: Exception) -> Response:
    """Say where a request is wrong, never what stood there."""
    if not isinstance(error, RequestValidationError):
        return reply(HTTPStatus.INTERNAL_SERVER_ERROR)
    faults = [
        {
            "path": ".".join(part if isinstance(part, str) else f"[{part}]" for part in fault["loc"][:4]),
            "message": fault["type"],
        }
        for fault in error.errors()[:20]
    ]
    return reply(HTTPStatus.BAD_REQUEST, faults=faults)


def _describe(app: FastAPI) -> None:
    """Take the framework's own 422 out of the description: here a malformed request is a 400."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        description = generate()
        for operations in description["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        description.get("components", {}).get("schemas", {}).pop("HTTPValidationError", None)
        return description

    app.openapi = openapi  # type: ignore[method-assign]
