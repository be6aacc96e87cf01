"""A resolved input shows names only; its values leave through one door."""

import asyncio
import copy
import json
import pickle
import pprint

import pytest
from pydantic import SecretStr

from secretref import Policy, Resolver, Template
from secretref.errors import ProviderError, SecretNotFoundError
from secretref.testing import FakeProvider, assert_no_leak, canary

DEFINITION = {
    "auth": "Bearer ${workflow.secrets.A}",
    "config": "${workflow.secrets.C.nested}",
    "user": "${workflow.secrets.C.user}",
    "kept": {"deep": [1, {"x": 2}]},
    "street": "${workflow.input.street}",
}
TEMPLATE = Template.compile(DEFINITION)


@pytest.fixture
def values():
    return {"A": canary("special"), "USER": canary(), "KEY": canary()}


@pytest.fixture
def provider(values):
    document = json.dumps({"user": values["USER"], "nested": {"key": values["KEY"], "list": [1]}})
    return FakeProvider({"A": values["A"], "C": document})


@pytest.fixture
def resolver(provider):
    return Resolver(provider, policy=Policy.allow_all())


@pytest.fixture
def resolved(resolver):
    return resolver.resolve(TEMPLATE, subject="app:x", data={"workflow": {"input": {"street": ["a", {"b": 1}]}}})


def test_revealing_renders(resolved, values):
    expected = {
        "auth": f"Bearer {values['A']}",
        "config": {"key": values["KEY"], "list": [1]},
        "user": values["USER"],
        "kept": {"deep": [1, {"x": 2}]},
        "street": ["a", {"b": 1}],
    }
    assert resolved.reveal() == expected
    assert resolved.reveal(shared=True) == expected
    assert resolved.template is TEMPLATE
    assert resolved.names == {"A", "C"}


def test_revealed_containers_are_fresh(resolved):
    first = resolved.reveal()
    first["config"]["list"].append("changed")
    first["kept"]["deep"][1]["x"] = "changed"
    first["street"].append("changed")
    second = resolved.reveal()
    assert second["config"]["list"] == [1]
    assert second["kept"] == DEFINITION["kept"]
    assert second["street"] == ["a", {"b": 1}]
    assert TEMPLATE.definition == DEFINITION


def test_shared_reveals_share_what_holds_no_value(resolved):
    first, second = resolved.reveal(shared=True), resolved.reveal(shared=True)
    assert first is not second
    assert first["kept"] is second["kept"]
    assert first["config"] is not second["config"]
    assert TEMPLATE.box == [DEFINITION]


def test_a_definition_without_references_is_shared_whole(resolver):
    resolved = resolver.resolve(Template.compile({"a": [1]}), subject="app:x")
    assert resolved.reveal(shared=True) is resolved.reveal(shared=True)
    assert resolved.reveal() is not resolved.reveal()


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        format,
        "{!r:>50}".format,
        "%s".__mod__,
        lambda it: f"{[it]} { {'k': it} }",
        pprint.pformat,
        lambda it: str(dir(it)),
        lambda it: [repr(getattr(it, name)) for name in dir(it) if not callable(getattr(it, name))],
        lambda it: [repr(getattr(it, name)) for name in it.__slots__],
        lambda it: repr(it._filled.texts),
        lambda it: repr(it._keeper),
        lambda it: repr(it.redactor),
    ],
)
def test_nothing_shows_a_value(resolved, values, show):
    assert_no_leak(str(show(resolved)), *values.values())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_pickled(resolved, protocol):
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(resolved, protocol)


@pytest.mark.parametrize("attempt", [copy.copy, copy.deepcopy, json.dumps, dict, list, vars, len, bytes])
def test_it_cannot_be_copied_or_taken_apart(resolved, attempt):
    with pytest.raises(TypeError):
        attempt(resolved)


def test_it_tells_nothing_by_comparison(resolver):
    first, second = (resolver.resolve(Template.compile("${workflow.secrets.A}"), subject="app:x") for _ in range(2))
    assert first != second
    assert hash(first) != hash(second)


def test_the_redactor_hides_values_and_what_paths_lead_to(resolved, values):
    text = f"{values['A']} {values['USER']} {values['KEY']}"
    assert_no_leak(resolved.redactor.text(text), *values.values())
    assert resolved.redactor is resolved.redactor


def test_a_short_value_behind_a_path_is_reported_as_weak(provider, resolver):
    provider.put("P", SecretStr('{"pin": 42, "inner": "{\\"ok\\": true}"}'))
    template = Template.compile(["${workflow.secrets.P.pin}", "${workflow.secrets.P.inner.$.ok}"])
    resolved = resolver.resolve(template, subject="app:x")
    assert resolved.reveal() == [42, True]
    assert {"P.pin", "P.inner.$.ok"} <= resolved.redactor.weak


def test_refreshing_fetches_the_same_names_past_caches(provider, resolved, values):
    class Caching:
        def __init__(self):
            self.asked = []

        def fetch(self, names):
            self.asked.append(("fetch", names))
            return {"A": SecretStr("old-value-of-a")}

        def refetch(self, names):
            self.asked.append(("refetch", names))
            return {"A": SecretStr("new-value-of-a")}

    caching = Caching()
    first = Resolver(caching, policy=Policy.allow_all()).resolve(
        Template.compile("${workflow.secrets.A}"), subject="app:x"
    )
    second = first.refresh()
    assert caching.asked == [("fetch", {"A"}), ("refetch", {"A"})]
    assert (first.reveal(), second.reveal()) == ("old-value-of-a", "new-value-of-a")


@pytest.mark.parametrize("early", [True, False])
def test_values_before_a_rotation_stay_hidden(provider, resolved, values, early):
    if early:
        assert resolved.redactor
    rotated = canary()
    provider.put("A", SecretStr(rotated))
    fresh = asyncio.run(resolved.arefresh())
    assert fresh.reveal()["auth"] == f"Bearer {rotated}"
    for each in (resolved, fresh):
        record = each.record(f"{values['A']} {rotated} {values['USER']}")
        assert_no_leak(record.model_dump_json(), rotated, *values.values())


def test_refreshing_fails_like_resolving(provider, resolved):
    provider.fail_with = ValueError
    with pytest.raises(ProviderError):
        resolved.refresh()
    provider.fail_with = None
    provider.delete("A")
    with pytest.raises(SecretNotFoundError):
        resolved.refresh()


def test_missing_values_are_null_where_wanted(provider):
    resolver = Resolver(provider, policy=Policy.allow_all(), missing="null")
    resolved = resolver.resolve(
        Template.compile(["${workflow.secrets.N}", "<${workflow.secrets.A.x}>"]), subject="app:x"
    )
    assert resolved.reveal() == resolved.reveal(shared=True) == [None, "<>"]
    assert resolved.record().weak == ()
