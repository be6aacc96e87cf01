"""Every door of resolving and what is around it, given something of the wrong kind: one of our errors, or a result."""

import asyncio

import pytest

from secretref import Grant, Limits, LoggingSink, Policy, Redactor, Resolver, Subject, Target, TaskGuard, Template
from secretref.errors import SecretRefError
from secretref.providers import ProviderURL, is_name, load
from secretref.providers.cache import CacheProvider
from secretref.providers.chain import ChainProvider
from secretref.providers.dotenv import DotenvProvider
from secretref.providers.env import EnvProvider
from secretref.providers.files import DirectoryProvider, FileProvider
from secretref.providers.memory import MemoryProvider
from secretref.providers.orkes import OrkesProvider
from secretref.providers.prefix import AliasProvider, PrefixProvider
from secretref.providers.program import ProgramProvider
from secretref.testing import canary

NAMES = frozenset("A")
VALUE = "text"
WRONG = {
    "none": None,
    "int": 5,
    "negative": -1,
    "zero": 0,
    "float": 1.5,
    "nan": float("nan"),
    "infinite": float("inf"),
    "huge": 10**400,
    "true": True,
    "empty": "",
    "text": VALUE,
    "surrogate": f"{VALUE}\ud800",
    "nul": f"{VALUE}\0",
    "bytes": VALUE.encode(),
    "list": [],
    "list of none": [None],
    "list of lists": [[VALUE]],
    "dict": {},
    "odd keys": {1: VALUE},
    "dict of none": {"a": None},
    "set": {VALUE},
    "object": object(),
    "class": int,
    "raises": lambda *_: 1 / 0,
}


@pytest.fixture(scope="module")
def memory():
    return MemoryProvider({"A": canary()})


REFERENCE = Template.compile("${workflow.secrets.A}")
MIXED = Template.compile("${workflow.secrets.A} ${a}")
ECHO = ("/bin/echo", "{name}")
OPEN = Policy.allow_all()
TAGGED = Policy([Grant("app:x", "tag:a:b")])


def resolve(memory, template=REFERENCE, /, subject="app:x", *, settings=None, **options):
    resolver = Resolver(memory, **{"policy": OPEN, **(settings or {})})
    return asyncio.run(resolver.aresolve(template, subject=subject, **options)) and resolver.resolve(
        template, subject=subject, **options
    )


DOORS = {
    "compile": lambda _, wrong: Template.compile(wrong),
    "compile, limits": lambda _, wrong: Template.compile("", limits=wrong),
    "from_json": lambda _, wrong: Template.from_json(wrong),
    "from_json, limits": lambda _, wrong: Template.from_json("[]", limits=wrong),
    "Redactor": lambda _, wrong: Redactor(wrong),
    "Redactor, value": lambda _, wrong: Redactor({"A": wrong}),
    "Redactor, mark": lambda _, wrong: Redactor(mark=wrong),
    "Redactor, views": lambda _, wrong: Redactor(views=wrong),
    "Redactor.register": lambda _, wrong: Redactor().register(wrong, VALUE),
    "Redactor.text": lambda _, wrong: Redactor().text(wrong),
    "Redactor.bytes": lambda _, wrong: Redactor().bytes(wrong),
    "Redactor.exception": lambda _, wrong: Redactor().exception(wrong),
    "Redactor.stream": lambda _, wrong: Redactor().stream(wrong),
    "Limits, size": lambda _, wrong: Limits(size=wrong),
    "Limits, expressions": lambda _, wrong: Limits(expressions=wrong),
    "Limits, depth": lambda _, wrong: Limits(depth=wrong),
    "Limits, result": lambda _, wrong: Limits(result=wrong),
    "Subject, type": lambda _, wrong: Subject(wrong, "x"),
    "Subject, id": lambda _, wrong: Subject("USER", wrong),
    "Subject, roles": lambda _, wrong: Subject("USER", "x", roles=wrong),
    "Subject, groups": lambda _, wrong: Subject("USER", "x", groups=wrong),
    "Subject.parse": lambda _, wrong: Subject.parse(wrong),
    "Subject.from_json": lambda _, wrong: Subject.from_json(wrong),
    "Target, type": lambda _, wrong: Target(wrong, "x"),
    "Target, id": lambda _, wrong: Target("TAG", wrong),
    "Target.from_json": lambda _, wrong: Target.from_json(wrong),
    "Target.covers": lambda _, wrong: Target("SECRET_NAME", "a*").covers(wrong),
    "Target.covers, tags": lambda _, wrong: Target("TAG", "a:b").covers("x", wrong),
    "Grant, subject": lambda _, wrong: Grant(wrong, "x"),
    "Grant, target": lambda _, wrong: Grant("app:x", wrong),
    "Grant, access": lambda _, wrong: Grant("app:x", "x", wrong),
    "Grant.from_json": lambda _, wrong: Grant.from_json(wrong),
    "Policy": lambda _, wrong: Policy(wrong),
    "Policy.load": lambda _, wrong: Policy.load(wrong),
    "Policy.from_json": lambda _, wrong: Policy.from_json(wrong),
    "decide, subject": lambda _, wrong: TAGGED.decide(wrong, NAMES),
    "decide, names": lambda _, wrong: TAGGED.decide("app:x", wrong),
    "decide, access": lambda _, wrong: TAGGED.decide("app:x", NAMES, access=wrong),
    "decide, tags": lambda _, wrong: TAGGED.decide("app:x", NAMES, tags=wrong),
    "decide, tags of a name": lambda _, wrong: TAGGED.decide("app:x", NAMES, tags={"B": wrong}),
    "explain, subject": lambda _, wrong: TAGGED.explain(wrong, "A"),
    "explain, name": lambda _, wrong: TAGGED.explain("app:x", wrong),
    "explain, access": lambda _, wrong: TAGGED.explain("app:x", "A", access=wrong),
    "explain, tags": lambda _, wrong: TAGGED.explain("app:x", "A", tags=wrong),
    "grants_of": lambda _, wrong: TAGGED.grants_of(wrong),
    "Resolver": lambda _, wrong: Resolver(wrong),
    "Resolver, policy": lambda memory, wrong: resolve(memory, settings={"policy": wrong}),
    "Resolver, policy's answer": lambda memory, wrong: resolve(memory, settings={"policy": lambda: wrong}),
    "Resolver, missing": lambda memory, wrong: resolve(memory, settings={"missing": wrong}),
    "Resolver, audit": lambda memory, wrong: resolve(memory, settings={"audit": wrong}),
    "Resolver, deadline": lambda memory, wrong: resolve(memory, settings={"deadline": wrong}),
    "Resolver, limits": lambda memory, wrong: resolve(memory, settings={"limits": wrong}),
    "resolve": resolve,
    "resolve, subject": lambda memory, wrong: resolve(memory, subject=wrong),
    "resolve, data": lambda memory, wrong: resolve(memory, MIXED, data=wrong),
    "resolve, datum": lambda memory, wrong: resolve(memory, MIXED, data={"a": wrong}),
    "resolve, evaluated": lambda memory, wrong: resolve(memory, MIXED, data=lambda _: wrong),
    "resolve, bound": lambda memory, wrong: resolve(memory, bound=wrong),
    "resolve, workflow": lambda memory, wrong: resolve(memory, workflow=wrong).record(),
    "resolve, task": lambda memory, wrong: resolve(memory, task=wrong).record(),
    "declare": lambda memory, wrong: Resolver(memory, policy=OPEN).declare(wrong, subject="app:x"),
    "preflight": lambda memory, wrong: Resolver(memory, policy=OPEN).preflight(wrong, "app:x"),
    "preflight, one": lambda memory, wrong: Resolver(memory, policy=OPEN).preflight([wrong], "app:x"),
    "preflight, subject": lambda memory, wrong: Resolver(memory, policy=OPEN).preflight([], wrong),
    "reveal": lambda memory, wrong: resolve(memory).reveal(shared=wrong),
    "record": lambda memory, wrong: resolve(memory).record(wrong),
    "record, error": lambda memory, wrong: resolve(memory).record(error=wrong),
    "record, logs": lambda memory, wrong: resolve(memory).record(logs=wrong),
    "record, received": lambda memory, wrong: resolve(memory).record(received=wrong),
    "derive, name": lambda memory, wrong: resolve(memory).derive(wrong, "a-long-enough-value"),
    "derive, value": lambda memory, wrong: resolve(memory).derive("name", wrong),
    "load": lambda _, wrong: load(wrong),
    "load, option": lambda _, wrong: load("env", prefix=wrong),
    "ProviderURL": lambda _, wrong: ProviderURL.parse(wrong, {}),
    "ProviderURL, options": lambda _, wrong: ProviderURL.parse("env", wrong),
    "is_name": lambda _, wrong: is_name(wrong),
    "EnvProvider": lambda _, wrong: EnvProvider(prefix=wrong).fetch(NAMES),
    "MemoryProvider": lambda _, wrong: MemoryProvider(wrong).fetch(NAMES),
    "FileProvider": lambda _, wrong: FileProvider(wrong).fetch(NAMES),
    "FileProvider, format": lambda _, wrong: FileProvider("/x", format=wrong).fetch(NAMES),
    "FileProvider, max_bytes": lambda _, wrong: FileProvider(__file__, format="json", max_bytes=wrong).fetch(NAMES),
    "DirectoryProvider": lambda _, wrong: DirectoryProvider(wrong).fetch(NAMES),
    "DirectoryProvider.exists": lambda _, wrong: DirectoryProvider(wrong).exists(NAMES),
    "DirectoryProvider, max_bytes": lambda _, wrong: DirectoryProvider("/etc", max_bytes=wrong).fetch({"hosts"}),
    "DotenvProvider": lambda _, wrong: DotenvProvider(wrong).fetch(NAMES),
    "DotenvProvider, max_bytes": lambda _, wrong: DotenvProvider(__file__, max_bytes=wrong).fetch(NAMES),
    "ProgramProvider": lambda _, wrong: ProgramProvider(wrong),
    "ProgramProvider, one": lambda _, wrong: ProgramProvider(("/bin/echo", "{name}", wrong)),
    "ProgramProvider, timeout": lambda _, wrong: ProgramProvider(ECHO, timeout=wrong).fetch(NAMES),
    "ProgramProvider, missing_codes": lambda _, wrong: ProgramProvider(ECHO, missing_codes=wrong).fetch(NAMES),
    "ProgramProvider, max_bytes": lambda _, wrong: ProgramProvider(ECHO, max_bytes=wrong).fetch(NAMES),
    "ProgramProvider, parallel": lambda _, wrong: ProgramProvider(ECHO, parallel=wrong).fetch(NAMES),
    "ChainProvider": lambda _, wrong: ChainProvider(wrong).fetch(NAMES),
    "CacheProvider": lambda _, wrong: CacheProvider(wrong).fetch(NAMES),
    "CacheProvider, ttl": lambda memory, wrong: CacheProvider(memory, ttl=wrong).fetch(NAMES),
    "CacheProvider, max_entries": lambda memory, wrong: CacheProvider(memory, max_entries=wrong).fetch(NAMES),
    "CacheProvider, max_bytes": lambda memory, wrong: CacheProvider(memory, max_bytes=wrong).fetch(NAMES),
    "PrefixProvider": lambda _, wrong: PrefixProvider(wrong, "x").fetch(NAMES),
    "PrefixProvider, prefix": lambda memory, wrong: PrefixProvider(memory, wrong).fetch(NAMES),
    "AliasProvider": lambda memory, wrong: AliasProvider(memory, wrong).fetch(NAMES),
    "AliasProvider, one": lambda memory, wrong: AliasProvider(memory, {"A": wrong}).fetch(NAMES),
    "OrkesProvider": lambda _, wrong: OrkesProvider(wrong, "id", VALUE),
    "OrkesProvider, key": lambda _, wrong: OrkesProvider("https://orkes.example", wrong, wrong),
    "OrkesProvider, timeout": lambda _, wrong: OrkesProvider("https://orkes.example", "id", VALUE, timeout=wrong),
    "LoggingSink": lambda memory, wrong: resolve(memory, settings={"audit": LoggingSink(wrong)}),
    "TaskGuard": lambda _, wrong: TaskGuard(wrong),
    "TaskGuard, subject": lambda memory, wrong: TaskGuard(Resolver(memory), subject=wrong).call(str, "x"),
    "TaskGuard, inputs": lambda memory, wrong: TaskGuard(Resolver(memory), inputs=wrong),
    "TaskGuard, control": lambda memory, wrong: TaskGuard(Resolver(memory), control=wrong),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_of_the_wrong_kind_ends_in_one_of_our_errors(memory, door, kind):
    fault = None
    try:
        DOORS[door](memory, WRONG[kind])
    except SecretRefError as error:
        fault = error
    assert fault is None or (fault.__context__, fault.__cause__) == (None, None)
