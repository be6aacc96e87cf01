"""Several providers in order."""

import asyncio
from itertools import product

import pytest
from pydantic import SecretStr

from secretref.errors import AccessDeniedError, ConfigurationError, ProviderError, ProviderUnavailableError
from secretref.providers import load
from secretref.providers.chain import ChainProvider
from secretref.providers.memory import MemoryProvider
from secretref.testing import FakeProvider, ProviderContract, canary


class TestContract(ProviderContract):
    def provider(self, values, tmp_path):
        odd = {name: value for number, (name, value) in enumerate(values.items()) if number % 2}
        even = {name: value for name, value in values.items() if name not in odd}
        return ChainProvider(MemoryProvider(odd), MemoryProvider(), MemoryProvider(even))

    def broken(self, values, tmp_path):
        return ChainProvider(FakeProvider(fail_with=OSError(*values.values())), MemoryProvider(values))


def test_the_next_one_is_asked_only_for_what_is_missing():
    first, second, third = FakeProvider({"A": canary()}), FakeProvider({"A": canary(), "B": canary()}), FakeProvider()
    chain = ChainProvider(first, second, third)
    assert chain.fetch(frozenset("AB")).keys() == {"A", "B"}
    assert first.calls == [frozenset("AB")]
    assert second.calls == [frozenset("B")]
    assert third.calls == []
    assert chain.fetch(frozenset("A")) == first.fetch(frozenset("A"))


FAULTS = [
    ProviderUnavailableError("x", kind="y"),
    ProviderError("x", kind="y"),
    AccessDeniedError(["A"], subject="x"),
    OSError("text"),
    KeyError("A"),
]


@pytest.mark.parametrize(("fault", "at", "asynchronous"), list(product(FAULTS, range(3), [False, True])))
def test_an_error_never_falls_through(fault, at, asynchronous):
    providers = [FakeProvider() for _ in range(3)]
    providers[at].fail_with = fault
    providers.append(FakeProvider({"A": canary()}))
    chain, names = ChainProvider(*providers), frozenset("A")
    with pytest.raises((ProviderError, AccessDeniedError)) as caught:
        asyncio.run(chain.afetch(names)) if asynchronous else chain.fetch(names)
    assert caught.value is not fault
    assert caught.value.__context__ is None
    assert [len(provider.calls) for provider in providers] == [1] * (at + 1) + [0] * (3 - at)


def test_it_is_built_from_urls_and_providers(tmp_path):
    (tmp_path / "x.json").write_text('{"A": "1"}')
    chain = load("chain", of=[f"file://{tmp_path}/x.json", MemoryProvider({"B": "2"})])
    assert chain.fetch(frozenset("AB")) == {"A": SecretStr("1"), "B": SecretStr("2")}
    assert repr(chain) == "ChainProvider(file, memory)"
    assert repr(load("chain://?of=env%3A%2F%2F%3Fprefix%3DA_&of=memory")) == "ChainProvider(env, memory)"
    for wrong in ([], [3]):
        with pytest.raises(ConfigurationError, match="option of"):
            load("chain", of=wrong)


def test_exists_is_offered_only_if_all_offer_it():
    class Fetches:
        def fetch(self, names):
            return {}

    assert not hasattr(ChainProvider(MemoryProvider(), Fetches()), "exists")
