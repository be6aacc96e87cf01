"""Values on the wire: how they come in, and how they go out."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse

from secretref.server._errors import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["decoded", "plain_or_json"]


def decoded(body: bytes, *, verbatim: bool) -> str:
    """Return the value that *body* holds: the text of a complete JSON string, else the body itself.

    SDKs disagree: some send the bare value, some a JSON string. A value that itself begins and ends with quotes
    must therefore be sent as a JSON string.

    Raises:
        ApiError: 400; it is no UTF-8.
    """
    try:
        text = body.decode("utf-8")
        if not verbatim and len(text) > 1 and text[0] == text[-1] == '"':
            text = json.loads(text)
            text.encode("utf-8")  # a lone surrogate has no bytes
    except UnicodeError:
        text = None
    except ValueError:  # no JSON: a value with quotes at both ends
        pass
    if text is None:
        raise ApiError(HTTPStatus.BAD_REQUEST, "a value is text in UTF-8")
    return text


def plain_or_json(request: Request, value: str, *, plain: bool) -> Response:
    """Answer with *value* as plain text; as a JSON string to a client that accepts nothing else.

    One SDK parses every answer as JSON whatever its type, and would make a number of ``0042``.
    """
    accepted = request.headers.get("accept", "*/*").lower()
    if (
        not plain
        and "application/json" in accepted
        and not any(kind in accepted for kind in ("text/plain", "text/*", "*/*"))
    ):
        return JSONResponse(value)
    return PlainTextResponse(value)
