"""Other names for the same secrets."""

import pytest

from secretref.errors import ConfigurationError
from secretref.providers import load
from secretref.providers.memory import MemoryProvider
from secretref.providers.prefix import AliasProvider, PrefixProvider
from secretref.testing import FakeProvider, ProviderContract, canary


class TestPrefixContract(ProviderContract):
    def provider(self, values, tmp_path):
        return PrefixProvider(MemoryProvider({f"app_{name}": value for name, value in values.items()}), "app_")

    def broken(self, values, tmp_path):
        return PrefixProvider(FakeProvider(fail_with=OSError(*values.values())), "app_")


class TestAliasContract(ProviderContract):
    def provider(self, values, tmp_path):
        renamed = {name: f"inner-{number}" for number, name in enumerate(values) if number % 2 == 0}
        inner = MemoryProvider({renamed.get(name, name): value for name, value in values.items()})
        return AliasProvider(inner, renamed)

    def broken(self, values, tmp_path):
        return AliasProvider(FakeProvider(fail_with=OSError(*values.values())), {"PRESENT": "x"})


def test_the_inner_provider_sees_prefixed_names_only():
    inner = FakeProvider({"app_A": canary(), "B": canary(), "app_": canary()})
    provider = load("prefix", prefix="app_", of=inner)
    assert provider.fetch(frozenset({"A", "B", ""})).keys() == {"A"}
    assert inner.calls == [frozenset({"app_A", "app_B"})]
    assert repr(provider) == "PrefixProvider(fake)"


def test_two_aliases_may_share_a_secret():
    inner = FakeProvider({"X": canary()})
    provider = load("alias", alias=["A:X", "db-pass:X"], of=inner)
    assert provider.fetch(frozenset({"A", "db-pass", "X"})).keys() == {"A", "db-pass", "X"}
    assert inner.calls == [frozenset({"X"})]


@pytest.mark.parametrize(
    "build",
    [
        lambda: PrefixProvider(MemoryProvider(), ""),
        lambda: PrefixProvider(MemoryProvider(), "a/"),
        lambda: AliasProvider(MemoryProvider(), {}),
        lambda: AliasProvider(MemoryProvider(), {"a b": "c"}),
        lambda: load("prefix://?prefix=a_"),
        lambda: load("prefix", prefix="a_", of=["memory", "memory"]),
    ],
)
def test_wrong_settings_are_refused(build):
    with pytest.raises(ConfigurationError):
        build()
