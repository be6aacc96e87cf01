"""Disk full, I/O errors and power cuts: whatever was acknowledged is there, and nothing else is."""

import random
from contextlib import suppress

import pytest
from disk import Disk, after_power_cut
from figures import canary, report, size
from pydantic import SecretStr

from secretref.errors import ProviderUnavailableError, StoreKeyError
from secretref.store import EnvironmentVariable, RawKey, new_key, open_store

NAMES = frozenset({"A", "B", "BIG"})
VALUES = [canary(1), canary(2), SecretStr(canary(3).get_secret_value() * 400)]

KEY, NEXT_KEY = RawKey(new_key()), RawKey(new_key())


def acts(store):
    """Changes of every kind."""
    yield "put", lambda: store.put("A", VALUES[0])
    yield "replace", lambda: store.put("A", VALUES[1])
    yield "large", lambda: store.put("BIG", VALUES[2])
    yield "tag", lambda: store.tag("A", {"a": "b"})
    yield "shelf", lambda: store.environment.put("E", EnvironmentVariable("E", "x"), actor="x")
    yield "rollback", lambda: store.rollback("A", 1)
    yield "delete", lambda: store.delete("BIG")
    yield "rotate", lambda: store.rotate_key(NEXT_KEY)


def up_to(store, name):
    """Do all acts before *name*, and return that one."""
    for act, run in acts(store):
        if act == name:
            return run
        run()
    raise AssertionError(name)


def open_with_either(path):
    """Open with the new key if it was put to use, else with the old: exactly one of them opens."""
    opened = []
    for key in (KEY, NEXT_KEY):
        with suppress(StoreKeyError):
            opened.append(open_store(path, key=key))
    (store,) = opened
    return store


def state(store):
    """Return all that can be seen, but for times."""
    entries = {entry.name: (entry.version, dict(entry.tags)) for entry in store.entries().values()}
    trail = [(line.action, line.seq) for line in store.audit.lines()]
    return dict(store.fetch(NAMES)), entries, dict(store.environment.all()), trail


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "EIO once"])
@pytest.mark.parametrize("name", ["put", "replace", "large", "tag", "shelf", "rollback", "delete", "rotate"])
def test_a_failing_disk_is_a_typed_error_and_an_intact_store(sqlite_place, tmp_path, name, fault, capsys):
    """Every write, truncation and sync of the change fails in turn.

    No error means done. An error means undone, or, when it struck after the commit, done: never half of it.
    """
    with Disk().installed() as disk, sqlite_place.open() as store:
        run = up_to(store, name)
        before, start = state(store), disk.done
        run()
        after, total = state(store), disk.done - start
    undone = done = acknowledged = 0
    points = sorted({*range(1, total + 1, size(17, 1)), *range(total - 2, total + 1)})
    for number in points:
        path = tmp_path / f"{number}" / "store"
        with Disk().installed() as disk, open_store(path, key=KEY, create=True) as store:
            run = up_to(store, name)
            disk.fail_with, disk.keep_failing = fault.split()[0], fault != "EIO once"
            disk.fail_at, error = disk.done + number, None
            try:
                run()
            except ProviderUnavailableError as raised:
                error = raised
            disk.fail_at = -1
            assert error is None or (error.__cause__, error.__context__) == (None, None)
        with open_with_either(path) as store:
            found = state(store)
            assert found in ([after] if error is None else [before, after])
            assert not store.verify().problems
            store.put("A", canary())
        acknowledged += error is None
        undone += error is not None and found == before
        done += error is not None and found == after
    assert undone
    figures = (
        f"undone {undone}, done after all {done}, acknowledged {acknowledged}, corrupt 0, false acknowledgements 0"
    )
    report(capsys, f"{name}, {fault}: {len(points)} points of failure: {figures}")


def test_power_cuts_lose_nothing_acknowledged(sqlite_place, capsys):
    """The disk is rebuilt as any cut could have left it, and opened."""
    key, dice = sqlite_place.key, random.Random(20)
    values = [canary(number) for number in range(40)]
    sqlite_place.open().close()
    folder = sqlite_place.url.parent
    start = {path.name: path.read_bytes() for path in folder.iterdir()}
    with Disk().installed() as disk, sqlite_place.open() as store:
        for number, value in enumerate(values):
            name = f"N{number % 7}"
            disk.log.append(("begin", name, number))
            store.put(name, value)
            disk.log.append(("acknowledged", name, number))
    rounds, lost, corrupt, cut_inside = size(40, 300), 0, 0, 0
    for number in range(rounds):
        cut = dice.randrange(1, len(disk.log))
        log = disk.log[:cut]
        expected, open_put = {}, None
        for what, name, *rest in log:
            if what == "acknowledged":
                expected[name], open_put = rest[0], None
            elif what == "begin":
                open_put = (name, rest[0])
        cut_inside += open_put is not None
        path = folder.parent / f"cut{number}" / "store"
        path.parent.mkdir(mode=0o700)
        for name, data in after_power_cut(
            [entry for entry in log if entry[0] not in {"begin", "acknowledged"}], start, dice
        ).items():
            (path.parent / name).touch(0o600)
            (path.parent / name).write_bytes(data)
        with open_store(path, key=key) as store:
            found = {
                name: values.index(value) for name, value in store.fetch(frozenset(f"N{n}" for n in range(7))).items()
            }
            also = expected | {open_put[0]: open_put[1]} if open_put else expected
            lost += found not in (expected, also)
            corrupt += bool(store.verify().problems)
    report(capsys, f"power cuts: {rounds} rounds ({cut_inside} inside a change), lost {lost}, corrupt {corrupt}")
    assert (lost, corrupt) == (0, 0)


def test_the_simulated_disk_does_lose_what_was_not_synced(sqlite_place):
    """The test above would fail if syncs were left out: it is able to."""
    dice = random.Random(3)
    sqlite_place.open().close()
    start = {path.name: path.read_bytes() for path in sqlite_place.url.parent.iterdir()}
    with Disk().installed() as disk, sqlite_place.open() as store:
        store.put("A", canary())
    unsynced = [entry for entry in disk.log if entry[0] != "sync"]
    results = {bytes(after_power_cut(unsynced, start, dice)["store"]) for _ in range(20)}
    assert len(results) > 3
