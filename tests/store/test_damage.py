"""Damage and forgery: a changed file yields the right value or a clean error, and never a wrong value."""

import hashlib
import itertools
import random
import shutil
import sqlite3
import time

import pytest
from figures import canary, report, size
from pydantic import SecretStr

from secretref.errors import ProviderError, StoreDamagedError, StoreKeyError
from secretref.store import GrantRecord, PassphraseKey, RawKey, new_key, open_store
from secretref.store._seal import Sealer

DICE = random.Random(49)


@pytest.fixture
def filled(sqlite_place):
    """A store with some of everything, closed; the values it has."""
    values = {f"NAME_{number}": canary(number) for number in range(25)}
    with sqlite_place.open() as store:
        for name, value in values.items():
            store.put(name, canary(99))
            store.put(name, value, tags={"org": name})
        store.grants.add(GrantRecord("USER", "app:x", "SECRET_NAME", "NAME_1", frozenset({"READ"})), actor="ann")
        store.put("GONE", canary())
        store.delete("GONE")
    sqlite_place.values = values
    return sqlite_place


def copied(place, number):
    folder = place.folder / f"copy{number}"
    folder.mkdir(mode=0o700)
    path = folder / "store"
    shutil.copyfile(place.url, path)
    path.chmod(0o600)
    return path


def outcome(path, place, **options):
    """Read everything; say whether all was right, an error was raised, or something wrong came out."""
    try:
        with open_store(path, key=place.key, **options) as store:
            found = store.fetch(frozenset(place.values) | {"GONE"})
            entries = store.entries()
            grants = store.grants.all()
    except ProviderError as error:
        return "error" if (error.__context__, error.__cause__) == (None, None) else "chained error"
    right = found == place.values and list(entries) == sorted(place.values) and len(grants) == 1
    return "right" if right else "wrong"


def test_damaged_files_never_yield_a_wrong_value(filled, capsys):
    """Flips and truncations at every page, and blocks of noise."""
    data = filled.url.read_bytes()
    pages = len(data) // 4096
    count = {"right": 0, "error": 0, "wrong": 0, "chained error": 0}
    for number in range(size(120, 1000)):
        path = copied(filled, number)
        damaged = bytearray(data)
        where = (number % pages) * 4096 + DICE.randrange(4096)
        kind = DICE.choice(("flip", "flip", "noise", "zero", "cut"))
        if kind == "flip":
            damaged[where] ^= 1 << DICE.randrange(8)
        elif kind == "noise":
            damaged[where : where + 64] = DICE.randbytes(len(damaged[where : where + 64]))
        elif kind == "zero":
            damaged[where : where + 512] = bytes(len(damaged[where : where + 512]))
        else:
            del damaged[where:]
        path.write_bytes(damaged)
        count[outcome(path, filled)] += 1
    report(capsys, f"damaged files: {sum(count.values())} files: {count}")
    assert (count["wrong"], count["chained error"]) == (0, 0)
    assert count["error"]


def test_flipped_bits_in_sealed_rows_are_never_accepted(filled, capsys):
    """Each flip is in a sealed value, record, key or the head; opening unchecked, reading must still refuse."""
    flips, accepted = size(200, 10_000), 0
    columns = [
        ("secretref_versions", "body", "WHERE version = 2"),
        ("secretref_records", "body", "WHERE kind = 'secret'"),
        ("secretref_keys", "wrapped", ""),
        ("secretref_head", "tag", ""),
        ("secretref_head", "state", ""),
        ("secretref_head", "mac", ""),
    ]
    path = copied(filled, 0)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    for number in range(flips):
        table, column, where = columns[number % len(columns)]
        rows = connection.execute(f"SELECT rowid, {column} FROM {table} {where}").fetchall()
        row, body = DICE.choice(rows)
        bit = DICE.randrange(len(body) * 8)
        changed = bytearray(body)
        changed[bit // 8] ^= 1 << bit % 8
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes(changed), row))
        accepted += outcome(path, filled, check=False) != "error"
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (body, row))
    connection.close()
    report(capsys, f"bit flips: {flips}, accepted {accepted}")
    assert accepted == 0
    assert outcome(path, filled) == "right"


def test_exchanged_rows_are_never_accepted(filled, capsys):
    """Every pair of sealed values, and of entries, exchanges bodies; each read of the two must fail."""
    path = copied(filled, 0)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    swaps = accepted = 0
    with open_store(path, key=filled.key, check=False) as store:
        for table, column, where in (
            ("secretref_versions", "name", "WHERE version = 2"),
            ("secretref_records", "key", "WHERE kind = 'secret'"),
        ):
            rows = connection.execute(f"SELECT rowid, {column}, body FROM {table} {where}").fetchall()
            for (row, name, body), (other_row, other_name, other_body) in itertools.combinations(rows, 2):
                write = f"UPDATE {table} SET body = ? WHERE rowid = ?"
                connection.executemany(write, [(other_body, row), (body, other_row)])
                for one in (name, other_name):
                    swaps += 1
                    try:
                        accepted += one in store.fetch(frozenset({one}))
                    except StoreDamagedError as error:
                        accepted += error.names != {one}
                connection.executemany(write, [(body, row), (other_body, other_row)])
        assert store.fetch(frozenset(filled.values)) == filled.values
    connection.close()
    report(capsys, f"exchanged rows: {swaps} reads, accepted {accepted}")
    assert accepted == 0


FORGERIES = {
    "renamed entry": "UPDATE secretref_records SET key = 'NAME_X' WHERE key = 'NAME_1'",
    "renamed value": "UPDATE secretref_versions SET name = 'NAME_X' WHERE name = 'NAME_1'",
    "older version made current": "UPDATE secretref_records SET number = 1 WHERE key = 'NAME_1'",
    "older value under the newer number": """
        DELETE FROM secretref_versions WHERE name = 'NAME_1' AND version = 2;
        UPDATE secretref_versions SET version = 2 WHERE name = 'NAME_1'""",
    "expiry removed": "UPDATE secretref_records SET ends = 1e12 WHERE key = 'NAME_1'",
    "entry deleted": "DELETE FROM secretref_records WHERE key = 'NAME_1'",
    "value deleted": "DELETE FROM secretref_versions WHERE name = 'NAME_1'",
    "history deleted": "DELETE FROM secretref_versions WHERE name = 'NAME_1' AND version = 1",
    "grant deleted": "DELETE FROM secretref_records WHERE kind = 'grant'",
    "grant turned": "UPDATE secretref_records SET key = replace(key, 'NAME_1', 'NAME_2') WHERE kind = 'grant'",
    "entry turned grant": "UPDATE secretref_records SET kind = 'user' WHERE key = 'NAME_1'",
    "revision turned back": "UPDATE secretref_head SET revision = revision - 1",
    "seals uncounted": "UPDATE secretref_head SET seals = 1",
    "head doubled": """INSERT INTO secretref_head
        SELECT 2, seq, mac, revision, state, seals, data_key, audit_key, tag FROM secretref_head""",
    "head deleted": "DELETE FROM secretref_head",
    "text for number": "UPDATE secretref_head SET seq = 'seven'",
    "text for body": "UPDATE secretref_records SET body = 'text' WHERE key = 'NAME_1'",
    "audit key deleted": "DELETE FROM secretref_keys WHERE purpose = 'audit'",
    "data key deleted": "DELETE FROM secretref_keys WHERE purpose = 'data'",
    "store renamed": "UPDATE secretref_meta SET value = 'x' WHERE name = 'store'",
    "store unnamed": "DELETE FROM secretref_meta WHERE name = 'store'",
    "format garbled": "UPDATE secretref_meta SET value = 'x' WHERE name = 'format'",
    "table gone": "DROP TABLE secretref_versions",
}


@pytest.mark.parametrize("how", FORGERIES)
def test_forged_rows_close_the_store(filled, how):
    path = copied(filled, 0)
    connection = sqlite3.connect(path)
    connection.executescript(FORGERIES[how])
    connection.close()
    with pytest.raises((StoreDamagedError, StoreKeyError)):
        open_store(path, key=filled.key)


@pytest.mark.parametrize("table", ["secretref_records", "secretref_versions"])
def test_an_index_that_hides_a_row_is_damage(filled, table):
    """The table is whole; a look-up by name would find nothing."""
    path = copied(filled, 0)
    connection = sqlite3.connect(path)
    root = connection.execute(
        f"SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_{table}_1'"
    ).fetchone()[0]
    connection.close()
    data = bytearray(path.read_bytes())
    place = data.index(b"NAME_7", (root - 1) * 4096, root * 4096)
    data[place : place + 6] = b"NAME_X"
    path.write_bytes(data)
    with open_store(path, key=filled.key, check=False) as store:
        assert store.fetch(frozenset({"NAME_7"})) == {}
    with pytest.raises(StoreDamagedError, match="index"):
        open_store(path, key=filled.key)


def test_verify_names_what_is_wrong_in_a_damaged_store(filled):
    path = copied(filled, 0)
    connection = sqlite3.connect(path)
    connection.executescript("""
        UPDATE secretref_records SET body = zeroblob(80) WHERE key = 'NAME_1';
        UPDATE secretref_versions SET body = zeroblob(80) WHERE name = 'NAME_2' AND version = 1;
        DELETE FROM secretref_versions WHERE name = 'NAME_3' AND version = 2;
    """)
    connection.close()
    with open_store(path, key=filled.key, check=False) as store:
        problems = store.verify().problems
    assert problems[:3] == (
        "secret NAME_1: its seal does not hold",
        "secret NAME_2, version 1: its seal does not hold",
        "secret NAME_3, version 2: gone",
    )
    assert "put back from an older copy" in problems[3]


def test_an_older_row_put_back_is_refused_by_a_running_store_and_a_new_one(filled):
    """The row and value were both genuine once; their time is over."""
    with open_store(filled.url, key=filled.key) as store:
        connection = sqlite3.connect(filled.url, isolation_level=None)
        old = [
            connection.execute("SELECT * FROM secretref_records WHERE key = 'NAME_1'").fetchall(),
            connection.execute("SELECT * FROM secretref_versions WHERE name = 'NAME_1'").fetchall(),
        ]
        store.put("NAME_1", canary())
        store.fetch(frozenset({"NAME_1"}))
        connection.execute("DELETE FROM secretref_records WHERE key = 'NAME_1'")
        connection.execute("DELETE FROM secretref_versions WHERE name = 'NAME_1'")
        connection.executemany("INSERT INTO secretref_records VALUES (?, ?, ?, ?, ?, ?, ?)", old[0])
        connection.executemany("INSERT INTO secretref_versions VALUES (?, ?, ?, ?)", old[1])
        connection.close()
        with pytest.raises(StoreDamagedError) as raised:
            store.fetch(frozenset({"NAME_1"}))
        assert raised.value.names == {"NAME_1"}
        assert raised.value.kind == "replayed"
    with pytest.raises(StoreDamagedError):
        open_store(filled.url, key=filled.key)


def test_rows_of_another_store_under_the_same_key_are_refused(filled):
    with open_store(filled.another(), key=filled.key, create=True) as other:
        other.put("NAME_1", canary())
        other.put("NAME_1", canary())
        rows = other._ledger.database.read(lambda connection: connection.text("SELECT body FROM secretref_versions"))
    connection = sqlite3.connect(filled.url)
    connection.execute("UPDATE secretref_versions SET body = ? WHERE name = 'NAME_1'", rows[1])
    connection.commit()
    connection.close()
    assert outcome(filled.url, filled, check=False) == "error"


def test_a_wrong_key_changes_nothing(filled, capsys):
    rounds, changed, opened = size(50, 1000), 0, 0
    digest = hashlib.sha256(filled.url.read_bytes()).hexdigest()
    for _ in range(rounds):
        with pytest.raises(StoreKeyError) as raised:
            open_store(filled.url, key=RawKey(new_key()))
        assert str(raised.value) == "provider store failed: WrongKey"
        changed += hashlib.sha256(filled.url.read_bytes()).hexdigest() != digest
    report(capsys, f"wrong keys: {rounds}, files changed {changed}, opened {opened}")
    assert changed == 0


def test_a_wrong_passphrase_is_a_wrong_key(sqlite_place, capsys):
    right = PassphraseKey(SecretStr("correct horse battery"))
    with sqlite_place.open(key=right) as store:
        store.put("A", canary())
    digest = hashlib.sha256(sqlite_place.url.read_bytes()).hexdigest()
    rounds, start = size(2, 20), time.perf_counter()
    for number in range(rounds):
        with pytest.raises(StoreKeyError):
            sqlite_place.open(key=PassphraseKey(SecretStr(f"wrong horse battery {number}")), create=False)
    report(
        capsys, f"passphrase: {(time.perf_counter() - start) / rounds * 1000:.0f} ms per derivation (scrypt, 128 MiB)"
    )
    assert hashlib.sha256(sqlite_place.url.read_bytes()).hexdigest() == digest
    with sqlite_place.open(key=right, create=False) as store:
        assert store.info().key_kind == "passphrase"


def test_seals_of_an_unknown_format_are_refused():
    sealer = Sealer.of(bytes(32), "store", "key", "audit")
    body = sealer.seal(b"data", "place")
    assert sealer.unseal(body, "place") == b"data"
    for changed in (b"\x00" + body[1:], b"\x02" + body[1:], body[:10], b"", None, "text", 7):
        with pytest.raises(StoreDamagedError):
            sealer.unseal(changed, "place", "NAME")


def test_nonces_never_repeat(sqlite_place, capsys):
    """Two forks and many restarts under one key; each seal's nonce is looked at."""
    from children import finish, fork

    from secretref.store._keys import AESGCM
    from secretref.store._seal import seal

    key, each = AESGCM(bytes(32)), size(1000, 10_000)

    def work(say):
        say(" ".join(seal(key, b"x", b"")[1:13].hex() for _ in range(each)))

    nonces = [seal(key, b"x", b"")[1:13].hex() for _ in range(each)]
    for child in [fork(work), fork(work)]:
        nonces += finish(*child)[0][0].split()
    for number in range(size(10, 100)):
        with sqlite_place.open() as store:
            store.put("A", canary(number))
            rows = store._ledger.database.read(lambda one: one.text("SELECT body FROM secretref_versions"))
        nonces.append(rows[-1][0][1:13].hex())
    report(capsys, f"nonces: {len(nonces)}, duplicates {len(nonces) - len(set(nonces))}")
    assert len(set(nonces)) == len(nonces)
