"""Foreign expressions are filled from data, which is opaque."""

import datetime as dt

import pytest

from secretref import Template, errors
from secretref._data import evaluate, looks_like_reference
from secretref._tree import thaw
from secretref.errors import InputError, LimitError


def filled(text, data):
    template = Template.compile(text)
    found = evaluate(template.foreign, data, template.embedded)
    return [datum.text if datum.frozen is None else thaw(datum.frozen) for datum in found.values()]


def test_a_callable_gets_the_expression_once():
    calls = []

    def evaluator(expression):
        calls.append(expression)
        return {"n": len(calls)}

    assert filled("${a b | c} ${a b | c} ${m.${k}}", evaluator) == [{"n": 1}, {"n": 2}]
    assert calls == ["a b | c", "m.${k}"]


def test_data_is_a_snapshot():
    data = {"a": {"b": [1]}}
    template = Template.compile(["${a.b}"])
    (datum,) = evaluate(template.foreign, data, template.embedded).values()
    data["a"]["b"].append(2)
    assert thaw(datum.frozen) == [1]


def test_all_that_have_no_datum_are_reported():
    data = {"a": {"b": 1, "l": [1]}}
    text = "${a.b} ${a.c} ${a.b.c} ${a.l[1]} ${b} ${a..b} ${a.${a.c}} ${a.${a}}"
    with pytest.raises(errors.ReferenceError) as caught:
        filled(text, data)
    assert caught.value.references == ("a.c", "a.b.c", "a.l[1]", "b", "a..b", "a.${a.c}", "a.${a}")
    assert caught.value.kind == ""
    assert caught.value.__context__ is None


@pytest.mark.parametrize(("error", "kind"), [(KeyError, ""), (IndexError, ""), (ValueError, "ValueError")])
def test_an_evaluator_that_fails_says_nothing(error, kind):
    def evaluator(expression):
        raise error("data in an error")

    with pytest.raises(errors.ReferenceError) as caught:
        filled("${a}", evaluator)
    assert caught.value.kind == kind
    assert "data in" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("${l[${n}]}", "b"),
        ("${o.${k}}", "deep"),
        ("${o.${p.${k}}}", "deep"),
        ("${${k}}", "k's own"),
        ("${ o.x }", "deep"),
        ("${o.$.x}", "deep"),
    ],
)
def test_nested_expressions_are_filled_from_the_inside(expression, expected):
    data = {"n": 1, "l": ["a", "b"], "k": "x", "x": "k's own", "p": {"x": "x"}, "o": {"x": "deep"}}
    assert filled(expression, data) == [expected]


def test_braces_that_are_no_expression_lead_nowhere():
    with pytest.raises(errors.ReferenceError):
        filled("${a{b}c}", {"a": 1})


def test_what_data_says_is_no_expression():
    data = {"k": "a}${b", "a": "${b}", "b": "reached"}
    assert filled("${a}", data) == ["${b}"]
    with pytest.raises(errors.ReferenceError):
        filled("${${k}}", data)


def test_nesting_of_any_depth_ends():
    text = "${" * 50_000 + "a" + "}" * 50_000
    assert filled(text, {"a": "a"}) == ["a"]


@pytest.mark.parametrize("value", [b"x", dt.datetime.now(dt.UTC), {1, 2}, float("nan"), object(), iter(())])
def test_data_is_json(value):
    with pytest.raises(InputError, match="the datum of a"):
        filled("${a}", {"a": value})


def test_data_too_deep_is_refused():
    deep = []
    for _ in range(1_000):
        deep = [deep]
    with pytest.raises(LimitError):
        filled("${a}", {"a": deep})


def test_a_string_of_a_class_of_its_own_becomes_a_string():
    class Text(str):
        __slots__ = ()

        def __format__(self, spec):
            return "changed"

    assert filled("x${a}", {"a": Text("b")}) == ["b"]


def test_surrogates_pass():
    assert filled("x${a} ${b}", {"a": "\ud800", "b": ["\udfff"]}) == ["\ud800", ["\udfff"]]


@pytest.mark.parametrize("data", ["text", 5, [("a", 1)]])
def test_data_is_a_mapping_or_a_callable(data):
    with pytest.raises(InputError):
        filled("${a}", data)


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("${workflow.secrets.A}", True),
        ("$<Workflow.Secrets.A", True),
        ("${  workflow.secrets", True),
        ("workflow.secrets", False),
        ("${workflow.input.a}", False),
        ("\ud800", False),
    ],
)
def test_what_looks_like_a_reference(text, looks):
    assert looks_like_reference(text) is looks


def test_data_does_not_show():
    (datum,) = evaluate(Template.compile("${a}").foreign, {"a": "pinetree"}, ()).values()
    assert "pinetree" not in repr(datum)
