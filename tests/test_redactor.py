"""The redactor: text, bytes and objects without values; every doubt is settled closed."""

import base64
import copy
import html
import itertools
import json
import marshal
import pickle
import random
import sys
import threading
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from secretref import _automaton, _encodings, _lines, _matcher, _needles, _redactor, _stream, _triggers, _views
from secretref._redactor import Redactor
from secretref._stream import whole
from secretref.errors import ConfigurationError, InputError, WeakSecretError

VALUE = "cnry7Q/cnryQ7+é"
ROOMS = (_automaton, _encodings, _lines, _matcher, _needles, _redactor, _stream, _triggers, _views)


def files(room):
    """The files of a module, or of a package."""
    path = Path(room.__file__)
    return path.parent.glob("*.py") if path.name == "__init__.py" else (path,)


@pytest.fixture
def redactor():
    return Redactor({"name": VALUE})


class TestText:
    @pytest.mark.parametrize("views", ["off", "fast", "strict", "deep"])
    def test_a_value_becomes_the_mark(self, views):
        redactor = Redactor({"name": SecretStr(VALUE)}, views=views)
        assert redactor.text(f"a {VALUE} b {VALUE}{VALUE} c") == "a *** b *** c"
        assert redactor.text(json.dumps({"a": [VALUE]})) == '{"a": ["***"]}'
        assert redactor.text(urllib.parse.urlencode({"a": VALUE, "b": 1})) == "a=***&b=1"

    @pytest.mark.parametrize("mark", ["[hidden]", "█", "-", "'", "\n", "<secret>"])
    def test_the_mark_can_be_chosen(self, mark):
        redactor = Redactor({"name": VALUE}, mark=mark)
        assert redactor.mark == mark
        assert redactor.text(f"a {VALUE} b") == f"a {mark} b"
        assert redactor.bytes(f"a {VALUE} b".encode()) == f"a {mark} b".encode()

    def test_overlapping_values_leave_nothing(self):
        redactor = Redactor({"one": "cnryabcdef", "two": "abcdefcnry", "three": "defcnr"})
        assert redactor.text("<cnryabcdefcnry>") == "<***>"
        assert redactor.text("<abcdefcnryabcdef>") == "<***>"

    def test_clean_text_is_the_same_object(self, redactor):
        for text in ("", "plain", "é" * 100, "\ud83d", "%41 \\u0041 &lt;"):
            assert redactor.text(text) is text
        assert Redactor().text(VALUE) is VALUE

    def test_subclasses_of_text_are_read_by_their_characters(self, redactor):
        class Sly(str):
            __slots__ = ()

            def encode(self, *_args):
                return b"innocent"

            def isascii(self):
                return True

            def __str__(self):
                return "innocent"

        assert redactor.text(Sly(f"a {VALUE}")) == "a ***"

    def test_a_half_covered_character_is_hidden_whole(self):
        redactor = Redactor({"name": b"cnry\xff7Q\xc3"})
        assert redactor.bytes(b"cnry\xff7Q\xc3\xa9") == b"***\xa9" or redactor.bytes(b"cnry\xff7Q\xc3\xa9") == b"***"
        latin = Redactor({"name": "cnryé7Qé"}, views="off")
        assert latin.text("cnryé7Qé".encode("utf-16-le").decode("latin-1")) == "***"

    def test_lone_surrogates_are_text(self, redactor):
        assert redactor.text(f"\udcff{VALUE}\ud83d") == "\udcff***\ud83d"

    @pytest.mark.parametrize("wrong", [b"bytes", None, 1, ["text"]])
    def test_only_text_is_text(self, redactor, wrong):
        with pytest.raises(InputError):
            redactor.text(wrong)

    def test_what_marks_put_together_is_hidden_too(self):
        redactor = Redactor({"one": "cnry7QcnryQ7", "two": "cnry8RcnryR8"}, mark="-")
        digits = b"cnry8RcnryR8".hex()
        halves = digits[:8] + "cnry7QcnryQ7" + digits[8:]
        for far in ("", ";" * 20_000):
            assert redactor.text(f"{far}{halves}{far}") == f"{far}-{far}"
            assert redactor.bytes(f"{far}{halves}{far}".encode()) == f"{far}-{far}".encode()

    def test_without_an_end_to_that_the_text_is_withheld(self, monkeypatch):
        monkeypatch.setattr(whole, "_PASSES", 1)
        redactor = Redactor({"name": VALUE})
        assert redactor.text(VALUE) == "[redaction failed]"
        assert redactor.bytes(VALUE.encode()) == b"[redaction failed]"

    @pytest.mark.parametrize("views", ["off", "strict"])
    def test_what_marks_complete_is_hidden_too(self, views):
        redactor = Redactor({"one": "aa***bb", "two": "cnry7Q"}, views=views)
        assert redactor.text("aacnry7Qbb cnry7Q") == "*** ***"
        far = ";" * 5000
        for before, behind in (("", far), (far, ""), (far, far)):
            assert redactor.text(f"{before}aacnry7Qbb{behind}") == f"{before}***{behind}"
            assert redactor.bytes(f"{before}aacnry7Qbb{behind}".encode()) == f"{before}***{behind}".encode()


class TestLongText:
    @pytest.mark.parametrize("views", ["off", "strict"])
    @pytest.mark.parametrize(
        ("filler", "last"), [("some text; ", "e"), ("some text; ", "é"), ("é😀 ", "é"), ("aé", "é")]
    )
    def test_it_is_searched_in_blocks_that_overlap(self, views, filler, last):
        rng = random.Random(7)
        redactor = Redactor({"one": "cnry7QcnryQ7", "two": f"cnry7Q/cnry\n{last}", "short": "abc"}, views=views)
        forms = [
            "cnry7QcnryQ7",
            f"cnry7Q/cnry\\n{last}",
            base64.b64encode(b"xcnry7QcnryQ7").decode(),
            "abc",
            "xabc",
            "abcx",
            "cnry7QcnryQ",
        ]
        for _ in range(10):
            text = "".join(
                rng.choice([filler, filler * 3, ";".join(forms[:3]), f" {rng.choice(forms)} "]) for _ in range(40)
            )
            expected = redactor.text(text)
            for block in (16, 100, 1 << 10):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(whole, "_BLOCK", block)
                    assert redactor.text(text) == expected

    @pytest.mark.parametrize("last", ["", "é"])
    def test_the_end_of_a_block_is_no_end_of_a_word(self, last, monkeypatch):
        monkeypatch.setattr(whole, "_BLOCK", 17)
        text = "abcx xabc " * 300 + last
        for values in ({"short": "abc"}, {"short": "abc", "lines": "cnry one\ncnry two"}):
            assert Redactor(values, views="off").text(text) is text

    @pytest.mark.parametrize("last", ["", "é"])
    def test_an_encoding_may_be_much_longer_than_its_value(self, last, monkeypatch):
        monkeypatch.setattr(whole, "_BLOCK", 64)
        encoded = "".join(f"&#{ord(char):07};" for char in "cnry7QcnryQ7")
        for before in range(0, 64, 7):
            clean = "; " * before
            assert Redactor({"name": "cnry7QcnryQ7"}).text(f"{clean}{encoded}; {last}") == f"{clean}***; {last}"

    def test_a_megabyte_of_text_keeps_what_is_clean(self):
        redactor = Redactor({"name": VALUE})
        for filler in ("some text; ", "é some text; "):
            clean = filler * 100_000
            assert redactor.text(clean) is clean
            assert redactor.text(f"{clean}{VALUE}{clean}{VALUE}") == f"{clean}***{clean}***"


class TestBytes:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_a_value_becomes_the_mark(self, redactor, kind):
        out = redactor.bytes(kind(f"a {VALUE}".encode()))
        assert out == b"a ***"
        assert type(out) is bytes

    def test_without_views_one_search_is_enough(self):
        redactor = Redactor({"name": VALUE}, views="off")
        assert redactor.bytes(f"a {VALUE} %41".encode()) == b"a *** %41"

    def test_clean_bytes_are_the_same_object(self, redactor):
        data = bytes(range(256)) * 10
        assert redactor.bytes(data) is data

    @pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le"])
    def test_wide_characters_are_found(self, redactor, codec):
        assert redactor.bytes(b"<" + VALUE.encode(codec) + b">") == b"<***>"

    @pytest.mark.parametrize("wrong", ["text", None, 1, [1, 2]])
    def test_only_bytes_are_bytes(self, redactor, wrong):
        with pytest.raises(InputError):
            redactor.bytes(wrong)


class TestData:
    def test_only_what_leads_to_a_value_is_copied(self, redactor):
        clean = {"deep": ["plain", 1, None, 1.5, True, b"raw"]}
        value = {
            "clean": clean,
            "list": [VALUE, clean],
            "tuple": (VALUE, 1),
            "set": {VALUE},
            "frozen": frozenset([VALUE]),
        }
        before = copy.deepcopy(value)
        out = redactor.data(value)
        assert out == {"clean": clean, "list": ["***", clean], "tuple": ("***", 1), "set": {"***"}, "frozen": {"***"}}
        assert value == before
        assert out["clean"] is clean
        assert out["list"][1] is clean
        assert type(out["frozen"]) is frozenset

    def test_clean_data_are_the_same_object(self, redactor):
        for value in ({"a": [1, "b", {"c": None}]}, [], "plain", 1, 1.5, None, b"raw", ({},), {1, 2}):
            assert redactor.data(value) is value

    def test_without_values_everything_is_clean(self):
        value = [object(), VALUE]
        assert Redactor().data(value) is value

    def test_keys_are_hidden(self, redactor):
        assert redactor.data({VALUE: 1, "b": 2}) == {"***": 1, "b": 2}
        assert redactor.data({("a", VALUE): VALUE, 1: VALUE}) == {("a", "***"): "***", 1: "***"}

    @pytest.mark.parametrize(
        "encode", [json.dumps, urllib.parse.quote, html.escape, lambda text: base64.b64encode(text.encode()).decode()]
    )
    def test_encoded_values_are_hidden(self, redactor, encode):
        assert "***" in redactor.data({"a": [encode(VALUE)]})["a"][0]

    def test_a_value_that_only_decoding_shows_is_hidden(self, redactor):
        text = "".join(f"&#{ord(char)};" for char in VALUE)
        assert redactor.data({"a": text, "b": [VALUE, 1]}) == {"a": "***", "b": ["***", 1]}

    def test_a_text_on_its_own_is_hidden(self, redactor):
        assert redactor.data(f"a {VALUE} b") == "a *** b"

    def test_keys_may_be_numbers(self, redactor):
        assert redactor.data({1: VALUE, 2: "plain", "b": VALUE}) == {1: "***", 2: "plain", "b": "***"}

    @pytest.mark.parametrize("shape", [lambda one: [one] * 20, lambda one: dict.fromkeys(range(20), one)])
    def test_of_very_many_parts_none_is_overlooked(self, redactor, shape, monkeypatch):
        monkeypatch.delitem(sys.modules, "numpy")
        assert redactor.data(shape("".join(f"&#{ord(char)};" for char in VALUE))) == shape("***")
        clean = shape("plain")
        assert redactor.data(clean) is clean

    def test_scalars_stay(self, redactor):
        value = {"a": VALUE, "b": 1, "c": [None, 1.5, VALUE], "d": True}
        assert redactor.data(value) == {"a": "***", "b": 1, "c": [None, 1.5, "***"], "d": True}

    def test_bytes_are_hidden(self, redactor, monkeypatch):
        monkeypatch.delitem(sys.modules, "numpy")
        assert redactor.data({"a": [VALUE, b"plain", bytearray(b"plain")]}) == {
            "a": ["***", b"plain", bytearray(b"plain")]
        }
        assert redactor.data([VALUE.encode(), bytearray(VALUE.encode())]) == [b"***", bytearray(b"***")]
        raw = Redactor({"name": b"cnry\xff\xfe7Q"})
        assert raw.data([b"<cnry\xff\xfe7Q>"]) == [b"<***>"]

    def test_numbers_that_show_a_value_are_hidden(self):
        redactor = Redactor({"pin": "12345678"})
        assert redactor.data({"a": 12345678, "b": 1234567, "c": 0.12345678, 12345678: True}) == {
            "a": "***", "b": 1234567, "c": "***", "***": True,
        }  # fmt: skip

    def test_other_numbers_stay_beside_such_values(self):
        record = {"big": 10**5000, "small": [1, 2.5], "text": "plain"}
        assert Redactor({"pin": "12345678"}).data(record) is record
        assert Redactor({"pin": "12345678"}).data({"a": [1, 12345678]}) == {"a": [1, "***"]}

    def test_a_number_is_clean_where_no_value_is_one(self, redactor):
        assert redactor.data([12345678, VALUE]) == [12345678, "***"]

    def test_deep_and_cyclic_data_are_walked(self, redactor):
        deep = [VALUE]
        for _ in range(100_000):
            deep = [deep]
        out = redactor.data(deep)
        for _ in range(100_000):
            (out,) = out
        assert out == ["***"]
        cyclic = [VALUE]
        cyclic.append(cyclic)
        out = redactor.data(cyclic)
        assert out[0] == "***"
        assert out[1] is out

    def test_arrays_are_looked_into(self, redactor):
        array = np.array([VALUE, "plain"])
        assert VALUE not in repr(redactor.data({"a": array}))
        assert VALUE not in repr(redactor.data([array, VALUE]))
        many = [[number] for number in range(100_001)]
        assert redactor.data(many) is many

    def test_other_objects_are_looked_into(self, redactor, monkeypatch):
        monkeypatch.delitem(sys.modules, "numpy")

        class Holder:
            def __init__(self):
                self.value = VALUE

        assert VALUE not in repr(redactor.data({"a": Holder()}))

    def test_what_looking_into_would_use_up_is_refused(self, redactor):
        with pytest.raises(InputError) as caught:
            redactor.data({"a": (char for char in VALUE)})
        assert caught.value.place
        assert caught.value.__context__ is None

    def test_what_cannot_be_redacted_is_withheld(self, redactor, monkeypatch):
        monkeypatch.setattr(_redactor, "rewrite", lambda *_args, **_options: 1 / 0)
        assert redactor.data({VALUE: 1}) == "[redaction failed]"

    def test_short_words_beside_other_words_stay(self):
        redactor = Redactor({"name": "abc"})
        value = {"a": "abcd", "b": ["xabc"]}
        assert redactor.data(value) == value
        assert redactor.data({"a": "abcd abc"}) == {"a": "abcd ***"}


class TestException:
    def test_a_copy_without_values_comes_back(self, redactor):
        error = ValueError(f"bad {VALUE}")
        copied = redactor.exception(error)
        assert type(copied) is ValueError
        assert str(copied) == "bad ***"
        assert str(error) == f"bad {VALUE}"


class TestRegistration:
    def test_it_counts_at_once(self):
        redactor = Redactor()
        assert redactor.text(VALUE) == VALUE
        assert redactor.register("name", VALUE).weak is False
        assert redactor.text(VALUE) == "***"

    def test_weak_values_are_told(self):
        redactor = Redactor({"pin": "1234", "blank": "", "good": VALUE})
        assert redactor.weak == {"pin", "blank"}
        assert redactor.register("word", "true").reason == "a common word: never searched for"
        assert redactor.weak == {"pin", "blank", "word"}

    def test_strict_redactors_refuse_them(self):
        with pytest.raises(WeakSecretError) as caught:
            Redactor({"pin": "1234", "good": VALUE}, strict=True)
        assert caught.value.names == {"pin"}
        redactor = Redactor({"good": VALUE}, strict=True)
        with pytest.raises(WeakSecretError):
            redactor.register("pin", "1234")
        assert redactor.text("1234") == "1234"

    @pytest.mark.parametrize("value", ["", " ", "1", "e", "true", "*", "***"])
    def test_weak_values_destroy_no_record(self, value):
        record = {"status": "true", "count": 1, "e": [1e5, " ", "", "1"], "mark": "***"}
        redactor = Redactor({"weak": value, "good": VALUE})
        assert redactor.data(record) is record
        text = json.dumps(record)
        assert redactor.text(text) is text

    def test_all_weak_values_are_told_and_refused_under_strict(self):
        refusing, told = Redactor(strict=True), Redactor(views="off")
        for number in range(0, 10_000, 100):
            assert told.register("pin", f"{number:04}").weak
            with pytest.raises(WeakSecretError):
                refusing.register("pin", f"{number:04}")

    @pytest.mark.parametrize("options", [{"mark": ""}, {"views": "some"}, {"views": None}])
    def test_settings_are_checked(self, options):
        with pytest.raises(ConfigurationError):
            Redactor({"name": VALUE}, **options)


class TestOpacity:
    def test_nothing_shows_a_value(self, redactor):
        redactor.text(VALUE)
        assert repr(redactor) == "Redactor()"

    def test_a_redactor_is_not_copied_or_pickled(self, redactor):
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                attempt(redactor)


class FaultError(Exception):
    """Something broke."""


class Breaking:
    """Raise at the n-th line that the rooms of the redactor run."""

    FILES = frozenset(str(path) for room in ROOMS for path in files(room))

    def __init__(self, line):
        self.left = line

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self.enter)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)

    def enter(self, frame, _event, _arg):
        return self.run if frame.f_code.co_filename in self.FILES else None

    def run(self, _frame, event, _arg):
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise FaultError
        return self.run


MESSAGE = (
    f"a {VALUE} b {base64.b64encode(VALUE.encode()).decode()} c {urllib.parse.quote(VALUE)} "
    f"d cnry-line-one\n cnry-line-two e {VALUE[:4]}\\u0037Q{VALUE[6:]}\n"
)
SINKS = {
    "text": lambda redactor: redactor.text(MESSAGE),
    "bytes": lambda redactor: redactor.bytes(MESSAGE.encode()).decode(),
    "data": lambda redactor: repr(redactor.data({"a": [MESSAGE], "b": MESSAGE.encode()})),
    "keys": lambda redactor: repr(redactor.data({MESSAGE: 1})),
    "a line": lambda redactor: chunks(redactor.stream("line")),
    "an eager stream": lambda redactor: chunks(redactor.stream("eager")),
    "exception": lambda redactor: repr(redactor.exception(ValueError(MESSAGE))),
}


def chunks(stream):
    return "".join([stream.feed(MESSAGE[:30]), stream.feed(MESSAGE[30:]), stream.close(truncated=True)])


@pytest.mark.parametrize("sink", SINKS.values(), ids=SINKS)
def test_whatever_line_fails_nothing_leaks(sink):
    """Break at each line in turn, up to 150 lines spread over the run; ``deep`` runs of the laws need no more."""
    values = {"name": VALUE, "lines": "cnry-line-one\ncnry-line-two", "word": "Q7c"}
    with Breaking(-1) as counter:
        sink(Redactor(values))
    total = -1 - counter.left
    clean = sink(Redactor(values))
    shown = leaks(clean)  # eager streams decode nothing
    assert total > 100
    for line in range(1, total, max(1, total // 150)):
        redactor = Redactor(values)
        with Breaking(line):
            try:
                out = sink(redactor)
            except FaultError:
                out = ""
        assert leaks(out) <= shown, f"line {line} of {total}"


def leaks(out):
    pieces = ("cnry7Q", "cnryQ7", "line-one", "line-two", base64.b64encode(VALUE.encode()).decode()[4:12])
    return {piece for piece in pieces if piece in out}


def innocent(count, rng):
    """Make records as services write them."""
    words = ["order", "total", "price", "status", "error", "retry", "user", "queue", "invoice", "Müller", "ok", "null"]
    for number in range(count):
        yield {
            "id": "".join(rng.choices("0123456789abcdef", k=32)),
            "time": f"2026-11-23T05:{number % 60:02}:{rng.randrange(60):02}.{rng.randrange(1000):03}Z",
            "message": " ".join(rng.choices(words, k=12)),
            "url": f"https://example.org/{rng.choice(words)}?page={number}&q=a%20b%2Fc",
            "token": base64.b64encode(rng.randbytes(48)).decode(),
            "digest": rng.randbytes(32).hex(),
            "path": f"C:\\new\\{rng.choice(words)}\\u.txt",
            "nested": {
                "items": [rng.random(), rng.randrange(10**9), None, True],
                "html": "<b>a &amp; b</b> &#39;c&#39;",
            },
            "stack": 'File "/app/main.py", line 3, in run\n    raise ValueError("x")\n',
        }


def secrets(rng, count=100):
    printable = [chr(code) for code in range(33, 127)]
    return {f"name{number}": "".join(rng.choices(printable, k=rng.randint(12, 40))) for number in range(count)}


def test_innocent_records_and_logs_come_back_unchanged():
    rng = random.Random(11)
    redactor = Redactor(secrets(rng))
    records = list(innocent(300, rng))
    for record in records:
        assert redactor.data(record) is record
    text = "\n".join(map(json.dumps, records))
    assert redactor.text(text) is text
    stream = redactor.stream()
    assert "".join(stream.feed(line + "\n") for line in text.split("\n")) + stream.close() == text + "\n"


def test_little_is_hidden_beside_the_values(capsys):
    """Print how many characters of innocent text are hidden beside the values, per million characters."""
    rng = random.Random(12)
    values = secrets(rng, 50)
    redactor = Redactor(values)
    wrong = total = 0
    for record, value in zip(innocent(100, rng), itertools.cycle(values.values())):
        for encode in (str, json.dumps, urllib.parse.quote, lambda text: base64.b64encode(text.encode()).decode()):
            before, after = json.dumps(record), record["message"]
            out = redactor.text(f"{before} {encode(value)} {after}")
            head, mark, tail = out.partition("***")
            assert mark
            wrong += max(0, len(before) + 1 - len(head)) + max(0, len(after) + 1 - len(tail))
            total += len(before) + len(after) + 2
    with capsys.disabled():
        sys.stdout.write(f"\nhidden beside the values: {1e6 * wrong / total:.0f} characters per million\n")
    assert wrong <= total / 1000


def test_threads_redact_while_others_register():
    redactor = Redactor({"first": VALUE})
    barrier, faults = threading.Barrier(6, timeout=10), []

    def redact():
        barrier.wait()
        stream = redactor.stream("eager")
        for number in range(60):
            out = redactor.text(f"a {VALUE} {number}") + stream.feed(f"a {VALUE} {number}\n")
            faults.extend(out for _ in range(1) if "cnry" in out)
            faults.extend(out for _ in range(1) if VALUE in repr(redactor.data({"a": VALUE})))

    def register(thread):
        barrier.wait()
        for number in range(40):
            late = f"late-{thread}-{number:03}-value"
            redactor.register(late, late)
            faults.extend(late for _ in range(1) if redactor.text(f"<{late}>") != "<***>")

    threads = [threading.Thread(target=redact) for _ in range(4)] + [
        threading.Thread(target=register, args=(number,)) for number in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []


@pytest.mark.parametrize("value", ["cnry7QcnryQ7", "12345678901"])
@pytest.mark.parametrize("leaf", ["cnry7QcnryQ7", "clean", 12345678901, b"cnry7QcnryQ7"])
@pytest.mark.parametrize("views", ["off", "strict"])
def test_what_is_shared_is_looked_at_once(value, leaf, views):
    deep = [leaf]
    for _ in range(60):
        deep = [deep, deep]
    done = Redactor({"name": value}, views=views).data(deep)
    is_shared = done[0] is done[1]  # no assertion may print what is so deep
    while len(done) == 2:
        done = done[0]
    mark = b"***" if isinstance(leaf, bytes) else "***"
    assert (is_shared, done) == (True, [mark if value in str(leaf) else leaf])


@pytest.mark.parametrize("value", ["cnry7Q cnry Q7", "cnry-é-7Q", "cnry7Q-cnryQ7"])
def test_programs_and_libraries_stay_as_they_are(value):
    for module in (_needles, _redactor, json, html):
        code = marshal.dumps(compile(Path(module.__file__).read_text(), "module", "exec"))
        assert Redactor({"name": value}).bytes(code) is code


@pytest.mark.parametrize(
    "printed",
    [
        "cnry horse\n   battery staple",
        "cnry  horse battery staple",
        "cnry horse\r\n battery\tstaple",
        "cnry\u00a0horse battery staple",
        "cnry&nbsp;horse battery staple",
        "cnry\u2003horse\u3000battery staple",
        "cnry horse\\nbattery staple",
    ],
)
def test_words_of_a_phrase_may_be_folded(printed):
    redactor = Redactor({"name": "cnry horse battery staple"})
    assert redactor.text(f"a {printed} b") == "a *** b"
    for mode in ("line", "eager"):
        stream = redactor.stream(mode)
        out = "".join(stream.feed(char) for char in f"a {printed} b\n") + stream.close()
        assert out == "a *** b\n" or (mode == "eager" and "&" in printed)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("cnry{7Q}cnry", "cnry{{7Q}}cnry"),
        ("cnry[7Q]cnry", "cnry[7Q]]cnry"),
        ("cnry(7Q)*cnry", "cnry\\287Q\\29\\2acnry"),
        ("cnry7Q/cnry+Q7cnryQ7ab", "cnry7Q_cnry-Q7cnryQ7ab"),
        ("0123456789abcdef0123456789abcdef", "ASNFZ4mrze8BI0VniavN7w=="),
        ("550e8400-e29b-41d4-a716-446655440000", "VQ6EAOKbQdSnFkRmVUQAAA=="),
        ("ASNFZ4mrze8BI0VniavN7w==", "0123456789abcdef0123456789abcdef"),
        ("ASNFZ4mrze8BI0VniavN7w==", "01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef"),
    ],
)
def test_other_spellings_of_a_value(value, printed):
    assert Redactor({"name": value}).text(f"a {printed} b") == "a *** b"


@pytest.mark.parametrize("order", list(itertools.permutations(["deep", "strict", "fast", "off"])))
def test_a_union_decodes_as_the_one_that_decodes_most(order):
    value = "cnry7QcnryQ7-/cnry"
    mixed = value.replace("/", "%252F")
    for views, text in (("strict", mixed), ("fast", mixed), ("deep", value[::-1])):
        members = [Redactor({kind: value}, views=kind) for kind in order[: order.index(views) + 1]]
        assert text not in Redactor.union(lambda members=members: members).text(f"<{text}>")


def test_values_of_several_redactors_may_overlap():
    one, other = Redactor({"a": "first-secret-cnry"}), Redactor({"b": "cnry-second-secret"})
    armed = [one, other]
    union = Redactor.union(lambda: armed)
    assert union.text("x first-secret-cnry-second-secret y") == "x *** y"
    stream = union.stream("eager")
    out = stream.feed("x first-secret-cn")
    armed.remove(one)
    assert (
        out + stream.feed("ry y ") + stream.feed("cnry-second-secret ") + stream.close() == "x first-secret-cnry y *** "
    )
    assert (union.mark, union.weak, repr(union)) == ("***", frozenset(), "Redactor()")
    with pytest.raises(InputError):
        union.register("c", "third-secret-cnry")


def test_what_is_held_keeps_the_protection_it_was_written_under():
    armed = [Redactor({"a": "first-secret-cnry"})]
    stream = Redactor.union(lambda: armed).stream("line")
    held = stream.feed("unfinished first-secret-cnry")
    armed.clear()
    assert held + stream.feed(" later") == "unfinished *** later"
