"""Kills, crowds and copies: what was acknowledged stays, what was not is whole or absent."""

import itertools
import random
import time

import pytest
from children import finish, fork, kill_after, running
from figures import canary, report, size
from pydantic import SecretStr

from secretref.errors import ConfigurationError, StoreFormatError, StoreKeyError
from secretref.store import FileKey, RawKey, _tables, new_key, open_store, restore
from secretref.store._seal import plain

DICE = random.Random(20)


def text(secret):
    return plain(secret).decode()


def test_acknowledged_writes_survive_kill_9(place, capsys):
    """The child says a number when its put has returned; whatever it said must be there."""
    rounds, lost, corrupt, puts = size(10, 200 if place.kind == "sqlite" else 50), 0, 0, 0
    place.open().close()
    done = 0
    for _ in range(rounds):

        def work(say, start=done):
            with place.open() as store:
                say(start)
                for number in itertools.count(start + 1):
                    store.put("A", SecretStr(f"value {number}"))
                    say(number)

        said = kill_after(DICE.uniform(0, 0.08), work)
        with place.open() as store:
            found = int(text(store.fetch(frozenset("A")).get("A", SecretStr("value 0"))).split()[1])
            acknowledged = int(said[-1])
            lost += found not in (acknowledged, acknowledged + 1)
            corrupt += bool(store.verify().problems)
        puts, done = puts + acknowledged - done, found
    report(capsys, f"kill -9, {place.kind}: {rounds} rounds, {puts} puts, lost {lost}, corrupt {corrupt}")
    assert puts
    assert (lost, corrupt) == (0, 0)


@pytest.mark.parametrize("kept", ["file", "given"])
def test_rotations_survive_kill_9(sqlite_place, tmp_path, kept, capsys):
    """Killed at random moments, a rotation is done or not; run again it is done, and the old key opens nothing."""
    rounds, unreadable, by_old, cut = size(8, 100), 0, 0, 0
    file = tmp_path / "dir" / "key"
    values = {f"N{number}": canary(number) for number in range(60)}
    sqlite_place.url.parent.mkdir(mode=0o700)
    keys = [FileKey(file), FileKey(file)] if kept == "file" else [RawKey(new_key()), RawKey(new_key())]
    with open_store(sqlite_place.url, key=keys[0], create=True) as store, store.transaction():
        for name, value in values.items():
            store.put(name, value)
    for _ in range(rounds):
        old, new = keys[0], RawKey(new_key())
        old_text = file.read_text() if kept == "file" else None

        def work(say, old=old, new=new):
            with open_store(sqlite_place.url, key=old) as store:
                say("open")
                store.rotate_key(None if kept == "file" else new)
                say("rotated")

        said = kill_after(DICE.uniform(0, 0.012), work)
        cut += "rotated" not in said
        if kept == "given":
            keys = [new] if opens(sqlite_place.url, new) else [old]
            if keys == [old]:
                with open_store(sqlite_place.url, key=old) as store:
                    store.rotate_key(new)
                keys = [new]
            by_old += opens(sqlite_place.url, old)
        else:
            with open_store(sqlite_place.url, key=old) as store:  # finishes what was cut after the commit
                pass
            if file.read_text() == old_text:
                with open_store(sqlite_place.url, key=old) as store:
                    store.rotate_key()
            by_old += opens(sqlite_place.url, RawKey(SecretStr(old_text)))
            keys = [FileKey(file)]
        with open_store(sqlite_place.url, key=keys[0]) as store:
            unreadable += len(values) - sum(store.fetch(frozenset(values)).get(name) == values[name] for name in values)
            unreadable += bool(store.verify().problems)
    figures = f"{cut} killed before the end, unreadable {unreadable}, opened by the old key {by_old}"
    report(capsys, f"rotation, key {kept}: {rounds} rounds, {figures}")
    assert cut
    assert (unreadable, by_old) == (0, 0)


def opens(url, key):
    try:
        open_store(url, key=key).close()
    except StoreKeyError:
        return False
    return True


def test_many_processes_write_at_once(place, capsys):
    """Eight processes count in their own secret and together in one: no update is lost, no lock error is seen."""
    processes, puts = 8, size(40, 1000)
    place.open().close()

    def work(say, process):
        with place.open() as store:
            for number in range(puts):
                with store.transaction():
                    count = int(text(store.fetch(frozenset({"ALL"})).get("ALL", SecretStr("0"))))
                    store.put("ALL", SecretStr(str(count + 1)))
                    store.put(f"P{process}", SecretStr(str(number)))
            say("done")

    start = time.perf_counter()
    children = [fork(lambda say, process=process: work(say, process)) for process in range(processes)]
    ends = [finish(*child, timeout=600) for child in children]
    seconds = time.perf_counter() - start
    with place.open() as store:
        total = int(text(store.fetch(frozenset({"ALL"}))["ALL"]))
        assert not store.verify().problems
    lost, failed = processes * puts - total, sum(end != (["done"], 0) for end in ends)
    report(
        capsys,
        f"{place.kind}: {processes} processes x {puts} transactions of 2 puts: lost {lost}, "
        f"processes that saw an error {failed}, {2 * processes * puts / seconds:.0f} puts/s",
    )
    assert (lost, failed) == (0, 0)


def test_backups_under_load_are_consistent(place, capsys, tmp_path):
    """A writer moves two secrets together without pause; no backup shows one without the other."""
    rounds, mixed = size(3, 50), 0
    with place.open() as store, store.transaction():
        for name in "AB":
            store.put(name, SecretStr("0"))

    def work(_):
        with place.open() as store:
            for number in itertools.count(1):
                with store.transaction():
                    for name in "AB":
                        store.put(name, SecretStr(str(number)))

    numbers = []
    with running(work), place.open() as store:
        for number in range(rounds):
            path = tmp_path / f"backup{number}"
            store.backup(path)
            assert path.stat().st_mode & 0o777 == 0o600
            with restore(path, tmp_path / f"restored{number}" / "store", key=place.key) as restored:
                found = restored.fetch(frozenset("AB"))
                mixed += len(found) != 2 or found["A"] != found["B"] or bool(restored.verify().problems)
                numbers.append(int(text(found["A"])))
    report(
        capsys,
        f"{place.kind}: {rounds} backups restored (values {numbers[0]} to {numbers[-1]}): missing or mixed {mixed}",
    )
    assert mixed == 0
    assert numbers[-1] > numbers[0], "the writer stood still"


def test_a_backup_goes_back_to_either_database(place, tmp_path):
    values = {f"N{number}": canary(number) for number in range(5)}
    with place.open() as store:
        for name, value in values.items():
            store.put(name, value, tags={"a": name})
        anchor = store.verify().anchor
        store.backup(tmp_path / "backup")
        entries = store.entries()
    url = place.another()
    with restore(tmp_path / "backup", url, key=place.key, actor="ann") as restored:
        assert restored.fetch(frozenset(values)) == values
        assert restored.entries() == entries
        assert not restored.verify(anchor=anchor).problems
        assert restored.audit.lines(limit=1)[0].action == "store.restore"
    with pytest.raises(ConfigurationError):
        restore(tmp_path / "backup", url, key=place.key)
    with pytest.raises(StoreKeyError):
        restore(tmp_path / "backup", place.another(), key=RawKey(new_key()))


def test_a_backup_replaces_nothing(store, tmp_path):
    path = tmp_path / "there"
    path.write_text("mine")
    with pytest.raises(ConfigurationError):
        store.backup(path)
    assert path.read_text() == "mine"
    assert [entry.name for entry in tmp_path.iterdir() if "partial" in entry.name] == []


@pytest.fixture
def next_format(monkeypatch):
    """A release with one more migration, whose second step takes a while."""
    from sqlalchemy import text as sql

    steps = [sql("CREATE TABLE secretref_more (a INTEGER)"), sql("INSERT INTO secretref_more VALUES (1)")]
    monkeypatch.setattr(_tables, "MIGRATIONS", [*_tables.MIGRATIONS, steps])


def test_migrations_are_all_or_nothing_under_kill_9(place, next_format, monkeypatch, capsys):
    """Each round kills the migration of a fresh store, looks at it with the older release, and migrates again."""
    del next_format
    newer = _tables.MIGRATIONS
    rounds, half, migrated = size(6, 50), 0, 0
    for _ in range(rounds):
        url = place.another()
        monkeypatch.setattr(_tables, "MIGRATIONS", newer[:1])
        with open_store(url, key=place.key, create=True) as store:
            store.put("A", canary())
        monkeypatch.setattr(_tables, "MIGRATIONS", newer)

        def work(say, url=url):
            say("start")
            open_store(url, key=place.key).close()

        kill_after(DICE.uniform(0, 0.03), work)
        monkeypatch.setattr(_tables, "MIGRATIONS", newer[:1])
        try:
            open_store(url, key=place.key).close()
        except StoreFormatError:
            migrated += 1
        monkeypatch.setattr(_tables, "MIGRATIONS", newer)
        with open_store(url, key=place.key) as store:
            rows = store._ledger.database.read(lambda one: one.text("SELECT count(*) FROM secretref_more"))
            half += rows != [(1,)] or store.info().format != 2 or bool(store.verify().problems)
    report(
        capsys, f"migration, {place.kind}: {rounds} rounds, {migrated} through before the kill, half-migrated {half}"
    )
    assert half == 0


def test_a_newer_format_is_refused_untouched(place, next_format, monkeypatch):
    del next_format
    place.open().close()
    before = place.url.read_bytes() if place.kind == "sqlite" else None
    monkeypatch.setattr(_tables, "MIGRATIONS", _tables.MIGRATIONS[:1])
    with pytest.raises(StoreFormatError, match="format 2"):
        place.open()
    assert before is None or place.url.read_bytes() == before


def test_an_older_backup_is_migrated_first(sqlite_place, next_format, monkeypatch, tmp_path):
    del next_format
    with monkeypatch.context() as older:
        older.setattr(_tables, "MIGRATIONS", _tables.MIGRATIONS[:1])
        with sqlite_place.open() as store:
            store.put("A", canary())
            store.backup(tmp_path / "dir" / "backup")
    with pytest.raises(ConfigurationError, match="older format"):
        restore(tmp_path / "dir" / "backup", sqlite_place.another(), key=sqlite_place.key)
    open_store(tmp_path / "dir" / "backup", key=sqlite_place.key).close()
    with restore(tmp_path / "dir" / "backup", sqlite_place.another(), key=sqlite_place.key) as store:
        assert store.exists("A")
