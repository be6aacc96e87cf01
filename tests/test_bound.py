"""Trees an engine has bound already: the definition's places are filled, and no others."""

import pytest

from secretref import Policy, Resolver, Template
from secretref._bound import bind
from secretref.errors import InputError
from secretref.providers.memory import MemoryProvider

A, B, IN, TO = "${workflow.secrets.A}", "${workflow.secrets.B}", "${workflow.input.in}", "${workflow.input.to}"


def resolved(definition, bound):
    resolver = Resolver(MemoryProvider({"A": "alpha-value", "B": "beta-value"}), policy=Policy.allow_all())
    return resolver.resolve(Template.compile(definition), subject="app:x", bound=bound).reveal()


@pytest.mark.parametrize(
    ("definition", "bound", "expected"),
    [
        (A, A, "alpha-value"),
        (f"<{A}>{IN}</>", f"<{A}>12 Main St</>", "<alpha-value>12 Main St</>"),
        (f"{IN}<{A}>", f"{A}<{A}>", f"{A}<alpha-value>"),
        (f"<{A}>{IN}", f"<{A}>{A}{B}", f"<alpha-value>{A}{B}"),
        (f"{A}{IN}{B}", f"{A}{B}", "alpha-valuebeta-value"),
        (f"{A}{IN}{B}", f"{A}x{B}y{B}", f"alpha-valuex{B}ybeta-value"),
        (f"{IN}, {A}, {TO}", f"1, 2, {A}, 3", "1, 2, alpha-value, 3"),
        (f"{IN}{TO}{A}", f"xy{A}", "xyalpha-value"),
        (f"{IN}-{TO}-{A}", f"x-y-z-{A}", "x-y-z-alpha-value"),
        ([A, IN, {"k": IN, "a": A}], [A, {"any": A}, {"k": 5, "a": A, "more": A}], None),
        ("$" + A + " " + A, "$" + A + " " + A, A + " alpha-value"),
        ("$" + A + " " + A, A + " " + A, A + " alpha-value"),
        ("$" + A, A, A),
        ("$" + A + IN, "$" + A + "x", A + "x"),
        ("$" + A + IN, A + "$x", A + "$x"),
        ("$${i}" + A, "$${i}" + A, "$${i}alpha-value"),
        ("$${i}" + A, "${i}" + A, "${i}alpha-value"),
        ("$${i}$" + A, "$${i}$" + A, "$${i}" + A),
        (IN, A, A),
        (IN, 5, 5),
        (IN, [A], [A]),
    ],
)
def test_references_of_the_definition_are_filled_and_those_of_data_are_not(definition, bound, expected):
    if expected is None:
        expected = ["alpha-value", {"any": A}, {"k": 5, "a": "alpha-value", "more": A}]
    assert resolved(definition, bound) == expected


@pytest.mark.parametrize(
    ("definition", "bound", "place"),
    [
        ({"a": A}, {}, ""),
        ({"a": [A]}, {"a": []}, "/a/0"),
        ({"a": [A]}, {"a": {"0": A}}, "/a/0"),
        ({"a": {"b": A}}, {"a": [A]}, "/a/b"),
        ({"a": {"b": A}}, {"b": A}, "/a/b"),
        ({"a": A}, {"a": 5}, "/a"),
        ({"a": A}, {"a": None}, "/a"),
        ({"a": A}, {"a": B}, "/a"),
        ({"a": A}, {"a": A + " "}, "/a"),
        ({"a": A + IN}, {"a": "x"}, "/a"),
        ({"a": IN + A}, {"a": "x"}, "/a"),
        ({"a": A + IN + A}, {"a": A}, "/a"),
        ({"a": f"{IN}, {A}, {TO}"}, {"a": "1, null, 3"}, "/a"),
        ({"a": f"{IN}, {A}, {TO}"}, {"a": f"1, {A}, 2, {A}, 3"}, "/a"),
        ({"a": f"{IN}${A}{TO}"}, {"a": f"{A}{A}"}, "/a"),
    ],
)
def test_a_tree_that_does_not_fit_is_refused(definition, bound, place):
    with pytest.raises(InputError) as caught:
        resolved(definition, bound)
    assert caught.value.place == (place or "/a")
    assert A not in str(caught.value)


def test_what_is_no_json_is_refused():
    with pytest.raises(InputError):
        resolved([A], [A, b"x"])


@pytest.mark.parametrize(
    ("definition", "bound", "suspicious"),
    [
        ([A, IN], [A, "x"], False),
        ([A, IN], [A, A], True),
        ([f"{A} {IN}"], [f"{A} {A}"], True),
        ([f"{A} {IN}"], [f"{A} 5"], False),
        (["$" + A, IN], ["$" + A, "5"], False),
        ([A], [A, {"deep": ["$< workflow.secrets.A >"]}], True),
        ([A, A], [A, A], False),
    ],
)
def test_data_that_looks_like_a_reference_is_noticed(definition, bound, suspicious):
    assert bind(Template.compile(definition), bound).suspicious is suspicious


def test_the_bound_tree_is_never_changed():
    bound = {"a": [A, {"b": 1}]}
    resolver = Resolver(MemoryProvider({"A": "alpha-value"}), policy=Policy.allow_all())
    result = resolver.resolve(Template.compile({"a": [A]}), subject="app:x", bound=bound)
    bound["a"][1]["b"] = 2
    first, second = result.reveal(), result.reveal(shared=True)
    assert first == second == {"a": ["alpha-value", {"b": 1}]}
    assert first["a"][1] is not second["a"][1]
    assert bound == {"a": [A, {"b": 2}]}
    assert A not in repr(bind(Template.compile([A]), [A]))


def test_equal_strings_of_a_definition_are_bound_one_by_one():
    text = "${workflow.secrets.A} to ${workflow.input.to}"
    resolver = Resolver(MemoryProvider({"A": "a-long-enough-value"}), policy=Policy.allow_all())
    bound = [f"{A} to {name}" for name in ("Ann", "Bob")] + ["x"]
    resolved = resolver.resolve(Template.compile([text, text, "${workflow.input.x}"]), subject="app:x", bound=bound)
    assert resolved.reveal() == ["a-long-enough-value to Ann", "a-long-enough-value to Bob", "x"]
