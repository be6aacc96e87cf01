"""Parsing is total and linear, gives back what it was given, and takes nothing for a reference that is none."""

import json
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from secretref import Template
from secretref.errors import InputError, LimitError, TemplateSyntaxError

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
PATHS = st.lists(
    st.one_of(
        st.from_regex(r"\.[A-Za-z0-9_-]{1,5}", fullmatch=True),
        st.from_regex(r"\[(0|[1-9][0-9]{0,3})\]", fullmatch=True),
        st.from_regex(r"\['[a-z .\]\[$]{1,5}'\]", fullmatch=True),
        st.just(".$"),
    ),
    max_size=3,
).map("".join)
BRACKETS = st.sampled_from([("${", "}"), ("$<", ">")])
FRAGMENTS = st.sampled_from(
    [
        *("$", "$$", "${", "$<", "{", "}", "<", ">", " ", "\n", ".", "'", '"', "[0]", "x", "é", "😀"),
        *(
            "workflow",
            "secrets",
            "workflow.secrets.",
            "workflow.input.",
            "A",
            "${workflow.secrets.",
            "Workflow.Secrets.",
        ),
        *("${workflow.secrets.A}", "$<workflow.secrets.B.c>", "${workflow.input.x}", "$${workflow.secrets.A}"),
    ]
)
TEXTS = st.one_of(st.lists(FRAGMENTS, max_size=20).map("".join), st.text(max_size=50))
SPELLED = re.compile(r"(\$\{|\$<)workflow\.secrets\.([A-Za-z0-9_-]{1,255})(?![A-Za-z0-9_-])[^{}]*[}>]")
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(st.text(max_size=5), below, max_size=4)),
    max_leaves=12,
)


def compiled(definition):
    try:
        return Template.compile(definition)
    except TemplateSyntaxError:
        return None


def refusal(definition, *kinds):
    try:
        Template.compile(definition)
    except kinds as error:
        return error
    return None


@given(TEXTS)
@example("${${${")
@example("$${workflow.secrets.A}$")
@example("${${workflow.secrets.A}")
def test_every_text_compiles_and_comes_back_or_is_refused(text):
    template = compiled(text)
    if template is not None:
        assert str(template) == text
        for reference in template.references:
            start, end = reference.span
            spelled = SPELLED.fullmatch(text[start:end])
            assert spelled is not None
            assert spelled[2] == reference.name
            assert start == 0 or text[start - 1] != "$"


@given(TREES)
def test_every_tree_compiles_and_comes_back_or_is_refused(tree):
    before = json.dumps(tree)
    template = compiled(tree)
    assert json.dumps(tree) == before
    if template is not None:
        assert template.definition == tree
        assert json.dumps(template.definition) == before
        assert Template.from_json(template.to_json()) == template


@given(st.lists(st.tuples(st.sampled_from(["", "x ", "<a>", "é😀", "}", "> "]), BRACKETS, NAMES, PATHS), max_size=6))
def test_well_formed_references_are_found_where_they_stand(parts):
    text, expected = "", []
    for literal, (opening, closing), name, path in parts:
        reference = f"{opening}workflow.secrets.{name}{path}{closing}"
        text += literal + reference
        expected.append((name, (len(text) - len(reference), len(text))))
    found = Template.compile([text]).references
    assert [(reference.name, reference.span) for reference in found] == expected


@given(
    NAMES,
    PATHS,
    BRACKETS,
    st.integers(0, 80),
    st.sampled_from(["", " ", "\0", "é", "$", "{", "}", ">", ".", "(", "*", "|", "\u200b", "Ａ"]),
)
def test_a_mutant_is_another_reference_or_none_at_all(name, path, brackets, at, change):
    reference = f"{brackets[0]}workflow.secrets.{name}{path}{brackets[1]}"
    at %= len(reference)
    for mutant in (reference[:at] + change + reference[at + 1 :], reference[:at] + change + reference[at:]):
        template = compiled(mutant)
        for found in () if template is None else template.references:
            spelled = SPELLED.match(mutant, found.span[0])
            assert spelled is not None
            assert spelled[2] == found.name


@given(TEXTS, TEXTS)
@example("$$<Workflow.Secrets.", ">")
def test_what_is_wrong_is_shown_alone(before, after):
    text = f"{before} hunter2 ${{workflow.secrets.A b}} hunter2 {after}"
    assume("$${" not in text)  # an escape takes what is inside its braces with it
    error = refusal(text, TemplateSyntaxError)
    assert error is not None
    assert error.__context__ is None
    assert len(str(error)) <= 2_000
    for fault in error.faults:
        start, end = fault.span
        assert 0 <= start < end <= len(text)
        assert fault.reference == text[start:end][:100]


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "$",
            "${",
            "$$",
            "$<",
            "{",
            "}",
            "${}",
            "${ ",
            "$${",
            "\\",
            " ",
            "é",
            "${workflow.secrets.",
            "$<workflow.secrets.",
        ),
        *(
            "${workflow.secrets.A",
            "${workflow.secrets.A}",
            '${workflow.secrets.A"',
            "$${workflow.secrets.A}",
            "${a}",
            "${a",
        ),
        *("${a {", "${workflow.secret.A}", "${workflow.", "${a ${workflow.secrets.A}}", "workflow.secrets."),
    ],
)
@pytest.mark.parametrize("closing", ["", "}", ">"])
def test_a_flood_of_anything_ends(unit, closing):
    count = 200_000 // len(unit)
    text = unit * count + closing * count
    error = refusal(text, TemplateSyntaxError, LimitError)
    assert str(Template.compile(text)) == text if error is None else len(str(error)) <= 2_000


@pytest.mark.parametrize("unit", ["$", "$$", "${", "${workflow.secrets."])
def test_ten_megabytes_end(unit):
    text = unit * (10_000_000 // len(unit))
    error = refusal(text, TemplateSyntaxError)
    assert (error is not None) is unit.endswith("secrets.")


def test_braces_nested_a_hundred_thousand_deep_end():
    text = "${" * 100_000 + "}" * 100_000
    assert str(Template.compile(text)) == text
    assert Template.compile(text[:-1]).references == ()


@pytest.mark.parametrize(
    "odd",
    [
        2**64,
        -(10**4_299),
        10**4_300,
        float("nan"),
        float("-inf"),
        -0.0,
        "\ud800",
        "\0",
        "\ufeff",
        "\r\n\u2028",
        b"",
        (),
    ],
    ids=lambda odd: type(odd).__name__,
)
def test_odd_scalars_compile_or_are_refused(odd):
    for definition in (odd, [odd], {"a": odd}):
        error = refusal(definition, InputError)
        if error is None:
            template = Template.compile(definition)
            assert template == Template.compile(template.definition)
        else:
            assert error.__context__ is None
