"""Values of several lines, whatever stands between the lines."""

import pytest

from secretref._lines import LineMatcher, collapsed

KEY = b"cnry first\ncnry second\n\tcnry third"


def hidden(data, value=KEY, **options):
    return [data[start:end] for start, end in LineMatcher([value]).spans(data, **options)[0]]


@pytest.mark.parametrize(
    "gap",
    [
        b"\n",
        b"\r\n",
        b" ",
        b"\n    ",
        b"\t",
        b"\v\f",
        b"\\n",
        b"\\r\\n",
        b"\\\\n",
        b"\\\\\\\\n  ",
        b"\\t",
        b"\n" * 1024,
    ],
)
def test_any_white_space_stands_for_a_line_break(gap):
    text = KEY.replace(b"\n\t", b"\n").replace(b"\n", gap)
    assert hidden(b"<" + text + b">") == [text]


@pytest.mark.parametrize("gap", [b"", b"x", b"\\x", b"\n" * 1025, b" . "])
def test_anything_else_separates(gap):
    assert hidden(b"cnry first" + gap + b"cnry second cnry third") == []


def test_white_space_inside_a_line_may_change_as_well():
    assert hidden(b"cnry\nfirst cnry  second cnry third") == [b"cnry\nfirst cnry  second cnry third"]


def test_what_surrounds_a_value_stays():
    assert hidden(b"a \n" + KEY + b"\n b", value=b"\n" + KEY + b"\n") == [KEY]


def test_overlapping_occurrences_are_all_found():
    assert LineMatcher([b"ab\nab"]).spans(b"ab ab  ab")[0] == [(0, 5), (3, 9)]


def test_several_values_share_a_search():
    matcher = LineMatcher([b"cnry1\ncnry2", b"cnry2\ncnry3"])
    assert sorted(matcher.spans(b"cnry1 cnry2 cnry3")[0]) == [(0, 11), (6, 17)]
    assert matcher.places(b"(cnry1  cnry2)") == [(1, 13)]


def test_a_value_is_written_with_one_line_feed_for_each_gap():
    assert collapsed(b" \r\na \t b\\nc\n") == b"a\nb\nc"
    assert collapsed(b"a" + b" " * 1025 + b"b") == b"a\nb"


@pytest.mark.parametrize(
    ("data", "held"),
    [
        (b"..", 2),
        (b"..cnry", 2),
        (b"..cnry fir", 2),
        (b"..cnry first", 2),
        (b"..cnry first \r\n ", 2),
        (b"..cnry first\\", 2),
        (b"..cnry first\\\\\\", 2),
        (b"..cnry first\\\\x", 15),
        (b"..cnry first cnry second \\n cnry thir", 2),
        (b"..cnry first cnry third", 23),
        (b"cnry first cnry first cnry", 11),
    ],
)
def test_what_may_begin_a_value_is_held(data, held):
    assert LineMatcher([KEY]).held_from(data) == held


def test_so_much_white_space_that_it_separates_is_not_held():
    data = b"cnry first" + b" " * 1025
    assert LineMatcher([KEY]).held_from(data) == len(data)
    assert LineMatcher([KEY]).held_from(data[:-1]) == 0


def test_nothing_further_back_than_the_reach_is_held():
    matcher = LineMatcher([KEY])
    data = b"cnry first " + b"x" * matcher.reach + b"cnry first"
    assert matcher.held_from(data) == len(data) - len(b"cnry first")


@pytest.mark.parametrize(("data", "begun"), [(b"..cnry first\n cnry second", 2), (b"..cnry first", 12), (b"..", 2)])
def test_half_of_a_value_is_a_beginning(data, begun):
    assert LineMatcher([KEY]).begun_from(data) == begun


def test_nothing_is_searched_for_without_values():
    matcher = LineMatcher([])
    assert matcher.spans(b"cnry") == ([], 4)
    assert matcher.reach == 0
    assert repr(matcher) == "LineMatcher()"
