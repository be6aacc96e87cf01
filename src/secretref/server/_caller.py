"""What routes are given: who is calling, the raw body, and the errors every route may answer with."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader

from secretref.server._bodies import ErrorBody
from secretref.server._reads import Reads
from secretref.server._service import Caller, Service
from secretref.server._writes import Writes

__all__ = ["Body", "Reader", "Signed", "Token", "Writer", "errors", "service_of"]

_token = APIKeyHeader(name="X-Authorization", description="A token from POST /api/token.", auto_error=False)


def service_of(request: Request) -> Service:
    """Return the service that the application was made with."""
    service: Service = request.app.state.service
    return service


def _signed(request: Request, token: Annotated[str | None, Security(_token)]) -> Caller:
    return service_of(request).identify(token)


async def _raw(request: Request) -> bytes:
    return await request.body()


async def _reads(request: Request) -> Reads:
    reads: Reads = request.app.state.reads
    return reads


async def _writes(request: Request) -> Writes:
    writes: Writes = request.app.state.writes
    return writes


Token = Annotated[str | None, Security(_token)]
Signed = Annotated[Caller, Depends(_signed)]
Reader = Annotated[Reads, Depends(_reads)]
Writer = Annotated[Writes, Depends(_writes)]
Body = Annotated[bytes, Depends(_raw)]


def errors(*more: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors a route documents: those that any may answer with, and *more*."""
    return {status: {"model": ErrorBody} for status in (400, 401, 403, 404, 408, 413, 421, 429, 500, 503, *more)}
