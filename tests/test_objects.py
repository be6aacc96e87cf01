"""Objects of every kind come back redacted, of their type, shared where clean; nothing is changed in place."""

# the odd ways to write, log and name things are what is tested here
# ruff: noqa: DTZ001, PLC3002, PLW0108, PTH123, PYI024, RUF012, SLOT000

import argparse
import array
import asyncio
import collections
import collections.abc
import concurrent.futures
import contextvars
import copy
import dataclasses
import datetime as dt
import decimal
import email.message
import enum
import fractions
import functools
import http.cookies
import io
import itertools
import pathlib
import pickle
import queue
import re
import sys
import threading
import types
import typing
import urllib.parse
import urllib.request
import uuid
import weakref
import xml.etree.ElementTree as ET

import attrs
import pydantic
import pytest
from _standin import MARK, NUMBER, SECRET, leaks, redact

from secretref._objects import TextProxy
from secretref.errors import InputError

Pair = collections.namedtuple("Pair", "left right")


class Typed(typing.NamedTuple):
    token: str
    port: int = 1


@dataclasses.dataclass
class Plain:
    token: object
    rest: dataclasses.InitVar[int] = 0
    fine: object = 1

    def __post_init__(self, rest):
        assert rest != -1, "the copy ran __post_init__"


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    token: object
    fine: object = 1


@attrs.define
class Attrs:
    token: object


@attrs.frozen
class FrozenAttrs:
    token: object


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    token: str
    _private: str = pydantic.PrivateAttr(default="")


class FrozenModel(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)
    code: int


class Root(pydantic.RootModel[list[str]]):
    pass


class Computed(pydantic.BaseModel):
    first: str
    second: str

    @pydantic.computed_field
    def whole(self) -> str:
        return self.first + self.second


class Colour(enum.Enum):
    RED = "red"
    TOKEN = SECRET


class Code(enum.IntEnum):
    CARD = int(NUMBER)
    ONE = 1


class Text(str):
    pass


class Data(bytes):
    pass


class Number(int):
    pass


class Real(float):
    pass


class Dict(dict):
    __slots__ = ("extra",)


class List(list):
    pass


class Holder:
    def __init__(self, value):
        self.value = value


class Slotted:
    __slots__ = ("empty", "value")

    def __init__(self, value):
        self.value = value


class Shows:
    """Keeps its value where no attribute shows it."""

    def __init__(self, repr_=None, str_=None, format_=None):
        self.shown = [part.encode("utf-16") if part else b"" for part in (repr_, str_, format_)]

    def __repr__(self):
        return self.shown[0].decode("utf-16") or "<shows>"

    def __str__(self):
        return self.shown[1].decode("utf-16") or "shows"

    def __format__(self, spec):
        return self.shown[2].decode("utf-16") or "shows"


class ClassLevel:
    password = SECRET


class Lazy(collections.abc.Mapping):
    """Computes its items."""

    def __init__(self, code):
        self.code = code

    def __getitem__(self, key):
        return bytes.fromhex(self.code).decode()

    def __iter__(self):
        return iter(["key"])

    def __len__(self):
        return 1


class Stored(collections.abc.MutableMapping):
    """Keeps its items in an attribute, as case-insensitive headers do."""

    def __init__(self, **items):
        self.store = items

    def __getitem__(self, key):
        return self.store[key.lower()]

    def __setitem__(self, key, value):
        self.store[key.lower()] = value

    def __delitem__(self, key):
        del self.store[key]

    def __iter__(self):
        return iter(self.store)

    def __len__(self):
        return len(self.store)

    def __repr__(self):
        return repr(self.store)


KEPT = {  # copies of the same type
    "dict": ({"a": SECRET}, {"a": MARK}),
    "keys": ({f"x-{SECRET}": 1}, {f"x-{MARK}": 1}),
    "list": ([1, [SECRET]], [1, [MARK]]),
    "tuple": ((1, (SECRET,)), (1, (MARK,))),
    "named tuple": (Pair(SECRET, 2), Pair(MARK, 2)),
    "typing named tuple": (Typed(SECRET), Typed(MARK)),
    "set": ({SECRET, "b"}, {MARK, "b"}),
    "frozenset": (frozenset([SECRET]), frozenset([MARK])),
    "deque": (collections.deque([SECRET], 3), collections.deque([MARK], 3)),
    "ordered dict": (collections.OrderedDict(b=SECRET, a=1), collections.OrderedDict(b=MARK, a=1)),
    "counter": (collections.Counter([SECRET, SECRET]), collections.Counter({MARK: 2})),
    "chain map": (collections.ChainMap({"a": SECRET}, {"b": 1}), collections.ChainMap({"a": MARK}, {"b": 1})),
    "user dict": (collections.UserDict(a=SECRET), collections.UserDict(a=MARK)),
    "user list": (collections.UserList([SECRET]), collections.UserList([MARK])),
    "user string": (collections.UserString(SECRET), collections.UserString(MARK)),
    "mapping proxy": (types.MappingProxyType({"a": SECRET}), types.MappingProxyType({"a": MARK})),
    "namespace": (types.SimpleNamespace(a=SECRET), types.SimpleNamespace(a=MARK)),
    "arguments": (argparse.Namespace(a=SECRET), argparse.Namespace(a=MARK)),
    "dataclass": (Plain(SECRET), Plain(MARK)),
    "frozen dataclass": (Frozen([SECRET]), Frozen([MARK])),
    "attrs": (Attrs(SECRET), Attrs(MARK)),
    "frozen attrs": (FrozenAttrs((SECRET,)), FrozenAttrs((MARK,))),
    "model": (Model(token=SECRET, extra=[SECRET]), Model(token=MARK, extra=[MARK])),
    "root model": (Root([SECRET]), Root([MARK])),
    "path": (pathlib.Path("/tmp") / SECRET, pathlib.Path("/tmp") / MARK),
    "windows path": (pathlib.PureWindowsPath(f"c:/{NUMBER}"), pathlib.PureWindowsPath(f"c:/{MARK}")),
    "bytes": (SECRET.encode(), MARK.encode()),
    "bytearray": (bytearray(SECRET.encode()), bytearray(MARK.encode())),
    "memoryview": (memoryview(SECRET.encode()), memoryview(MARK.encode())),
    "byte array": (array.array("B", SECRET.encode()), array.array("B", MARK.encode())),
    "text array": (array.array("u", SECRET), array.array("u", MARK)),
    "slice": (slice(SECRET, 1), slice(MARK, 1)),
    "str subclass": (Text(SECRET), Text(MARK)),
    "bytes subclass": (Data(SECRET.encode()), Data(MARK.encode())),
    "list subclass": (List([SECRET]), List([MARK])),
    "mapping": (Stored(a=SECRET), Stored(a=MARK)),
    "split url": (urllib.parse.urlsplit(f"https://u:{NUMBER}@h/"), urllib.parse.urlsplit(f"https://u:{MARK}@h/")),
}


@pytest.mark.parametrize(("value", "wanted"), KEPT.values(), ids=KEPT)
def test_a_known_type_is_kept(value, wanted):
    before = repr(value)
    done = redact([value])[0]
    assert type(done) is type(value)
    assert done == wanted
    assert not leaks(done)
    assert repr(value) == before


SHOWN = {  # what cannot keep its type becomes text
    "int": int(NUMBER),
    "negative": -int(NUMBER),
    "float": float(NUMBER),
    "exponent": 4.929471812345678e15,
    "small float": float("0.0000" + NUMBER) / 1e15,
    "complex": complex(int(NUMBER), 1),
    "decimal": decimal.Decimal(NUMBER),
    "scientific decimal": decimal.Decimal("4.929471812345678E+15"),
    "fraction": fractions.Fraction(int(NUMBER), 7),
    "range": range(int(NUMBER)),
    "uuid": uuid.UUID(int=int(NUMBER)),
    "date": dt.timedelta(days=1, microseconds=0) if not NUMBER else dt.timezone(dt.timedelta(0), SECRET),
    "enum": Colour.TOKEN,
    "int enum": Code.CARD,
    "int subclass": Number(NUMBER),
    "float subclass": Real(NUMBER),
    "number array": array.array("q", [1, int(NUMBER)]),
    "wide array": array.array("I", SECRET.encode()[:20]),
    "object": Holder(SECRET),
    "nested object": Holder([Holder({"a": (SECRET,)})]),
    "slots": Slotted(SECRET),
    "repr": Shows(repr_=SECRET),
    "str": Shows(str_=SECRET),
    "format": Shows(format_=SECRET),
    "class level": ClassLevel(),
    "class": ClassLevel,
    "function default": lambda a=SECRET: a,
    "closure": (lambda held: lambda: held)(SECRET),
    "constant": eval(f"lambda: {SECRET!r}"),
    "method": Holder(SECRET).__init__,
    "builtin method": {"a": SECRET}.get,
    "slot wrapper": [SECRET].__len__,
    "pattern": re.compile(re.escape(NUMBER)),
    "match": re.search("x", f"x {SECRET}"),
    "context": contextvars.Context(),
    "queue": queue.Queue(),
    "simple queue": queue.SimpleQueue(),
    "cookie iterator": http.cookies.SimpleCookie({"a": NUMBER}),
    "file": open(__file__),  # noqa: SIM115 - never read
    "module": types.ModuleType("m"),
    "property": property(functools.partial(print, SECRET)),
    "cache": functools.lru_cache(functools.partial(len)),
    "thread": threading.Thread(target=print, args=(SECRET,)),
    "future": concurrent.futures.Future(),
    "ctypes": __import__("ctypes").create_string_buffer(SECRET.encode()),
    "repeat": itertools.repeat(SECRET),
}
SHOWN["file"].close()
SHOWN["context"].run(contextvars.ContextVar("token").set, SECRET)
SHOWN["queue"].put(SECRET)
SHOWN["simple queue"].put(SECRET)
SHOWN["module"].KEY = SECRET
SHOWN["cache"](SECRET)
SHOWN["future"].set_result(SECRET)


@pytest.mark.parametrize("value", SHOWN.values(), ids=SHOWN)
def test_whatever_cannot_be_copied_shows_no_value(value):
    done = redact({"held": Holder(value), "value": value} if not isinstance(value, itertools.repeat) else Holder(value))
    assert not leaks(done)


@pytest.mark.parametrize("kind", ["object", "nested object", "repr", "class level", "closure"])
def test_an_unknown_object_becomes_a_text_proxy(kind):
    done = redact(SHOWN[kind])
    assert isinstance(done, TextProxy)
    assert SECRET not in f"{done} {done!r} {pickle.dumps(done)!r}"


def test_a_proxy_survives_pickling_and_redaction():
    proxy = redact(Shows(repr_=f"<{SECRET}>", str_=f"s {SECRET}"))
    assert (str(proxy), repr(proxy)) == (f"s {MARK}", f"<{MARK}>")
    again = pickle.loads(pickle.dumps(proxy))
    assert (str(again), repr(again)) == (str(proxy), repr(proxy))
    assert redact(proxy) is proxy


CLEAN = {
    "scalars": [
        None,
        True,
        ...,
        NotImplemented,
        1,
        123,
        1.5,
        2j,
        decimal.Decimal(5),
        decimal.Decimal("NaN"),
        "x",
        b"x",
    ],
    "containers": {"a": [1, (2, {3}), frozenset([4])], "b": collections.deque([5])},
    "records": [Plain(1), Frozen(2), Attrs(3), FrozenAttrs(4), Model(token="a"), Pair(1, 2)],
    "objects": [Holder(1), Slotted(2), Stored(a=1), types.SimpleNamespace(a=1), Shows(repr_="fine")],
    "values": [uuid.UUID(int=5), pathlib.Path("/tmp"), dt.datetime(2026, 1, 1), dt.timedelta(1), Colour.RED, Code.ONE],
    "code": [len, print, Holder, int, Holder(1).__init__, "a".join, lambda: 1, functools.partial(int, "1")],
    "buffers": [bytearray(b"x"), memoryview(b"x"), array.array("d", [1.5]), array.array("u", "x"), io.StringIO("x")],
    "subclasses": [Text("x"), Data(b"x"), Number(5), Real(5), Dict(a=1), List([1])],
    "views": [{"a": 1}.keys(), {"a": 1}.items(), {"a": 1}.values(), range(5), slice(1)],
    "huge": [10**5000, decimal.Decimal("1e100000"), float("inf"), float("nan"), 1e300],
}


@pytest.mark.parametrize("value", CLEAN.values(), ids=CLEAN)
def test_a_clean_object_comes_back_itself(value):
    assert redact(value) is value


def test_clean_branches_are_shared():
    clean = {"deep": [1, 2]}
    done = redact({"clean": clean, "dirty": [SECRET]})
    assert done["clean"] is clean


def test_a_shared_dirty_branch_stays_shared():
    dirty = [SECRET]
    done = redact([dirty, dirty])
    assert done[0] is done[1]
    assert done == [[MARK], [MARK]]


def test_shared_branches_cost_no_exponential_time():
    value = [SECRET]
    for _ in range(200):
        value = [value, value]
    assert redact(value)[0][0] is not value


def test_a_hundred_thousand_levels():
    value = done = SECRET
    for level in range(100_000):
        value = {"a": value} if level % 2 else [value]
    done = redact(value)
    for _ in range(100_000):
        done = done["a"] if isinstance(done, dict) else done[0]
    assert done == MARK


def test_a_long_chain_of_records():
    value = Frozen(SECRET)
    for _ in range(20_000):
        value = Frozen(value)
    done = redact(value)
    while type(done) is Frozen:
        done = done.token
    assert done == MARK


def test_cycles_are_kept():
    ring = [SECRET, {"self": None}, Plain(None)]
    ring[1]["self"] = ring[2].token = ring
    ring.append((ring,))
    done = redact(ring)
    assert done[0] == MARK
    assert done[1]["self"] is done
    assert done[2].token is done
    assert done[3][0] is done


def test_what_a_cycle_leads_to_makes_all_of_it_dirty():
    ring = [[SECRET]]
    ring.append({"ring": ring})
    done = redact(ring)
    assert done[0] == [MARK]
    assert done[1]["ring"] is done


def test_a_clean_cycle_comes_back_itself():
    ring = []
    ring.append({"ring": ring})
    assert redact(ring) is ring


def test_a_cycle_through_a_class_that_cannot_be_copied_is_withheld():
    class Shy(list):
        def __repr__(self):
            return f"{SECRET}"

    ring = Shy()
    ring.append([ring, SECRET])
    assert not leaks(redact(ring))


def test_a_tuple_ring_made_by_extension_code():
    shy = SHOWN["object"]
    view = types.MappingProxyType(held := {"a": shy})
    held["self"] = view
    assert not leaks(redact(view))


def test_colliding_keys_are_numbered_in_order():
    value = {f"{SECRET}": 1, NUMBER: 2, MARK: 3, f"{MARK}_2": 4}
    assert redact(value) == {f"{MARK}_3": 1, f"{MARK}_4": 2, MARK: 3, f"{MARK}_2": 4}
    assert list(redact(value).values()) == [1, 2, 3, 4]


def test_colliding_keys_of_other_types():
    value = {SECRET.encode(): 1, NUMBER.encode(): 2, (SECRET,): 3, (NUMBER,): 4}
    assert redact(value) == {b"***": 1, b"***_2": 2, ("***",): 3, "***_2": 4}


def test_default_factories_and_attributes_are_kept():
    made = collections.defaultdict(list, a=[SECRET])
    assert redact(made).default_factory is list
    made.default_factory = functools.partial(str, SECRET)
    assert not leaks(redact(made))
    made.default_factory = Holder(SECRET).__init__
    assert redact(made).default_factory is None
    held = Dict(a=1)
    held.extra = SECRET
    assert redact(held).extra == MARK
    assert not hasattr(redact(Dict(a=SECRET)), "extra")
    text = Text("clean")
    text.note = SECRET
    assert redact(text).note == MARK
    assert redact(text) == "clean"


def test_model_details_are_kept():
    value = Model(token=SECRET)
    value._private = SECRET
    done = redact(value)
    assert (done.token, done._private, done.model_fields_set) == (MARK, MARK, {"token"})
    assert redact(FrozenModel(code=NUMBER)).code == MARK
    assert not leaks(redact(Computed(first=SECRET[:8], second=SECRET[8:])))


def test_a_secret_str_holds_the_value_no_more():
    done = redact({"a": pydantic.SecretStr(SECRET), "b": pydantic.SecretBytes(SECRET.encode())})
    assert type(done["a"]) is pydantic.SecretStr
    assert done["a"].get_secret_value() == MARK
    assert done["b"].get_secret_value() == MARK.encode()


def test_urls_stay_urls():
    url = pydantic.AnyUrl(f"https://u:{NUMBER}@host/")
    assert str(redact(url)) == f"https://u:{MARK}@host/"
    assert type(redact(url)) is pydantic.AnyUrl
    odd = type("OddURL", (), {"__str__": lambda _: bytes.fromhex(SECRET.encode().hex()).decode()})()
    assert redact(odd) == MARK


def test_mappings_that_compute_their_items_become_plain():
    assert redact(Lazy(SECRET.encode().hex())) == {"key": MARK}
    assert redact(Lazy(b"fine".hex()))["key"] == "fine"


def test_a_mapping_that_must_be_closed_is_not_copied():
    closing = type("Closing", (Lazy,), {"__del__": lambda _: None})
    assert isinstance(redact(closing(SECRET.encode().hex())), TextProxy)


def test_views_of_a_dict():
    held = {SECRET: SECRET}
    assert list(redact(held.keys())) == [MARK]
    assert list(redact(held.values())) == [MARK]
    assert list(redact(held.items())) == [(MARK, MARK)]


def test_partial_calls():
    call = functools.partial(int, NUMBER, base=10)
    assert redact(call).args == (MARK,)
    assert not leaks(redact(functools.partial(lambda a=SECRET: a)))


def test_struct_sequences():
    now = __import__("time").gmtime(0)
    assert redact(now) is now
    value = type(now)((NUMBER, *range(8)))
    assert redact(value)[0] == MARK
    assert type(redact(value)) is type(now)


@pytest.mark.parametrize(
    "value",
    [(x for x in ()), iter([]), map(str, []), zip(), itertools.count(), iter("")],
    ids=["generator", "iterator", "map", "zip", "count", "text iterator"],
)
def test_what_can_be_read_once_is_refused(value):
    with pytest.raises(InputError, match="cannot be redacted unread") as caught:
        redact({"a": [0, value], SECRET: 1})
    assert caught.value.place == "/a/1"
    assert not leaks(redact(Holder(value)))
    assert redact([value], refuse=False) == [f"<{type(value).__qualname__}>"]


def test_the_place_of_a_refused_value_shows_no_value():
    with pytest.raises(InputError) as caught:
        redact({SECRET: {(1, 2): [iter(())]}})
    assert caught.value.place == f"/{MARK}/tuple/0"


def test_coroutines_and_tasks():
    async def work():
        return SECRET

    async def check():
        coroutine = work()
        with pytest.raises(InputError):
            redact(coroutine)
        task = asyncio.ensure_future(coroutine)
        await task
        assert not leaks(redact([task]))

    asyncio.run(check())


def test_weak_references():
    target = Holder(SECRET)
    assert not leaks(redact([weakref.ref(target), weakref.proxy(target)]))
    clean = Holder(1)
    assert redact(ref := weakref.ref(clean)) is ref


def test_frames_and_tracebacks_are_withheld():
    held = SECRET
    frame = sys._getframe()
    assert redact(frame) == "<frame>"
    assert held


def test_context_variables():
    variable = contextvars.ContextVar("token", default=SECRET)
    assert not leaks(redact(variable))
    token = contextvars.Context().run(contextvars.ContextVar("other").set, 1)  # whatever else ran in this thread
    assert redact(token) is token


def test_email_and_requests():
    message = email.message.EmailMessage()
    message["X-Token"] = NUMBER
    message.set_content(f"hello {NUMBER}")
    assert not leaks(redact(message))
    assert redact(message)["X-Token"] == MARK
    request = urllib.request.Request(f"http://host/{NUMBER}", data=SECRET.encode(), headers={"A": SECRET})
    assert not leaks(redact(request))


def test_elements():
    root = ET.fromstring(f"<a t='{NUMBER}'><b>{NUMBER}</b>{NUMBER}</a>")
    done = redact(root)
    assert ET.tostring(done) == b'<a t="***"><b>***</b>***</a>'
    assert ET.tostring(redact(ET.ElementTree(root)).getroot()) == ET.tostring(done)


def test_buffers_keep_their_kind():
    assert redact(io.StringIO(f"a\r\n{SECRET}")).getvalue() == f"a\r\n{MARK}"
    assert redact(io.BytesIO(SECRET.encode())).getvalue() == MARK.encode()
    closed = io.StringIO()
    closed.close()
    assert redact(closed) == "<StringIO>"


def test_names_of_classes_and_fields_are_looked_at():
    named = type(f"Class {NUMBER}", (), {})()
    assert redact(named) == f"<Class {MARK}>"
    assert not leaks(redact(type(f"Class {NUMBER}", (dict,), {})(a=1)))
    assert not leaks(redact(collections.namedtuple("Row", [f"n{NUMBER}"])(1)))
    assert not leaks(redact(types.SimpleNamespace(**{SECRET: 1})))


class Hostile:
    """Raises in each special method, and lies about its class."""

    __class__ = str
    __hash__ = __eq__ = __len__ = __iter__ = __bool__ = __getattr__ = lambda *_: 1 / 0

    def __repr__(self):
        raise SystemExit(SECRET)


class Flickers:
    """Shows its value every second time only."""

    calls = itertools.count()

    def __repr__(self):
        return bytes.fromhex(SECRET.encode().hex()).decode() if next(self.calls) % 2 else "fine"


class Interrupted:
    def __repr__(self):
        raise KeyboardInterrupt


class Endless:
    def __repr__(self):
        return repr(self)


class Meta(type):
    __name__ = property(lambda _: 1 / 0)
    __mro__ = property(lambda _: 1 / 0)
    __hash__ = __eq__ = lambda *_: 1 / 0


class Lying(metaclass=Meta):
    def __init__(self):
        self.held = SECRET


class SetterTrap:
    __slots__ = ("held",)
    __dataclass_fields__ = {}

    def __setattr__(self, name, value):
        raise AssertionError

    def __init__(self):
        SetterTrap.held.__set__(self, SECRET)


class FullName(str):
    """Subclass of text whose other renderings show the value."""

    def __repr__(self):
        return bytes.fromhex(SECRET.encode().hex()).decode()


class Bytes:
    def __bytes__(self):
        return bytes.fromhex(SECRET.encode().hex())


class Fspath:
    def __fspath__(self):
        return bytes.fromhex(SECRET.encode().hex()).decode()


class Closes:
    """Must never be copied: the copy would close what the original still uses."""

    closed: typing.ClassVar = []
    __dataclass_fields__: typing.ClassVar = {}

    def __init__(self):
        self.token = SECRET

    def __del__(self):
        self.closed.append(self)


class Private(list):
    """Keeps a value in a property that the copy computes anew."""

    def __repr__(self):
        return bytes.fromhex(SECRET.encode().hex()).decode()


class OddRepr(dict):
    __repr__ = functools.partial(lambda: SECRET)


@dataclasses.dataclass
class Day(dt.date):
    """Has a C type underneath that wants arguments."""

    held = SECRET

    def __new__(cls):
        return super().__new__(cls, 2026, 1, 1)

    def __init__(self):
        self.held = SECRET


HOSTILE = [
    Hostile,
    OddRepr,
    Day,
    Flickers,
    Endless,
    Lying,
    SetterTrap,
    lambda: FullName("x"),
    Bytes,
    Fspath,
    Closes,
    lambda: Private([SECRET]),
]


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: getattr(make, "__qualname__", "lying"))
def test_hostile_objects_do_not_get_through(make):
    value = make()
    done = redact([value, Holder(value)])
    assert isinstance(done[0], TextProxy | SetterTrap)
    assert not leaks(done)
    assert not Closes.closed


def test_an_interrupt_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt):
        redact(Interrupted())
    zone = type("Zone", (dt.tzinfo,), {"utcoffset": lambda *_: Interrupted.__repr__(_)})()
    with pytest.raises(KeyboardInterrupt):
        redact(dt.time(tzinfo=zone))
    late = type("Late", (list,), {"__repr__": lambda _: Interrupted.__repr__(_) if next(calls) > 5 else ""})
    calls = itertools.count()
    with pytest.raises(KeyboardInterrupt):
        redact(late([SECRET]))


def test_the_walk_over_unknown_objects_is_bounded():
    chain = None
    for _ in range(6_000):
        link = Slotted(chain)
        chain = link
    assert "Slotted" in repr(redact(chain))


def test_input_is_never_mutated():
    value = {"a": [SECRET, {SECRET: Plain(SECRET)}], "b": Model(token=SECRET)}
    before = copy.deepcopy(value)
    redact(value)
    assert value == before


def test_exceptions_inside_data_are_copied():
    error = ValueError(SECRET)
    done = redact({"error": error})
    assert type(done["error"]) is ValueError
    assert not leaks(done)
    clean = ValueError("fine")
    assert redact([clean])[0] is clean


def test_numbers_can_be_left_out():
    assert redact([int(NUMBER)], numbers=False) == [int(NUMBER)]


def make(name, bases=(), **body):
    return type(name, bases, body)


def with_attribute(made, value):
    made.note = value
    return made


FOUND = {  # got through once
    "class documentation": lambda: make("K", __doc__=SECRET),
    "dunder of a class": lambda: make("K", __secret__=SECRET)(),
    "overridden class data": lambda: make("L", (make("K", key=SECRET),), key="fine")(),
    "class data of a subclass": lambda: make("K", (dict,), key=SECRET)(a=1),
    "default of a named tuple": lambda: collections.namedtuple("N", "a b", defaults=[SECRET])("x", "y"),
    "default in documentation": lambda: dataclasses.make_dataclass("D", [("a", str, SECRET)])("x"),
    "default of a model": lambda: pydantic.create_model("M", a=(str, SECRET))(a="x"),
    "default of a method": lambda: make("K", call=lambda _self, held=SECRET: held)(),
    "keyword default of a method": lambda: make("K", call=eval(f"lambda _self, *, held={SECRET!r}: held"))(),
    "closure of a method": lambda: make("K", call=(lambda held: lambda _self: held)(SECRET))(),
    "annotation": lambda: make("K", __annotations__={"a": SECRET})(),
    "annotation of a function": lambda: annotated(),
    "enumeration": lambda: enum.Enum("E", {"A": SECRET}),
    "dialect": lambda: make("D", (__import__("csv").excel,), quotechar=SECRET),
    "view of more": lambda: memoryview(SECRET.encode())[:3],
    "codes": lambda: list(SECRET.encode()),
    "codes in a tuple": lambda: {"type": "Buffer", "data": tuple(SECRET.encode())},
    "characters": lambda: list(SECRET),
    "hidden items": lambda: make("D", (dict,), keys=lambda _: [], items=lambda _: [], __iter__=lambda _: iter(()))(
        a=SECRET
    ),
    "zone of a time": lambda: dt.datetime(2026, 1, 1, tzinfo=with_attribute(zone(), SECRET)),
    "weak method": lambda: weakref.WeakMethod(KEPT_ALIVE.get),
    "half made tree": lambda: started(ET.TreeBuilder()),
    "connection": lambda: __import__("sqlite3").connect(":memory:"),
    "settings": lambda: with_attribute(types.ModuleType("settings"), SECRET),
}


class Counting:
    def __init__(self):
        self.calls = 0

    def __repr__(self):
        self.calls += 1
        return bytes.fromhex(SECRET.encode().hex()).decode() if self.calls > 9 else "fine"


class Kept:
    key = SECRET

    def get(self):
        return 1


KEPT_ALIVE = Kept()
FOUND["state that counts"] = Counting


def annotated():
    def function(a):
        return a

    function.__annotations__["a"] = SECRET
    return function


def zone():
    return make("Zone", (dt.tzinfo,), utcoffset=lambda *_: None, tzname=lambda *_: "Z", dst=lambda *_: None)()


def started(builder):
    builder.start("a", {NUMBER: NUMBER})
    return builder


@pytest.mark.parametrize("name", FOUND)
def test_what_got_through_once_is_found_now(name):
    value = FOUND[name]()
    done = redact([value])[0]
    assert done is not value
    assert not leaks(done)
    if hasattr(value, "close"):
        value.close()


def test_codes_and_characters_that_spell_nothing_are_untouched():
    value = [[1, 2, 3, 4, 5, 6], [300] * 9, list("harmless"), ("a",) * 9, [1.5] * 9, [SECRET, *"abcdef"]]
    done = redact(value)
    assert done == [*value[:5], [MARK, *"abcdef"]]
    assert all(new is old for new, old in zip(done[:5], value[:5], strict=True))
    assert redact(list(SECRET)) == list(MARK)
    assert redact(tuple(SECRET.encode())) == tuple(MARK.encode())
    assert redact([SECRET, *SECRET[:6]])[0] == MARK


def test_a_ring_inside_a_c_object():
    ring = [SECRET]
    ring.append(ring)
    held = queue.SimpleQueue()
    held.put(ring)
    held.put(ring)
    assert not leaks(redact(held))


def test_modules_and_sys_are_clean():
    holder = Holder([sys, types, lambda: types])
    assert redact(holder) is holder


def test_a_mapping_without_end_is_cut_off():
    class Endless(collections.abc.Mapping):
        def __getitem__(self, key):
            return Endless()

        def __iter__(self):
            return iter(["next"])

        def __len__(self):
            return 1

    assert redact([Endless(), SECRET])[1] == MARK
