"""Keep values out of what goes to Sentry: ``sentry_sdk.init(before_send=hook, before_send_transaction=hook, …)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from secretref._redactor import Redactor
from secretref.logs._records import hidden

__all__ = ["before_send"]


def before_send(redactor: Redactor) -> Callable[[Any, Any], Any]:
    """Make a hook for ``before_send``, ``before_send_transaction``, ``before_send_log`` and ``before_breadcrumb``.

    Events are redacted whole: messages, breadcrumbs, stack frames with their variables, request, tags, spans. What
    cannot be redacted is not sent.
    """

    def redact(event: Any, _hint: Any) -> Any:
        clean = hidden(redactor, event)
        return clean if isinstance(clean, dict) else None

    return redact
