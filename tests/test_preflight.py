"""Preflight: what would go wrong, found without fetching a value."""

import pytest

from secretref import Grant, Policy, Resolver, Template
from secretref.errors import InputError, LimitError, PolicyError, TemplateSyntaxError
from secretref.testing import FakeProvider, canary

GRANTS = [
    Grant("app:x", "A"),
    Grant("app:x", "db_*"),
    Grant("app:x", "OLD"),
    Grant("app:x", "old_*"),
    Grant("app:x", "A", "UPDATE"),
    Grant("app:x", "tag:a:b"),
    Grant("user:ann", "DENIED"),
]
DEFINITIONS = {
    "good": {"a": "${workflow.secrets.A}", "b": "${workflow.secrets.db_main.port}"},
    "denied": "${workflow.secrets.DENIED}",
    "bad": "${ workflow.secrets.A } ${workflow.secret.B}",
    "worse": [b"bytes"],
    "compiled": Template.compile("${workflow.secrets.db_other}"),
}


@pytest.fixture
def provider():
    return FakeProvider({"A": canary(), "db_main": canary(), "DENIED": canary()})


def test_all_is_reported_and_nothing_fetched(provider):
    found = Resolver(provider, policy=Policy(GRANTS)).preflight(DEFINITIONS, "app:x")
    assert not found.ok
    assert found.names == {"A", "db_main", "db_other", "DENIED"}
    assert found.denied == {"DENIED"}
    assert found.missing == {"db_other"}
    assert found.unchecked == frozenset()
    assert [str(grant.target) for grant in found.unused] == ["OLD", "old_*"]
    assert {label: type(error) for label, error in found.malformed.items()} == {
        "bad": TemplateSyntaxError,
        "worse": InputError,
    }
    assert len(found.malformed["bad"].faults) == 2
    assert provider.calls == []


def test_definitions_may_be_a_list_or_one_template(provider):
    resolver = Resolver(provider, policy=Policy(GRANTS))
    deep = []
    for _ in range(1_000):
        deep = [deep]
    listed = resolver.preflight(["${workflow.secrets.A}", "${workflow.secrets.", deep], "app:x")
    assert {label: type(error) for label, error in listed.malformed.items()} == {
        "1": TemplateSyntaxError,
        "2": LimitError,
    }
    one = resolver.preflight(Template.compile("${workflow.secrets.A}"), "app:x")
    assert one.ok
    assert one.names == {"A"}


class Silent:
    """Cannot tell what it has."""

    def fetch(self, names):
        raise AssertionError("nothing may be fetched")


class Failing(Silent):
    def exists(self, names):
        raise RuntimeError("canary in an error")


class Asynchronous(Silent):
    async def exists(self, names):
        return names & {"A"}


@pytest.mark.parametrize("provider", [Silent(), Failing()])
def test_what_cannot_be_told_is_said_so(provider):
    found = Resolver(provider, policy=Policy(GRANTS)).preflight(["${workflow.secrets.A}"], "app:x")
    assert (found.missing, found.unchecked) == (frozenset(), {"A"})
    nothing = Resolver(provider, policy=Policy(GRANTS)).preflight(["nothing"], "app:x")
    assert nothing.unchecked == frozenset()
    assert nothing.ok


def test_a_provider_that_could_not_be_asked_is_no_good_sign():
    found = Resolver(Failing(), policy=Policy(GRANTS)).preflight(["${workflow.secrets.A}"], "app:x")
    assert not found.ok
    assert str(found.failure) == "provider Failing failed for A: RuntimeError"
    assert found.failure.__context__ is None
    assert Resolver(Silent(), policy=Policy(GRANTS)).preflight(["${workflow.secrets.A}"], "app:x").ok


def test_an_asynchronous_provider_is_asked_too():
    definitions = ["${workflow.secrets.A} ${workflow.secrets.OLD}"]
    found = Resolver(Asynchronous(), policy=Policy(GRANTS)).preflight(definitions, "app:x")
    assert (found.missing, found.unchecked) == ({"OLD"}, frozenset())


@pytest.mark.parametrize("definitions", ["${workflow.secrets.A}", b"", 5, None])
def test_definitions_are_several(provider, definitions):
    with pytest.raises(InputError):
        Resolver(provider).preflight(definitions, "app:x")


def test_a_subject_is_needed(provider):
    with pytest.raises(PolicyError):
        Resolver(provider).preflight([], "x")
