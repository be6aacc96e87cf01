"""What a value is searched by: parts, letters that escaping spares, fragments of its encodings."""

import base64
import json
import urllib.parse

import pytest

from secretref._analysis import Gathering, analyse
from secretref._encodings import Form
from secretref._matcher import Matcher

VALUE = "cnry-7Q.x9_ZkPqRsT"


def test_what_is_known_of_several_values_is_joined():
    one, two = analyse("cnry7QcnryQ7", fragments=True), analyse("12345678\ncnry abcdéfgh", fragments=False)
    gathering = Gathering()
    gathering.add(one, set(one.forms))
    gathering.add(two, {Form(b"12345678")})
    both = gathering.analysis()
    assert both.lines == two.lines == {"12345678\ncnry\nabcdéfgh".encode(), "cnry\nabcdéfgh".encode()}
    assert both.fragments == one.fragments
    assert (both.least, both.numeric, both.wide, both.blanks) == (8, one.numeric | two.numeric, True, True)
    assert (one.least, one.wide, one.blanks) == (12, False, False)
    assert Form(b"12345678") in two.numeric
    assert Form(b"12345678") in gathering
    assert Form(b"cnry7QcnryQ7") in gathering
    assert Form(b"cnry abcd") not in gathering


@pytest.mark.parametrize(
    ("value", "least"), [("abc", 16), ("abcdef", 6), ("user:cnry7Q", 6), (b"\xff\xfe", 6), (b"\xff" * 9, 9)]
)
def test_the_shortest_value_to_decode_for_is_known(value, least):
    assert analyse(value, fragments=False).least == least


def b64(raw):
    return base64.b64encode(raw.encode() if isinstance(raw, str) else raw).decode()


ENCODED = {
    "base64": b64(VALUE),
    "base64 behind something": b64("user:" + VALUE),
    "base64 wrapped": b64("user:" + VALUE)[:20] + "\n" + b64("user:" + VALUE)[20:],
    "base64 wrapped at once": b64(VALUE)[:8] + "\n" + b64(VALUE)[8:],
    "base64 twice": b64(b64(VALUE)),
    "base64 twice behind something": b64("x:" + b64("user:" + VALUE)),
    "base64 of UTF-16": b64(VALUE.encode("utf-16-le")),
    **{
        f"hexadecimal with {separator!r}": separator.join(f"{byte:02X}" for byte in VALUE.encode())
        for separator in (":", "-", " ", ",", ", ", "\\x", ", 0x", " 0x", ",0x")
    },
    **{
        pattern: "".join(pattern.format(byte) for byte in VALUE.encode())
        for pattern in (
            *("\\u{:04x}", "\\x{:02x}", "%{:02x}", "&#x{:x};", "\\u{{{:x}}}", "&#{};", "\\{:03o}"),
            *("\\u{:04X}", "\\x{:02X}", "%{:02X}", "&#x{:X};", "\\u{{{:X}}}"),
        )
    },
    "numbers": ", ".join(map(str, VALUE.encode())),
    "dense numbers": ",".join(map(str, VALUE.encode())),
}


@pytest.mark.parametrize("text", ENCODED.values(), ids=ENCODED)
def test_an_encoded_value_holds_a_fragment(text):
    assert Matcher(analyse(VALUE, fragments=True).fragments).places(text.encode())


def test_the_longest_part_that_no_escape_changes_is_a_fragment():
    fragments = analyse("zz/cnry7QcnryQ7!é", fragments=True).fragments
    assert Matcher(fragments).places(b"zz%2fcnry7QcnryQ7&#33;\\xe9")


def test_a_short_rest_of_a_value_is_no_form():
    assert Form(b"abcd") not in analyse("ab'cd'", fragments=False).forms
    assert Form(b"abcdef") in analyse("abc'def'", fragments=False).forms


def test_only_forms_of_digits_are_sought_in_numbers():
    assert {form.literal for form in analyse("12345678", fragments=False).numeric} >= {b"12345678"}
    assert all(form.literal.strip(b"0123456789.eE+/j-") == b"" for form in analyse("12345678", fragments=False).numeric)
    assert b"12345678".hex().encode() in {form.literal for form in analyse("12345678", fragments=False).numeric}
    assert {form.literal for form in analyse("12345", fragments=False).numeric} == {b"12345"}
    assert analyse("cnry-QcnryQ-", fragments=False).numeric == frozenset()
    assert analyse("abc", fragments=False).numeric == frozenset()


def test_without_need_there_are_no_fragments():
    assert analyse(VALUE, fragments=False).fragments == frozenset()
    assert analyse(b"\xff" * 9, fragments=False).fragments == frozenset()
    assert Form(base64.b64encode(b"\xff" * 9)[:12]) in analyse(b"\xff" * 9, fragments=True).fragments


def test_short_texts_are_not_decoded_for():
    assert analyse("abc", fragments=True).fragments == frozenset()


def test_bytes_may_hold_anything():
    assert (analyse(b"\xff" * 9, fragments=False).wide, analyse(b"\xff" * 9, fragments=False).blanks) == (True, True)


def test_forms_of_text_read_as_latin_1_are_unescaped_as_well():
    value = "cnry\\0<Té1234"
    forms = {form.literal for form in analyse(value, fragments=False).forms}
    assert "cnry\0<TÃ©1234".encode() in forms
    assert "cnry\0<Té1234".encode("latin-1") in forms


def test_forms_hold_what_the_views_leave_of_a_value():
    assert Form(b"cnry7QcnryQ7") in analyse("cnry'7Q'cnryQ7", fragments=False).forms
    assert json.dumps("cnry é").encode()[1:-1] in {form.literal for form in analyse("cnry é", fragments=False).forms}
    assert urllib.parse.quote("cnry é").encode() in {form.literal for form in analyse("cnry é", fragments=False).forms}
