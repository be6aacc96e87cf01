"""Changes that threads make at the same time: one commit for all, and each succeeds or fails on its own."""

import threading
from contextlib import contextmanager, suppress

import pytest
from disk import Disk
from figures import canary
from pydantic import SecretStr

from secretref.errors import ProviderError, ProviderUnavailableError, SecretNotFoundError, StoreConflictError
from secretref.store import AuditEvent


@contextmanager
def crowd(store, *acts):
    """Hold the store while *acts* queue, each in a thread of its own; yield what each got, filled in at the end.

    The first is alone: it leads, and waits for us. The others queue behind it and are served together.
    """
    got, threads = {}, []

    def run(number, act):
        try:
            got[number] = act()
        except (ProviderError, SecretNotFoundError) as error:
            got[number] = error

    turns = store._ledger.database.state.turns
    with store.transaction():
        for number, act in enumerate(acts):
            threads.append(threading.Thread(target=run, args=(number, act)))
            threads[-1].start()
            while not turns._is_led or len(turns._waiting) < number:
                pass
        yield got
    for thread in threads:
        thread.join(30)
    assert len(got) == len(acts)


def commits(store):
    """Count the heads that were written."""
    seen = []
    run = type(store._ledger.database).transaction

    @contextmanager
    def counted(database):
        seen.append(database)
        with run(database) as connection:
            yield connection

    return seen, counted


def test_writers_that_wait_share_one_transaction(store, monkeypatch):
    seen, counted = commits(store)
    values = {f"N{number}": canary() for number in range(9)}
    with crowd(store, *(lambda name=name: store.put(name, values[name]) for name in values)) as got:
        monkeypatch.setattr(type(store._ledger.database), "transaction", counted)
    assert len(seen) == 1
    assert [got[number].version for number in range(9)] == [1] * 9
    assert store.fetch(frozenset(values)) == values
    assert not store.verify().problems


def test_one_that_fails_undoes_nothing_but_itself(store):
    """A conflict, a missing name and a block that stops half-way stand between changes that are made."""
    values = [canary() for _ in range(2)]
    with crowd(
        store,
        lambda: store.put("A", canary()),
        lambda: store.put("A", values[0]),
        lambda: store.put("A", canary(), expected=1),
        lambda: store.tag("NONE", {"a": "b"}),
        lambda: store.audit.record(AuditEvent("x", "secret.read", "A")),
        lambda: store.rollback("A", 7),
        lambda: store.put("B", values[1]),
    ) as got:
        pass
    assert [type(got[number]) for number in (2, 3, 5)] == [StoreConflictError, SecretNotFoundError, SecretNotFoundError]
    assert (got[1].version, got[4], got[6].version) == (2, None, 1)
    assert store.fetch(frozenset("AB")) == {"A": values[0], "B": values[1]}
    actions = [line.action for line in store.audit.lines(limit=4)]
    assert actions == ["secret.put", "secret.read", "secret.put", "secret.put"]
    assert not store.verify().problems


def test_a_part_that_wrote_before_it_failed_leaves_nothing(store):
    def fail(work):
        seq = work.append(AuditEvent("x", "secret.put", "A"), revises=True)
        work.save_version("A", 1, seq, b"x")
        raise StoreConflictError("store", kind="half-way")

    before = store.revision()
    puts = [lambda name=name: store.put(name, canary()) for name in "FB"]
    with crowd(store, puts[0], lambda: store._ledger.write(fail), puts[1]) as got:
        pass
    assert got[1].kind == "half-way"
    assert got[2].version == 1
    assert store.revision() == before
    assert store.versions("A") == ()
    assert not store.verify().problems


def test_a_part_whose_caller_went_on_after_a_fault_is_undone(store):
    def go_on(work):
        with suppress(StoreConflictError):
            store.put("A", canary(), expected=7)
        work.append(AuditEvent("x", "secret.read", "A"))

    puts = [lambda name=name: store.put(name, canary()) for name in "FB"]
    with crowd(store, puts[0], lambda: store._ledger.write(go_on), puts[1]) as got:
        pass
    assert got[1].kind == "BrokenTransaction"
    assert store.exists(frozenset("AB")) == {"B"}
    assert not store.verify().problems


def test_after_a_fault_a_transaction_writes_no_more(store):
    with pytest.raises(ProviderUnavailableError, match="BrokenTransaction"), store.transaction():
        with pytest.raises(StoreConflictError):
            store.put("A", canary(), expected=7)
        store.put("B", canary())
    assert list(store) == []


def test_when_the_database_gives_up_the_whole_all_are_told(sqlite_place):
    """As after a full disk: the savepoint is gone, and with it what the others did."""
    with sqlite_place.open() as store:

        def give_up(work, error):
            work.connection.text("ROLLBACK")
            raise error

        for error, kind in (
            (ProviderUnavailableError("store", kind="SQLITE_FULL"), "SQLITE_FULL"),
            (StoreConflictError("store", kind="x"), "BrokenTransaction"),
        ):
            with crowd(
                store,
                lambda: store.put("FIRST", canary()),
                lambda: store.put("A", canary()),
                lambda error=error: store._ledger.write(lambda work: give_up(work, error)),
                lambda: store.put("B", canary()),
            ) as got:
                pass
            assert [got[number].kind for number in (1, 2, 3)] == [kind] * 3
            assert list(store) == ["FIRST"]
            assert not store.verify().problems


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
def test_a_crowd_on_a_failing_disk_is_acknowledged_all_or_none(sqlite_place, fault):
    """Wherever the disk fails: what was acknowledged is there, and those who shared a commit share its fate."""
    told = set()
    with Disk().installed() as disk:
        disk.fail_with = fault
        for number in range(1, 200, 9):
            names = [f"N{number}_{one}" for one in range(6)]
            with sqlite_place.open() as store:
                puts = [lambda name=name, store=store: store.put(name, SecretStr("x" * 3000)) for name in names]
                with crowd(store, *puts) as got:
                    disk.fail_at = disk.done + number
                disk.fail_at = -1
            with sqlite_place.open() as store:
                refused = {names[one] for one, result in got.items() if isinstance(result, ProviderError)}
                assert set(names) - refused <= store.exists(frozenset(names))
                assert set(names[1:]) <= refused or not refused & set(names[1:])
                assert not store.verify().problems
                told.add(len(refused))
    assert told >= {0, 5}


def test_a_value_read_in_a_change_that_is_undone_can_be_read_afterwards(store):
    values = [canary() for _ in range(2)]
    store.put("A", values[0])
    with pytest.raises(RuntimeError), store.transaction():
        store.put("A", values[1])
        assert store.fetch(frozenset("A")) == {"A": values[1]}
        raise RuntimeError
    assert store.fetch(frozenset("A")) == {"A": values[0]}
