"""Scanning: which brackets belong together, what is suspicious, what it costs."""

import pytest

from secretref._syntax import LONGEST, MOST_FLAWS, Kind, datum, scan


def kinds(text):
    items, flaws = scan(text, 1_000)
    return [(item.expression.kind, text[item.start : item.end]) for item in items], [flaw.reason for flaw in flaws]


@pytest.mark.parametrize("text", ["${a{b}", "${a ${b} {", "${", "x${y", "$<a>", "{${", "}${", "${${${"])
def test_what_is_not_closed_is_text(text):
    assert kinds(text) == ([], [])


@pytest.mark.parametrize("text", ["${a}", "${a{b}c}", "${${a}}", "${a ${b} {c} }", "${a\nb}"])
def test_a_foreign_expression_ends_at_its_own_brace(text):
    assert kinds(f"<{text}>}}") == ([(Kind.FOREIGN, text)], [])


def test_equal_expressions_are_parsed_once():
    (first, second), _ = scan("${workflow.secrets.A} ${workflow.secrets.A}", 10)
    assert first.expression is second.expression


def test_long_expressions_are_not_remembered():
    text = "${" + "x" * 1_000 + "}"
    (first, second), _ = scan(text + text, 10)
    assert first.expression.text == second.expression.text == text
    assert first.expression is not second.expression


def test_a_foreign_expression_may_be_of_any_length():
    text = "${" + "x" * 3 * LONGEST + "}"
    assert kinds(text) == ([(Kind.FOREIGN, text)], [])


def test_a_reference_may_not():
    path = ".a" * LONGEST
    assert kinds("${workflow.secrets.A" + path + "}") == ([], ["too-long"])
    assert kinds("${workflow.secrets." + "A" * 2 * LONGEST + "}") == ([], ["too-long"])


def test_what_ends_far_away_is_not_closed():
    assert kinds("${workflow.secrets.A " + "x" * LONGEST + "}") == ([], ["unclosed"])
    assert kinds("$<workflow.secrets.A " + "x" * LONGEST + ">") == ([], ["unclosed"])


def test_an_escaped_one_of_any_length_is_an_escape():
    text = "$${" + "x" * 2 * LONGEST + "}"
    assert kinds(text) == ([(Kind.ESCAPED_FOREIGN, text)], [])


def test_escapes_cover_the_dollar():
    assert kinds("$$${workflow.secrets.A}") == ([(Kind.ESCAPED_SECRET, "$${workflow.secrets.A}")], [])
    assert kinds("$$<workflow.secrets.A >") == ([(Kind.ESCAPED_SECRET, "$$<workflow.secrets.A >")], [])
    assert kinds("$${}") == ([(Kind.ESCAPED_FOREIGN, "$${}")], [])
    assert kinds("$${a ${workflow.secrets.A}}") == ([(Kind.ESCAPED_FOREIGN, "$${a ${workflow.secrets.A}}")], [])


def test_an_escape_in_angle_brackets_swallows_no_reference():
    assert kinds("$$<workflow.secrets.A ${workflow.secrets.B}>") == (
        [(Kind.SECRET, "${workflow.secrets.B}")],
        ["unclosed"],
    )
    assert kinds('$$<workflow.secrets.A" x>') == ([], ["unclosed"])


def test_an_escape_inside_a_foreign_expression_is_its_own_business():
    assert kinds("${a $${workflow.secrets.A}}") == ([(Kind.FOREIGN, "${a $${workflow.secrets.A}}")], [])


@pytest.mark.parametrize(
    "head",
    ["workshop.secrets", "workflow.sets", "workflow.output", "workflow.status.secret", "w.secrets", "flow.secret"],
)
def test_other_words_are_foreign(head):
    assert kinds("${" + head + ".A}") == ([(Kind.FOREIGN, "${" + head + ".A}")], [])


@pytest.mark.parametrize("hidden", [" ", "\n", "\u00ad", "\u0301", "\u200b", "\u3164", "\ufe0f", "\U000e0041", "\0"])
@pytest.mark.parametrize("many", [1, 50, 50_000])
def test_what_cannot_be_seen_makes_nothing_foreign(hidden, many):
    for at in range(len("workflow.secrets.A")):
        head, tail = "workflow.secrets.A"[:at], "workflow.secrets.A"[at:]
        items, flaws = scan("${" + head + hidden * many + tail + "}", 10)
        assert not items
        assert len(flaws) == 1


@pytest.mark.parametrize("text", ["${workflow.input.se cret}", "${if the work flows}", "${the secret \u2014 a word}"])
def test_blanks_make_nothing_suspicious(text):
    assert kinds(text) == ([(Kind.FOREIGN, text)], [])


def test_scanning_stops_at_the_limits():
    items, _ = scan("${a}" * 50, 10)
    assert len(items) == 11
    _, flaws = scan("${workflow.secrets." * 5_000, 10)
    assert len(flaws) == MOST_FLAWS


def test_a_datum_is_a_path():
    assert datum("workflow.input['a b'][0].$") == ("workflow", "input", "a b", 0, None)
    assert datum("a b") is None
    assert datum("") is None
