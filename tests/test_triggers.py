"""Signs that a text is worth decoding: found in one pass, and none is lost."""

import base64
import random
import threading

import pytest

from secretref import _triggers
from secretref._triggers import Signs, Triggers, triggers

RUN = b"QUJDREVGR0hJSktMTU5PUFFSU1RV"


@pytest.fixture(params=["cold", "warm"])
def asked(request, monkeypatch):
    """Triggers that ask regular expressions, or the automaton."""
    monkeypatch.setattr(_triggers, "_WARM", 1 << 40 if request.param == "cold" else -1)
    return Triggers(12)


@pytest.fixture
def warm(monkeypatch):
    monkeypatch.setattr(_triggers, "_WARM", -1)
    return Triggers(12)


class TestBase64:
    @pytest.mark.parametrize("before", [b"", b"a ", b"=", b"***"])
    @pytest.mark.parametrize("after", [b"", b"=", b" b", b"***"])
    def test_a_long_run_is_told_in_full(self, asked, before, after):
        data = before + RUN + b"-_+/" + after
        assert asked.signs(data).base64 == [(len(before), len(before) + len(RUN) + 4)]

    def test_several_runs_are_told(self, asked):
        assert asked.signs(RUN + b"." + RUN + b" " + RUN[:20] + b" " + RUN[:21]).base64 == [
            (0, 28),
            (29, 57),
            (79, 100),
        ]

    def test_a_capital_letter_may_stand_late(self, asked):
        data = b"abcdefgh" * 5 + b"I" + b"abcdefgh" * 3
        assert asked.signs(b"x " + data).base64 == [(2, 2 + len(data))]

    @pytest.mark.parametrize("data", [RUN[:20], b"/usr/lib/python3/site-packages/some", b"0a" * 40, b"one two three"])
    def test_short_runs_and_runs_in_lower_case_are_none(self, asked, data):
        assert not asked.signs(data).base64

    def test_of_random_text_every_encoding_is_told(self, warm):
        rng = random.Random(5)
        for _ in range(300):
            encoded = base64.b64encode(rng.randbytes(rng.randint(20, 80))).rstrip(b"=")
            assert warm.signs(b"at: " + encoded).base64 == [(4, 4 + len(encoded))]


@pytest.mark.parametrize("between", [b"", b":", b" ", b"-", b", ", b",", b", 0x", b",0X", b"\\x", b"x", b"\\u", b" - "])
def test_many_hexadecimal_digits_are_a_sign(warm, between):
    assert warm.signs(b"at " + between.join([b"63"] * 14)).hexadecimal


@pytest.mark.parametrize("data", [b"plain words", b"2026-11-23 05:35:47", b"63:6e:72", b"g".join([b"63"] * 40)])
def test_few_are_none(warm, data):
    assert not warm.signs(data).hexadecimal


@pytest.mark.parametrize("data", [b"99,110,114,121,55", b"[99, 110, 114, 121, 55]"])
def test_a_list_of_small_numbers_is_a_sign(warm, data):
    assert warm.signs(data).listed


@pytest.mark.parametrize("data", [b"1, 2, 3, 4", b"plain, words", b"1000,2000,3000,4000,5000", b"1.2.3.4.5"])
def test_other_numbers_are_none(warm, data):
    assert not warm.signs(data).listed


@pytest.mark.parametrize("data", [b"at 0x41", b"0XfF"])
def test_a_prefix_is_a_sign(warm, data):
    assert warm.signs(data).prefixed
    assert not warm.signs(data[:-2]).prefixed


@pytest.mark.parametrize("data", [b"00000010: 6162 6364", b"0000020 6261", b"0040: 41 42", b"00000000  63 6e |cn|"])
def test_a_line_of_a_dump_is_a_sign(warm, data):
    assert warm.signs(data).dumped
    assert not warm.signs(data.replace(b" ", b".")).dumped


def test_little_text_is_taken_to_hold_anything(monkeypatch):
    monkeypatch.setattr(_triggers, "_WARM", 1000)
    asked = Triggers(12)
    assert asked.signs(b"plain") == Signs([], hexadecimal=True, prefixed=True, listed=True, dumped=True)
    assert asked.signs(b"plain" * 300) == Signs(())
    assert asked.signs(b"plain") == Signs(())


def test_triggers_of_a_length_are_shared():
    assert triggers(17) is triggers(17)
    assert triggers(17) is not triggers(18)


def test_threads_share_triggers(warm):
    barrier, results = threading.Barrier(8, timeout=10), []

    def ask():
        barrier.wait()
        results.extend(warm.signs(RUN).base64 == [(0, len(RUN))] for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [True] * 400
