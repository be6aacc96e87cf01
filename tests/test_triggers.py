"""Signs that a text is worth decoding: found in one pass, and none is lost."""

import html
import json
import re
import subprocess
import sys
import threading
import urllib.parse

import pytest

from secretref import _triggers
from secretref._triggers import Signs, Triggers, triggers

RUN = b"QUJDREVGR0hJSktMTU5PUFFSU1RV"


@pytest.fixture
def warm(monkeypatch):
    monkeypatch.setattr(_triggers, "_WARM", -1)
    return Triggers(20)


@pytest.fixture
def cold(monkeypatch):
    monkeypatch.setattr(_triggers, "_WARM", 1 << 40)
    return Triggers(20)


@pytest.mark.parametrize(
    "text",
    [
        "%41", "%7a", "%2d", "\\x41", "\\X4a", "\\x{0041}", "\\u0041", "\\U0000007A", "\\u{41}", "&#65;", "&#x41;", "&#0065",
        "\\101", "\\172",
        "%2541", "%25u", "%5c", "%5C", "%26", "%u00e9", "&amp;", "&#37;", "&#38;", "&#92;", "&#x25;", "&#X26;", "&#x5c;", "&percnt;", "&bsol;",
        "\\u0025", "\\x25", "\\u{5c}", "\\\\x26", "%20%21%22%23", "%20a%21bc%22def%23",
        "%2B", "%2f", "%3D", "\\/", "\\u002b", "\\x2F", "\\u003D", "&#43;", "&#47;", "&#61;", "&plus;", "&sol;", "&equals;", "&NewLine;",
        "\\nQUJDREVG", "\\r\\nQUJDREVG", "\\\\nQUJDREVG", "\\nQUI=", "\\nQUI\"", "\\tQUI\\", "\\nQUI\n",
        "%1b", "%1B", "%08", "%E2%80%8B", "%e2%81%a0", "%C2%AD", "%c2%ad", "%EF%BB%BF", "%ef%bb",
        "\\e[0m", "\\u001b", "\\x1B", "\\u{1b}", "\\u200b", "\\ufeff", "\\u00ad", "\\u180E", "\\x08",
        "&#8;", "&#27;", "&#8203;", "&#173;", "&#65279;", "&#x8;", "&#x1b;", "&#x200B;", "&#xFEFF;", "&#xad;", "&shy;", "&zwj;", "&ZeroWidthSpace;", "&NoBreak;",
        "\x1b", "\x08", "\u200b", "\u202e", "\u2060", "\u206f", "\ufeff", "\u00ad", "\u180e", "\u034f",
    ],
)  # fmt: skip
def test_an_escape_that_may_hide_something_is_a_sign(warm, text):
    places = warm.escapes(b"some text " + text.encode() + b" more")
    assert places
    assert all(10 < place <= 11 + len(text.encode()) for place in places)


@pytest.mark.parametrize(
    "text",
    [
        "plain text, 50% of it & more", "C:\\Users\\new", "a\\nb", "line\\nline two", "%20and%20", "&lt;b&gt;", "&quot;", '{\\"a\\": 1}',
        "\\\\", "https://example.org/?a=1&b=2", "&nbsp;", "caf\u00e9 \u2713", "2026-11-23T05:35:47",
    ],
)  # fmt: skip
def test_an_ordinary_escape_is_none(warm, text):
    assert warm.escapes(text.encode()) == []


def test_without_warmth_every_place_counts(cold):
    assert cold.escapes(b"plain") is None
    assert cold.signs(b"plain") == Signs([], [], separated=True, listed=True)


@pytest.mark.parametrize("engine", ["warm", "cold"])
class TestRuns:
    def test_long_runs_of_digits_are_told_in_full(self, engine, request):
        found = request.getfixturevalue(engine).signs(b"a " + RUN + b"-_+/= b=" + b"0a" * 10 + b" " + b"0a" * 9)
        assert found.base64 == [(2, 6 + len(RUN)), (10 + len(RUN), 30 + len(RUN))]
        assert found.hexadecimal == [(10 + len(RUN), 30 + len(RUN))]

    def test_a_run_may_be_all_there_is(self, engine, request):
        data = b"0a" * 10
        assert request.getfixturevalue(engine).signs(data).base64 == [(0, 20)]
        assert request.getfixturevalue(engine).signs(data).hexadecimal == [(0, 20)]

    def test_short_runs_are_none(self, engine, request):
        found = request.getfixturevalue(engine).signs(b"a " + RUN[:19] + b" " + b"0a" * 9 + b"0")
        assert (found.base64, found.hexadecimal) == ([], [])

    def test_a_hexadecimal_run_may_stand_in_a_longer_one(self, engine, request):
        found = request.getfixturevalue(engine).signs(b"xyz" + b"0a" * 10 + b"xyz")
        assert (found.base64, found.hexadecimal) == ([(0, 26)], [(3, 23)])


@pytest.mark.parametrize(
    "text",
    [
        b"63:6e:72:79:37:51:63:6e", b"63 6e 72 79 37 51 63 6e.", b"63-6E-72-79-37-51-63-6E-", b"63, 6e, 72, 79, 37, 51, 63, 6e, ",
        b"0x63, 0x6e, 0x72, 0x79, 0x37, 0x51, 0x63, 0x6e, 0x72", b"\\x63\\x6e\\x72\\x79\\x37\\x51\\x63\\x6e\\x72",
        b"x63x6ex72x79x37x51x63x6ex72",
    ],
)  # fmt: skip
def test_separated_digits_are_a_sign(warm, text):
    assert warm.signs(text + b" ").separated


@pytest.mark.parametrize("text", [b"99,110,114,121,55", b"[99, 110, 114, 121, 55]"])
def test_lists_of_numbers_are_a_sign(warm, text):
    assert warm.signs(text).listed


@pytest.mark.parametrize("text", [b"2026-11-23 05:35:47", b"63:6e:72", b"1, 2, 3, 4", b"plain", b"1000,2000,3000,4000,5000"])
def test_ordinary_numbers_are_none(warm, text):
    found = warm.signs(text)
    assert not found.separated
    assert not found.listed


def test_the_automata_are_built_when_they_pay():
    asked = Triggers(20)
    assert asked.escapes(b"x" * 1000) is None
    assert asked.signs(b"x" * 100_000).separated is False
    assert asked.escapes(b"x") == []


def test_triggers_of_a_length_are_shared():
    assert triggers(17) is triggers(17)
    assert triggers(17) is not triggers(18)


def test_threads_share_triggers(warm):
    barrier, results = threading.Barrier(8, timeout=10), []

    def ask():
        barrier.wait()
        results.extend(warm.signs(RUN).base64 == [(0, len(RUN))] and warm.escapes(b"%41") == [3] for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [True] * 400
