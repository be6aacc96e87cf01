"""What each error becomes at the edge: an HTTP status and an exit code, keyed by its ``code``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, NamedTuple

__all__ = ["EDGE", "FINDINGS", "OK", "UNUSABLE", "Edge"]

OK: Final = 0
FINDINGS: Final = 1  # the work was done and found something, or the answer is no
UNUSABLE: Final = 2  # wrong usage, unreadable input, or something needed could not be reached


class Edge(NamedTuple):
    """How one kind of error leaves the process."""

    status: HTTPStatus
    exit_code: int


EDGE: Final = {
    "error": Edge(HTTPStatus.INTERNAL_SERVER_ERROR, UNUSABLE),
    "syntax": Edge(HTTPStatus.BAD_REQUEST, FINDINGS),
    "unreadable": Edge(HTTPStatus.BAD_REQUEST, UNUSABLE),
    "input": Edge(HTTPStatus.BAD_REQUEST, UNUSABLE),
    "limit": Edge(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, UNUSABLE),
    "policy": Edge(HTTPStatus.BAD_REQUEST, UNUSABLE),
    "configuration": Edge(HTTPStatus.INTERNAL_SERVER_ERROR, UNUSABLE),
    "weak": Edge(HTTPStatus.UNPROCESSABLE_ENTITY, FINDINGS),
    "denied": Edge(HTTPStatus.FORBIDDEN, FINDINGS),
    "missing": Edge(HTTPStatus.NOT_FOUND, FINDINGS),
    "reference": Edge(HTTPStatus.UNPROCESSABLE_ENTITY, FINDINGS),
    "provider": Edge(HTTPStatus.BAD_GATEWAY, UNUSABLE),
    "unavailable": Edge(HTTPStatus.SERVICE_UNAVAILABLE, UNUSABLE),
    "key": Edge(HTTPStatus.INTERNAL_SERVER_ERROR, UNUSABLE),
    "format": Edge(HTTPStatus.INTERNAL_SERVER_ERROR, UNUSABLE),
    "damaged": Edge(HTTPStatus.INTERNAL_SERVER_ERROR, UNUSABLE),
    "conflict": Edge(HTTPStatus.CONFLICT, FINDINGS),
    "audit": Edge(HTTPStatus.SERVICE_UNAVAILABLE, UNUSABLE),
    "redacted": Edge(HTTPStatus.INTERNAL_SERVER_ERROR, UNUSABLE),
    "extra": Edge(HTTPStatus.NOT_IMPLEMENTED, UNUSABLE),
}
