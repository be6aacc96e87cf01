"""From values to what is searched for: weak values, marks, levels, snapshots."""

import itertools
import threading

import pytest
from pydantic import SecretBytes, SecretStr

from secretref import _needles
from secretref._needles import Registration, Registry, Union
from secretref.errors import InputError, WeakSecretError


def registry(*values, mark="***", views="strict"):
    made = Registry(mark, views)
    for value in values:
        made.register({"name": value}, strict=False)
    return made


def reason(value, mark="***"):
    (registration,) = Registry(mark, "strict").register({"name": value}, strict=False)
    assert registration.weak is bool(registration.reason)
    return registration.reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", "blank: never searched for"),
        (" \n", "blank: never searched for"),
        (b"", "blank: never searched for"),
        ("*", "reads like the mark: never searched for"),
        ("*******", "reads like the mark: never searched for"),
        ("a", "too short: never searched for"),
        (" ab\n", "too short: never searched for"),
        ("e5", "too short: never searched for"),
        ("True", "a common word: never searched for"),
        ("undefined", "a common word: never searched for"),
        ("abc", "short: hidden as a whole word only"),
        ("abcde", "short: hidden as a whole word only"),
        ("abcdef", "short enough to be guessed"),
        ("abcdefg", "short enough to be guessed"),
        (b"\xff\xfeabcd", "short enough to be guessed"),
        ("cnry7QcnryQ7", ""),
        (SecretStr("abc"), "short: hidden as a whole word only"),
        (SecretBytes(b"abc"), "short: hidden as a whole word only"),
    ],
)
def test_a_registration_says_why_a_value_is_weak(value, expected):
    assert reason(value) == expected


def test_what_reads_like_the_mark_depends_on_the_mark():
    assert reason("REDACTED][RED", "[REDACTED]") == "reads like the mark: never searched for"
    assert reason("*******", "[REDACTED]") == "short enough to be guessed"


@pytest.mark.parametrize("value", [None, 12345678, bytearray(b"cnry7QcnryQ7"), ["cnry7QcnryQ7"]])
def test_a_value_is_text_or_bytes(value):
    with pytest.raises(InputError) as caught:
        Registry("***", "strict").register({"name": value}, strict=False)
    assert "cnry" not in str(caught.value)


@pytest.mark.parametrize(
    "values", [{1: "cnry7QcnryQ7"}, {"a": "cnry7QcnryQ7", None: "b"}, [("name", "cnry7QcnryQ7")], ["name"]]
)
def test_values_stand_under_names(values):
    made = Registry("***", "strict")
    with pytest.raises(InputError) as caught:
        made.register(values, strict=False)
    assert "cnry" not in str(caught.value)
    assert not made.current().finders


def test_strict_registration_is_all_or_nothing():
    made = Registry("***", "strict")
    values = {"good": "cnry7QcnryQ7", "short": "abc", "common": "true"}
    with pytest.raises(WeakSecretError) as caught:
        made.register(values, strict=True)
    assert caught.value.names == {"short", "common"}
    assert made.current().spans(b"cnry7QcnryQ7 abc") == []
    assert made.weak == frozenset()
    assert made.register({"good": "cnry7QcnryQ7"}, strict=True) == [Registration("good", weak=False)]


def test_weak_names_are_kept():
    made = Registry("***", "strict")
    made.register({"one": "abc", "two": "cnry7QcnryQ7"}, strict=False)
    made.register({"three": "true"}, strict=False)
    assert made.weak == {"one", "three"}


def test_bytes_that_are_text_count_as_text():
    made = registry(b"cnry7Q cnryQ7")
    assert made.current().spans(b"cnry7Q%20cnryQ7") == [(0, 15)]


def test_bytes_that_are_no_text_are_found():
    raw = b"cnry\xff\xfe7Q"
    needles = registry(raw).current()
    assert needles.spans(b"<" + raw + b">") == [(1, 9)]
    assert needles.decoded_spans(b"<" + raw[:4] + b"\n" + raw[4:] + b">") == [(1, 10)]
    assert needles.decoded_spans(b"<cnry\xff\xfe%37Q>") == [(1, 11)]
    assert not needles.numeric


def test_nothing_is_searched_for_before_a_registration():
    needles = registry().current()
    assert needles.finders == ()
    assert needles.spans(b"cnry") == needles.decoded_spans(b"%41") == []
    assert needles.places(b"cnry") == []
    assert needles.wrapped_from(b"cnry\n") == 5
    assert needles.affected is None


def test_parts_and_lines_of_a_value_are_found():
    needles = registry("cnry line one\ncnry line two").current()
    assert set(needles.spans(b"<cnry line two>")) == {(1, 14)}
    assert (1, 32) in needles.spans(b"<cnry line one\\r\\n cnry line two>")
    assert set(needles.places(b"<cnry line one>")) == {(1, 14)}


def test_a_short_value_of_two_lines_is_a_word():
    needles = registry("a\nb").current()
    assert needles.spans(b"banana\nbetter") == []
    assert needles.spans(b"x a\nb y") == [(2, 5)]


@pytest.mark.parametrize(
    ("value", "numeric"),
    [
        ("12345678", True),
        (" -1.5e+300 ", True),
        ("cnry;okJ|l", False),
        ("e-e", False),
        ("user:12345678", True),
        ("<12345678>", False),
        ('"12345678"', True),
    ],
)
def test_a_value_that_a_number_may_show_makes_numbers_suspect(value, numeric):
    assert registry(value).current().numeric is numeric


@pytest.mark.parametrize("value", ["abc", "cnry***Q", "*cnry", "**cnry*", "cnry***"])
def test_a_form_that_only_a_mark_may_complete_is_known(value):
    found = registry(value).current().affected
    assert value.encode() in {form.literal for form in found.forms}


@pytest.mark.parametrize("value", ["cnry7QcnryQ7", "cnry7Q***cnryQ7", "cnry7Q*", "cn*ry*7Q"])
def test_other_forms_are_safe_from_marks(value):
    found = registry(value).current().affected
    assert value.encode() not in {form.literal for form in (found.forms if found else ())}


def test_parts_that_no_mark_can_stand_for_are_found_on_their_own():
    needles = registry("cnry7Q***cnryQ7*").current()
    assert needles.spans(b"cnry7Q") == [(0, 6)]
    assert needles.spans(b"cnryQ7") == [(0, 6)]
    assert registry("cnry***Q").current().spans(b"cnry") == []
    digits = registry("cnryokjl", mark="63", views="off").current()
    assert digits.spans(b"6e72796f6b6a6c") == digits.spans(b"6E72796F6B6A6C") == [(0, 14)]


def test_the_end_of_a_form_may_be_the_beginning_of_the_mark():
    needles = registry("cnry7Q[RED", mark="[REDACTED]").current()
    assert needles.spans(b"cnry7Q") == [(0, 6)]
    assert registry("TED]cnry7Q", mark="[REDACTED]").current().spans(b"cnry7Q") == [(0, 6)]


def test_what_reads_like_the_mark_is_not_found():
    assert registry("******", "****").current().spans(b"******") == []


def test_a_snapshot_is_shared_until_the_next_registration():
    made = registry("cnry7QcnryQ7")
    before = made.current()
    assert made.current() is before
    made.register({"other": "cnry8RcnryR8"}, strict=False)
    assert made.current() is not before
    assert before.spans(b"cnry8RcnryR8") == []
    assert made.current().spans(b"cnry8RcnryR8") == [(0, 12)]


def test_registering_one_by_one_makes_few_levels():
    made = Registry("***", "off")
    for number in range(200):
        made.register({"name": f"cnry{number:04}"}, strict=False)
        made.current()
    needles = made.current()
    sizes = [len(finder) for finder in needles.finders]
    assert len(sizes) <= 12
    assert all(larger > 2 * smaller for larger, smaller in itertools.pairwise(sizes))
    assert all(needles.spans(f"cnry{number:04}".encode()) for number in range(200))


def test_a_value_registered_twice_costs_nothing():
    made = registry("cnry7QcnryQ7")
    first = made.current()
    made.register({"again": "cnry7QcnryQ7"}, strict=False)
    assert [len(finder) for finder in made.current().finders] == [len(finder) for finder in first.finders]


def test_views_decide_what_is_decoded():
    text = b"".join(b"\\u%04x" % byte for byte in b"cnry7QcnryQ7")
    for views, found in (("off", False), ("fast", True), ("strict", True), ("deep", True)):
        assert bool(registry("cnry7QcnryQ7", views=views).current().decoded_spans(text)) is found
    assert registry("cnry7QcnryQ7", views="deep").current().decoded_spans(b"7QyrncQ7yrnc")[0] == (0, 12)
    assert registry("cnry7QcnryQ7", views="strict").current().decoded_spans(b"7QyrncQ7yrnc") == []


def test_fast_views_overlook_no_literal_form():
    assert registry("abc", views="fast").current().hidden(b"x abc y") == [(2, 5)]
    assert (2, 13) in registry("ab cd\nef gh", views="fast").current().hidden(b"x ab cd\tef gh y")


def test_threads_lose_no_registration():
    made = Registry("***", "off")
    barrier = threading.Barrier(8, timeout=10)

    def register(thread):
        barrier.wait()
        for number in range(20):
            made.register({f"{thread}-{number}": f"cnry{thread}-{number:02}-"}, strict=False)
            made.register({f"weak {thread}-{number}": "abc"}, strict=False)
            made.current()

    threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    needles = made.current()
    assert all(needles.spans(f"cnry{thread}-{number:02}-".encode()) for thread in range(8) for number in range(20))
    assert len(made.weak) == 160


def test_nothing_here_shows_a_value():
    made = registry("cnry7QcnryQ7", "abc")
    shown = repr(made) + repr(made.current()) + repr(made.register({"name": "cnry8RcnryR8"}, strict=False))
    assert "cnry" not in shown
    assert "abc" not in shown


def test_a_finaliser_that_asks_while_needles_are_built_neither_hangs_nor_hides_values(monkeypatch):
    registry = Registry("***", "off")
    registry.register({"a": "first-value-cnry"}, strict=False)
    build, nested = _needles.Matcher, []

    def slow(forms):
        if not nested:
            nested.append(None)
            nested[0] = registry.current()  # as a log line from a finaliser would
        return build(forms)

    monkeypatch.setattr(_needles, "Matcher", slow)
    outer = registry.current()
    monkeypatch.undo()
    registry.register({"b": "second-value-cnry"}, strict=False)
    for needles in (nested[0], outer, registry.current()):
        assert needles.spans(b"x first-value-cnry y")
    assert registry.current().spans(b"x second-value-cnry y")


def test_a_union_shows_nothing():
    assert repr(Union(lambda: [registry("cnry-value")])) == "Union()"
