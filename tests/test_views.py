"""Decoded views: what they bring to light, and where it stood in the source."""

import base64
import html
import json
import textwrap
import urllib.parse

import pytest

from secretref import _triggers, _views
from secretref._needles import Registry
from secretref._redactor import Redactor
from secretref._stream import merge
from secretref._views import around, escapes, folded

VALUE = "cnry-7Q.x9_ZkPqRsT"


@pytest.fixture(scope="module", params=["cold", "warm"], autouse=True)
def signs(request):
    """Decode everywhere, or where the automata see a sign."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_triggers, "_WARM", 1 << 40 if request.param == "cold" else -1)
        _triggers.triggers.cache_clear()
        yield
    _triggers.triggers.cache_clear()


def needles(value=VALUE, views="strict"):
    registry = Registry("***", views)
    registry.register({"name": value}, strict=False)
    return registry.current()


def hidden(text, value=VALUE):
    """Return what of *text* is hidden because of what it decodes to; one piece for each run."""
    data = text.encode("utf-8", "surrogatepass")
    spans = needles(value).decoded_spans(data)
    return [data[start:end].decode("utf-8", "replace") for start, end in (merge(spans) if spans else [])]


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def each(pattern, text=VALUE):
    return "".join(pattern.format(char=char, code=ord(char)) for char in text)


JOINED = {
    "two quoted words": VALUE[:5] + "''" + VALUE[5:],
    "words in both quotes": VALUE[:5] + "'\"" + VALUE[5:9] + "\"'" + VALUE[9:],
    "escaped letters": VALUE[:5] + "\\" + VALUE[5:9] + "\\\\" + VALUE[9:],
    "carets and backticks": VALUE[:5] + "^" + VALUE[5:9] + "`" + VALUE[9:12] + "$" + VALUE[12:],
    "a wrapped line": VALUE[:5] + "\n" + VALUE[5:],
    "a wrapped and indented line": VALUE[:5] + "\r\n\t  " + VALUE[5:9] + "\n\n" + VALUE[9:],
    "a line wrapped by a carriage return": VALUE[:5] + "\r" + VALUE[5:],
    "a wrapped line of a shell": VALUE[:5] + "\\\n" + VALUE[5:],
}
ESCAPED = {
    "percent": each("%{code:02x}"),
    "percent here and there": VALUE.replace("7", "%37").replace("_", "%5F"),
    "percent as in old browsers": each("%u{code:04X}"),
    "hexadecimal escapes": each("\\x{code:02X}"),
    "braces": each("\\x{{{code:x}}}"),
    "four digits": each("\\u{code:04x}"),
    "four digits, escaped again": each("\\\\u{code:04x}"),
    "eight digits": each("\\U{code:08x}"),
    "code points": each("\\u{{{code:x}}}"),
    "octal of echo": each("\\0{code:03o}"),
    "a form": VALUE.replace("-", "%2D").replace("7", "%37") ,
    "octal in JSON": each("\\\\{code:03o}"),
    "braces of printf %q": each("\\u\\{{{code:x}\\}}"),
    "entities of printf %q": each("\\&#{code}\\;"),
    "octal": each("\\{code:03o}"),
    "decimal entities": each("&#{code};"),
    "decimal entities with zeros": each("&#{code:07d};"),
    "hexadecimal entities": each("&#x{code:X};"),
    "entities without end": each("&#x{code:x}").replace("&#x2d&", "&#x2d;&"),
    "colours": VALUE[:5] + "\x1b[1;31m" + VALUE[5:] ,
    "colours everywhere": each("{char}\x1b[0m")[:-4],
    "a link": VALUE[:5] + "\x1b]8;;https://example.org\x07" + VALUE[5:9] + "\x1b]8;;\x1b\\" + VALUE[9:],
    "a character set": VALUE[:5] + "\x1b(B" + VALUE[5:9] + "\x1b=" + VALUE[9:],
    **{
        f"invisible U+{ord(char):04X}": char.join(VALUE)
        for char in "\u200b\u200f\u202a\u202e\u2060\u206f\ufeff\u00ad\u180e\u034f"
    },
}  # fmt: skip
HEXADECIMAL = {
    "digits": VALUE.encode().hex(),
    "capitals": VALUE.encode().hex().upper(),
    "colons": VALUE.encode().hex(":"),
    "blanks": VALUE.encode().hex(" "),
    "dashes": VALUE.encode().hex("-"),
    "C": ", ".join(f"0x{byte:02x}" for byte in VALUE.encode()).removeprefix("0x"),
    "C without blanks": ",".join(f"0X{byte:02X}" for byte in VALUE.encode()).removeprefix("0X"),
    "wrapped": "\n".join(textwrap.wrap(VALUE.encode().hex(), 12)),
    "wrapped and indented": "\n    ".join(textwrap.wrap(VALUE.encode().hex(), 12)),
    "numbers": ", ".join(map(str, VALUE.encode())),
    "dense numbers": ",".join(map(str, VALUE.encode())),
}
BASE64 = {
    "base64": b64(VALUE),
    "base64 of a sentence": b64(f"the value {VALUE} is one"),
    "base64 without padding": b64(VALUE + "x").rstrip("="),
    "base64 wrapped": "\n".join(textwrap.wrap(b64("the value is: " + VALUE), 20)),
    "base64 wrapped by carriage returns": "\r\n".join(textwrap.wrap(b64(VALUE), 8)),
    "base64 in JSON": json.dumps("\n".join(textwrap.wrap(b64(VALUE), 16)))[1:-1],
    "base64 with escaped slashes": b64(b"\xff\xff\xff" + VALUE.encode() + b"\xff\xff\xff").replace("/", "\\/"),
    "base64 in an URL": urllib.parse.quote(b64(b"\xff\xff\xff" + VALUE.encode() + b"\xff"), safe=""),
    "URL-safe base64": base64.urlsafe_b64encode(b"\xff\xfe\xfb" + VALUE.encode() + b"\xfb\xff\xfe").decode(),
    "a token": "eyJhbGciOiJIUzI1NiJ9." + b64(json.dumps({"key": VALUE})).rstrip("="),
}
TOWERS = {
    "base64 twice": b64(b64(VALUE)),
    "base64 three times": b64("." + b64("." + b64(VALUE))),
    "base64 four times": b64("." + b64("." + b64("." + b64(VALUE)))),
    "base64 in hexadecimal": b64(VALUE).encode().hex(),
    "hexadecimal in base64": b64(VALUE.encode().hex()),
    "colours in base64": b64("\x1b[32m" + VALUE[:5] + "\x1b[1m" + VALUE[5:] + "\x1b[0m"),
    "overstruck letters in base64": b64(each("{char}\x08{char}")),
    "a wrapped and indented line in base64": b64(VALUE[:5] + "\r\n\t  " + VALUE[5:]),
    "wrapped base64 of entities in base64": b64("\n".join(textwrap.wrap(b64(each("&#{code};")), 16))),
    **{
        f"invisible U+{ord(char):04X} in base64": b64(char.join(VALUE))
        for char in "\u200b\u2060\ufeff\u00ad\u180e\u034f"
    },
    "percent three times": each("%25253{code:x}".replace("3{code:x}", "{code:x}")),
    "percent in JSON": each("\\u0025{code:02x}"),
    "JSON in entities in percent": urllib.parse.quote(html.escape(each("\\u{code:04x}"))),
    "base64 of entities": b64(each("&#{code};")),
    "entities in hexadecimal": each("&#{code};").encode().hex(),
    "a colour in JSON": json.dumps(VALUE[:5] + "\x1b[1m" + VALUE[5:])[1:-1],
    "percent in a wrapped line": each("%{code:02x}")[:20] + "\n" + each("%{code:02x}")[20:],
}


@pytest.mark.parametrize(
    "text", [*JOINED.values(), *ESCAPED.values(), *HEXADECIMAL.values()], ids=[*JOINED, *ESCAPED, *HEXADECIMAL]
)
def test_exactly_what_stands_for_the_value_is_hidden(text):
    assert hidden(f"some text {text} and more") == [text]


@pytest.mark.parametrize("text", [each("{char}\x08{char}"), each("_\x08{char}")], ids=["overstruck", "underlined"])
def test_what_a_printer_strikes_twice_is_hidden(text):
    for before in ("some text", "some téxt"):
        (found,) = hidden(f"{before} {text} and more")
        assert found.endswith(text[2:])


@pytest.mark.parametrize("text", [*BASE64.values(), *TOWERS.values()], ids=[*BASE64, *TOWERS])
def test_what_holds_the_value_is_hidden(text):
    (found,) = hidden(f"some text, {text}, and more")
    assert found in text
    assert not hidden(f"some text, {text.replace(found, '***')}, and more")


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "abcd"])
@pytest.mark.parametrize("after", ["", "x", "xy", "xyz"])
def test_base64_is_hidden_at_every_offset(before, after):
    (found,) = hidden(f"=={before}{b64(VALUE)}{after} ")
    assert b64(VALUE).rstrip("=")[1:-1] in found
    assert len(found) <= len(b64(VALUE)) + 3


@pytest.mark.parametrize("padding", ["=", "==", "%3D", "%3d%3D"])
def test_padding_is_hidden_with_base64(padding):
    text = b64("\0" + VALUE).rstrip("=") + padding
    assert hidden(f"a {text}; b")[0].endswith(padding)


@pytest.mark.parametrize("before", ["", "0", "ab", "abc"])
def test_hexadecimal_is_hidden_at_either_alignment(before):
    digits = VALUE.encode().hex()
    assert hidden(f"x{before}{digits}5 ") == [digits]


@pytest.mark.parametrize("between", ["g", "zz", "*", "***", ".......", " and ", "*:*"])
def test_digits_with_more_than_separators_between_are_not_one_value(between):
    assert hidden(between.join(textwrap.wrap(VALUE.encode().hex(), 2))) == []


def dump(pattern, group, *, swap=False, value=VALUE):
    lines = []
    for at in range(0, len(value), 16):
        row = value.encode()[at : at + 16]
        if swap:
            row = b"".join(row[at : at + 2][::-1] for at in range(0, len(row), 2))
        digits = " ".join(textwrap.wrap(row.hex(), group))
        lines.append(pattern.format(at=at, digits=digits, text=value[at : at + 16]))
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        dump("{at:08x}: {digits:<39}  {text}", 4),
        dump("{at:08x}  {digits:<48} |{text}|", 2),
        dump("{at:07x} {digits}", 4, swap=True),
        dump("{at:07x} {digits}", 2),
    ],
    ids=["xxd", "hexdump -C", "od -x", "od -t x1"],
)
def test_a_dump_is_hidden_line_by_line(text):
    out = hidden(f"dump:\n{text}\nend")
    shown = f"dump:\n{text}\nend"
    for piece in out:
        shown = shown.replace(piece, "")
    assert len(out) >= 1
    assert VALUE[:6] not in shown
    assert VALUE.encode()[:4].hex() not in shown.replace(" ", "")
    assert shown.startswith("dump:\n")
    assert shown.endswith("\nend")


def test_of_a_dump_only_the_lines_of_the_value_are_hidden():
    lines = dump("{at:08x}: {digits:<39}  {text}", 4, value="x" * 31 + VALUE + "y" * 31).split("\n")
    (found,) = hidden("\n".join(lines))
    assert found == "\n".join(lines[1:4])[10:]


@pytest.mark.parametrize(
    ("escape", "char"),
    [
        ("\\a", "\a"),
        ("\\b", "\b"),
        ("\\e", "\x1b"),
        ("\\f", "\f"),
        ("\\n", "\n"),
        ("\\r", "\r"),
        ("\\t", "\t"),
        ("\\v", "\v"),
        ("\\\\n", "\n"),
        ("\\ud83d\\ude00", "😀"),
        ("\\\\ud83d\\\\ude00", "😀"),
        ("\\U0001F600", "😀"),
        ("\\u{1f600}", "😀"),
        ("%F0%9F%98%80", "😀"),
        ("\\udc00", "\udc00"),
        ("&eacute;", "é"),
        ("&lt;", "<"),
        ("\\303\\251", "é"),
        ("\\7", "\a"),
        ("\\777", "ÿ"),
    ],
)
def test_an_escape_stands_for_a_character(escape, char):
    wanted = b"cnry7Q" + (b"\xff" if escape == "\\777" else char.encode("utf-8", "surrogatepass")) + b"cnryQ7"
    data = f"<cnry7Q{escape}cnryQ7>".encode()
    assert (1, len(data) - 1) in needles(wanted).decoded_spans(data)


@pytest.mark.parametrize("text", ["&unknown;", "%4", "%zz", "&#;", "\\u{110000}", "\\U00110000"])
def test_no_escape_is_left_or_dropped_without_harm(text):
    assert hidden(f"{VALUE[:9]}{text} {VALUE[9:]}") == []


def test_a_decoded_part_counts_as_a_whole():
    assert hidden(f"%41%42{VALUE[:5]}%37%51") == []
    assert hidden("x&#99;nry-7Q.x9_ZkPqRs&#84;y") == ["&#99;nry-7Q.x9_ZkPqRs&#84;"]


def test_what_is_taken_out_around_a_value_stays():
    coloured = VALUE[:5] + "\x1b[1m" + VALUE[5:]
    assert hidden(f"a \x1b[31m{coloured}\x1b[0m b") == [coloured]


def test_blanks_of_forms_are_read():
    assert hidden("a cnry+7Q+c%6Ery+Q7 b", "cnry 7Q cnry Q7") == ["cnry+7Q+c%6Ery+Q7"]
    assert hidden("a cnry+7Q%26c%6Ery+Q7 b", "cnry 7Q&cnry Q7") == ["cnry+7Q%26c%6Ery+Q7"]


@pytest.mark.parametrize("sign", ["&amp", "&AMP", "&amp;", "&#38", "&#x26;"])
def test_old_entities_need_no_semicolon(sign):
    assert hidden(f"a cnry7Q{sign}gcnryQ7 b", "cnry7Q&gcnryQ7") == [f"cnry7Q{sign}gcnryQ7"]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_wide_text_is_read_beneath_other_encodings(codec):
    script = f"$a = '{each('%{code:02x}')}'; run"
    encoded = base64.b64encode(script.encode(codec)).decode()
    assert hidden(f"powershell -EncodedCommand {encoded} x")
    assert hidden(script.encode(codec).hex())
    assert needles().decoded_spans(script.encode(codec))
    assert not hidden(base64.b64encode("nothing is in here at all".encode(codec)).decode())


@pytest.mark.parametrize(
    "text",
    [
        "a cnry-=\n7Q.x9_ZkPqRsT b",
        "a cnry-=\r\n7Q.x9_=5AkPqRsT b",
        "a=3D cnry-=37Q.x9_=5akPqRsT",
        "=?utf-8?q?cnry-7Q.x9_Zk=50qRsT?=",
    ],
)
def test_mail_is_read(text):
    assert hidden(text)


@pytest.mark.parametrize(
    "char",
    [chr(code) for code in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xAD)],
)
def test_invisible_characters_are_taken_out_beneath_other_encodings(char):
    assert hidden(b64(f"see {char.join(VALUE)} there"))


def test_characters_of_latin_1_are_read():
    assert hidden("a cnry-\\xe9-\\x37Q-cnryQ7 b", "cnry-é-7Q-cnryQ7") == ["cnry-\\xe9-\\x37Q-cnryQ7"]
    assert hidden("a cnry-\\xE9-\\u20aC-\\x37Q b", "cnry-é-€-7Q") == ["cnry-\\xE9-\\u20aC-\\x37Q"]


@pytest.mark.parametrize(
    "text", ["", "plain text", f"{VALUE[:-1]}\\", "%41%42" * 50, "QUJD" * 50, "6162" * 50, "1, 2, 3, 4, 5, 6, 7, 8"]
)
def test_what_holds_no_value_stays(text):
    assert hidden(text) == []


def test_beyond_its_bound_the_work_ends_in_hiding(monkeypatch):
    monkeypatch.setattr(_views, "_WORK", 0)
    text = "%41" + ". " * 2500
    assert hidden(text) == [text]
    assert hidden("%41" + ". " * 250) == []


def test_an_empty_view_beyond_the_bound_hides_nothing(monkeypatch):
    monkeypatch.setattr(_views, "_WORK", -(1 << 20))
    assert hidden("\u200b") == []


def test_values_that_overlap_in_a_view_are_hidden_to_the_last():
    redactor = Redactor({"one": "cnry7QcnryQ7", "two": "cnryQ7cnry8R", "inner": "ryQ7cn"})
    for overlapping in ("cnry7Qcn'ryQ7cnry8R", "%63nry7QcnryQ7cnry8R"):
        assert redactor.text(f"a {overlapping} b {overlapping} c") == "a *** b *** c"


def test_what_begins_like_a_dump_need_not_be_one():
    assert hidden(f"0000 is no offset, {each('&#{code};')} follows") == [each("&#{code};")]


def test_escapes_that_are_all_different_take_bounded_memory():
    meanings = escapes._ESCAPES[0].meanings
    text = "".join(f"%u{code:04x}" for code in range(0x4E00, 0x4E00 + 5000))
    assert hidden(f"{text}{each('%u{code:04X}')} {text}") == [each("%u{code:04X}")]
    assert 0 < len(meanings) <= 4096


@pytest.mark.parametrize(
    ("spots", "parts"),
    [
        ([], []),
        ([30, 8, 5], [(1, 12), (26, 32)]),
        ([4, 12], [(0, 16)]),
        ([4, 13], [(0, 8), (9, 17)]),
        ([8, 9, 20, 21, 22], [(4, 13), (16, 26)]),
    ],
)
def test_surroundings_that_overlap_or_touch_are_one(spots, parts):
    assert around(spots, 4, 32) == parts


def test_a_list_of_numbers_may_hold_the_value_twice():
    numbers = ", ".join(map(str, VALUE.encode()))
    assert hidden(f"[1, 2, {numbers}, 3, 4, {numbers}, 5]") == [numbers, numbers]


def test_signs_far_apart_are_all_decoded():
    far = "&lt;b&gt; " * 400
    text = f"{far}{each('%{code:02x}')}{far}{each('&#{code};')}{far}"
    assert hidden(text) == [each("%{code:02x}"), each("&#{code};")]
    spread = VALUE[:4] + "&#45;" + VALUE[5:]
    assert hidden(far + spread + far) == [spread]


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (b"cnry7Q", set()),
        (b"cnry'7'Q", {b"cnry7Q"}),
        (b"cnry%417Q", {b"cnryA7Q"}),
        (b"cnry%25417Q\\", {b"cnry%417Q", b"cnry%417Q\\", b"cnryA7Q", b"cnryA7Q\\", b"cnry%25417Q"}),
        (b"a''''''''b", set()),
        (b"cnry7Q\\n", {b"cnry7Q\n", b"cnry7Qn"}),
        (b"cnry%41&lt;7Q", {b"cnryA<7Q"}),
        ("cn\u00adry\u200b7Q".encode(), {b"cnry7Q"}),
    ],
)
def test_what_the_views_leave_of_a_value_is_listed(value, left):
    assert left <= set(folded(value))
    assert all(2 * len(fold) >= len(value) for fold in folded(value))
    assert value not in set(folded(value))


def open_from(lines, value=VALUE):
    return needles(value).wrapped_from(lines.encode())


LONG = "cnry" + VALUE * 3
CONTINUED = {
    "base64": textwrap.wrap(b64("it is " + LONG), 40),
    "base64 of escapes": textwrap.wrap(b64("it is " + each("%{code:02X}", LONG)), 40),
    "hexadecimal": textwrap.wrap(LONG.encode().hex(), 40),
    "digits with colons": textwrap.wrap(LONG.encode().hex(":"), 60),
    "C": textwrap.wrap(", ".join(f"0x{byte:02x}" for byte in LONG.encode()), 72),
    "numbers": textwrap.wrap(", ".join(map(str, LONG.encode())), 40),
    "the value": textwrap.wrap(LONG, 12),
    "one character in each line": list(LONG[:20]),
    "a shell": [line + "\\" for line in textwrap.wrap(LONG, 12)],
    "a dump": dump("{at:08x}: {digits:<39}  {text}", 4, value=LONG).split("\n"),
}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("lines", CONTINUED.values(), ids=CONTINUED)
def test_complete_lines_that_the_next_one_may_continue_are_held(lines, ending):
    for count in range(1, len(lines) - 1):
        text = ending.join(["ready", *lines[:count], ""])
        assert open_from(text, LONG) <= len("ready" + ending)
    text = ending.join(["ready", *lines, *["That is all: ***."] * 100, ""])
    assert open_from(text, LONG) == len(text)


@pytest.mark.parametrize(
    "lines",
    [
        "ready.\n",
        "",
        "\n",
        "some c\n",
        "some cnr\n",
        "QUJD" * 10 + ".\n",
        "ready (" + "QUJD" * 10 + ")\n",
        "short.\n" * 5,
        VALUE + ".\n",
    ],
)
def test_other_lines_go_out(lines):
    assert open_from(lines) == len(lines)


@pytest.mark.parametrize("spelled", [r"cnry-\xadvalue-7Q", r"cnry-\u00advalue-7Q", r"c\xadnry\xad-value\x2d7Q"])
def test_invisible_characters_are_seen_through_in_their_escapes(spelled):
    assert Redactor({"a": "cnry-value-7Q"}).text(f"say {spelled} now") == "say *** now"


def test_characters_of_latin_1_are_read_in_escapes_of_two_digits():
    assert Redactor({"a": "pässwört-cnry7Q"}).text(r"say p\xad\xE4ssw\xF6rt-cnry7Q now") == "say *** now"
