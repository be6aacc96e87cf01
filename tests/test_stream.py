"""Chunks in, redacted chunks out: what is held back, what is not, and what a cut or a late value changes."""

import base64
import json
import textwrap
import tracemalloc
from unittest.mock import ANY

import pytest

from secretref._redactor import Redactor
from secretref._stream.replacing import Replacer
from secretref._stream.settling import Settler
from secretref._stream.splicing import merge, splice, whole_characters
from secretref.errors import ConfigurationError, InputError

VALUE = "cnry7QcnryQ7cnry8R"


def opened(*values, mode="eager", views="strict", mark="***"):
    redactor = Redactor({str(number): value for number, value in enumerate(values)}, views=views, mark=mark)
    return redactor.stream(mode)


class TestRanges:
    @pytest.mark.parametrize(
        ("spans", "merged"),
        [
            ([(1, 2)], [(1, 2)]),
            ([(3, 4), (1, 2)], [(1, 2), (3, 4)]),
            ([(1, 3), (3, 4)], [(1, 4)]),
            ([(1, 5), (2, 3)], [(1, 5)]),
            ([(1, 3), (2, 5), (4, 6), (8, 9), (8, 10)], [(1, 6), (8, 10)]),
        ],
    )
    def test_ranges_that_overlap_or_touch_become_one(self, spans, merged):
        assert merge(spans) == merged

    def test_each_range_becomes_a_mark(self):
        assert splice("abcdef", [(0, 1), (2, 4)], "*") == "*b*ef"
        assert splice(b"abcdef", [(5, 6)], b"**") == b"abcde**"

    @pytest.mark.parametrize(
        ("span", "whole"),
        [
            ((1, 2), (1, 3)),
            ((2, 3), (1, 3)),
            ((2, 4), (1, 7)),
            ((4, 5), (3, 7)),
            ((6, 7), (3, 7)),
            ((0, 1), (0, 1)),
            ((8, 8), (8, 8)),
        ],
    )
    def test_a_range_grows_to_whole_characters(self, span, whole):
        assert whole_characters("aé😀b".encode(), span) == whole

    def test_bytes_that_are_no_text_move_a_range_by_three_bytes_at_most(self):
        assert whole_characters(b"\x80" * 20, (10, 11)) == (7, 14)
        assert whole_characters(b"\x80ab", (0, 1)) == (0, 1)


class TestHolding:
    def test_eagerly_only_the_beginning_of_a_value_is_held(self):
        stream = opened(VALUE)
        assert stream.feed("plain, ") == "plain, "
        assert stream.feed("text cnry7") == "text "
        assert stream.feed("Q") == ""
        assert stream.feed("; ") == "cnry7Q; "
        assert stream.feed("cnry7QcnryQ7cnry8") == ""
        assert stream.feed("R!") == "***!"
        assert stream.close() == ""

    def test_no_more_is_held_than_the_longest_form_and_what_may_follow_it(self):
        redactor = Redactor({"name": VALUE}, views="off")
        reach = redactor._registry.current().reach
        stream = redactor.stream("eager")
        given = 0
        text = (VALUE[:-1] + "é" + VALUE + VALUE[:9]) * 40 + VALUE.encode().hex() * 3
        for taken, char in enumerate(text, 1):
            given += len(stream.feed(char).replace("***", "x" * len(VALUE)))
            assert taken - given <= reach + 3 * len(VALUE)

    def test_of_text_without_a_beginning_nothing_is_held(self):
        stream = opened(VALUE)
        for _ in range(1000):
            assert stream.feed("0123;") == "0123;"

    def test_a_mark_goes_out_at_once_and_covers_what_follows(self):
        stream = opened("cnryab", "abcnryab7Q")
        assert stream.feed("cnryab") == "***"
        assert stream.feed("cnry") == ""
        assert stream.feed("ab7Q.") == "."

    def test_values_that_touch_share_a_mark_across_chunks(self):
        stream = opened(VALUE, views="off")
        assert stream.feed(VALUE + ";") + stream.feed(VALUE) + stream.feed(VALUE + ".") + stream.close() == "***;***."

    def test_behind_a_mark_that_went_out_others_follow(self):
        stream = opened(VALUE, views="off")
        assert [stream.feed(chunk) for chunk in (VALUE, f" {VALUE} ", f"{VALUE}", f".{VALUE}")] == [
            "***", " *** ", "***", ".***",
        ]  # fmt: skip

    def test_values_that_touch_at_a_cut_share_a_mark(self):
        stream = opened("cnry;7Q;;", views="off")
        assert [stream.feed(chunk) for chunk in ("cnry;7Q;;", "cnry;7Q;;", ". ")] == ["***", "", ". "]

    def test_a_line_is_held_until_it_ends(self):
        stream = opened(VALUE, mode="line")
        assert stream.feed("some text") == ""
        assert stream.feed(" more.\nnext") == "some text more.\n"
        assert stream.feed(" one.\r\n") == "next one.\r\n"
        assert stream.feed(f"a {VALUE}") == ""
        assert stream.close() == "a ***"

    def test_a_very_long_line_is_handled_eagerly(self):
        stream = opened(VALUE, mode="line")
        line = "some text; " * 6000
        assert stream.feed(line) == line
        assert stream.feed("more") == ""
        assert stream.feed(f"{VALUE}.\nend") == "more***.\n"
        assert stream.close() == "end"

    def test_a_long_line_in_small_chunks_leaves_no_value(self):
        stream = opened(VALUE, mode="line")
        text = f"some text {VALUE}; " * 5000
        out = "".join(stream.feed(text[at : at + 4096]) for at in range(0, len(text), 4096)) + stream.close()
        assert out == "some text ***; " * 5000

    def test_a_line_is_not_complete_inside_a_value_of_several_lines(self):
        stream = opened("cnry line one\ncnry line two\nlast", mode="line")
        assert stream.feed("a cnry line one\n") == ""
        assert stream.feed("cnry line two\n") == ""
        assert stream.feed("last.\n") == "a ***.\n"

    def test_memory_does_not_grow_with_the_stream(self):
        for mode in ("eager", "line"):
            stream = opened(VALUE, mode=mode)
            stream.feed("warm up\n" * 1000)
            tracemalloc.start()
            for _ in range(2000):
                stream.feed(f"some text {VALUE[:-1]} and {VALUE} more\n" * 20)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 1_000_000


class TestDecoding:
    @pytest.mark.parametrize(
        "text",
        [
            base64.b64encode(f"it is {VALUE}".encode()).decode(),
            "".join(f"\\u{ord(char):04x}" for char in VALUE),
            "".join(f"%{ord(char):02x}" for char in VALUE),
            VALUE[:5] + "\x1b[1m" + VALUE[5:],
            json.dumps(json.dumps(VALUE + '"')),
        ],
    )
    def test_complete_lines_are_decoded(self, text):
        stream = opened(VALUE, mode="line")
        out = "".join(map(stream.feed, f"first\n{text}\nlast\n")) + stream.close()
        assert out == Redactor({"name": VALUE}).text(f"first\n{text}\nlast\n")
        assert "***" in out

    @pytest.mark.parametrize("width", [20, 32, 64, 76])
    def test_wrapped_base64_is_hidden_line_by_line(self, width):
        secret = "cnry7QcnryQ7cnry8RcnryR8cnry9ScnryS9cnry0TcnryT0cnry1UcnryU1"
        digits = base64.b64encode(f"some words before {secret} and some behind".encode()).decode()
        redactor = Redactor({"name": secret})
        text = "ready\n" + "\n".join(textwrap.wrap(digits, width)) + "\nend\n"
        stream = redactor.stream()
        out = "".join(stream.feed(line) for line in text.splitlines(keepends=True)) + stream.close()
        assert out == redactor.text(text)
        assert out.count("***") >= 1

    def test_lines_of_one_value_go_out_together_though_another_may_begin(self):
        digits = base64.b64encode(f"{VALUE}{VALUE[:12]}".encode()).decode()
        text = f"{digits[:12]}\n{digits[12:]}\n"
        stream = opened(VALUE, mode="line")
        assert stream.feed(text) == ""
        rest = "That is all.\n"
        assert stream.feed(rest) + stream.close() == Redactor({"name": VALUE}).text(text + rest)

    def test_eagerly_and_without_views_nothing_is_decoded(self):
        text = "".join(f"%{ord(char):02x}" for char in VALUE[:9]) + VALUE[9:] + "\n"
        assert opened(VALUE, mode="eager").feed(text) == text
        assert opened(VALUE, mode="line", views="off").feed(text) == text

    def test_a_last_line_without_an_end_is_decoded(self):
        stream = opened(VALUE, mode="line")
        text = "".join(f"&#{ord(char)};" for char in VALUE)
        assert stream.feed(f"first\nlast {text}") + stream.close() == "first\nlast ***"

    def test_without_views_no_line_waits_for_the_next(self):
        begun = VALUE[:9] + "\n"
        assert opened(VALUE, mode="line").feed(begun) == ""
        assert opened(VALUE, mode="line", views="off").feed(begun) == begun


class TestMarks:
    """What marks assemble is settled in a second stage."""

    @pytest.mark.parametrize("size", [1, 2, 100])
    @pytest.mark.parametrize(
        ("values", "text", "expected"),
        [
            (["aa***bb", "cnry7Q"], "aacnry7Qbb.", "***."),
            (["abc", "cnry7Q"], "abccnry7Q cnry7Qabc.", "****** ******."),
            (["xx***yy", "aa***bb"], "xxaa***bbyy.", "***."),
            (["é***bb", "cnry7Q"], "écnry7Qbb.é", "***.é"),
        ],
    )
    def test_they_are_hidden_too(self, values, text, expected, size):
        redactor = Redactor({str(number): value for number, value in enumerate(values)}, views="off")
        stream = redactor.stream("eager")
        out = "".join(stream.feed(text[at : at + size]) for at in range(0, len(text), size)) + stream.close()
        assert out == redactor.text(text) == expected

    @pytest.mark.parametrize("mode", ["eager", "line"])
    @pytest.mark.parametrize("value", ["a***b", "x***", "***x", "ab***c"])
    def test_they_are_hidden_wherever_the_stream_is_cut(self, value, mode):
        redactor = Redactor({"one": value, "two": "cnry7QcnryQ7"}, views="off")
        for text in (value.replace("***", "cnry7QcnryQ7"), value.replace("***", "cnry7QcnryQ7") + " z"):
            for cut in range(len(text) + 1):
                stream = redactor.stream(mode)
                assert stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.close() == redactor.text(text)

    @pytest.mark.parametrize(("text", "expected"), [("cnryyyyyyy x", "****** x"), ("xcnryyyyyyy x", "xcnr*** x")])
    def test_a_short_value_waits_for_what_comes_behind_it(self, text, expected):
        redactor = Redactor({"short": "cnr", "long": "yyyyyyy"}, views="off")
        stream = redactor.stream("eager")
        assert "".join(map(stream.feed, text)) + stream.close() == redactor.text(text) == expected

    @pytest.mark.parametrize("before", range(4076, 4090))
    def test_a_short_value_is_a_whole_word_at_any_place(self, before):
        redactor = Redactor({"short": "cnr", "long": "yyyyyyy"}, views="off")
        clean = ";" * before + "cnrx"
        assert redactor.text(f"cnryyyyyyy {clean}") == f"****** {clean}"

    def test_a_flood_of_them_takes_time_in_proportion(self):
        redactor = Redactor({"one": "aa***bb", "two": "cnry7Q"}, views="off")
        assert redactor.text("aacnry7Qbb;" * 5000) == "***;" * 5000

    @pytest.mark.parametrize("before", range(4085, 4100, 2))
    def test_they_are_hidden_at_any_place(self, before):
        redactor = Redactor({"one": "aa***bb", "two": "cnry7Q"}, views="off")
        assert redactor.text(";" * before + "aacnry7Qbb") == ";" * before + "***"

    def test_what_cannot_be_settled_is_withheld(self, monkeypatch):
        redactor = Redactor({"one": "aa***bb", "two": "cnry7Q"}, views="off")
        monkeypatch.setattr(Settler, "_PIECE", -100)
        monkeypatch.setattr(Settler, "feed", Settler._settled)
        assert redactor.text("aacnry7Qbb") == "[redaction failed]"


class TestClosing:
    def test_what_was_held_goes_out(self):
        stream = opened(VALUE)
        assert stream.feed(VALUE[:-1]) == ""
        assert stream.close() == VALUE[:-1]

    @pytest.mark.parametrize("mode", ["eager", "line"])
    def test_of_a_truncated_stream_half_a_value_is_hidden(self, mode):
        stream = opened(VALUE, mode=mode)
        out = stream.feed(f"a {VALUE[:9]}") + stream.close(truncated=True)
        assert out == "a ***"

    @pytest.mark.parametrize("begun", [VALUE[:8], "plain", ""])
    def test_of_a_truncated_stream_less_than_half_a_value_stays(self, begun):
        stream = opened(VALUE)
        assert stream.feed(f"a {begun}") + stream.close(truncated=True) == f"a {begun}"

    def test_a_truncated_stream_may_hold_nothing_to_hide(self):
        assert opened().close(truncated=True) == ""
        assert opened(VALUE).close(truncated=True) == ""

    def test_a_value_of_several_lines_that_has_begun_is_hidden(self):
        stream = opened("cnry line one\ncnry line two\nlast")
        assert stream.feed("a cnry line one\ncnry l") + stream.close(truncated=True) == "a ***"

    def test_after_closing_there_is_nothing_more(self):
        stream = opened(VALUE)
        stream.feed(b"cnry")
        assert stream.close() == b"cnry"
        assert stream.close() == b""
        with pytest.raises(InputError):
            stream.feed(b"more")


class TestKinds:
    def test_a_stream_is_text_or_bytes(self):
        for first, second in (("text", b"bytes"), (b"bytes", "text"), (b"bytes", bytearray(b"more")), ("text", None)):
            stream = opened(VALUE)
            stream.feed(first)
            with pytest.raises(InputError):
                stream.feed(second)
            assert stream.feed(first[:0]) + stream.close() == first[-1:]

    def test_the_first_chunk_is_checked_as_well(self):
        with pytest.raises(InputError):
            opened(VALUE).feed(None)

    def test_bytes_that_are_no_text_pass_unchanged(self):
        raw = bytes(range(256)) * 20
        for mode in ("eager", "line"):
            stream = opened(VALUE, mode=mode)
            out = b"".join(stream.feed(raw[at : at + 7]) for at in range(0, len(raw), 7)) + stream.close()
            assert out == raw

    def test_lone_surrogates_pass_unchanged(self):
        stream = opened(VALUE)
        assert stream.feed("\ud83d") + stream.feed("\ude00\udcff") + stream.close() == "\ud83d\ude00\udcff"

    @pytest.mark.parametrize("mode", ["block", None, ["line"], ANY])
    def test_there_are_two_modes(self, mode):
        with pytest.raises(ConfigurationError):
            opened(VALUE, mode=mode)

    def test_nothing_here_shows_a_value(self):
        stream = opened(VALUE)
        stream.feed(VALUE[:9])
        assert repr(stream) == "RedactionStream()"


class TestLateValues:
    def test_they_count_from_the_next_chunk_on(self):
        redactor = Redactor()
        stream = redactor.stream("eager")
        assert stream.feed(f"a {VALUE} ") == f"a {VALUE} "
        redactor.register("name", VALUE)
        assert stream.feed(f"b {VALUE} ") == "b *** "
        assert stream.late == 1

    @pytest.mark.parametrize("size", [50, 2000])
    @pytest.mark.parametrize("mode", ["eager", "line"])
    def test_a_value_half_out_is_not_completed(self, mode, size):
        redactor = Redactor({"other": "cnry123456"})
        stream = redactor.stream(mode)
        long = "".join(f"line {number} of cnry\n" for number in range(200))
        out = "".join(stream.feed(long[at : at + size]) for at in range(0, 2000, size))
        redactor.register("late", long[100:3000])
        rest = stream.feed(long[2000:]) + stream.close()
        assert rest.startswith("***")
        assert long[2000:3000] not in out + rest
        assert out + rest == out + "***" + long[3000:]

    def test_what_lies_further_back_is_forgotten(self):
        redactor = Redactor()
        stream = redactor.stream("eager")
        stream.feed(VALUE + "." * 20_000)
        redactor.register("name", VALUE)
        stream.feed(".")
        assert stream.late == 0

    def test_what_is_still_held_is_not_late(self):
        redactor = Redactor({"name": VALUE})
        stream = redactor.stream("eager")
        assert stream.feed(f"a {VALUE[:12]}") == "a "
        redactor.register("late", VALUE[:12])
        assert stream.feed(". ") == "***. "
        assert stream.late == 0

    def test_what_a_mark_hid_before_does_not_count_as_late(self):
        redactor = Redactor({"name": VALUE})
        stream = redactor.stream("eager")
        stream.feed(f"{VALUE}; ")
        redactor.register("other", "cnry0000abcd")
        assert stream.feed(".") == "."
        assert stream.late == 0

    def test_a_late_value_may_bring_the_second_stage(self):
        redactor = Redactor({"name": "cnry7Q"}, views="off")
        stream = redactor.stream("eager")
        assert stream.feed("cnry7Q ") == "*** "
        redactor.register("late", "aa***bb")
        assert stream.feed("aacnry7Qbb ") + stream.close() == "*** "
        redactor.register("later", "cc***dd")

    def test_a_late_value_of_the_second_stage_cuts_no_mark(self):
        redactor = Redactor({"name": "cnry7Q", "first": "zz***zz"}, views="off")
        stream = redactor.stream("eager")
        assert stream.feed("x;") == "x;"
        redactor.register("late", ";***bb")
        assert (stream.feed("cnry7Qbb ") + stream.close()).startswith("***")

    def test_the_second_stage_adds_no_mark_of_its_own_for_a_late_value(self):
        redactor = Redactor({"name": "cnry7Q", "first": "zz***zz"}, views="off")
        stream = redactor.stream("eager")
        assert stream.feed("x 0000.1111 ") == "x 0000.1111 "
        redactor.register("late", "0000.1111")
        assert stream.feed("y ") + stream.close() == "y "
        assert stream.late == 1

    def test_the_second_stage_lets_no_rest_of_a_late_value_go(self):
        redactor = Redactor({"word": "baa"}, views="off")
        stream = redactor.stream("eager")
        assert stream.feed("aaaaabb") == "aaaaa"
        redactor.register("late", "aaaaab")
        assert "b" not in (stream.feed("") + stream.close())[:1]
        assert stream.late == 1

    @pytest.mark.parametrize("mode", ["eager", "line"])
    def test_a_stream_may_be_opened_before_there_is_any_redactor(self, mode):
        members = []
        stream = Redactor.union(lambda: members).stream(mode)
        assert stream.feed(f"a {VALUE}\n") == f"a {VALUE}\n"
        members.append(Redactor({"name": VALUE}))
        assert stream.feed(f"b {VALUE}\n") + stream.feed("c\n") + stream.close() == "b ***\nc\n"
        assert stream.late == 0

    def test_both_stages_go_on_with_more_values(self):
        redactor = Redactor({"name": "cnry7Q", "first": "aa***bb"}, views="off")
        stream = redactor.stream("eager")
        assert stream.feed("aacnry7Qbb ") == "*** "
        redactor.register("later", "cc***dd")
        assert stream.feed("cccnry7Qdd ") + stream.close() == "*** "


def test_a_failure_withholds_the_rest_of_the_stream(monkeypatch):
    for kind in (str, str.encode):
        stream = opened(VALUE)
        assert stream.feed(kind("a ")) == kind("a ")
        with monkeypatch.context() as patch:
            patch.setattr(Replacer, "feed", lambda *_args, **_options: 1 / 0)
            assert stream.feed(kind("cnry")) == kind("[redaction failed]")
        assert stream.feed(kind("more")) == kind("")
        assert stream.close() == kind("")


@pytest.mark.parametrize("mode", ["eager", "line"])
@pytest.mark.parametrize("end", ["", "~", "~~", "~~ ", "~~ r"])
def test_what_a_mark_may_complete_is_let_go_at_the_end(mode, end):
    redact = Redactor({"a": "first-secret-c4nary", "b": "lef***~~ ri"})
    text = f"x leffirst-secret-c4nary{end}"
    for chunks in (text, [text]):
        stream = redact.stream(mode)
        assert "".join([*map(stream.feed, chunks), stream.close()]) == redact.text(text) == f"x lef***{end}"
    stream, whole = redact.stream(mode), "x leffirst-secret-c4nary~~ ri"
    assert stream.feed(whole) + stream.feed(".") + stream.close() == redact.text(f"{whole}.") == "x ***."
