"""Records: the input by reference, everything emitted redacted by value, nothing lost because it cannot be."""

import dataclasses
import datetime as dt
import json

import pytest
from pydantic import BaseModel, ValidationError

from secretref import ExecutionRecord, Policy, Resolver, Template, _record
from secretref.errors import InputError
from secretref.testing import FakeProvider, assert_no_leak, canary

DEFINITION = {"auth": "Bearer ${workflow.secrets.A}", "to": "${workflow.input.to}", "x": ["${workflow.secrets.B}"]}


@pytest.fixture(params=["alphanumeric", "special", "multiline"])
def value(request):
    return canary(request.param)


@pytest.fixture
def provider(value):
    return FakeProvider({"A": value, "B": canary()})


@pytest.fixture
def resolver(provider):
    return Resolver(provider, policy=Policy.allow_all())


@pytest.fixture
def resolved(resolver, value):
    data = {"workflow": {"input": {"to": {"name": "Ann", "echo": value}}}}
    return resolver.resolve(Template.compile(DEFINITION), subject="app:x", data=data, workflow="w-1", task="t-1")


@dataclasses.dataclass
class Reply:
    status: int
    body: str


class Answer(BaseModel):
    text: str


class Hostile:
    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __repr__


def stored(record):
    text = record.model_dump_json()
    assert ExecutionRecord.model_validate_json(text) == record
    return text


def test_a_record_holds_the_definition(resolved, value):
    before = dt.datetime.now(dt.UTC)
    record = resolved.record(f"401 for {value}")
    assert record.input == DEFINITION
    assert record.output == "401 for ***"
    assert record.names == ("A", "B")
    assert (record.subject, record.workflow, record.task) == ("app:x", "w-1", "t-1")
    assert record.resolved_at <= before <= record.recorded_at
    assert (record.error, record.logs, record.data, record.received, record.withheld) == (None, (), None, None, ())
    assert_no_leak(stored(record), value)


def test_the_input_of_a_record_runs_again(resolved, resolver):
    record = ExecutionRecord.model_validate_json(stored(resolved.record()))
    template = Template.compile(record.input)
    assert template == resolved.template
    data = {"workflow": {"input": {"to": "again"}}}
    again = resolver.resolve(template, subject=record.subject, data=data)
    assert again.reveal()["auth"] == resolved.reveal()["auth"]


@pytest.mark.parametrize(
    "emit",
    [
        lambda value: {"a": [value, {value: 1}], "b": (value,)},
        lambda value: Reply(401, f"no {value}"),
        lambda value: Answer(text=value),
        lambda value: {value, "other"},
        lambda value: value.encode(),
        lambda value: b"\xff" + value.encode(),
        lambda value: [Hostile(), value],
        lambda value: object(),
        lambda value: dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        lambda value: [float("nan"), float("inf"), 10**30, 1.5],
        lambda value: f"\ud800 {value}",
        lambda value: {f"\ud800{value}": 1},
        ValueError,
        lambda value: iter([value]),
        lambda value: [10**5_000, value],
    ],
)
def test_output_of_any_kind_can_be_stored(resolved, value, emit):
    record = resolved.record(emit(value))
    assert_no_leak(stored(record), value)
    assert json.loads(record.model_dump_json())["input"] == DEFINITION


@pytest.mark.parametrize(
    ("emit", "kept"),
    [
        (lambda value: [value.encode(), "é"], ["***", "é"]),
        (lambda value: [b"\xff\xfe" + value.encode()], ["__4qKio="]),
        (lambda value: ["é", f"\ud800 {value}"], ["é", "? ***"]),
        (lambda value: [b"\xff", object(), open], ["_w==", "<object>", "<builtin_function_or_method>"]),
        (lambda value: [object(), value, b"text"], ["<object>", "***", "text"]),
        (lambda value: [float("nan"), float("-inf")], ["NaN", "-Infinity"]),
    ],
)
def test_output_that_json_has_no_word_for_is_told_as_text(resolved, value, emit, kept):
    assert resolved.record(emit(value)).output == kept


def test_data_that_were_withheld_are_still_data():
    class Withholds:
        data = staticmethod(lambda _value: "[redaction failed]")

    assert _record._data(Withholds(), {"a": 1}) == {"": "[redaction failed]"}


def test_every_field_that_fails_is_withheld_in_its_shape():
    class Fails:
        weak = frozenset()

        def text(self, text):
            if text == "x":
                raise ValueError
            return text

    facts = _record.Facts({}, (), "app:x", None, None, dt.datetime.now(dt.UTC))
    record = _record.recorded(Fails(), facts, dict.fromkeys(_record._REDUCED, "x"))
    assert record.withheld == tuple(_record._REDUCED)
    assert (record.output, record.error, record.received) == ("[withheld]",) * 3
    assert (record.logs, record.data) == (("[withheld]",), {"": "[withheld]"})


def test_an_error_that_is_text_of_a_class_of_its_own_shows_its_characters(resolved):
    class Odd(str):
        __slots__ = ()

        def __str__(self):
            return "something else"

    assert resolved.record(error=Odd("as it is")).error == "as it is"


def test_plain_output_keeps_its_shape(resolved):
    output = {"a": [1, 2.5, None, True, "é"], "b": {}}
    assert resolved.record(output).output == output
    assert resolved.record().output is None


@pytest.mark.parametrize("levels", [150, 195, 196, 197, 198, 199, 200, 255, 1_000, 100_000])
def test_output_of_any_depth_can_be_stored(resolved, value, levels):
    output = value
    for _ in range(levels):
        output = [output]
    assert_no_leak(stored(resolved.record(output)), value)


def test_output_that_contains_itself_can_be_stored(resolved, value):
    output = [value]
    output.append(output)
    assert_no_leak(stored(resolved.record(output)), value)


def test_what_cannot_be_redacted_is_withheld_and_named(resolved, value):
    deep = value
    for _ in range(230):
        deep = [deep]
    record = resolved.record(deep, error=Hostile(), logs=map(str, [Hostile()]), received=[b"bytes", value])
    assert record.withheld == ("output", "error", "logs", "received")
    assert (record.output, record.error, record.received) == ("[withheld]",) * 3
    assert record.logs == ("[withheld]",)
    assert_no_leak(stored(record), value)


def test_an_error_is_its_type_and_text(resolved, value):
    error = ValueError(f"refused {value}")
    error.add_note(f"seen with {value}")
    assert resolved.record(error=error).error == "ValueError: refused ***\nseen with ***"
    assert resolved.record(error=f"bare {value} \ud800").error == "bare *** ?"
    assert resolved.record(error=["listed", 5]).error == "['listed', 5]"


def test_logs_are_lines(resolved, value):
    assert resolved.record(logs=f"one {value}\ntwo").logs == ("one ***", "two")
    assert resolved.record(logs=["one\n", f"{value} two", 3]).logs == ("one", "*** two", "3")
    assert resolved.record(logs=7).logs == ("7",)
    lines = f"a\n{value}\nb".split("\n")
    assert_no_leak(stored(resolved.record(logs=lines)), value)


def test_data_is_kept_where_wanted(resolved, resolver, value):
    assert resolved.record(data=True).data == {"workflow.input.to": {"name": "Ann", "echo": "***"}}
    text = resolver.resolve(Template.compile("${a}"), subject="app:x", data={"a": "text"})
    assert text.record(data=True).data == {"a": "text"}
    assert resolver.resolve(Template.compile("${a}"), subject="app:x").record(data=True).data == {}


def test_data_that_cannot_be_read_back_is_withheld(resolver):
    deep = []
    for _ in range(188):
        deep = [deep]
    wide = resolver.resolve(Template.compile("${a}"), subject="app:x", data={"a": deep})
    assert wide.record(data=True).data == {"a": deep}


def test_places_of_values_are_hidden_whatever_became_of_them(resolved, value):
    received = {"auth": value[::-1], "to": f"x {value}", "x": [value.encode().hex()], "new": value}
    record = resolved.record(received=received)
    assert record.received["auth"] == DEFINITION["auth"]
    assert record.received["x"] == DEFINITION["x"]
    assert record.received["new"] == "***"
    assert received["auth"] == value[::-1]
    assert_no_leak(stored(record), value, value[::-1])


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        (lambda odd: {"x": {}}, {"x": "[withheld]"}),
        (lambda odd: {"to": "Ann", "x": odd}, {"to": "Ann", "x": "[withheld]"}),
        (lambda odd: {"x": ["new", odd]}, {"x": "[withheld]"}),
        (lambda odd: {"x": [odd, "more"]}, {"x": "[withheld]"}),
        (lambda odd: {"x": []}, {"x": "[withheld]"}),
        (lambda odd: {"to": "Ann", "y": [odd]}, {"to": "Ann", "y": "[withheld]"}),
        (lambda odd: {"auth": odd, "more": "text"}, {"auth": DEFINITION["auth"], "more": "[withheld]"}),
        (lambda odd: [odd, 1], "[withheld]"),
        (lambda odd: odd, "[withheld]"),
        (lambda odd: None, "[withheld]"),
    ],
)
def test_where_the_shape_has_changed_what_may_be_a_value_is_withheld(resolved, value, changed, kept):
    odd = value[::-1]
    record = resolved.record(received=changed(odd))
    assert record.received == kept
    assert_no_leak(stored(record), value, odd)


def test_subject_workflow_and_task_are_redacted(resolver, value):
    resolved = resolver.resolve(
        Template.compile(DEFINITION), subject=f"user:{value}", workflow=f"w-{value}", task=f"{value}"
    )
    record = resolved.record()
    assert (record.subject, record.workflow, record.task) == ("user:***", "w-***", "***")
    assert_no_leak(stored(record), value)


def test_values_of_earlier_tasks_are_hidden_in_what_is_recorded_of_later_ones(resolver, resolved, value):
    raw = {"echo": f"key {value}", "odd": resolved.derive("odd", value[::-1])}
    template = Template.compile({"b": "${workflow.secrets.B}", "echo": "${first.echo}"})
    later = resolver.resolve(template, subject="app:x", data={"first": raw}, after=[resolved])
    assert later.reveal()["echo"] == raw["echo"]
    record = later.record(raw, error=ValueError(raw["echo"]), logs=[raw["odd"]], data=True)
    assert record.output == {"echo": "key ***", "odd": "***"}
    assert record.data == {"first.echo": "key ***"}
    assert_no_leak(stored(record), value, value[::-1])
    assert_no_leak(stored(resolver.declare(["B"], subject="app:x", after=(later,)).record(raw)), value, value[::-1])


@pytest.mark.parametrize("after", [None, 5, [None], ["x"], "x"])
def test_only_what_was_resolved_comes_before(resolver, provider, after):
    with pytest.raises(InputError):
        resolver.resolve(Template.compile(DEFINITION), subject="app:x", after=after)
    assert provider.calls == []


def test_weak_values_are_named(resolver, provider):
    resolved = Resolver(FakeProvider({"PIN": "42"}), policy=Policy.allow_all()).resolve(
        Template.compile("${workflow.secrets.PIN}"), subject="app:x"
    )
    assert resolved.record().weak == ("PIN",)


def test_a_record_cannot_be_changed(resolved):
    record = resolved.record()
    with pytest.raises(ValidationError):
        record.output = "changed"


def test_a_wrong_record_is_not_quoted(value):
    with pytest.raises(ValidationError) as caught:
        ExecutionRecord.model_validate({"input": 1, "output": {5: value}, "other": value})
    assert_no_leak(str(caught.value), value)


def test_the_published_schema_is_that_of_the_model(request):
    path = request.config.rootpath / "docs" / "execution-record.schema.json"
    assert json.loads(path.read_text("utf-8")) == ExecutionRecord.model_json_schema()
