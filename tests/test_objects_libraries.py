"""Objects of other libraries keep their type, and classes and enumerations hide in no corner of their make."""

import asyncio
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import urllib.request
import weakref

import httpx
import pytest
import requests
from _standin import MARK, NUMBER, SECRET, leaks, redact

from secretref import Redactor
from secretref._objects import rewrite
from secretref.errors import InputError

HEADERS = {"Authorization": f"Bearer {NUMBER}", "Accept": "text/plain"}
URL = f"https://cnry.example/{NUMBER}"


def answer():
    response = requests.Response()
    response.status_code, response._content, response.url = 401, f"no {NUMBER}".encode(), URL
    response.request = requests.Request("GET", URL, headers=HEADERS).prepare()
    return response


MADE = {
    "urllib.request.Request": (lambda: urllib.request.Request(URL, headers=HEADERS), lambda one: one.full_url),
    "requests.Request": (lambda: requests.Request("GET", URL, headers=HEADERS), lambda one: one.url),
    "requests.PreparedRequest": (lambda: requests.Request("GET", URL, headers=HEADERS).prepare(), lambda one: one.url),
    "requests.Response": (answer, lambda one: f"{one.url} {one.text}"),
    "httpx.Request": (lambda: httpx.Request("GET", URL, headers=HEADERS), lambda one: one.headers["authorization"]),
    "httpx.Response": (lambda: httpx.Response(401, headers=HEADERS, text=f"no {NUMBER}"), lambda one: one.text),
    "httpx.Headers": (lambda: httpx.Headers(HEADERS), lambda one: one["authorization"]),
}


@pytest.mark.parametrize(("make", "show"), MADE.values(), ids=MADE)
def test_requests_and_answers_keep_their_type(make, show):
    done = redact(make())
    assert type(done) is type(make())
    assert MARK in show(done)
    assert not leaks(done)


class Sealed(enum.Enum):
    """Shows neither name nor value."""

    ONE = SECRET
    __repr__ = __str__ = lambda self: "sealed"

    def __format__(self, spec):
        return "sealed"


def test_the_value_of_an_enumeration_is_looked_at():
    assert not leaks(redact([Sealed.ONE]))


class Slotted:
    """Shows no slot."""

    __slots__ = (f"n{NUMBER}",)

    def __repr__(self):
        return "slotted"


class Row(tuple):
    """Shows no field."""

    __slots__ = ()
    _fields = (f"n{NUMBER}",)

    def __repr__(self):
        return "row"


@pytest.mark.parametrize("value", [Slotted(), Row([1])], ids=["slots", "fields"])
def test_names_that_are_not_shown_are_looked_at(value):
    assert redact([value]) == [f"<{type(value).__name__}>"]


class Later:
    def __await__(self):
        yield SECRET


def test_what_can_be_awaited_is_refused():
    with pytest.raises(InputError, match="Later cannot be redacted unread"):
        redact([Later()])
    assert asyncio.iscoroutine(Later()) is False


def functions():
    """Functions that hold a value in one place each, and show it in none."""

    def default(token=SECRET): ...

    def keyword(*, token=SECRET): ...

    def documented(): ...

    def attributed(): ...

    def noted(token: str): ...

    def constant():
        return "c4nary-Vq9x/Zr7+Lm2="

    def closed(token=None):
        if token is None:
            token = [SECRET]
        return lambda: token

    documented.__doc__ = f"says {SECRET}"
    attributed.held = [SECRET]
    noted.__annotations__["token"] = SECRET
    return [default, keyword, documented, attributed, noted, constant, closed()]


@pytest.mark.parametrize("function", functions(), ids=lambda function: function.__name__)
def test_functions_are_looked_into(function):
    done = redact([function])[0]
    assert type(done).__name__ == "TextProxy"
    assert not leaks(done)


def test_proxies_of_weak_references_are_named_by_their_type():
    held = Later()
    proxies = [weakref.proxy(held), weakref.proxy(functions)]
    assert redact(proxies) == ["<ProxyType>", "<CallableProxyType>"]


class Bound:
    __slots__ = ("held",)

    def __init__(self):
        self.held = SECRET

    def __repr__(self):
        return "bound"

    def method(self): ...


BOUND = {
    "method": lambda: Bound().method,
    "method of text": lambda: SECRET.upper,
    "wrapper of text": lambda: SECRET.__str__,
    "method of a list": lambda: [SECRET].append,
}


@pytest.mark.parametrize("make", BOUND.values(), ids=BOUND)
def test_methods_lead_to_their_object(make):
    done = redact([make()])[0]
    assert type(done).__name__ == "TextProxy"
    assert SECRET not in f"{done!r} {done}"


@pytest.mark.parametrize("value", [len, dict.fromkeys, "x".upper, "x".__str__], ids=["len", "fromkeys", "upper", "str"])
def test_methods_of_what_is_clean_come_back_themselves(value):
    assert redact([value])[0] is value


def test_partial_calls_keep_function_arguments_and_keywords():
    done = redact([functools.partial(dict, [("a", SECRET)], b=SECRET)])[0]
    assert (done.func, done.args, done.keywords) == (dict, ([("a", MARK)],), {"b": MARK})


def test_a_function_whose_cell_is_still_empty_comes_back_itself():
    def function():
        return later

    assert redact([function])[0] is function
    later = SECRET
    assert later
    assert redact([function])[0] is not function


@dataclasses.dataclass
class Made:
    token: str

    def __new__(cls, token):
        assert token != MARK, "the copy ran __new__"
        return super().__new__(cls)


def test_no_constructor_of_a_class_is_run():
    done = redact([Made(SECRET)])[0]
    assert (type(done), done.token) == (Made, MARK)


PLAIN = {
    "text": SECRET,
    "bytes": SECRET.encode(),
    "bytearray": bytearray(SECRET.encode()),
    "int": int(NUMBER),
    "float": float(f"{NUMBER}.5"),
    "dict": {"k": SECRET},
    "list": [SECRET],
    "tuple": (SECRET,),
    "set": {SECRET},
    "frozenset": frozenset([SECRET]),
}


@pytest.mark.parametrize("held", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("where", ["class", "default", "closure"])
def test_data_in_the_body_of_a_class_and_in_its_methods_is_found(held, where):
    def method(self, given=held if where == "default" else None):
        return held if where == "closure" else given

    body = {"method": method, **({"held": held} if where == "class" else {})}
    assert type(redact([type("Holds", (), body)()])[0]).__name__ == "TextProxy"


NUMBERS = {
    "days": ("987654", dt.timedelta(days=987654)),
    "fraction": ("1234567/89", fractions.Fraction(1234567, 89)),
    "exponent": ("1.5e+300", 1.5e300),
    "decimal": ("1E+30", decimal.Decimal("1E+30")),
    "complex": ("12345+67j", 12345 + 67j),
}


@pytest.mark.parametrize(("shown", "number"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_are_hidden_as_they_are_written(shown, number):
    def text(given):
        return given.replace(shown, MARK) if shown in given else given

    def same(given):
        return given

    assert rewrite([number], text=text, data=same, mark=MARK, exception=same) == [MARK]
    assert Redactor({"name": shown}, mark=MARK).data([number]) == [MARK]


class Lies(type):
    @property
    def __name__(cls):
        raise ValueError(SECRET)


class Lying(metaclass=Lies):
    pass


def test_a_class_that_cannot_be_looked_at_hides_nothing_else():
    assert redact([Lying(), SECRET, "fine"]) == ["<Lying>", MARK, "fine"]
