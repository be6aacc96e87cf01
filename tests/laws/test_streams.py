"""What holds for every text in chunks, however it is cut.

Values that are little but marks are exempt: what marks assemble of ``aa***bb`` goes out before its end is seen.
Two more exemptions where decoded views count. A line goes out once it is complete, so the texts have one line. And a
whole text is decoded again when marks have been put in, a line is not, so no value shares characters with the mark.
"""

from _cases import PLAIN, cases, is_safe, redactor
from hypothesis import assume, example, given
from hypothesis import strategies as st


def streamed(redact, chunks, mode):
    stream = redact.stream(mode)
    return chunks[0][:0].join([*map(stream.feed, chunks), stream.close()])


@given(cases())
def test_a_cut_anywhere_changes_nothing(case):
    values, text = case
    assume(all("*" not in value or is_safe(value) for value in values))
    redact = redactor(values, "off")
    expected = redact.text(text)
    for mode in ("eager", "line"):
        for at in range(len(text) + 1):
            assert streamed(redact, [text[:at], text[at:]], mode) == expected


@given(cases())
def test_single_bytes_give_the_same_as_the_whole(case):
    values, text = case
    assume(all("*" not in value or is_safe(value) for value in values))
    redact = redactor(values, "off")
    expected = redact.text(text).encode()
    drops = [bytes([byte]) for byte in text.encode()] or [b""]
    for mode in ("eager", "line"):
        assert streamed(redact, drops, mode) == expected


@given(cases(PLAIN))
def test_lines_are_decoded_as_the_whole_is(case):
    values, text = case
    redact = redactor(values)
    expected = redact.text(text)
    for at in range(len(text) + 1):
        assert streamed(redact, [text[:at], text[at:]], "line") == expected


@given(cases(), st.integers(0, 60))
@example((["aaaaaa"], "aaaaaa"), 2)
@example((["aaaaab", "baa"], "aaaaabb"), 7)
def test_a_value_registered_half_way_is_not_completed(case, cut):
    values, text = case
    redact = redactor(values[1:], "off")
    stream = redact.stream("eager")
    out = stream.feed(text[:cut])
    redact.register("late", values[0])
    late = stream.feed(text[cut:]) + stream.close()
    if is_safe(values[0]):
        assert values[0] not in late
        assert values[0] not in out + late or values[0] in out
