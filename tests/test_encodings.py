"""Every form is what a real encoder writes, and every encoder has its form."""

import base64
import csv
import html
import io
import json
import re
import shlex
import unicodedata
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

import pytest
from markupsafe import escape as jinja_escape

from secretref._encodings import COMMON, Form, base64_cores, binary_forms, forms, plain_variants

SYMBOLS = "cnry!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ 7Q"
ONE_QUOTE = "cnry it's <7&Q>"
OTHER_QUOTE = 'cnry "7Q" <&>'
CONTROLS = 'cnry\b\t\n\f\r\x0b\x1b\x1f\x7f" 7Q'
FOREIGN = "cnry é✓😀\u2028 7Q"
MIXED = "cnry'\b\x1b\"<&>+`/7Q é"
LETTERS = "cnryéß日7Q"
VALUES = (SYMBOLS, ONE_QUOTE, OTHER_QUOTE, CONTROLS, FOREIGN, MIXED, LETTERS)


UNSAFE = {char for char in map(chr, range(32, 127)) if not char.isalnum()} - set("_@%+=:./-")


def spelled(text, chars):
    """Spell *chars* of *text* as JSON escapes of four digits, as Go and .NET do."""
    return "".join(f"\\u{ord(char):04X}" if char in chars else json.dumps(char)[1:-1] for char in text)


def prefixed(text, chars, prefix):
    return "".join(prefix + char if char in chars else char for char in text)


def shown(byte):
    """Show a byte as ``cat -v`` does."""
    plain = byte & 127
    visible = f"^{chr(plain ^ 64)}" if plain < 32 or plain == 127 else chr(plain)
    return f"M-{visible}" if byte > 127 else visible


def csv_field(text):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([text])
    return out.getvalue()[1:-3]


ENCODERS = {
    "UTF-8": lambda text: text,
    "quote without safe characters": lambda text: quote(text, safe=""),
    "quote": quote,
    "quote_plus": quote_plus,
    "encodeURIComponent": lambda text: quote(text, safe="!'()*"),
    "encodeURI": lambda text: quote(text, safe=";,/?:@&=+$!'()*#"),
    "a path segment": lambda text: quote(text, safe="!$&'()*+,;=:@/"),
    "a query": lambda text: quote(text, safe="!$&'()*+,;=:@/?"),
    "requests": lambda text: quote(text, safe="!#$%&'()*+,/:;=?@[]~"),
    "URLEncoder of Java": lambda text: quote_plus(text, safe="*").replace("~", "%7E"),
    "percent everywhere": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent in lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text)),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON of PHP": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON of Go": lambda text: spelled(text, "<>&\u2028\u2029"),
    "JSON of .NET": lambda text: spelled(text, "\"'&<>+`"),
    "JSON in a web page": lambda text: spelled(text, "'&<>"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON in JSON in UTF-8": lambda text: json.dumps(json.dumps(text, ensure_ascii=False)[1:-1], ensure_ascii=False)[
        1:-1
    ],
    "JavaScript in single quotes": lambda text: json.dumps(text)[1:-1].replace('\\"', '"').replace("'", "\\'"),
    "repr": lambda text: repr(text)[1:-1],
    "repr in single quotes": lambda text: repr(text + '"')[1:-2],
    "repr in double quotes": lambda text: repr(text)[1:-1].replace("\\'", "'").replace('"', '\\"'),
    "ascii": lambda text: ascii(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "XML text": escape,
    "html.escape": html.escape,
    "mark-up with &quot;": lambda text: escape(text, {'"': "&quot;"}),
    "markupsafe": lambda text: str(jinja_escape(text)),
    "an XML attribute": lambda text: quoteattr(text + "'")[1:-2],
    "an XML attribute with &#39;": lambda text: html.escape(text).replace("&#x27;", "&#39;"),
    "an XML attribute with &apos;": lambda text: html.escape(text).replace("&#x27;", "&apos;"),
    "white space of XML in hexadecimal": lambda text: (
        quoteattr(text + "'")[1:-2].replace("&#10;", "&#xA;").replace("&#9;", "&#x9;").replace("&#13;", "&#xD;")
    ),
    "an SQL string": lambda text: text.replace("'", "''"),
    "a CSV field": csv_field,
    "a Compose file": lambda text: text.replace("$", "$$"),
    "doubled backslashes": lambda text: text.replace("\\", "\\\\"),
    "a batch file": lambda text: text.replace("%", "%%"),
    "PowerShell": lambda text: text.replace("`", "``"),
    "shlex": lambda text: shlex.quote(text)[1:-1],
    "single quotes of a shell": lambda text: text.replace("'", "'\\''"),
    "double quotes of a shell": lambda text: prefixed(text, '$`"\\', "\\"),
    "double quotes of a shell with history": lambda text: prefixed(text, '$`"\\!', "\\"),
    "printf %q of bash": lambda text: prefixed(text, UNSAFE - set(",~^"), "\\"),
    "printf %q of older bash": lambda text: prefixed(text, UNSAFE, "\\"),
    "printf %q that leaves commas": lambda text: prefixed(text, UNSAFE - set(","), "\\"),
    "Shellwords of Ruby": lambda text: prefixed(text, UNSAFE - set(",") | set("%+="), "\\"),
    "re.escape": re.escape,
    "cmd.exe": lambda text: prefixed(text, '&|<>^()%!"', "^"),
    "caret notation": lambda text: "".join(shown(ord(char)) if ord(char) < 128 else char for char in text),
    "cat -v of UTF-8": lambda text: "".join(shown(byte) for byte in text.encode()),
    "UTF-16-LE": lambda text: text.encode("utf-16-le"),
    "UTF-16-BE": lambda text: text.encode("utf-16-be"),
    "UTF-32-LE": lambda text: text.encode("utf-32-le"),
    "UTF-8 read as Latin-1": lambda text: text.encode().decode("latin-1"),
    "UTF-16 read as Latin-1": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "Latin-1": lambda text: text.encode("latin-1", "replace"),
    "hexadecimal": lambda text: text.encode().hex(),
    "HEXADECIMAL": lambda text: text.encode().hex().upper(),
}


def found(value, encoded):
    """Tell whether some form of *value* is *encoded* and nothing else."""
    data = encoded.encode() if isinstance(encoded, str) else encoded
    return any(
        form.literal == data or (form.caseless and form.literal.lower() == data.lower()) for form in forms(value)
    )


@pytest.mark.parametrize(
    "value", VALUES, ids=["symbols", "quote", "other quote", "controls", "foreign", "mixed", "letters"]
)
@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_what_an_encoder_writes_is_a_form(encode, value):
    assert found(value, encode(value))


@pytest.mark.parametrize("raw", [*(value.encode() for value in VALUES), b"cnryabc", b"cnryabcd", b"cnry\xff\xfe\xfb"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", [b"", b"\xff", b"\xff\xff"])
@pytest.mark.parametrize("after", [b"", b"\xff", b"\xff\xff"])
def test_outside_a_core_and_its_neighbours_base64_says_nothing(raw, encode, before, after):
    encoded = encode(before + raw + after)
    core = max((core for core in base64_cores(raw) if core.literal in encoded), key=lambda core: len(core.literal))
    start, end = encoded.index(core.literal) - core.left, encoded.index(core.literal) + len(core.literal) + core.right
    for fill in (b"\0", b"\xff"):
        other = encode(before + fill * len(raw) + after)
        assert (other[:start], other[end:]) == (encoded[:start], encoded[end:])


@pytest.mark.parametrize(
    ("raw", "neighbours"),
    [
        (b"123", [(False, False), (True, True), (True, True)]),
        (b"1234", [(False, True), (True, True), (True, False)]),
        (b"12345", [(False, True), (True, False), (True, True)]),
    ],
)
def test_a_core_says_whether_its_neighbours_carry_bits(raw, neighbours):
    assert [(core.left, core.right) for core in base64_cores(raw)][::2] == neighbours


@pytest.mark.parametrize(
    ("value", "variant"),
    [
        (" cnry7Q \n", "cnry7Q"),
        ('"cnry7Q"', "cnry7Q"),
        ("'cnry7Q'", "cnry7Q"),
        ("`cnry7Q`", "cnry7Q"),
        (' "cnry7Q" ', "cnry7Q"),
        ("cnry7QcnryQ7==", "cnry7QcnryQ7"),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400e29b41d4a716446655440000"),
        ("cnry\u00e9", "cnrye\u0301"),
        ("cnrye\u0301", "cnry\u00e9"),
        ("cnry\\$7\\\\Q\\\nR", "cnry$7\\Q\nR"),
    ],
)
def test_a_value_is_also_known_as(value, variant):
    assert plain_variants(value)[0] == value
    assert variant in plain_variants(value)
    assert found(value, variant)


@pytest.mark.parametrize("value", ["cnry7Q", '"cnry7Q', "\"cnry7Q'", '""', "#cnry7Q#", "7777-7777", "x"])
def test_nothing_is_taken_away_that_belongs_to_the_value(value):
    assert plain_variants(value) == (value,)


def test_common_words_are_known():
    assert {"true", "false", "null", "none", "nil", "nan", "yes", "off", "undefined", "inf", "infinity"} <= COMMON


@pytest.mark.parametrize("value", ["", "a", "ab", "  ", " ab ", *sorted(COMMON), "TRUE", " null\n"])
def test_what_would_shred_ordinary_text_has_no_form(value):
    assert list(forms(value)) == []


def test_three_to_five_characters_count_as_a_word():
    listed = set(forms("p@ss"))
    assert Form(b"p@ss", word=True) in listed
    assert all(form.word for form in listed)
    assert all(len(form.literal) >= 6 for form in listed - {Form(b"p@ss", word=True)})
    assert not any(form.word for form in forms("p@ss7Q"))


@pytest.mark.parametrize("value", ["abcde", "abc", "é✓"])
def test_no_encoded_form_is_shorter_than_six_bytes(value):
    assert all(len(form.literal) >= 6 for form in forms(value) if form.literal != value.encode())


@pytest.mark.parametrize("value", ["550e8400-e29b-41d4-a716-446655440000", "550E8400E29B", "deadbeefcafe"])
def test_hexadecimal_values_match_in_either_case(value):
    assert Form(value.encode(), caseless=True) in set(forms(value))


@pytest.mark.parametrize("value", ["123456789012", "deadbeefcaf", "deadbeefcafg", "cnryQ7deadbeef"])
def test_other_values_match_as_they_are(value):
    assert {form.caseless for form in forms(value) if form.literal == value.encode()} == {False}


def test_digits_of_escapes_match_in_either_case():
    wanted = (quote(SYMBOLS).encode(), spelled(SYMBOLS, "'&<>").encode(), SYMBOLS.encode().hex().encode())
    for form in forms(SYMBOLS):
        if form.literal.lower() in {literal.lower() for literal in wanted}:
            assert form.caseless
    assert {form.caseless for form in forms("cnry;7Q") if form.literal in (b"cnry;7Q", b"cnry\\;7Q")} == {False}


@pytest.mark.parametrize("value", [SYMBOLS, "cnry7QcnryQ7", FOREIGN])
def test_base64_is_a_form(value):
    assert set(base64_cores(value.encode())) <= set(forms(value))


def test_letters_and_digits_need_few_forms():
    assert len(set(forms("cnry7QcnryQ7"))) < len(set(forms("cnry;QcnryQ;")))
    assert found("cnry7QcnryQ7", "".join(f"%{ord(char):02x}" for char in "cnry7QcnryQ7"))


def test_bytes_have_forms_too():
    raw = bytes(range(250, 256)) + b"'\\"
    listed = {form.literal for form in binary_forms(raw)}
    assert raw in listed
    assert raw.hex().encode() in listed
    assert repr(raw)[2:-1].encode() in listed
    assert any(literal in base64.b64encode(b"x" + raw) for literal in listed)
    assert all(len(form.literal) >= 6 for form in binary_forms(b"\xff\xfe"))
    assert Form(b"\xff\xfe") not in set(binary_forms(b"\xff\xfe"))


def test_an_encoded_form_may_have_six_bytes():
    assert Form(b"abc".hex().encode(), word=True, caseless=True) in set(forms("abc"))
    assert Form(b"\xff\xfe\xfd".hex().encode(), caseless=True) in set(binary_forms(b"\xff\xfe\xfd"))


def test_lone_surrogates_have_forms():
    assert found("cnry\udcff7Q", "cnry\\udcff7Q")
    assert found("cnry\udcff7Q", "cnry\udcff7Q".encode("utf-8", "surrogatepass"))


def test_normalised_spellings_are_encoded_as_well():
    assert found("cnry-\u00e9", quote(unicodedata.normalize("NFD", "cnry-\u00e9")))
