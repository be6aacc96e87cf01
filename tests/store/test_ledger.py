"""The ledger's own rules: what is refused before anything is written."""

import runpy
import sys

import pytest
from figures import canary

from secretref import store as package
from secretref.errors import LimitError, MissingExtraError, ProviderUnavailableError, StoreDamagedError
from secretref.store import _work
from secretref.store._seal import Sealer
from secretref.store._work import Head


def test_a_data_key_seals_only_so_often(store, monkeypatch):
    monkeypatch.setattr(_work, "SEALS_MAX", store.info().seals + 3)
    store.put("A", canary())
    before = store.verify()
    with pytest.raises(LimitError, match="rotate it"):
        store.put("A", canary())
    assert store.verify() == before


def test_a_head_of_another_type_is_damage():
    sealer = Sealer.of(bytes(32), "store", "key", "audit")
    head = Head(1, b"", 0, b"", 0, "key", "audit")
    head.check(sealer, head.row(sealer)["tag"])
    for fields in ((b"1", b"", 0, b""), (1, "text", 0, b""), (1, None, 0, b"")):
        with pytest.raises(StoreDamagedError):
            Head(*fields, 0, "key", "audit").check(sealer, bytes(32))


def test_no_head_means_damage_and_no_revision(sqlite_place):
    with sqlite_place.open() as store:
        store._ledger.database.read(lambda one: one.text("DELETE FROM secretref_head"))
        with pytest.raises(StoreDamagedError):
            store.revision()
        with pytest.raises(StoreDamagedError):
            store.put("A", canary())


def test_damage_inside_a_transaction_is_an_error_at_once(sqlite_place):
    with sqlite_place.open() as store:
        store.put("A", canary())
        store._ledger.database.read(lambda one: one.text("UPDATE secretref_versions SET body = zeroblob(60)"))
        with pytest.raises(StoreDamagedError), store.transaction():
            store.fetch(frozenset("A"))


def test_a_failed_part_spoils_its_transaction(sqlite_place):
    with sqlite_place.open() as store:
        with pytest.raises(ProviderUnavailableError, match="BrokenTransaction"), store.transaction():
            store.put("B", canary())
            with store._ledger.database.connection() as connection:
                connection.text("ALTER TABLE secretref_audit RENAME TO hidden")
            with pytest.raises(StoreDamagedError):
                store.put("A", canary())
            with store._ledger.database.connection() as connection:
                connection.text("ALTER TABLE hidden RENAME TO secretref_audit")
        assert list(store) == []
        assert not store.verify().problems


@pytest.mark.parametrize("module", ["sqlalchemy", "cryptography"])
def test_a_missing_extra_is_told_by_its_install_command(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"secretref-workflow\[store\]"):
        runpy.run_path(package.__file__)


def test_a_missing_driver_is_told_when_a_server_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "secretref.store._postgres", raising=False)
    with pytest.raises(MissingExtraError, match=r"secretref-workflow\[postgres\]"):
        package.open_store("postgresql://127.0.0.1:1/x", key="env:X")


def test_a_missing_keyring_is_told_when_it_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(MissingExtraError, match=r"secretref-workflow\[keyring\]"):
        package.key_from("keyring:a/b")
