"""The store in memory."""

import copy
import pickle

import pytest
from pydantic import SecretStr

from secretref.providers import SecretStore, load
from secretref.providers.memory import MemoryProvider
from secretref.testing import ProviderContract, canary


class TestContract(ProviderContract):
    def provider(self, values, tmp_path):
        return MemoryProvider(values)


def test_it_is_a_store():
    store = load("memory")
    assert isinstance(store, SecretStore)
    assert repr(store) == "MemoryProvider(0 names)"
    value = SecretStr(canary())
    store.put("A", value)
    assert store.fetch(frozenset({"A"})) == {"A": value}
    store.delete("A")
    store.delete("A")
    assert store.fetch(frozenset({"A"})) == {}


def test_it_does_not_follow_changes_of_the_mapping_it_was_given():
    given = {"A": canary()}
    store = MemoryProvider(given)
    given["B"] = canary()
    assert store.exists(frozenset({"A", "B"})) == {"A"}


@pytest.mark.parametrize("carry", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_refuses_to_be_carried_away(carry):
    with pytest.raises(TypeError, match="holds values"):
        carry(MemoryProvider({"A": canary()}))
