"""structlog, loguru, OpenTelemetry and Sentry write no value; each test runs the real library."""

# the odd ways to write, log and name things are what is tested here
# ruff: noqa: G004, G201, LOG001, PLE1205, PLW1510

import importlib
import io
import json
import logging
import subprocess
import sys
import threading

import pytest
import sentry_sdk
import structlog
from _standin import MARK, NUMBER, SECRET, leaks, redactor
from loguru import logger as loguru_logger
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from secretref.errors import MissingExtraError
from secretref.logs.loguru import patcher
from secretref.logs.opentelemetry import RedactingSpanProcessor
from secretref.logs.sentry import before_send
from secretref.logs.structlog import processor

RENDERERS = {
    "json": [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(default=repr)],
    "console": [structlog.dev.ConsoleRenderer(colors=False)],
    "plain": [structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
    "bytes": [structlog.processors.JSONRenderer(serializer=lambda event, **_: repr(event).encode())],
}


def boom():
    local = SECRET
    raise ValueError(f"boom {local}")


@pytest.mark.parametrize("renderers", RENDERERS.values(), ids=RENDERERS)
def test_structlog(renderers):
    out = io.BytesIO() if renderers is RENDERERS["bytes"] else io.StringIO()
    factory = structlog.BytesLogger if renderers is RENDERERS["bytes"] else structlog.PrintLogger
    redact = processor(redactor())
    log = structlog.wrap_logger(
        factory(out), processors=[redact, *renderers, redact], wrapper_class=structlog.BoundLogger
    )
    log = log.bind(token=SECRET, nested={"k": [SECRET]}, number=int(NUMBER))
    log.info(f"event {SECRET}", **{SECRET: 1})
    try:
        boom()
    except ValueError as error:
        log.error("failed", exc_info=True)
        log.error("failed", exc_info=error)
    shown = str(out.getvalue())
    assert MARK in shown
    assert "failed" in shown
    assert shown.count("boom") >= 2
    assert not leaks(shown)


def test_structlog_through_the_standard_library():
    log = logging.Logger("app")
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    chain = [structlog.stdlib.ExtraAdder(), processor(redactor())]
    render = structlog.stdlib.ProcessorFormatter(
        processors=[
            processor(redactor()),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=chain,
    )
    handler.setFormatter(render)
    log.addHandler(handler)
    log.error("x %s", SECRET, extra={"k": SECRET})
    assert json.loads(out.getvalue())["k"] == MARK
    assert not leaks(out.getvalue())


@pytest.mark.parametrize(
    "options", [{"format": "{name} {thread.name} {file.path} {message} {extra}"}, {"serialize": True}], ids=str
)
def test_loguru(options):
    out = io.StringIO()
    loguru_logger.remove()
    number = loguru_logger.add(out, backtrace=True, diagnose=True, **options)
    loguru_logger.configure(patcher=patcher(redactor()))
    try:
        log = loguru_logger.bind(token=SECRET, nested={"k": [SECRET]})
        log.info("plain {}", SECRET)
        thread = threading.Thread(target=log.info, args=("x",), name=f"worker\n{NUMBER}")
        thread.start()
        thread.join()
        try:
            boom()
        except ValueError:
            log.exception("failed")
    finally:
        loguru_logger.configure(patcher=lambda _record: None)
        loguru_logger.remove(number)
    assert "boom" in out.getvalue()
    assert f"plain {MARK}" in out.getvalue()
    assert not leaks(out.getvalue())


class Place:
    """A file, thread or process as loguru has it."""

    def __init__(self, **held):
        vars(self).update(held)


def test_every_name_in_a_record_of_loguru_is_hidden_and_stays_on_its_line():
    record = dict.fromkeys(("message", "name", "function", "module"), f"a\n{SECRET}")
    record |= {name: Place(name=f"a\n{SECRET}", path=f"/{SECRET}", id=1) for name in ("file", "thread", "process")}
    record |= {"extra": {}, "exception": None}
    patcher(redactor())(record)
    assert record["message"] == f"a\n{MARK}"
    assert {record[name] for name in ("name", "function", "module")} == {f"a\\n{MARK}"}
    for name in ("file", "thread", "process"):
        assert vars(record[name]) == {"name": f"a\\n{MARK}", "path": f"/{MARK}", "id": 1}


def test_loguru_asked_for_an_exception_where_there_is_none():
    out = io.StringIO()
    number = loguru_logger.add(out, format="{message}")
    loguru_logger.configure(patcher=patcher(redactor()))
    try:
        loguru_logger.opt(exception=True).info("none here")
    finally:
        loguru_logger.configure(patcher=lambda _record: None)
        loguru_logger.remove(number)
    assert out.getvalue() == "none here\nNoneType: None\n"


class Inner(SpanProcessor):
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def on_start(self, span, parent_context=None):
        self.told.append((span, parent_context))

    def on_end(self, span):
        self.told.append(span)

    def shutdown(self):
        self.told.append("shutdown")

    def force_flush(self, timeout_millis=0):
        return timeout_millis


def test_a_copy_of_a_span_keeps_all_that_holds_no_value():
    inner = Inner()
    processor = RedactingSpanProcessor(inner, redactor())
    provider = TracerProvider(
        resource=Resource({"service.name": "s"}, "https://schema.example"), shutdown_on_exit=False
    )
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("instrument", "1.0")
    with tracer.start_as_current_span("outer") as outer:
        links = [Link(outer.context, {"k": "v"})]
        with tracer.start_as_current_span("inner", kind=SpanKind.CLIENT, links=links, attributes={"a": SECRET}) as span:
            span.set_status(Status(StatusCode.ERROR, "why"))
            span.add_event("event", {"k": "v"}, 7)
    copy = inner.told[2]
    assert inner.told[:2] == [(outer, None), (span, None)]
    wanted = json.loads(span.to_json())
    wanted["attributes"] = {"a": MARK}
    assert json.loads(copy.to_json()) == wanted
    assert (copy.context, copy.parent, copy.kind) == (span.context, span.parent, span.kind)
    assert (copy.instrumentation_scope, copy.resource.schema_url) == (
        span.instrumentation_scope,
        "https://schema.example",
    )
    assert (processor.force_flush(), processor.force_flush(5)) == (30_000, 5)
    processor.shutdown()
    assert inner.told[-1] == "shutdown"


def test_opentelemetry():
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": f"s-{NUMBER}"}), shutdown_on_exit=False)
    processor = RedactingSpanProcessor(SimpleSpanProcessor(exporter), redactor())
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("t")
    with tracer.start_as_current_span("outer") as outer:
        pass
    try:
        with tracer.start_as_current_span(
            f"get {SECRET}", attributes={"a": SECRET, "l": [SECRET]}, links=[Link(outer.context, {"k": SECRET})]
        ) as span:
            span.set_status(Status(StatusCode.ERROR, SECRET))
            span.add_event(f"event {SECRET}", {"k": SECRET})
            boom()
    except ValueError:
        pass
    assert provider.force_flush()
    provider.shutdown()
    spans = exporter.get_finished_spans()
    shown = [span.to_json() for span in spans]
    assert [span.name for span in spans] == ["outer", f"get {MARK}"]
    assert spans[1].attributes == {"a": MARK, "l": (MARK,)}
    assert "exception.stacktrace" in shown[1]
    assert not leaks(shown)


def test_sentry():
    sent = []

    class Keeps(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            sent.append(envelope.serialize())

    hook = before_send(redactor())
    client = sentry_sdk.Client(
        dsn="http://key@127.0.0.1:9/1", transport=Keeps(), before_send=hook, before_send_transaction=hook,
        before_breadcrumb=hook, traces_sample_rate=1.0, default_integrations=False, auto_enabling_integrations=False,
    )  # fmt: skip
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        sentry_sdk.add_breadcrumb(message=f"crumb {SECRET}", data={"k": SECRET})
        sentry_sdk.set_tag("tag", SECRET)
        sentry_sdk.set_extra("card", int(NUMBER))
        with (
            sentry_sdk.start_transaction(name=f"t {SECRET}") as transaction,
            transaction.start_child(name=SECRET) as span,
        ):
            span.set_data("k", SECRET)
        try:
            boom()
        except ValueError as error:
            sentry_sdk.capture_exception(error)
        sentry_sdk.capture_message(SECRET)
    client.close(timeout=1)
    assert len(sent) == 3
    assert b"boom ***" in b"".join(sent)
    assert not leaks(sent)


def test_what_cannot_be_redacted_is_not_sent():
    assert before_send(redactor())(iter(()), {}) is None


def test_a_missing_library_is_told_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    monkeypatch.delitem(sys.modules, "secretref.logs.opentelemetry")
    with pytest.raises(MissingExtraError, match="opentelemetry"):
        importlib.import_module("secretref.logs.opentelemetry")


def test_names_that_are_no_text_stay(caplog):
    record = {"message": SECRET, "name": None, "function": "f", "module": "m", "extra": {}, "exception": None}
    record |= {"file": None, "thread": None, "process": None}
    patcher(redactor())(record)
    assert (record["message"], record["name"], record["file"]) == (MARK, None, None)


def test_a_missing_library_is_named():
    code = "import sys; sys.modules['opentelemetry'] = None; import secretref.logs.opentelemetry"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "MissingExtraError: pip install" in done.stderr
