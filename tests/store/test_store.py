"""The store as a provider that can also put and delete: one contract, two databases."""

import asyncio
import threading
import time

import pytest
from figures import canary
from pydantic import SecretStr

from secretref.errors import (
    InputError,
    LimitError,
    ProviderUnavailableError,
    SecretNotFoundError,
    StoreConflictError,
)
from secretref.providers import ChecksNames, ProviderURL, RefetchesValues, SecretProvider, SecretStore
from secretref.store import RawKey, Store, new_key, open_store
from secretref.testing import ProviderContract

A = frozenset({"A"})


class TestSqliteIsAProvider(ProviderContract):
    def provider(self, values, tmp_path):
        store = open_store(tmp_path / "dir" / "store", create=True)
        for name, value in values.items():
            store.put(name, SecretStr(value))
        return store

    def broken(self, values, tmp_path):
        store = self.provider(values, tmp_path)
        store.close()
        (tmp_path / "dir" / "store").unlink()
        return store


class TestPostgresIsAProvider(ProviderContract):
    @pytest.fixture(autouse=True)
    def _place(self, postgres_place):
        self.place = postgres_place

    def provider(self, values, tmp_path):
        del tmp_path
        store = self.place.open()
        for name, value in values.items():
            store.put(name, SecretStr(value))
        return store


def test_it_has_every_ability_a_provider_may_have(store):
    for ability in (SecretProvider, SecretStore, ChecksNames, RefetchesValues):
        assert isinstance(store, ability)


def test_it_is_built_from_a_url(tmp_path):
    open_store(tmp_path / "dir" / "store", create=True).put("A", canary())
    url = ProviderURL.parse(f"store://{tmp_path}/dir/store", {"key": f"file:{tmp_path}/dir/store.key"})
    with Store.from_url(url) as store:
        assert set(store.fetch(A)) == A


def test_what_is_put_is_fetched_by_every_later_reader(place):
    value = canary()
    with place.open() as writer:
        entry = writer.put("A", value, actor="ann", tags={"org": "post"})
        assert (entry.name, entry.version, entry.created_by, dict(entry.tags)) == ("A", 1, "ann", {"org": "post"})
        with place.open() as reader:
            assert reader.fetch(A) == {"A": value}
            assert reader.entry("A") == entry
            newer = canary(1)
            writer.put("A", newer)
            assert reader.fetch(A) == {"A": newer}
            assert asyncio.run(reader.afetch(A)) == {"A": newer}


def test_many_names_are_one_read(store):
    values = {f"N{number}": canary(number) for number in range(1203)}
    with store.transaction():
        for name, value in values.items():
            store.put(name, value)
    assert store.fetch(frozenset(values) | {"OTHER"}) == values
    assert list(store.entries()) == sorted(values)
    assert list(store) == sorted(values)


def test_each_put_is_a_version_and_tags_stay(store):
    values = [canary(number) for number in range(3)]
    for value in values:
        store.put("A", value, tags={"k": "v"} if value is values[0] else None, actor=f"by{values.index(value)}")
    assert [(version.version, version.created_by) for version in store.versions("A")] == [
        (3, "by2"),
        (2, "by1"),
        (1, "by0"),
    ]
    assert [store.fetch_version("A", number) for number in (1, 2, 3, 4)] == [*values, None]
    entry = store.entry("A")
    assert (entry.version, dict(entry.tags), entry.created_by, entry.updated_by) == (3, {"k": "v"}, "by0", "by2")


def test_only_so_many_versions_are_kept(place):
    with place.open(history=2) as store:
        for number in range(4):
            store.put("A", canary(number))
        assert [version.version for version in store.versions("A")] == [4, 3]
        assert store.fetch_version("A", 2) is None


def test_rollback_makes_an_old_value_the_newest_version(store):
    first, end = canary(1), time.time() + 60
    store.put("A", first, tags={"k": "v"})
    store.put("A", canary(2), expires_at=end)
    entry = store.rollback("A", 1)
    assert (entry.version, dict(entry.tags), entry.expires_at) == (3, {"k": "v"}, end)
    assert store.fetch(A) == {"A": first}


@pytest.mark.parametrize(("name", "version"), [("A", 9), ("B", 1), ("no/name", 1)])
def test_rollback_to_what_was_not_kept_is_an_error(store, name, version):
    store.put("A", canary())
    with pytest.raises(SecretNotFoundError):
        store.rollback(name, version)
    assert [version.version for version in store.versions("A")] == [1]


def test_delete_takes_all_versions_and_a_new_life_starts_at_one(store):
    store.put("A", canary(1))
    store.put("A", canary(2))
    assert store.delete("A") is True
    assert store.delete("A") is False
    assert store.fetch(A) == {}
    assert store.versions("A") == ()
    assert store.put("A", canary(3)).version == 1


def test_expired_secrets_are_absent_but_listed(store):
    store.put("OLD", canary(), expires_at=time.time() - 1)
    store.put("NEW", canary(), expires_at=time.time() + 60)
    both = frozenset({"OLD", "NEW", "NEVER"})
    assert set(store.fetch(both)) == {"NEW"}
    assert store.exists(both) == {"NEW"}
    assert (store.exists("OLD"), store.exists("NEW")) == (False, True)
    assert store.entry("OLD").expires_at < time.time()
    store.put("OLD", canary())
    assert store.exists("OLD")


def test_expiry_takes_effect_at_its_moment(store):
    store.put("A", canary(), expires_at=time.time() + 0.3)
    assert store.exists("A")
    time.sleep(0.35)
    assert store.fetch(A) == {}


def test_tags_are_set_and_removed_by_key(store):
    value = canary()
    store.put("A", value, tags={"a": "1", "b": "2"})
    entry = store.tag("A", {"b": None, "c": "3"}, actor="ann")
    assert (dict(entry.tags), entry.version, entry.updated_by) == ({"a": "1", "c": "3"}, 1, "ann")
    assert store.fetch(A) == {"A": value}
    store.put("A", value, tags={})
    assert dict(store.entry("A").tags) == {}
    for missing in ("B", "no/name"):
        with pytest.raises(SecretNotFoundError):
            store.tag(missing, {"a": "1"})


def test_an_expected_version_guards_against_lost_updates(store):
    store.put("A", canary(), expected=0)
    store.put("A", canary(), expected=1)
    for expected in (0, 1, 3):
        with pytest.raises(StoreConflictError) as raised:
            store.put("A", canary(), expected=expected)
        assert raised.value.names == A
    assert store.entry("A").version == 2


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 256, "a\n", "a\0"])
def test_names_outside_the_grammar_are_refused_or_not_found(store, name):
    with pytest.raises(InputError):
        store.put(name, canary())
    assert store.fetch(frozenset({name})) == {}
    assert store.delete(name) is False
    assert store.entry(name) is None
    assert store.versions(name) == ()
    assert store.fetch_version(name, 1) is None


def test_values_the_store_cannot_keep_are_refused(store):
    with pytest.raises(InputError):
        store.put("A", SecretStr("\ud800"))
    with pytest.raises(LimitError):
        store.put("A", SecretStr("é" * (2**19 + 1)))
    store.put("A", SecretStr("é" * 2**19))
    store.put("EMPTY", SecretStr(""))
    assert store.fetch(frozenset({"A", "EMPTY"})) == {"A": SecretStr("é" * 2**19), "EMPTY": SecretStr("")}


def test_a_transaction_is_all_or_nothing(store):
    store.put("A", canary())
    before = store.verify()
    with pytest.raises(RuntimeError), store.transaction():
        store.put("B", canary())
        store.delete("A")
        assert store.exists(frozenset({"A", "B"})) == {"B"}
        raise RuntimeError
    assert list(store) == ["A"]
    assert store.verify() == before


def test_a_transaction_whose_part_failed_is_not_committed(store):
    with pytest.raises(ProviderUnavailableError), store.transaction():
        store.put("A", canary())
        with pytest.raises(StoreConflictError):
            store.put("A", canary(), expected=7)
    assert list(store) == []


def test_threads_share_one_store_without_lost_updates(store):
    """The counter's value is read and written inside one transaction each time."""
    store.put("N", SecretStr("0"))
    stop = threading.Event()
    wrong = []

    def count():
        for _ in range(20):
            with store.transaction():
                number = int(store.fetch(frozenset({"N"}))["N"].get_secret_value())
                store.put("N", SecretStr(str(number + 1)))

    def watch():
        last = 0
        while not stop.is_set():
            number = int(store.fetch(frozenset({"N"}))["N"].get_secret_value())
            if number < last:
                wrong.append((last, number))
            last = number

    counters = [threading.Thread(target=count) for _ in range(4)]
    watchers = [threading.Thread(target=watch) for _ in range(4)]
    for thread in [*counters, *watchers]:
        thread.start()
    for thread in counters:
        thread.join(60)
    stop.set()
    for thread in watchers:
        thread.join(60)
    assert store.fetch(frozenset({"N"})) == {"N": SecretStr("80")}
    assert not wrong


def test_every_change_has_its_audit_line(store):
    store.put("A", canary(), actor="ann")
    store.put("A", canary(), actor="bob")
    store.rollback("A", 1, actor="cyd")
    store.tag("A", {"a": "b"}, actor="dan")
    store.delete("A", actor="eve")
    lines = [(line.actor, line.action, line.target, dict(line.details)) for line in reversed(store.audit.lines())]
    assert lines[1:] == [
        ("ann", "secret.put", "A", {"version": "1"}),
        ("bob", "secret.put", "A", {"version": "2"}),
        ("cyd", "secret.rollback", "A", {"version": "3"}),
        ("dan", "secret.tag", "A", {}),
        ("eve", "secret.delete", "A", {}),
    ]


def test_the_revision_moves_with_access_and_not_with_values(store):
    def moved(act):
        before = store.revision()
        act()
        return store.revision() > before

    assert not moved(lambda: store.put("A", canary()))
    assert not moved(lambda: store.put("A", canary()))
    assert moved(lambda: store.put("A", canary(), tags={"org": "post"}))
    assert not moved(lambda: store.put("A", canary(), tags={"org": "post"}))
    assert moved(lambda: store.tag("A", {"org": "bank"}))
    assert moved(lambda: store.delete("A"))


def test_info_tells_what_runs_and_no_credentials(place):
    with place.open() as store:
        info = store.info()
        assert (info.format, info.key_kind) == (1, "raw")
        assert info.engine.split()[0] == {"sqlite": "SQLite", "postgres": "PostgreSQL"}[place.kind]
        assert info.journal == {"sqlite": "truncate", "postgres": "server"}[place.kind]
        assert repr(store) == f"Store({info.url!r})"
        before = info.seals
        store.put("A", canary())
        assert store.info().seals == before + 2  # the value, and the entry


def test_a_closed_store_says_so(place):
    store = place.open()
    store.put("A", canary())
    store.close()
    with pytest.raises(Exception, match="store failed") as raised:
        store.fetch(A)
    assert raised.value.code == "key"


def test_a_store_is_made_only_on_request(place):
    with pytest.raises(Exception, match=r"no store|does not exist") as raised:
        place.open(create=False)
    assert raised.value.code == "configuration"


def test_another_key_is_one_error(place):
    place.open().close()
    with pytest.raises(Exception, match="WrongKey") as raised:
        place.open(key=RawKey(new_key()))
    assert raised.value.code == "key"
