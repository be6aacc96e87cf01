"""An exception comes back as a redacted copy: type, text, attributes, chain and lines kept, values and locals gone."""

# the odd ways to write, log and name things are what is tested here
# ruff: noqa: N805, N818, PTH123, RUF034

import asyncio
import gc
import io
import itertools
import json
import subprocess
import sys
import traceback
import types
import urllib.error
import urllib.request

import attrs
import httpx
import pydantic
import pytest
import requests
import sqlalchemy
from _standin import MARK, NUMBER, SECRET, data, exception, leaks, text
from pydantic_core import PydanticCustomError, ValidationError

from secretref._exceptions import redacted
from secretref.errors import RedactedError


def raised(function, *args):
    try:
        held = function(*args)
    except BaseException as error:
        return error
    raise AssertionError(held)


def throw(error):
    held_by_frame = SECRET
    raise error if held_by_frame else error


def assert_clean(error):
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert SECRET not in "".join(shown.format())
    assert SECRET not in "".join(traceback.format_exception(error, chain=False))
    assert SECRET not in f"{error!s} {error!r} {error.args!r} {vars(error)!r} {error.__traceback__!r}"
    entry = error.__traceback__
    while entry:
        assert not entry.tb_frame.f_locals
        assert entry.tb_frame.f_back is None
        entry = entry.tb_next
    assert not leaks(error)


class Odd(Exception):
    def __init__(self, first, second, *, third):
        super().__init__(first)
        self.second, self.third = second, third

    def __str__(self):
        return f"odd {self.second} {self.third}"


class Slots(Exception):
    __slots__ = ("empty", "held")

    def __init__(self, held):
        self.held = held


class Renamed(OSError):
    def __init__(self, held):
        super().__init__(5, held, held)


@attrs.frozen(auto_exc=True)
class Attrs(Exception):
    held: str


class Named(ExceptionGroup):
    def __new__(cls, members):
        return super().__new__(cls, f"named {SECRET}", members)

    def __init__(self, members):
        self.held = SECRET


class Model(pydantic.BaseModel):
    number: int
    word: str

    @pydantic.field_validator("word")
    def check(cls, word):
        raise ValueError(f"bad {word}")


class Hiding(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(hide_input_in_errors=True)
    number: int


class Custom(pydantic.BaseModel):
    word: str

    @pydantic.field_validator("word")
    def check(cls, word):
        raise PydanticCustomError("own", "own {word} text", {"word": word})


def noted():
    error = ValueError("plain")
    error.add_note(f"note {SECRET}")
    raise error


def chained():
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError:
        raise OSError(2, f"no {SECRET}", f"/x/{SECRET}", None, "/y") from None


def grouped():
    raise ExceptionGroup(f"group {SECRET}", [ValueError(SECRET), ExceptionGroup("inner", [throw_safe()])])


def throw_safe():
    return raised(throw, TypeError(SECRET))


def http_error():
    request = httpx.Request("GET", f"https://host/?k={SECRET}", headers={"Authorization": SECRET})
    httpx.Response(500, request=request, content=SECRET.encode(), headers={"X": SECRET}).raise_for_status()


def requests_error():
    response = requests.Response()
    response.status_code, response.url, response._content, response.reason = (
        500,
        f"http://h/{SECRET}",
        SECRET.encode(),
        SECRET,
    )
    response.request = requests.Request("GET", "http://h/", headers={"A": SECRET}).prepare()
    response.raise_for_status()


def sql_error():
    engine = sqlalchemy.create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("select * from missing where a = :a"), {"a": SECRET})
    finally:
        engine.dispose()


RAISED = {
    "value": lambda: throw(ValueError(f"a {SECRET}", {"k": [SECRET]}, 1)),
    "key": lambda: {}[SECRET],
    "index": lambda: throw(IndexError(SECRET.encode())),
    "notes": noted,
    "chain": chained,
    "group": grouped,
    "base group": lambda: throw(BaseExceptionGroup(SECRET, [KeyboardInterrupt(SECRET), ValueError(SECRET)])),
    "own group": lambda: throw(Named([ValueError(SECRET)])),
    "odd": lambda: throw(Odd(SECRET, SECRET, third=SECRET)),
    "slots": lambda: throw(Slots(SECRET)),
    "frozen attrs": lambda: throw(Attrs(SECRET)),
    "os error": lambda: open(f"/nowhere/{SECRET}"),  # noqa: SIM115 - never opens
    "own os error": lambda: throw(Renamed(SECRET)),
    "decode": lambda: (SECRET.encode() + b"\xff").decode("ascii"),
    "encode": lambda: (SECRET + "ÿ").encode("ascii"),
    "translate": lambda: throw(UnicodeTranslateError(SECRET, 0, 1, SECRET)),
    "json": lambda: json.loads("{" + SECRET),
    "syntax": lambda: compile(f"x = '{SECRET}", "<string>", "exec"),
    "import": lambda: __import__(f"no{NUMBER}"),
    "import path": lambda: throw(ImportError(SECRET, name=SECRET, path=SECRET)),
    "attribute": lambda: SECRET.nothing,
    "name": lambda: eval(f"n{NUMBER}"),
    "exit": lambda: sys.exit(SECRET),
    "stop": lambda: throw(StopAsyncIteration(SECRET)),
    "interrupt": lambda: throw(KeyboardInterrupt(SECRET)),
    "cancelled": lambda: throw(asyncio.CancelledError(SECRET)),
    "generator exit": lambda: throw(GeneratorExit(SECRET)),
    "process": lambda: subprocess.run(["false", SECRET], check=True),
    "timeout": lambda: throw(
        subprocess.TimeoutExpired(["a", SECRET], 1, output=SECRET.encode(), stderr=SECRET.encode())
    ),
    "url": lambda: throw(
        urllib.error.HTTPError(f"http://h/{SECRET}", 404, SECRET, {"A": SECRET}, io.BytesIO(SECRET.encode()))
    ),
    "httpx": http_error,
    "requests": requests_error,
    "sql": sql_error,
    "model": lambda: Model(number=SECRET, word=SECRET),
    "hiding model": lambda: Hiding(number=SECRET),
    "custom model": lambda: Custom(word=SECRET),
    "generator in arguments": lambda: throw(ValueError((held for held in [SECRET]), SECRET)),
}


@pytest.mark.parametrize("function", RAISED.values(), ids=RAISED)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_type_is_kept_and_the_value_is_gone(function):
    error = raised(function)
    before = (str(error), repr(error.args))
    done = exception(error)
    assert type(done) is type(error)
    assert done is not error
    assert_clean(done)
    assert (str(error), repr(error.args)) == before
    for linked in (done.__cause__, done.__context__, *getattr(done, "exceptions", ())):
        if linked is not None:
            assert_clean(linked)


def test_the_text_stays_useful():
    assert str(exception(raised(RAISED["os error"]))) == f"[Errno 2] No such file or directory: '/nowhere/{MARK}'"
    assert str(exception(raised(RAISED["odd"]))) == f"odd {MARK} {MARK}"
    assert exception(raised(RAISED["exit"])).code == MARK
    assert exception(raised(sys.exit, 3)).code == 3
    assert exception(raised(RAISED["notes"])).__notes__ == [f"note {MARK}"]
    assert exception(raised(RAISED["process"])).cmd == ["false", MARK]
    assert exception(raised(RAISED["httpx"])).response.status_code == 500
    assert exception(raised(RAISED["requests"])).response.status_code == 500
    assert exception(raised(RAISED["url"])).code == 404
    model = exception(raised(RAISED["model"]))
    assert [(error["loc"], error["type"], error["input"]) for error in model.errors()] == [
        (("number",), "int_parsing", MARK),
        (("word",), "value_error", MARK),
    ]
    assert "input_value" not in str(exception(raised(RAISED["hiding model"])))
    assert f"own {MARK} text" in str(exception(raised(RAISED["custom model"])))


def test_the_traceback_shows_the_same_lines():
    error = raised(chained)
    wanted = [(entry.filename, entry.lineno, entry.name) for entry in traceback.extract_tb(error.__traceback__)]
    done = exception(error)
    assert [(entry.filename, entry.lineno, entry.name) for entry in traceback.extract_tb(done.__traceback__)] == wanted
    assert "in chained" in "".join(traceback.format_exception(done))
    assert done.__suppress_context__
    assert type(done.__context__.__cause__) is KeyError


def test_a_source_line_that_holds_a_value_is_left_out(tmp_path):
    path = tmp_path / "leaky.py"
    path.write_text(f"def run():\n    raise ValueError('{SECRET}')\n")
    held = {}
    exec(compile(path.read_text(), str(path), "exec"), held)
    done = exception(raised(held["run"]))
    shown = "".join(traceback.format_exception(done))
    assert SECRET not in shown
    assert "<source withheld>" in shown
    assert "in run" in shown


def test_a_clean_error_that_was_never_raised_comes_back_itself():
    for error in (
        ValueError("fine"),
        ExceptionGroup("fine", [ValueError("a")]),
        OSError(2, "fine", "f"),
        UnicodeTranslateError("", 0, 0, ""),
    ):
        assert exception(error) is error
    assert exception(raised(throw, ValueError("fine"))).__traceback__ is not None


def test_a_clean_error_with_a_traceback_loses_its_locals():
    done = exception(raised(throw, ValueError("fine")))
    assert_clean(done)


class BadText(Exception):
    def __str__(self):
        raise ValueError(SECRET)


class Constant(Exception):
    def __str__(self):
        return bytes.fromhex(SECRET.encode().hex()).decode()


class Flickers(Exception):
    calls = itertools.count()

    def __str__(self):
        return f"call {next(self.calls)}"


class Steers(BaseException):
    def __str__(self):
        return bytes.fromhex(SECRET.encode().hex()).decode()


class Leaves(SystemExit):
    def __str__(self):
        return bytes.fromhex(SECRET.encode().hex()).decode()


@pytest.mark.parametrize("kind", [BadText, Constant, Flickers], ids=lambda kind: kind.__name__)
def test_what_cannot_be_copied_becomes_a_redacted_error(kind):
    done = exception(raised(throw, kind("x")))
    assert type(done) is RedactedError
    assert done.original_type == kind.__name__
    assert done.__traceback__ is not None
    assert_clean(done)


def test_a_model_error_whose_limit_was_a_value_is_made_anew():
    line = {
        "type": "too_long",
        "loc": (),
        "input": 1,
        "ctx": {"field_type": "List", "max_length": int(NUMBER), "actual_length": 5},
    }
    done = exception(ValidationError.from_exception_data("T", [line]))
    assert f"at most {MARK} items" in str(done)
    assert not leaks([done.errors(), done.json(), str(done)])


def test_an_exception_of_an_extension_that_cannot_be_made_empty_becomes_a_redacted_error():
    done = exception(raised(throw, PydanticCustomError("own", f"text {NUMBER}")))
    assert type(done) is RedactedError
    assert str(done) == f"PydanticCustomError: text {MARK}"


def test_control_flow_never_becomes_an_ordinary_exception():
    for kind in (Steers, Leaves):
        done = exception(raised(throw, kind("x")))
        assert not isinstance(done, Exception)
        assert isinstance(done, SystemExit) == issubclass(kind, SystemExit)
        assert_clean(done)


def test_cycles_end():
    first, second = ValueError(SECRET), TypeError(SECRET)
    first.__context__, second.__context__ = second, first
    first.args = (first, SECRET)
    first.me = first
    done = exception(first)
    assert done.args == (done, MARK)
    assert done.me is done
    assert done.__context__.__context__ is done


def test_a_group_that_holds_itself():
    member = ValueError("x")
    group = ExceptionGroup("g", [member])
    member.group = group
    member.__context__ = group
    assert_clean(exception(group))
    assert isinstance(exception(group).exceptions[0].group, RedactedError)


def test_a_shell_that_was_handed_out_and_failed_is_withheld():
    error = Constant("x")
    error.args = (ValueError(error),)
    done = exception(error)
    assert type(done) is RedactedError
    assert_clean(done)


def test_long_chains():
    error = None
    for _ in range(5_000):
        new = ValueError(SECRET)
        new.__cause__ = error
        error = new
    done = exception(error)
    assert not leaks(done.__cause__.args)


def test_exceptions_nested_in_arguments_without_end():
    error = ValueError(SECRET)
    for _ in range(100_000):
        error = ValueError(error)
    assert type(exception(error)) in (ValueError, RedactedError)


def test_values_that_only_the_printed_form_assembles():
    half, rest = SECRET[:10], SECRET[10:]
    done = exception(raised(throw, ValueError(half, type("Raw", (), {"__repr__": lambda _: rest})())))
    assert SECRET not in str(done)
    group = ExceptionGroup("m", [ValueError("x")])
    group.__notes__ = [f"{SECRET[:5]}", SECRET[5:]]
    assert exception(group) is group or not leaks(exception(group))


def test_a_failing_redactor_withholds_everything():
    def broken(_shown):
        raise ZeroDivisionError(SECRET)

    def picky(shown):
        return text(shown) if "<" not in shown and "ValueError" not in shown else broken(shown)

    done = redacted(raised(throw, ValueError(SECRET)), text=picky, data=data, mark=MARK)
    assert not leaks(done)


def test_the_printed_whole_is_checked_again():
    def suspicious(shown):
        return MARK if "Traceback" in shown else text(shown)

    done = redacted(raised(throw, ValueError("fine")), text=suspicious, data=data, mark=MARK)
    assert type(done) is RedactedError
    assert done.__traceback__ is None


def test_numbers_can_be_left_out():
    done = redacted(ValueError(int(NUMBER)), text=lambda shown: shown, data=data, mark=MARK, numbers=False)
    assert done.args == (int(NUMBER),)


def test_nothing_of_the_original_hangs_on_the_copy():
    error = raised(grouped)
    done = exception(error)
    seen, stack = {}, [done]
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, type | types.ModuleType):
            continue
        seen[id(one)] = one
        assert one is not error
        assert not (isinstance(one, types.FrameType) and one.f_locals)
        stack += gc.get_referents(one)


class Told(Exception):
    """A slot named like one of a group, and another that is empty."""

    __slots__ = ("exceptions", "message", "nothing")


def test_slots_keep_their_state_whatever_their_names():
    error = Told("x")
    error.message, error.exceptions = f"m {SECRET}", [SECRET]
    copy = exception(error)
    assert type(copy) is Told
    assert (copy.message, copy.exceptions) == (f"m {MARK}", [MARK])
    assert not hasattr(copy, "nothing")


def test_a_model_error_keeps_places_inputs_and_contexts():
    copy = exception(raised(RAISED["custom model"]))
    (line,) = copy.errors(include_url=False)
    assert line == {"type": "own", "loc": ("word",), "msg": f"own {MARK} text", "input": MARK}
    copy = exception(raised(lambda: Model(number=SECRET, word="x")))
    assert [line["loc"] for line in copy.errors()] == [("number",), ("word",)]
    assert [line["input"] for line in copy.errors()] == [MARK, "x"]


def test_a_shell_that_another_exception_holds_is_not_handed_out():
    failing, other = Constant("x"), ValueError("y")
    other.held, failing.__context__ = failing, other
    done = exception(failing)
    assert type(done) is RedactedError
    assert_clean(done)
    assert done.__context__ is None or not leaks(vars(done.__context__))


def test_an_error_that_is_clean_but_shows_a_value_does_not_come_back_itself():
    assert type(exception(Constant("x"))) is RedactedError


def test_an_implicit_context_is_shown_and_a_suppressed_one_is_not():
    def implicit():
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second")  # noqa: B904 - that is the point

    def suppressed():
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second") from None

    assert "KeyError" in "".join(traceback.format_exception(exception(raised(implicit))))
    assert "KeyError" not in "".join(traceback.format_exception(exception(raised(suppressed))))


class Ends(asyncio.CancelledError):
    __str__ = Steers.__str__


def test_control_flow_that_cannot_be_copied_keeps_its_meaning():
    cancelled, left, steered = (exception(raised(throw, kind("x"))) for kind in (Ends, Leaves, Steers))
    assert type(cancelled) is asyncio.CancelledError
    assert cancelled.args == (f"Ends: {MARK}",)
    assert (type(left), left.code, left.args) == (SystemExit, 1, (1,))
    assert (type(steered), steered.args) == (BaseException, (f"Steers: {MARK}",))


def test_a_clean_error_comes_back_itself_wherever_it_stands():
    member = ValueError("fine")
    error = KeyError(member, [member])
    assert exception(error) is error
    assert exception(ValueError(error, SECRET)).args[0] is error


class Made(Exception):
    def __new__(cls, first, second):
        return super().__new__(cls, first, second)

    def __init__(self, first, second):
        super().__init__(first)
        self.second = second


def test_no_constructor_of_the_class_is_run():
    copy = exception(Made("x", SECRET))
    assert (type(copy), copy.args, copy.second) == (Made, ("x",), MARK)
