"""What goes wrong at the border, and the one shape in which the client hears of it.

A body says what kind of thing failed and nothing else: no text of the request, of an exception or of a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

__all__ = ["ApiError", "conflict", "denied", "not_found", "refused", "reply", "unreadable"]

_MESSAGES = {
    HTTPStatus.BAD_REQUEST: "the request is malformed",
    HTTPStatus.UNAUTHORIZED: "sign in with an access key",
    HTTPStatus.FORBIDDEN: "no permission for this",
    HTTPStatus.NOT_FOUND: "there is nothing here",
    HTTPStatus.METHOD_NOT_ALLOWED: "not with this method",
    HTTPStatus.REQUEST_TIMEOUT: "the request took too long to arrive",
    HTTPStatus.CONFLICT: "this would break something that must hold",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the request is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "send JSON",
    HTTPStatus.TOO_MANY_REQUESTS: "too many attempts; wait",
    HTTPStatus.MISDIRECTED_REQUEST: "this address is not served here",
    HTTPStatus.INTERNAL_SERVER_ERROR: "something failed; the server's log has its place",
    HTTPStatus.SERVICE_UNAVAILABLE: "not available now; try again",
}


class ApiError(Exception):
    """Ends a request with a status and the documented error body."""

    def __init__(
        self, status: int, message: str = "", *, error: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message, error)
        self.status = status
        self.message = message
        self.error = error
        self.headers = headers

    def response(self) -> JSONResponse:
        """Return what the client gets."""
        return reply(self.status, self.message, error=self.error, headers=self.headers)


def reply(
    status: int,
    message: str = "",
    *,
    error: str = "",
    faults: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the documented error body: ``{status, message, instance, retryable, error?, validationErrors?}``."""
    body: dict[str, Any] = {
        "status": status,
        "message": message or _MESSAGES.get(HTTPStatus(status), HTTPStatus(status).phrase),
        "instance": "secretref",
        "retryable": status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE},
    }
    if error:
        body["error"] = error
    if faults is not None:
        body["validationErrors"] = faults
    return JSONResponse(body, status, headers)


def refused(*, expired: bool = False) -> ApiError:
    """Nobody is signed in; the SDKs renew their token on exactly these two words."""
    if expired:
        return ApiError(HTTPStatus.UNAUTHORIZED, "the token has expired", error="EXPIRED_TOKEN")
    return ApiError(HTTPStatus.UNAUTHORIZED, "the token is missing or not valid", error="INVALID_TOKEN")


def denied() -> ApiError:
    """Whoever is signed in may not do this; without ``error``, or the SDKs would fetch a token and try again."""
    return ApiError(HTTPStatus.FORBIDDEN)


def not_found() -> ApiError:
    """There is no such thing; told only to those who may know."""
    return ApiError(HTTPStatus.NOT_FOUND)


def unreadable() -> ApiError:
    """The store holds something under this name that was changed by somebody else."""
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "the store cannot open this entry")


def conflict(message: str) -> ApiError:
    """The request is understood, and granting it would break something."""
    return ApiError(HTTPStatus.CONFLICT, message)
