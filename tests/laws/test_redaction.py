"""What holds for every text, every set of values and both engines."""

import base64
import html
import json
import os
import re
import subprocess
import sys
import urllib.parse

from _cases import PLAIN, automaton, cases, is_safe, redactor
from hypothesis import example, given
from hypothesis import strategies as st

from secretref._encodings import BASE64_DIGITS, Form, forms
from secretref._redactor import Redactor
from secretref._views import folded

WORD = re.compile(rb"\w", re.ASCII)


def oracle(values, text, mark="***"):
    """Every form at every position, one byte at a time; then one mark for each run of bytes that are covered.

    Once more while that changes something: a mark may make a word of what stands beside it.
    """
    data = text.encode()
    covered = [False] * len(data)
    literals = {form for value in values for form in forms(value)}
    for form in literals | {Form(fold) for value in values for fold in folded(value.encode()) if len(fold) >= 6}:
        for start in range(len(data)):
            end = start + len(form.literal)
            same = data[start:end] == form.literal
            if form.word and (WORD.match(data[start - 1 : start]) or WORD.match(data[end : end + 1])):
                continue
            if same or (form.caseless and data[start:end].lower() == form.literal.lower()):
                covered[start:end] = [True] * len(form.literal)
                first = start - 1 if form.left and start and data[start - 1] in BASE64_DIGITS else start
                if form.right:
                    end += data[end : end + 1].isascii() and data[end : end + 1] != b"" and data[end] in BASE64_DIGITS
                    for _ in range(2):
                        end += next((len(pad) for pad in (b"=", b"%3D", b"%3d") if data[end:].startswith(pad)), 0)
                covered[first:end] = [True] * (end - first)
    out = ""
    for at, char in enumerate(text):
        here = any(covered[len(text[:at].encode()) : len(text[: at + 1].encode())])
        before = at and any(covered[len(text[: at - 1].encode()) : len(text[:at].encode())])
        out += char if not here else "" if before else mark
    return out if out == text else oracle(values, out, mark)


@given(cases(("ab", "abé", "aA4=", "a%4b", "a&;b"), least=6))
@example((["44444="], "444444="))  # without padding, a word of five characters
@example((["44444A", "44444="], "44444A44444"))
def test_literal_forms_are_hidden_as_a_naive_search_says(case):
    values, text = case
    expected = oracle(values, text)
    assert redactor(values, "off").text(text) == expected
    with automaton():
        assert redactor(values, "off").text(text) == expected


@given(cases())
def test_both_engines_agree(case):
    values, text = case
    for views in ("strict", "off"):
        plain = redactor(values, views).text(text)
        with automaton():
            assert redactor(values, views).text(text) == plain


@given(cases())
def test_redacting_twice_is_redacting_once(case):
    values, text = case
    for views in ("strict", "off"):
        hide = redactor(values, views).text
        once = hide(text)
        assert hide(once) is once


@given(cases())
def test_no_value_is_left(case):
    values, text = case
    for views in ("strict", "off"):
        out = redactor(values, views).text(text)
        assert not [value for value in values if is_safe(value) and value in out]


@given(cases(), st.randoms(use_true_random=False))
def test_order_and_moment_of_registration_do_not_matter(case, random):
    values, text = case
    for views in ("strict", "off"):
        expected = redactor(values, views).text(text)
        shuffled = random.sample(values, len(values))
        assert redactor(shuffled, views).text(text) == expected
        grown = Redactor(views=views)
        for value in shuffled:
            grown.register("name", value)
            grown.text(text)
        assert grown.text(text) == expected


@given(cases())
def test_bytes_are_redacted_as_text(case):
    values, text = case
    for views in ("strict", "off"):
        hide = redactor(values, views)
        assert hide.bytes(text.encode()) == hide.text(text).encode()


@given(cases())
@example((["a****a", "\\"], "a\\*a****aa"))
def test_text_in_objects_is_redacted_as_text(case):
    values, text = case
    for views in ("strict", "off"):
        hide = redactor(values, views)
        assert hide.data({"key": [text, 1]}) == {"key": [hide.text(text), 1]}


@given(cases(PLAIN, least=6), st.text("xyz*\\ %é\n", max_size=60))
def test_innocent_text_comes_back_as_the_same_object(case, text):
    for views in ("strict", "off"):
        hide = redactor(case[0], views)
        data = text.encode()
        assert hide.text(text) is text
        assert hide.bytes(data) is data


@given(cases(PLAIN, least=6))
def test_the_fast_and_the_deep_views_hide_what_stands_literally(case):
    values, text = case
    for views in ("fast", "deep"):
        out = redactor(values, views).text(text)
        assert not [value for value in values if is_safe(value) and value in out]


TOWERS = (
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.b64encode(b"ab" + text.encode()).decode().rstrip("="),
    lambda text: text.encode().hex(),
    lambda text: urllib.parse.quote(text, safe=""),
    lambda text: json.dumps(text)[1:-1],
    html.escape,
    lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    lambda text: "".join(f"&#{ord(char)};" for char in text),
)


@given(st.lists(st.sampled_from(TOWERS), min_size=1, max_size=3), st.text('aB3/+é"&\\ ', max_size=6))
def test_three_encodings_in_each_other_hide_nothing(tower, filler):
    value = f"cnry7Q{filler}cnryQ7cnry8R"
    text = value
    for encode in tower:
        text = encode(text)
    out = redactor([value]).text(f"some text, {text}, and more")
    assert "***" in out
    assert len(out) < 30 + len(text) / 2


def test_hash_seeds_do_not_matter():
    code = """if True:
        from secretref._redactor import Redactor
        values = {str(number): f"cnry{number:03}" * (1 + number % 3) for number in range(50)}
        values |= {"word": "abc", "mark": "aa***bb"}
        pieces = (f"<{v}{v[:5]}{v[3:]}>{v.encode().hex()} aa{v}bb abc" for v in values.values())
        text = "".join(pieces)
        for views in ("off", "fast", "strict", "deep"):
            print(Redactor(values, views=views).text(text))
    """
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": str(seed)}, stdout=subprocess.PIPE
        )
        for seed in range(5)
    ]
    outputs = {process.communicate(timeout=30)[0] for process in running}
    assert len(outputs) == 1
    assert b"***" in outputs.pop()
