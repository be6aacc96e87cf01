"""Environment variables with a prefix."""

import os
import secrets

import pytest

from secretref.errors import ConfigurationError, ProviderError
from secretref.providers import load
from secretref.providers.env import EnvProvider
from secretref.testing import ProviderContract, assert_no_leak, canary


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    monkeypatch.setattr(
        os,
        "environ",
        os.environ.copy()
        and os._Environ(
            os.environ._data.copy(),
            os.environ.encodekey,
            os.environ.decodekey,
            os.environ.encodevalue,
            os.environ.decodevalue,
        ),
    )


class TestContract(ProviderContract):
    def provider(self, values, tmp_path):
        prefix = f"T{secrets.token_hex(4)}_"
        os.environ.update({prefix + name: value for name, value in values.items()})
        return EnvProvider(prefix=prefix)

    def can_hold(self, value):
        return "\0" not in value

    def broken(self, values, tmp_path):
        os.environ.update({f"BROKEN_{name}": value + "\udcff" for name, value in values.items()})
        return EnvProvider(prefix="BROKEN_")


def test_only_names_with_the_prefix_are_released():
    for number in range(200):
        os.environ[f"OTHER_{number}"] = canary()
    provider = load("env://?prefix=SECRET_")
    names = frozenset(os.environ)
    assert provider.fetch(names) == {}
    assert provider.exists(names) == frozenset()


def test_a_dash_is_not_an_underscore():
    os.environ.update({"SECRET_team_x": canary(), "SECRET_team-y": canary()})
    provider = EnvProvider(prefix="SECRET_")
    assert provider.fetch(frozenset({"team-x", "team-y"})).keys() == {"team-y"}


def test_an_empty_variable_is_there():
    os.environ["SECRET_EMPTY"] = ""
    assert EnvProvider(prefix="SECRET_").fetch(frozenset({"EMPTY"}))["EMPTY"].get_secret_value() == ""


def test_values_that_are_not_text_fail_together():
    values = {name: canary() for name in "ABC"}
    os.environ.update({f"SECRET_{name}": value + "\udcff" * (name != "C") for name, value in values.items()})
    with pytest.raises(ProviderError) as caught:
        EnvProvider(prefix="SECRET_").fetch(frozenset("ABCD"))
    assert caught.value.names == {"A", "B"}
    assert_no_leak(caught.value, *values.values())


@pytest.mark.parametrize("prefix", ["", "A=", "A\0", " "])
def test_the_prefix_is_required(prefix):
    with pytest.raises(ConfigurationError):
        EnvProvider(prefix=prefix)


def test_a_bare_env_names_the_missing_option():
    with pytest.raises(ConfigurationError, match="option prefix is required"):
        load("env")
