"""The rows of Conductor's own expression table, and what a hostile datum cannot do with them."""

import importlib
import sys

import pytest

from secretref import Policy, Resolver, Template
from secretref.errors import MissingExtraError, ReferenceError  # noqa: A004 - ours
from secretref.integrations.conductor import ConductorData, java_text
from secretref.providers.memory import MemoryProvider

DOCUMENT = {
    "name": "conductor",
    "n": 2,
    "f": 1.5,
    "t": True,
    "nul": None,
    "obj": {"a": 1, "b": {"c": "x"}},
    "list": [1, 2, 3],
    "lo": [{"k": "a"}, {"k": "b"}],
    "key": "a",
    "idx": 1,
    "m": {"a": [1, 2, 3]},
    "ref": "${name}",
    "path": "obj.b.c",
    "a b": "spaced",
    "a-b": "dashed",
    "1st": "digit",
    "what?": 5,
    "search": "..*",
    "filter": "lo[?(@.k)]",
    "words": ["x"],
    "workflow": {"input": {"street": "Main"}},
    "empty": [],
}
data = ConductorData(DOCUMENT, environment={"ZONE": "north", "CREDS": '{"port": 5432, "nest": {"a": [10, 20]}}'})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("name", "conductor"),
        ("n", 2),
        ("f", 1.5),
        ("t", True),
        ("obj", DOCUMENT["obj"]),
        ("list", [1, 2, 3]),
        ("missing", None),
        ("missing.deep", None),
        ("nul", None),
        ("", ""),
        ("  ", ""),
        (" name ", "conductor"),
        ("$.name", "conductor"),
        ("obj['a']", 1),
        ('obj["a"]', 1),
        ("list[0]", 1),
        ("list.[0]", 1),
        ("list[-1]", 3),
        ("lo[*].k", ["a", "b"]),
        ("lo.*.k", ["a", "b"]),
        ("lo[*].nope", []),
        ("list[0,2]", [1, 3]),
        ("list[:2]", [1, 2]),
        ("$.lo[?(@.k=='a')]", [{"k": "a"}]),
        ("lo[?(@.k == 'b')].k", ["b"]),
        ("list[?(@ > 1)]", [2, 3]),
        ("$..k", ["a", "b"]),
        ("lo[?(@.k =~ /[b-z]/)].k", ["b"]),
        ("$..['k']", ["a", "b"]),
        ("m.a[?(@ == $['n'])]", [2]),
        ("list[9]", None),
        ("a b", None),
        ("$['a b']", "spaced"),
        ("['a b']", "spaced"),
        ("a-b", "dashed"),
        ("1st", "digit"),
        ("m.${key}[${idx}]", 2),
        ("${path}", "x"),
        ("m.${missing}", None),
        ("m.${obj}", None),
        ("m.${${path}}", None),
        ("m['${key}']", [1, 2, 3]),
        ("ref", "${name}"),
        ("workflow.input.street", "Main"),
        ("$", DOCUMENT),
        ("name:default", None),
        ("name|f", None),
        ("a ${name", None),
        ("name}", None),
        ("lo[?(", None),
        ("name.", None),
        ("list[99999999999999999999]", None),
        ("a...b", None),
        ("x" * 5000, None),
        ("lo.k", None),
        ("$['name'] | $['n']", None),
        ("list.length()", 3),
        ("list.size()", 3),
        ("list.first()", 1),
        ("list.last()", 3),
        ("list.min()", 1),
        ("list.max()", 3),
        ("list.sum()", 6.0),
        ("list.avg()", 2.0),
        ("empty.avg()", None),
        ("empty.first()", None),
        ("words.sum()", None),
        ("name.length()", None),
        ("list.system()", None),
        ("missing.length()", None),
        ("workflow.env.ZONE", "north"),
        ("workflow.env.CREDS.port", 5432),
        ("workflow.env.CREDS.$.nest.a[1]", 20),
        ("workflow.env.CREDS.$", {"port": 5432, "nest": {"a": [10, 20]}}),
        ("workflow.env.NOPE", None),
        ("workflow.env.ZONE.x", None),
        ("workflow.env.CREDS", '{"port": 5432, "nest": {"a": [10, 20]}}'),
    ],
)
def test_expression(expression, value):
    found = data(expression)
    assert found == value
    assert type(found) is type(value)


def test_the_process_environment_is_out_of_reach(monkeypatch):
    monkeypatch.setenv("HOSTVAR", "host")
    assert data("HOSTVAR") is None
    assert data("workflow.env.HOSTVAR") is None


@pytest.mark.parametrize("inner", ["search", "filter"])
def test_a_datum_names_a_place_but_brings_no_search_or_filter(inner):
    assert data("${" + inner + "}") is None


def test_a_document_deeper_than_the_search_yields_nothing():
    deep = {}
    for _ in range(50_000):
        deep = {"a": deep}
    assert ConductorData(deep)("$..b") is None
    assert ConductorData({"a": 1}, environment={"D": "[" * 100_000})("workflow.env.D.$") is None


def test_the_repr_tells_a_count():
    assert repr(ConductorData({"a": "datum"})) == "ConductorData(1 entries)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1, "b": {"c": "x"}}, "{a=1, b={c=x}}"),
        ([1, 2, 3], "[1, 2, 3]"),
        (None, "null"),
        (True, "true"),
        ("x", "x"),
        ({"l": [None, False, "y"]}, "{l=[null, false, y]}"),
        (1.5, "1.5"),
        (0.0, "0.0"),
        (100.0, "100.0"),
        (1e7, "1.0E7"),
        (1.25e-5, "1.25E-5"),
        (-1e20, "-1.0E20"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (float("inf"), "Infinity"),
    ],
)
def test_java_text(value, text):
    assert java_text(value) == text


SECRET = "cnry-Cd17-value"
resolver = Resolver(MemoryProvider({"A": SECRET, "REF": "${workflow.input.street}"}), policy=Policy.allow_all())


@pytest.mark.parametrize(
    ("definition", "bound"),
    [
        ("${name}", "conductor"),
        ("${n}", 2),
        ("${obj}", {"a": 1, "b": {"c": "x"}}),
        ("${n} ", "2 "),
        (" ${n}", " 2"),
        ("n=${n}", "n=2"),
        ("t=${t}", "t=true"),
        ("f=${f}", "f=1.5"),
        ("o=${obj}", "o={a=1, b={c=x}}"),
        ("l=${list}", "l=[1, 2, 3]"),
        ("${missing}", None),
        ("${missing.deep}", None),
        ("x=${missing}", "x=null"),
        ("x=${nul}", "x=null"),
        ("${ name }", "conductor"),
        ("${$.lo[?(@.k=='a')]}", [{"k": "a"}]),
        ("${lo[*].k}", ["a", "b"]),
        ("${list[9]}", None),
        ("$${name}", "${name}"),
        ("$$${name}", "$${name}"),
        ("$$$${name}", "$$${name}"),
        ("${name}$${n}", "conductor${n}"),
        ("${name", "${name"),
        ("${", "${"),
        ("a ${name", "a ${name"),
        ("name}", "name}"),
        ("${a ${name}", "${a ${name}"),
        ("${name} and ${n", "conductor and ${n"),
        ("${name}}", "conductor}"),
        ("{${name}}", "{conductor}"),
        ("${m.${key}[${idx}]}", 2),
        ("${${path}}", "x"),
        ("${ref}", "${name}"),
        ("v=${ref}", "v=${name}"),
        ({"${name}": ["${n}", 5, None]}, {"${name}": [2, 5, None]}),
        ("a\r\nä $5 \"'{x} ${name}", "a\r\nä $5 \"'{x} conductor"),
        ("${name:default}", None),
        ("#{name} {{name}}", "#{name} {{name}}"),
        ("${workflow.secrets.A}@${workflow.input.street}", f"{SECRET}@Main"),
        ("${workflow.secrets.REF}", "${workflow.input.street}"),
    ],
)
def test_the_rows_of_conductors_table_through_the_resolver(definition, bound):
    template = Template.compile({"x": definition})
    data = ConductorData(DOCUMENT, java=template)
    assert resolver.resolve(template, subject="app:x", data=data).reveal() == {"x": bound}


def test_without_the_option_embedded_objects_are_json():
    template = Template.compile("o=${obj} l=${list}")
    found = resolver.resolve(template, subject="app:x", data=ConductorData(DOCUMENT)).reveal()
    assert found == 'o={"a":1,"b":{"c":"x"}} l=[1,2,3]'


def test_an_expression_that_is_also_whole_keeps_its_type():
    template = Template.compile(["${obj}", "o=${obj}", "l=${list}"])
    found = resolver.resolve(template, subject="app:x", data=ConductorData(DOCUMENT, java=template)).reveal()
    assert found == [{"a": 1, "b": {"c": "x"}}, 'o={"a":1,"b":{"c":"x"}}', "l=[1, 2, 3]"]


@pytest.mark.parametrize("text", ["${workflow.secrets.A}", "$<workflow.secrets.A>", "$${workflow.secrets.A}"])
@pytest.mark.parametrize("definition", ["${c}", "x ${c} y", "${deep.${key}}", "${workflow.secrets.A} ${c}"])
def test_data_is_never_scanned_for_secrets(text, definition):
    data = ConductorData({"c": text, "deep": {"k": text}, "key": "k", "k": text})
    revealed = resolver.resolve(Template.compile(definition), subject="app:x", data=data).reveal()
    assert revealed == definition.replace("${workflow.secrets.A}", SECRET).replace("${c}", text).replace(
        "${deep.${key}}", text
    )


def test_a_datum_too_deep_for_text_is_an_error():
    deep = []
    for _ in range(50_000):
        deep = [deep]
    template = Template.compile("x=${deep}")
    with pytest.raises(ReferenceError):
        resolver.resolve(template, subject="app:x", data=ConductorData({"deep": deep}, java=template))


def test_without_the_path_library_the_error_is_the_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonpath", None)
    monkeypatch.delitem(sys.modules, "secretref.integrations.conductor")
    with pytest.raises(MissingExtraError, match=r"secretref-workflow\[conductor\]"):
        importlib.import_module("secretref.integrations.conductor")
