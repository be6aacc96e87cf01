"""One pass: values and data are opaque. Nothing is fetched before all is granted, and nothing comes out in part."""

import copy
import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from secretref import Grant, Policy, Resolver, Template
from secretref.errors import AccessDeniedError, InputError, SecretNotFoundError, SecretRefError

NAMES = ("A", "B", "C", "D")
FRAGMENTS = st.sampled_from(
    [
        *("${workflow.secrets.A}", "${workflow.secrets.B}", "$<workflow.secrets.C>", "$${workflow.secrets.A}"),
        *("${workflow.secrets.", "${", "$", "$$", "<workflow.secrets.", "{workflow.secrets.D", "}", ">", "D"),
        *("${workflow.input.x}", "\\1", "\\g<0>", "%s", "{0}", '"', "'", "\n", "\r\n", "\0", "é", "\ud800", "x"),
    ]
)
OPAQUE = st.one_of(st.lists(FRAGMENTS, max_size=8).map("".join), st.text(max_size=20))
PIECES = st.lists(
    st.one_of(
        st.sampled_from(NAMES[:2]).map(lambda name: ("secret", name)),
        st.sampled_from(["x", "y"]).map(lambda name: ("data", name)),
        st.sampled_from(["", " ", "<a>", "é", "} ", "\\"]).map(lambda text: ("literal", text)),
        st.sampled_from(NAMES).map(lambda name: ("escape", name)),
    ),
    max_size=6,
)


class Recording:
    """Has everything, and remembers what it was asked for."""

    def __init__(self, values):
        self.values = values
        self.asked = []

    def fetch(self, names):
        self.asked.append(names)
        return {name: SecretStr(self.values[name]) for name in names if name in self.values}


def attempt(call):
    """Return the refusal and the result of *call*, one of them None."""
    try:
        return None, call()
    except SecretRefError as error:
        return error, None


def written(pieces):
    forms = {
        "secret": "${{workflow.secrets.{}}}",
        "data": "${{workflow.input.{}}}",
        "escape": "$${{workflow.secrets.{}}}",
    }
    return "".join(text if kind == "literal" else forms[kind].format(text) for kind, text in pieces)


def expected(pieces, values, data):
    known = {"secret": values, "data": data, "escape": {name: f"${{workflow.secrets.{name}}}" for name in NAMES}}
    return "".join(text if kind == "literal" else known[kind][text] for kind, text in pieces)


@given(PIECES, st.fixed_dictionaries(dict.fromkeys(NAMES, OPAQUE)), st.fixed_dictionaries({"x": OPAQUE, "y": OPAQUE}))
@example(
    [("secret", "A"), ("secret", "B")],
    {"A": "${workflow.secrets.", "B": "C}", "C": "no", "D": "no"},
    {"x": "", "y": ""},
)
@example(
    [("data", "x"), ("data", "y")], {"A": "", "B": "", "C": "no", "D": "no"}, {"x": "${workflow.secrets.", "y": "C}"}
)
@example(
    [("literal", "$"), ("data", "x")], {"A": "", "B": "", "C": "no", "D": "no"}, {"x": "{workflow.secrets.C}", "y": ""}
)
def test_values_and_data_are_never_evaluated(pieces, values, data):
    assume("$${workflow.input" not in written(pieces))
    provider = Recording(values)
    definition = {"in": [written(pieces)], "alone": "${workflow.input.x}"}
    before = copy.deepcopy(definition)
    template = Template.compile(definition)
    resolved = Resolver(provider, policy=Policy.allow_all()).resolve(
        template, subject="app:x", data={"workflow": {"input": data}}
    )
    for shared in (False, True):
        assert resolved.reveal(shared=shared) == {"in": [expected(pieces, values, data)], "alone": data["x"]}
    named = {text for kind, text in pieces if kind == "secret"}
    assert provider.asked == ([named] if named else [])
    assert definition == before == template.definition


@given(PIECES, st.fixed_dictionaries(dict.fromkeys(NAMES, OPAQUE)), st.fixed_dictionaries({"x": OPAQUE, "y": OPAQUE}))
def test_a_bound_tree_gives_the_same_or_is_refused(pieces, values, data):
    assume("$${workflow.input" not in written(pieces))
    template = Template.compile([written(pieces)])
    bound = "".join(data[text] if kind == "data" else written([(kind, text)]) for kind, text in pieces)
    provider = Recording(values)
    resolver = Resolver(provider, policy=Policy.allow_all())
    try:
        found = resolver.resolve(template, subject="app:x", bound=[bound]).reveal()
    except InputError:
        assert sum(kind == "data" for kind, _ in pieces) > 1
        return
    assert set().union(*provider.asked) <= {text for kind, text in pieces if kind == "secret"}
    if not any(kind == "escape" for kind, _ in pieces):
        assert found == [expected(pieces, values, data)]


@given(st.text(st.characters(), max_size=60))
def test_values_are_exact_to_the_character(value):
    template = Template.compile(
        ["${workflow.secrets.A}", "<${workflow.secrets.A}>", "${workflow.secrets.A}${workflow.secrets.A}"]
    )
    resolver = Resolver(Recording({"A": value}), policy=Policy.allow_all())
    assert resolver.resolve(template, subject="app:x").reveal() == [value, f"<{value}>", value + value]


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES), min_size=1), st.sets(st.sampled_from(NAMES)))
def test_nothing_is_fetched_before_all_is_granted_and_nothing_comes_in_part(granted, named, held):
    provider = Recording({name: f"value-{name}" for name in held})
    resolver = Resolver(provider, policy=Policy([Grant("app:x", name) for name in granted]))
    template = Template.compile([f"${{workflow.secrets.{name}}}" for name in sorted(named)])
    error, resolved = attempt(lambda: resolver.resolve(template, subject="app:x"))
    if not named <= granted:
        assert isinstance(error, AccessDeniedError)
        assert error.names == named - granted
        assert provider.asked == []
    elif not named <= held:
        assert isinstance(error, SecretNotFoundError)
        assert error.names == named - held
        assert provider.asked == [named]
    else:
        assert resolved.reveal() == [f"value-{name}" for name in sorted(named)]
        assert provider.asked == [named]


@given(st.sets(st.tuples(st.sampled_from(["user:ann", "role:W"]), st.sampled_from([*NAMES, "*", "A*"]))), st.data())
def test_a_grant_more_never_means_access_less(grants, data):
    listed = sorted(grants)
    fewer = data.draw(st.lists(st.sampled_from(listed), unique=True)) if listed else []
    for subject in ("user:ann", "role:W"):
        some, all_of_them = (
            Policy([Grant(*grant) for grant in chosen]).decide(subject, NAMES).granted for chosen in (fewer, listed)
        )
        assert some <= all_of_them


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(allow_nan=False, allow_infinity=False),
        OPAQUE,
    ),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.sampled_from("abc"), below, max_size=3)),
    max_leaves=10,
)


@given(JSON)
def test_paths_and_data_agree_on_what_json_is(tree):
    text = json.dumps(tree)
    whole = Template.compile("${workflow.secrets.A.$}")
    resolver = Resolver(Recording({"A": text}), policy=Policy.allow_all())
    assert json.dumps(resolver.resolve(whole, subject="app:x").reveal()) == text
    foreign = Template.compile("${d}")
    assert json.dumps(resolver.resolve(foreign, subject="app:x", data={"d": tree}).reveal()) == text
    if not isinstance(tree, str):
        embedded = resolver.resolve(Template.compile("<${d}>"), subject="app:x", data={"d": tree}).reveal()
        assert json.loads(embedded[1:-1]) == tree


ODD = [
    None,
    True,
    0,
    -1,
    2**70,
    10**5_000,
    float("nan"),
    float("inf"),
    "",
    "\0",
    "\ud800",
    "\ufeff",
    "x" * 100_000,
    b"",
    (),
    [],
    {},
    object(),
    {1: 2},
    {"": [()]},
    iter(()),
    type,
    len,
    Exception("x"),
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
def test_every_entry_point_takes_odd_input_or_refuses_it(odd):
    resolver = Resolver(Recording({"A": "value-of-a"}), policy=Policy.allow_all())
    template = Template.compile(["${workflow.secrets.A}", "${workflow.input.x}", "<${workflow.input.x}>"])
    resolved = resolver.resolve(template, subject="app:x")
    for call in (
        lambda: Template.compile(odd),
        lambda: Template.compile([odd, {"k": odd}]),
        lambda: Template.from_json(odd),
        lambda: resolver.resolve(odd, subject="app:x"),
        lambda: resolver.resolve(template, subject=odd),
        lambda: resolver.resolve(template, subject="app:x", data=odd),
        lambda: resolver.resolve(template, subject="app:x", data={"workflow": {"input": {"x": odd}}}).reveal(),
        lambda: resolver.resolve(template, subject="app:x", data=lambda _: odd).reveal(),
        lambda: resolver.resolve(template, subject="app:x", bound=odd),
        lambda: resolver.resolve(template, subject="app:x", bound=["${workflow.secrets.A}", odd, odd]),
        lambda: resolver.declare(odd, subject="app:x"),
        lambda: resolver.preflight(odd, "app:x"),
        lambda: resolver.preflight([odd], "app:x"),
        lambda: Resolver(odd),
        lambda: Policy(odd),
        lambda: Policy.from_json(odd),
        lambda: Policy.from_json([odd]),
        lambda: Grant(odd, odd, odd),
        lambda: Policy([Grant("app:x", "A")]).decide("app:x", [odd]),
        lambda: Policy([Grant("app:x", "A*")]).explain("app:x", odd),
        lambda: resolved.record(odd, error=odd, logs=odd, received=odd).model_dump_json(),
    ):
        error, _ = attempt(call)
        if error is not None:
            assert error.__context__ is None
            assert len(str(error)) <= 2_000
