"""Keep values out of traces: ``provider.add_span_processor(RedactingSpanProcessor(inner, redactor))``."""

from __future__ import annotations

from typing import Any

from secretref._redactor import Redactor
from secretref.errors import MissingExtraError

try:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
    from opentelemetry.trace import Link, Status
except ImportError:
    raise MissingExtraError("opentelemetry") from None

__all__ = ["RedactingSpanProcessor"]


class RedactingSpanProcessor(SpanProcessor):
    """Hands redacted copies of finished spans to another processor, such as a batch processor with an exporter.

    Name, attributes, status, events with their recorded exceptions, links and resource are covered.
    """

    def __init__(self, inner: SpanProcessor, redactor: Redactor) -> None:
        self._inner, self._redactor = inner, redactor

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Pass on that a span began."""
        self._inner.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass a redacted copy of a finished span on."""
        redactor = self._redactor
        self._inner.on_end(
            ReadableSpan(
                name=redactor.text(span.name),
                context=span.context,
                parent=span.parent,
                resource=Resource(self._attributes(span.resource.attributes), span.resource.schema_url),
                attributes=self._attributes(span.attributes),
                events=[
                    Event(redactor.text(event.name), self._attributes(event.attributes), event.timestamp)
                    for event in span.events
                ],
                links=[Link(link.context, self._attributes(link.attributes)) for link in span.links],
                kind=span.kind,
                status=Status(
                    span.status.status_code, span.status.description and redactor.text(span.status.description)
                ),
                start_time=span.start_time,
                end_time=span.end_time,
                instrumentation_scope=span.instrumentation_scope,
            )
        )

    def shutdown(self) -> None:
        """Shut the inner processor down."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the inner processor."""
        return self._inner.force_flush(timeout_millis)

    def _attributes(self, attributes: Any) -> Any:
        return self._redactor.data(dict(attributes or {}))
