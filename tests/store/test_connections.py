"""Connections: shared by threads, renewed after a fork, exchanged when the server hangs up."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from children import finish, fork
from figures import canary, report, size
from pydantic import SecretStr

from secretref.errors import ConfigurationError, ProviderError, ProviderUnavailableError, StoreDamagedError
from secretref.store import AuditEvent, _database, _forks, _sqlite, open_store

NAMES = [f"N{number}" for number in range(8)]


def test_a_forked_child_uses_the_store_on_its_own(place, capsys):
    """Threads of the parent read and write all the time; children read, write and leave, and disturb nobody."""
    forks, crossed, stuck = size(10, 100), 0, 0
    stop, faults = threading.Event(), []
    with place.open() as store:
        values = {name: canary(number) for number, name in enumerate(NAMES)}
        for name, value in values.items():
            store.put(name, value)

        def traffic(number):
            name = NAMES[number]
            while not stop.is_set():
                if store.fetch(frozenset({name})) != {name: values[name]}:
                    faults.append("crossed")
                store.put(f"T{number}", values[name])

        def child(say):
            right = all(store.fetch(frozenset({name})) == {name: value} for name, value in values.items())
            store.put("CHILD", SecretStr(str(os.getpid())))
            store.audit.record(AuditEvent("child", "secret.read"))
            say("right" if right else "crossed")

        threads = [threading.Thread(target=traffic, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(forks):
            said, code = finish(*fork(child), timeout=30)
            crossed += said == ["crossed"]
            stuck += code != 0
        stop.set()
        for thread in threads:
            thread.join(30)
        assert store.fetch(frozenset(NAMES)) == values
        assert not store.verify().problems
        assert len(store.audit.lines(actor="child", limit=200)) == forks
    report(
        capsys, f"{place.kind}: {forks} forks under traffic: deadlocks {stuck}, crossed replies {crossed + len(faults)}"
    )
    assert (crossed, stuck, faults) == (0, 0, [])


def test_a_child_that_ends_normally_leaves_the_parents_sessions_alone(place):
    """The interpreter destroys what it finds at its end; what was inherited must survive that."""
    script = f"""
import os, sys
from pydantic import SecretStr
from secretref.store import open_store
store = open_store({str(place.url)!r}, key="env:STORE_KEY")
store.put("A", SecretStr("x"))
with store.transaction():
    store.put("B", SecretStr("x"))
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
if os.fork() == 0:
    sys.exit(0)
os.wait()
store.put("C", SecretStr("x"))
print(sorted(store), store.verify().problems)
"""
    place.open().close()
    environment = {**os.environ, "STORE_KEY": place.key._text.get_secret_value()}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout == "['A', 'B', 'C'] ()\n", ended.stderr


def test_a_transaction_belongs_to_the_process_that_began_it(place):
    """The child is outside of it, and with SQLite shut out, because a lock cannot be inherited; the parent commits."""
    with place.open() as store:
        with store.transaction():
            store.put("A", canary())

            def child(say):
                say(f"inside {store._ledger.database.in_transaction}")
                try:
                    say(f"sees {sorted(store)}")
                    with place.open() as another:
                        say(f"sees {sorted(another)}")
                except ProviderUnavailableError as error:
                    say(error.kind)

            said, code = finish(*fork(child))
            refused = ["ForkedInTransaction"] if place.kind == "sqlite" else ["sees []", "sees []"]
            assert (said, code) == (["inside False", *refused], 0)
        assert store.exists("A")


def test_leaving_a_parents_transaction_in_a_child_is_refused(place):
    with place.open() as store:
        reading, writing = os.pipe()
        pid = -1
        try:
            with store.transaction():
                store.put("A", canary())
                pid = os.fork()
        except ProviderUnavailableError as error:
            if pid == 0:
                os.write(writing, error.kind.encode())
                os._exit(0)
            raise
        finally:
            if pid == 0:
                os._exit(1)
        os.waitpid(pid, 0)
        assert os.read(reading, 100) == b"ForkedInTransaction"
        os.close(reading)
        os.close(writing)
        assert store.exists("A")
        assert not store.verify().problems


def test_a_fork_waits_for_other_threads_to_leave_the_database(sqlite_place):
    """What they hold would be held in the child for ever."""
    with sqlite_place.open() as store:
        inside = threading.Event()

        def hold():
            with store.transaction():
                inside.set()
                time.sleep(0.2)
                store.put("HELD", canary())

        thread = threading.Thread(target=hold)
        thread.start()
        inside.wait(30)

        def child(say):
            say(" ".join(store))
            store.put("CHILD", canary())

        said, code = finish(*fork(child))
        thread.join(30)
        assert (said, code) == (["HELD"], 0)
        assert store.exists(frozenset({"HELD", "CHILD"})) == {"HELD", "CHILD"}


def test_a_fork_that_could_not_wait_shuts_the_child_out(sqlite_place, monkeypatch):
    monkeypatch.setattr(_database, "LOCK_TIMEOUT", 0.05)
    with sqlite_place.open() as store:
        inside, leave = threading.Event(), threading.Event()

        def hold():
            with store.transaction():
                inside.set()
                leave.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        inside.wait(30)

        def child(say):
            try:
                store.exists("A")
            except ProviderUnavailableError as error:
                say(error.kind)

        assert finish(*fork(child)) == (["ForkedInTransaction"], 0)
        leave.set()
        thread.join(30)


def test_a_killed_writer_leaves_no_lock_behind(sqlite_place):
    with sqlite_place.open() as store:

        def child(say):
            with store.transaction():
                say("inside")
                time.sleep(60)

        pid, reading = fork(child)
        assert os.read(reading, 100) == b"inside\n"
        os.kill(pid, signal.SIGKILL)
        finish(pid, reading)
        start = time.monotonic()
        store.put("A", canary())
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("how", ["thread", "process"])
def test_waiting_for_the_lock_has_an_end(sqlite_place, monkeypatch, how):
    monkeypatch.setattr(_database, "LOCK_TIMEOUT", 0.05)
    monkeypatch.setattr(_sqlite, "LOCK_TIMEOUT", 0.05)
    with sqlite_place.open() as store, sqlite_place.open() as other:
        errors = []

        def wait():
            try:
                (store if how == "thread" else other).put("A", canary())
            except ProviderUnavailableError as error:
                errors.append(error.kind)

        with store.transaction():
            thread = threading.Thread(target=wait)
            thread.start()
            thread.join(30)
        assert errors == ["LockTimeout"]
        store.put("A", canary())


def test_many_threads_read_and_write_without_a_stall(place, capsys):
    values = {name: canary(number) for number, name in enumerate(NAMES)}
    count, errors = [0] * 32, []
    with place.open() as store:
        for name, value in values.items():
            store.put(name, value)

        def work(number, until):
            name = NAMES[number % 8]
            try:
                while time.monotonic() < until:
                    if store.fetch(frozenset({name})) != {name: values[name]}:
                        errors.append("crossed")
                    if number % 8 == 0:
                        store.put(f"W{number}", values[name])
                    count[number] += 1
            except ProviderError as error:
                errors.append(error.kind)

        def rate(threads):
            count[:] = [0] * 32
            seconds = size(0.5, 3)
            until = time.monotonic() + seconds
            running = [threading.Thread(target=work, args=(number, until)) for number in threads]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join(60)
            return sum(count) / seconds, min(count[number] for number in threads)

        (alone, _), (together, slowest) = rate([1]), rate(range(32))
    report(
        capsys,
        f"{place.kind}: 32 threads, {len(errors)} errors, {together:.0f} operations/s"
        f" beside {alone:.0f} of one reading thread; the slowest thread did {slowest}",
    )
    assert not errors
    assert slowest


def test_a_connection_the_server_cut_is_exchanged(postgres_place):
    with postgres_place.open() as store:
        store.put("A", canary())

        def cut():
            with psycopg.connect(postgres_place.url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
                )
            time.sleep(0.05)

        cut()
        assert store.exists("A")
        cut()
        store.put("B", canary())
        cut()
        with pytest.raises(ProviderUnavailableError), store.transaction():
            store.put("C", canary())
            cut()
            store.put("D", canary())
        assert set(store) == {"A", "B"}
        assert not store.verify().problems


def test_damage_on_the_server_is_an_error(postgres_place):
    with postgres_place.open() as store:
        store.put("A", canary())
        with psycopg.connect(postgres_place.url, autocommit=True) as connection:
            connection.execute("UPDATE secretref_versions SET body = 'x'")
        with pytest.raises(StoreDamagedError):
            store.fetch(frozenset("A"))
        with pytest.raises(StoreDamagedError):
            postgres_place.open()
        with psycopg.connect(postgres_place.url, autocommit=True) as connection:
            connection.execute("DROP TABLE secretref_versions")
        with pytest.raises(StoreDamagedError):
            store.fetch(frozenset("A"))


def test_a_server_without_rights_is_an_error_of_its_own(postgres_place):
    postgres_place.open().close()
    with psycopg.connect(postgres_place.url, autocommit=True) as connection:
        role = f"reader_{os.getpid()}"
        connection.execute(f"CREATE ROLE {role} LOGIN")
        schema = connection.execute("SELECT current_schema()").fetchone()[0]
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
        try:
            with pytest.raises(ProviderError) as raised:
                open_store(postgres_place.url.replace("//postgres:@", f"//{role}@"), key=postgres_place.key)
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
    assert (type(raised.value), raised.value.kind) == (ProviderError, "InsufficientPrivilege")


def test_a_postgres_address_may_name_its_driver(postgres_place):
    postgres_place.open().close()
    url = postgres_place.url.replace("postgresql://", "postgresql+psycopg://")
    open_store(url, key=postgres_place.key).close()
    with pytest.raises(ConfigurationError):
        open_store(postgres_place.url.replace("postgresql://", "oracle://"), key=postgres_place.key)


def test_no_more_connections_are_kept_than_needed(sqlite_place):
    with sqlite_place.open() as store:
        barrier = threading.Barrier(24)

        def read():
            with store._ledger.database.connection():
                barrier.wait(30)

        threads = [threading.Thread(target=read) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(store._ledger.database.state.idle) == 16


def test_after_a_fork_nothing_of_the_parent_is_touched(place):
    """What a child does first, done here, where it can be watched."""
    with place.open() as store:
        store.put("A", canary())
        database = store._ledger.database
        before, connections = database.state, list(database.state.idle)
        assert connections
        _forks.forks._in_child()
        assert database.state is not before
        assert not database.state.idle
        assert store.exists("A")
        for connection in connections:  # still alive: the parent's
            connection.driver.execute("SELECT 1")
            connection.driver.close()


def test_a_transaction_is_not_committed_by_another_process(sqlite_place):
    """What a child does when it leaves its parent's block, done here, where it can be watched."""
    with sqlite_place.open() as store:
        database = store._ledger.database
        with pytest.raises(ProviderUnavailableError, match="ForkedInTransaction"), store.transaction():
            store.put("A", canary())
            connection = database.state.local.connection
            database.after_fork()
        with pytest.raises(ProviderUnavailableError, match="ForkedInTransaction"):
            store.exists("A")
        connection.driver.execute("COMMIT")  # the parent can
        connection.driver.close()


def test_a_database_locked_by_something_else_is_unavailable(sqlite_place, monkeypatch):
    monkeypatch.setattr(_sqlite, "LOCK_TIMEOUT", 0.05)
    with sqlite_place.open() as store:
        store.put("A", canary())
        other = sqlite3.connect(sqlite_place.url, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ProviderUnavailableError, match="SQLITE_BUSY"):
            store.exists("A")
        with pytest.raises(ProviderUnavailableError, match="SQLITE_BUSY"):
            store.put("A", canary())
        other.execute("ROLLBACK")
        other.close()
        assert store.exists("A")


def test_a_writer_that_died_with_the_lock_is_forgotten_in_the_child(sqlite_place):
    with sqlite_place.open() as store:
        backend = store._ledger.database.backend
        backend.acquire()
        descriptor = backend._gate
        backend.renew(in_use=False)
        assert backend._gate == -1
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(descriptor)
        store.put("A", canary())
