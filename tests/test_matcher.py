"""Every occurrence of every form, by either engine; what a chunk leaves open."""

import threading

import pytest

from secretref import _matcher
from secretref._automaton import Automaton, exactly
from secretref._encodings import Form, base64_cores
from secretref._matcher import Matcher


@pytest.fixture(params=["find", "automaton"])
def engine(request, monkeypatch):
    if request.param == "automaton":
        monkeypatch.setattr(_matcher, "_BUILD", 0)
        monkeypatch.setattr(_matcher, "_BUILD_LITERAL", 0)
    return request.param


def spans(forms, data, **options):
    return sorted(Matcher(forms).spans(data, **options)[0])


@pytest.mark.usefixtures("engine")
class TestOccurrences:
    @pytest.mark.parametrize(
        ("literals", "data", "expected"),
        [
            ([b"aa"], b"aaaa", [(0, 2), (1, 3), (2, 4)]),
            ([b"ab", b"abab"], b"xabab", [(1, 3), (1, 5), (3, 5)]),
            ([b"abc", b"bcd", b"cde"], b"abcde", [(0, 3), (1, 4), (2, 5)]),
            ([b"\0\xff\n"], b"\0\0\xff\n", [(1, 4)]),
            ([b"a.c", b"[a]"], b"abc[a]a.c", [(3, 6), (6, 9)]),
            ([b"abc"], b"ab", []),
            ([b"abc"], b"ABC", []),
            ([], b"abc", []),
        ],
    )
    def test_all_are_found(self, literals, data, expected):
        assert spans(map(Form, literals), data) == expected

    def test_caseless_forms_match_in_either_case(self):
        assert spans([Form(b"aB1", caseless=True)], b"ab1AB1xAb1") == [(0, 3), (3, 6), (7, 10)]

    @pytest.mark.parametrize("caseless", [False, True])
    def test_long_forms_are_compared_to_their_end(self, caseless):
        literal = b"ab" * 1000
        data = literal + b"x" + literal[:-1] + b"z" + (literal.upper() if caseless else literal)
        assert spans([Form(literal, caseless=caseless), Form(b"xa")], data[:-1]) == [(0, 2000), (2000, 2002)]
        assert spans([Form(literal, caseless=caseless)], data) == [(0, 2000), (4001, 6001)]
        mixed = literal[:100].upper() + literal[100:]
        assert spans([Form(literal, caseless=caseless)], mixed) == ([(0, 2000)] if caseless else [])

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"abc", True),
            (b" abc.", True),
            (b"-abc-", True),
            (b"xabc", False),
            (b"abc1", False),
            (b"_abc", False),
            (b"abc_", False),
            (b"\xc3\xa9abc\xc3\xa9", True),
        ],
    )
    def test_a_word_stands_alone(self, data, expected):
        assert bool(spans([Form(b"abc", word=True)], data)) is expected
        assert spans([Form(b"abc", word=True)], data, words=False) == []

    def test_a_word_may_begin_and_end_with_other_characters(self):
        assert spans([Form(b"-b-", word=True)], b"a-b-a") == [(1, 4)]

    def test_the_form_with_fewer_conditions_wins(self):
        for forms in ([Form(b"abc", word=True), Form(b"abc")], [Form(b"abc"), Form(b"abc", word=True)]):
            assert spans(forms, b"xabcx") == [(1, 4)]
        assert spans([Form(b"abc"), Form(b"abc", left=True), Form(b"abc", right=True)], b"xabcx=") == [(0, 6)]

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"xCORE1y==.", (0, 9)),
            (b".CORE1.", (1, 6)),
            (b"CORE1", (0, 5)),
            (b".CORE1=", (1, 7)),
            (b".CORE1===", (1, 8)),
            (b"-CORE1_%3D%3d%3D", (0, 13)),
            (b" CORE1 =", (1, 6)),
        ],
    )
    def test_neighbours_and_padding_of_base64_belong_to_it(self, data, expected):
        assert spans([Form(b"CORE1", left=True, right=True)], data) == [expected]

    def test_only_the_side_that_carries_bits_grows(self):
        assert spans([Form(b"CORE1", left=True)], b"xCORE1y=") == [(0, 6)]
        assert spans([Form(b"CORE1", right=True)], b"xCORE1y=") == [(1, 8)]

    def test_places_are_listed_whatever_stands_beside_them(self):
        matcher = Matcher([Form(b"abc", word=True), Form(b"dEf", caseless=True), Form(b"ghi", left=True)])
        assert sorted(matcher.places(b"xabcx DEF def aghi")) == [(1, 4), (6, 9), (10, 13), (15, 18)]


@pytest.mark.usefixtures("engine")
class TestOpen:
    def test_a_word_at_the_end_is_open(self):
        matcher = Matcher([Form(b"abc", word=True)])
        assert matcher.spans(b"x abc", final=False) == ([], 2)
        assert matcher.spans(b"x abc ", final=False) == ([(2, 5)], 6)
        assert matcher.spans(b"xabc", final=False) == ([], 4)

    @pytest.mark.parametrize(("behind", "opened"), [(b"", True), (b"======", True), (b"=======", False)])
    def test_padding_that_may_follow_is_open(self, behind, opened):
        data = b".CORE1" + behind
        matcher = Matcher([Form(b"CORE1", right=True)])
        assert matcher.spans(data, final=False)[1] == (1 if opened else len(data))
        assert matcher.spans(data)[1] == len(data)

    @pytest.mark.parametrize(
        ("data", "held"),
        [
            (b"xxabcde", 2),
            (b"xxabcdef", 2),
            (b"xxabcdefghi", 11),
            (b"xabcxab", 5),
            (b"ab", 0),
            (b"a", 0),
            (b"abcd", 0),
            (b"abcdabcdab", 8),
            (b"x", 1),
            (b"", 0),
        ],
    )
    def test_the_longest_beginning_is_held(self, data, held):
        assert Matcher([Form(b"abcdef"), Form(b"abcdefghi")]).held_from(data) == held

    @pytest.mark.parametrize("shift", range(9))
    def test_a_beginning_is_held_wherever_it_stands(self, shift):
        matcher = Matcher([Form(b"abcdefghijklmnop"), Form(b"abcd"), Form(b"abcdx")])
        for size in range(1, 16):
            assert matcher.held_from(b"." * shift + b"abcdefghijklmnop"[:size]) == shift

    def test_a_digit_before_a_core_is_held_too(self):
        matcher = Matcher([Form(b"CORE1", left=True)])
        assert matcher.held_from(b"..xCO") == 2
        assert matcher.held_from(b"..CO") == 2
        assert matcher.held_from(b"..x") == 2
        assert matcher.held_from(b"..") == 2

    def test_caseless_beginnings_are_held_in_either_case(self):
        matcher = Matcher([Form(b"abcdef", caseless=True), Form(b"xyz")])
        assert matcher.held_from(b"..ABcDe") == 2
        assert matcher.held_from(b"..XY") == 4

    @pytest.mark.parametrize(
        ("data", "begun"),
        [
            (b"..abcdefgh", 2),
            (b"..abcdefg", 9),
            (b"..abcdefghijklmnop", 2),
            (b"..abcdefghijklmnopq", 19),
            (b"..ABCDEFGH", 10),
            (b"..0123456789ABCDEF", 2),
            (b"..0123456789", 12),
            (b"..uvwxyz1", 9),
            (b"", 0),
        ],
    )
    def test_half_of_a_form_and_eight_bytes_are_a_beginning(self, data, begun):
        forms = [
            Form(b"abcdefghijklmnop"),
            Form(b"abcdefghijklmnopqrstuv"[:17]),
            Form(b"0123456789abcdef" * 2, caseless=True),
            Form(b"uvwxyz12"),
        ]
        assert Matcher(forms).begun_from(data) == begun


def test_little_work_is_done_without_an_automaton_and_much_work_with_one():
    matcher = Matcher([Form(b"abc")])
    matcher.spans(b"x" * 100)
    assert matcher._ends is None
    matcher.spans(b"x" * 100_000_000)
    automaton = matcher._ends
    assert automaton is not None
    assert matcher.spans(b"xabc")[0] == [(1, 4)]
    assert matcher._ends is automaton


@pytest.mark.usefixtures("engine")
def test_threads_share_a_matcher():
    matcher = Matcher(base64_cores(b"cnry7QcnryQ7"))
    data = b".".join(core.literal for core in matcher.forms) * 50
    expected = sorted(matcher.spans(data)[0])
    results, barrier = [], threading.Barrier(8, timeout=10)

    def search():
        barrier.wait()
        results.extend(sorted(matcher.spans(data)[0]) == expected for _ in range(20))

    threads = [threading.Thread(target=search) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [True] * 160


@pytest.mark.usefixtures("engine")
def test_while_all_scratches_are_in_use_another_is_made():
    matcher = Matcher([Form(b"abc")])
    matcher.spans(b"xabc")
    if matcher._ends:
        matcher._ends._automaton._scratches.clear()  # as if other threads had taken them
    assert matcher.spans(b"xabc")[0] == [(1, 4)]


def test_a_matcher_tells_how_much_it_searches_for_but_not_what():
    matcher = Matcher([Form(b"cnry7Q"), Form(b"cnry7Q"), Form(b"cnryQ7cnryQ7")])
    assert (len(matcher), matcher.shortest, matcher.longest) == (2, 6, 12)
    assert matcher.reach >= matcher.longest
    assert repr(matcher) == "Matcher()"
    assert repr(Automaton([exactly(b"cnry7Q")])) == "Automaton()"
