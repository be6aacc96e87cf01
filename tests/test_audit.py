"""Audit events say who, what and when; never a value. Without them nothing is released."""

import dataclasses
import datetime as dt
import json
import logging

import pytest

from secretref import AuditEvent, Grant, LoggingSink, Policy, Resolver, Template
from secretref.errors import AccessDeniedError, AuditError, ProviderError, SecretNotFoundError
from secretref.testing import FakeProvider, assert_no_leak, canary

A = Template.compile("${workflow.secrets.A} ${workflow.secrets.C.x} ${workflow.input.s}")
DATA = {"workflow": {"input": {"s": "street"}}}


@pytest.fixture
def events():
    return []


@pytest.fixture
def provider():
    return FakeProvider({"A": canary(), "C": f'{{"x": "{canary()}"}}', "UNUSED": canary()})


def resolver(provider, events, **options):
    return Resolver(provider, policy=Policy([Grant("app:x", "*")]), audit=events.append, **options)


def test_a_release_is_one_event(provider, events):
    before = dt.datetime.now(dt.UTC)
    resolved = resolver(provider, events).resolve(A, subject="app:x", data=DATA, workflow="w-1", task="t-1")
    (event,) = events
    assert (event.kind, event.outcome, event.names) == ("resolved", "released", ("A", "C"))
    assert (event.subject, event.provider) == ("app:x", "fake")
    assert (event.workflow, event.task) == ("w-1", "t-1")
    assert before <= event.time <= dt.datetime.now(dt.UTC)
    resolved.reveal()
    resolved.refresh()
    assert [event.kind for event in events] == ["resolved", "resolved"]


def test_a_refusal_is_one_event(provider, events):
    with pytest.raises(AccessDeniedError):
        resolver(provider, events).resolve(A, subject="app:y", data=DATA)
    assert [(event.kind, event.outcome, event.names) for event in events] == [("denied", "refused", ("A", "C"))]
    assert provider.calls == []


def test_what_is_missing_is_one_event(provider, events):
    template = Template.compile("${workflow.secrets.A} ${workflow.secrets.NOPE} ${workflow.secrets.C.y}")
    with pytest.raises(SecretNotFoundError):
        resolver(provider, events).resolve(template, subject="app:x")
    assert [(event.kind, event.outcome, event.names) for event in events] == [("missing", "failed", ("C", "NOPE"))]
    events.clear()
    resolver(provider, events, missing="null").resolve(template, subject="app:x")
    assert [event.kind for event in events] == ["missing", "resolved"]


def test_a_provider_that_fails_is_one_event(provider, events):
    provider.fail_with = RuntimeError
    with pytest.raises(ProviderError):
        resolver(provider, events).resolve(A, subject="app:x", data=DATA)
    assert [(event.kind, event.outcome, event.names) for event in events] == [("provider_failed", "failed", ("A", "C"))]


def test_a_reference_in_data_is_noted(provider, events):
    data = {"workflow": {"input": {"s": ["${workflow.secrets.UNUSED}"]}}}
    resolver(provider, events).resolve(A, subject="app:x", data=data)
    assert [(event.kind, event.outcome, event.names, event.expressions) for event in events] == [
        ("reference_in_data", "noted", (), ("workflow.input.s",)),
        ("resolved", "released", ("A", "C"), ()),
    ]
    events.clear()
    template = Template.compile(["${workflow.secrets.A}", "${workflow.input.s}"])
    bound = ["${workflow.secrets.A}", "${workflow.secrets.UNUSED}"]
    resolver(provider, events).resolve(template, subject="app:x", bound=bound)
    assert [event.kind for event in events] == ["reference_in_data", "resolved"]
    assert all("UNUSED" not in names for names in provider.calls)


def failing(event):
    raise OSError(f"no space for {event}")


async def asynchronous(event):
    raise AssertionError(event)


def generator(event):
    yield event


async def asynchronous_generator(event):
    yield event


@pytest.mark.parametrize(
    ("sink", "kind"),
    [
        (failing, "OSError"),
        (asynchronous, "the sink is asynchronous"),
        (generator, "the sink is a generator"),
        (asynchronous_generator, "the sink is a generator"),
    ],
)
def test_nothing_is_released_when_the_sink_fails(provider, sink, kind):
    auditing = Resolver(provider, policy=Policy.allow_all(), audit=sink)
    with pytest.raises(AuditError) as caught:
        auditing.resolve(A, subject="app:x", data=DATA)
    assert caught.value.kind == kind
    assert caught.value.__context__ is None
    with pytest.raises(AuditError):
        Resolver(provider, audit=sink).resolve(A, subject="app:x")
    provider.fail_with = RuntimeError
    with pytest.raises(AuditError):
        auditing.resolve(A, subject="app:x", data=DATA)


def test_a_promise_that_cannot_be_closed_is_refused_too(provider):
    class Promise:
        def __await__(self):
            yield

    with pytest.raises(AuditError):
        Resolver(provider, audit=lambda event: Promise()).resolve(Template.compile(""), subject="app:x")


def test_events_hold_no_value(provider, events):
    values = [provider.fetch(frozenset({name}))[name].get_secret_value() for name in ("A", "C")]
    resolver(provider, events).resolve(A, subject="app:x", data=DATA)
    assert_no_leak([repr(events), json.dumps(events[0].to_json())], *values)


def test_events_cannot_be_changed(provider, events):
    resolver(provider, events).resolve(A, subject="app:x", data=DATA)
    with pytest.raises(dataclasses.FrozenInstanceError):
        events[0].subject = "app:y"


def test_the_logging_sink_writes_one_line_of_json(caplog):
    event = AuditEvent(
        "denied", ("A",), "user:a\nforged\u2028", "env", None, "t", dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    )
    with caplog.at_level(logging.INFO):
        LoggingSink()(event)
        LoggingSink(logging.getLogger("other"))(dataclasses.replace(event, kind="resolved", expressions=("e",)))
    denied, resolved = caplog.records
    assert (denied.name, denied.levelname) == ("secretref.audit", "WARNING")
    assert (resolved.name, resolved.levelname) == ("other", "INFO")
    assert denied.getMessage().isprintable()
    assert json.loads(denied.getMessage()) == {
        "kind": "denied",
        "outcome": "refused",
        "names": ["A"],
        "subject": "user:a\nforged\u2028",
        "provider": "env",
        "task": "t",
        "time": "2026-01-02T00:00:00+00:00",
    }
