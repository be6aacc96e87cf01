"""The dashboard: a page of static files, which calls the API like everybody else.

Nothing of the store is put into the page here. It is served once for all callers; what it shows, it asks for with the
token of whoever signs in.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from secretref.server._caller import service_of
from secretref.server._errors import not_found

__all__ = ["routes"]

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), clipboard-read=(), clipboard-write=(self)",
}

routes = APIRouter(include_in_schema=False)


@routes.get("/")
@routes.get("/dashboard")
async def enter() -> Response:
    """Lead to the page."""
    return RedirectResponse("/dashboard/")


@routes.get("/dashboard/")
async def page(request: Request) -> Response:
    """Return the page. It is told how values are sent: as they are, or as JSON strings where quotes could mislead."""
    content = _files()["index.html"]
    if service_of(request).settings.verbatim:
        content = content.replace(b'data-values="decoded"', b'data-values="verbatim"')
    return _answer("index.html", content)


@routes.get("/dashboard/{name}")
async def file(name: str) -> Response:
    """Return one of the files that came with the package."""
    content = _files().get(name)
    if content is None:
        raise not_found()
    return _answer(name, content)


def _answer(name: str, content: bytes) -> Response:
    return Response(content, headers=_HEADERS, media_type=_TYPES[name.rpartition(".")[2]])


@cache
def _files() -> dict[str, bytes]:
    """Read everything that may be asked for, so that no name in an address is ever a path."""
    return {
        entry.name: entry.read_bytes() for entry in files(__name__).iterdir() if entry.name.rpartition(".")[2] in _TYPES
    }
