"""Templates: compiled once, of a definition that can then do what it likes."""

import copy
import json
import pickle

import pytest
from pydantic import BaseModel

from secretref import Limits, SecretRef, Template
from secretref._template import _KNOWN
from secretref.errors import ConfigurationError, InputError, LimitError, TemplateSyntaxError

A, B = "${workflow.secrets.A}", "${workflow.secrets.B.user}"
DEFINITION = {
    "uri": f"https://example/?x=<id>${{workflow.input.id}}</id><key>{A}</key>",
    "steps": [{"auth": B}, 1, 2.5, None, True, [], {}, [[A]]],
    "text": "nothing here",
    "escaped": "$" + A,
}


def test_the_references_of_a_tree_have_places_and_spans():
    template = Template.compile(DEFINITION)
    assert template.references == (
        SecretRef(name="A", path=(), place="/uri", span=(53, 74)),
        SecretRef(name="B", path=("user",), place="/steps/0/auth", span=(0, 26)),
        SecretRef(name="A", path=(), place="/steps/7/0/0", span=(0, 21)),
    )
    assert template.names == {"A", "B"}


def test_places_of_odd_keys_are_escaped():
    (reference,) = Template.compile({"a/b": {"~": [A]}}).references
    assert reference.place == "/a~1b/~0/0"


@pytest.mark.parametrize("definition", [DEFINITION, A, "text", "", 5, None, True, [], {}, [A], {"é": "ü$"}])
def test_a_definition_comes_back(definition):
    template = Template.compile(definition)
    assert template.definition == definition
    assert str(template) == definition if isinstance(definition, str) else json.loads(str(template)) == definition
    for again in (
        Template.from_json(template.to_json()),
        Template.compile(template.definition),
        pickle.loads(pickle.dumps(template)),
        copy.copy(template),
        copy.deepcopy(template),
    ):
        assert again == template
        assert hash(again) == hash(template)
        assert again.references == template.references


def test_templates_differ_as_their_definitions_do():
    definitions = [1, True, 1.0, "1", [1], {"a": A}, {"a": B}, {"a": "$" + A}, {"a": 1, "b": 2}, {"b": 2, "a": 1}]
    assert len({Template.compile(definition) for definition in definitions}) == len(definitions)
    assert Template.compile("a") != "a"


def test_strings_shared_or_not_make_no_difference():
    shared = ["x" * 30] * 2
    apart = json.loads(json.dumps(shared))
    assert Template.compile(shared) == Template.compile(apart)


def test_changing_the_definition_changes_no_template():
    definition = copy.deepcopy(DEFINITION)
    template = Template.compile(definition)
    definition["steps"][0]["auth"] = "${workflow.secrets.OTHER}"
    definition["steps"].clear()
    template.definition["uri"] = "changed"
    assert template.definition == DEFINITION
    assert template == Template.compile(DEFINITION)


def test_a_template_cannot_be_changed_or_made_otherwise():
    template = Template.compile(A)
    for change in (lambda: setattr(template, "names", ()), lambda: delattr(template, "names")):
        with pytest.raises(AttributeError):
            change()
    with pytest.raises(InputError):
        Template()


def test_repr_shows_numbers_only():
    assert repr(Template.compile([A, A, "literal"])) == "Template(2 references to 1 secrets)"


def test_odd_containers_are_taken_as_json_would_be():
    assert Template.compile((A, {"a": (B,)})).definition == [A, {"a": [B]}]


@pytest.mark.parametrize(
    ("definition", "place"),
    [
        ({"a": [b"x"]}, "/a/0"),
        ({"a": {3: A}}, "/a"),
        ([float("nan")], "/0"),
        ([-float("inf")], "/0"),
        ([10**5_000], "/0"),
        ([A, {"b": "\ud800"}], "/1/b"),
        ([(x for x in A)], "/0"),
        (object(), ""),
        (Template.compile(A), ""),
    ],
)
def test_what_is_no_json_is_no_definition(definition, place):
    with pytest.raises(InputError) as caught:
        Template.compile(definition)
    assert caught.value.place == place


def test_letters_beside_the_surrogates_are_taken():
    assert str(Template.compile("\ud7ff 한글 \ue000")) == "\ud7ff 한글 \ue000"


def test_all_faults_are_reported_in_the_order_of_the_definition():
    definition = {
        "a ${workflow.secrets.K}": ["${ workflow.secrets.A } and ${workflow.secret.B}", 5],
        "b": {"x": "fine ${workflow.secrets.OK}", "${workflow.secrets.": "${workflow.secrets.C"},
    }
    with pytest.raises(TemplateSyntaxError) as caught:
        Template.compile(definition)
    found = [(fault.place, fault.reason, fault.reference) for fault in caught.value.faults]
    assert found == [
        ("/a ${workflow.secrets.K}", "key", "${workflow.secrets.K}"),
        ("/a ${workflow.secrets.K}/0", "white-space", "${ workflow.secrets.A }"),
        ("/a ${workflow.secrets.K}/0", "namespace", "${workflow.secret.B}"),
        ("/b/${workflow.secrets.", "unclosed", "${workflow.secrets."),
        ("/b/${workflow.secrets.", "unclosed", "${workflow.secrets.C"),
    ]
    assert caught.value.place == "/a ${workflow.secrets.K}"
    assert caught.value.span == (2, 23)
    assert "value" in caught.value.expected


def test_what_stands_around_a_fault_is_not_shown():
    with pytest.raises(TemplateSyntaxError) as caught:
        Template.compile(
            "hunter2 ${workflow.secrets.A hunter3 ${workflow.secrets.B, hunter4 $<workflow.secrets.C hunter5"
        )
    assert "hunter" not in "".join(map(str, [caught.value, *caught.value.faults, caught.value.__context__]))


@pytest.mark.parametrize("key", ["$" + A, "${workflow.input.c}", "$", "${", "$<b>"])
def test_keys_are_no_templates(key):
    template = Template.compile({key: 1})
    assert template.definition == {key: 1}
    assert template.references == ()


def test_thousands_of_faults_are_cut_at_a_thousand():
    with pytest.raises(TemplateSyntaxError) as caught:
        Template.compile(["${workflow.secrets.}"] * 600 + ["${workflow.secrets.}" * 600])
    assert len(caught.value.faults) == 1_000
    assert len(str(caught.value)) < 2_000


def test_the_size_is_limited_exactly():
    definition = {"ä": ["é" * 6, 1], "b": "ccc"}
    assert Template.compile(definition, limits=Limits(size=11))
    with pytest.raises(LimitError) as caught:
        Template.compile(definition, limits=Limits(size=10))
    assert (caught.value.limit, caught.value.maximum) == ("characters", 10)


def test_the_number_of_expressions_is_limited_exactly():
    definition = [A, A + "${workflow.input.x}", "$" + A]
    assert Template.compile(definition, limits=Limits(expressions=4))
    with pytest.raises(LimitError) as caught:
        Template.compile(definition, limits=Limits(expressions=3))
    assert (caught.value.limit, caught.value.maximum) == ("expressions", 3)


def test_the_depth_is_limited_exactly():
    for innermost in ([], {}, [A], "x"):
        levels = 3 if innermost == "x" else 2
        definition = [[[innermost]]] if innermost == "x" else [[innermost]]
        assert Template.compile(definition, limits=Limits(depth=3))
        with pytest.raises(LimitError):
            Template.compile([definition], limits=Limits(depth=levels + (innermost != "x")))


def test_limits_themselves_are_limited():
    for wrong in ({"depth": 191}, {"depth": -1}, {"size": -1}, {"expressions": -1}, {"result": -1}):
        with pytest.raises(ConfigurationError):
            Limits(**wrong)


def test_depth_width_and_cycles_end_in_time():
    deep = A
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(LimitError):
        Template.compile(deep)
    loop = {"a": [A]}
    loop["a"].append(loop)
    with pytest.raises(InputError, match="contains itself"):
        Template.compile(loop)
    wide = Template.compile([A, "x", 1] * 30_000)
    assert len(wide.references) == 30_000


def test_other_text_is_no_json():
    for text, error in (("{", InputError), (b"\xff", InputError), ("[" * 100_000, LimitError), ("NaN", InputError)):
        with pytest.raises(error) as caught:
            Template.from_json(text)
        assert caught.value.__context__ is None
    assert Template.from_json(b'"x"').definition == "x"


def test_a_template_is_a_field_of_a_model():
    class Task(BaseModel):
        input: Template

    task = Task(input={"a": A})
    assert task.input == Template.compile({"a": A})
    assert Task.model_validate_json(task.model_dump_json()) == task
    assert Task(input=task.input).input is task.input
    assert Task.model_json_schema()["properties"]["input"]["title"] == "Input"


def test_what_the_resolver_asks_for():
    template = Template.compile([A, "x" + A, "${workflow.input.c}", "y${workflow.input.d}", "$" + A])
    assert [expression.text for expression in template.secrets] == [A]
    assert [expression.text for expression in template.foreign] == ["${workflow.input.c}", "${workflow.input.d}"]
    assert {expression.text for expression in template.embedded} == {A, "${workflow.input.d}"}
    assert template.size[1] == 4
    assert template.secrets is template.secrets
    assert template.embedded is template.embedded
    assert template.references is template.references
    assert template.box is template.box
    assert template.fresh_box() is not template.fresh_box()


def test_the_number_of_nodes_is_limited_before_they_are_visited():
    shared = ["${workflow.secrets.A}"]
    for _ in range(13):
        shared = [shared, [None] * 400_000]
    with pytest.raises(LimitError) as caught:
        Template.compile(shared)
    assert (caught.value.limit, caught.value.maximum) == ("nodes", 5_000_000)


def test_the_place_of_the_root_is_not_named():
    with pytest.raises(TemplateSyntaxError, match=r"reference: \[0:20\]"):
        Template.compile("${workflow.secret.A}")
    with pytest.raises(TemplateSyntaxError, match=r"reference: / \[0:20\]"):
        Template.compile({"": "${workflow.secret.A}"})


def test_a_small_definition_that_comes_again_is_not_compiled_again():
    definition = {"a": ["${workflow.secrets.A}", 1, True, None, 1.5]}
    first = Template.compile(definition)
    assert Template.compile(json.loads(json.dumps(definition))) in (first, Template.compile(definition))
    assert Template.compile(definition) is Template.compile(definition)
    definition["a"][0] = "${workflow.secrets.B}"
    assert Template.compile(definition).names == {"B"}
    assert first.names == {"A"}


@pytest.mark.parametrize("other", [{"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}, {"a": [1]}, {"b": 1}, {"a": -0.0}])
def test_what_is_remembered_is_exactly_what_was_compiled(other):
    for definition in ({"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}, {"a": [1]}, {"a": (1,)}, {"b": 1}, {"a": 0.0}):
        Template.compile(definition)
    assert repr(Template.compile(other).definition) == repr(other)


def test_limits_hold_for_definitions_that_are_known():
    definition = ["${workflow.secrets.A}", "${workflow.secrets.B}"]
    Template.compile(definition)
    with pytest.raises(LimitError):
        Template.compile(definition, limits=Limits(expressions=1))
    with pytest.raises(InputError):
        Template.compile([b"${workflow.secrets.A}", bytearray(b"x")])


def test_few_definitions_are_remembered():
    for number in range(600):
        Template.compile({"a": [f"${{workflow.secrets.A{number}}}"]})
    Template.compile(["x" * 100_000])
    assert len(_KNOWN) <= 256
    assert max(map(len, _KNOWN)) < 100_000
