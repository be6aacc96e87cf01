"""The audit trail: complete, readable by pages, and silent only when nothing happened."""

import sqlite3
import threading

import pytest
from figures import canary

from secretref import Grant, Policy, Resolver, Template
from secretref.errors import AccessDeniedError, AuditError, SecretNotFoundError, StoreDamagedError
from secretref.store import AuditEvent, RawKey, new_key


def test_events_are_numbered_lines_newest_first(store):
    store.audit.record(
        AuditEvent("app:x", "secret.read", "A", details={"workflow": "w", "task": "t"}),
        AuditEvent("app:x", "secret.read", "B", outcome="denied"),
    )
    newest, older, first = store.audit.lines()
    assert (newest.seq, newest.target, newest.outcome) == (3, "B", "denied")
    assert (older.seq, dict(older.details)) == (2, {"workflow": "w", "task": "t"})
    assert (first.seq, first.action) == (1, "store.create")
    assert first.at <= older.at <= newest.at


def test_pages_and_filters(store):
    store.audit.record(*(AuditEvent(f"u{n % 2}", f"k{n % 3}.read", f"N{n}") for n in range(10)))
    page = store.audit.lines(limit=4)
    assert [line.seq for line in page] == [11, 10, 9, 8]
    assert [line.seq for line in store.audit.lines(limit=4, before=8)] == [7, 6, 5, 4]
    assert [line.seq for line in store.audit.lines(after=9)] == [11, 10]
    assert {line.actor for line in store.audit.lines(actor="u1")} == {"u1"}
    assert {line.action for line in store.audit.lines(action="k1.*")} == {"k1.read"}
    assert store.audit.lines(action="k_.*") == ()
    assert store.audit.lines(action="%") == ()
    assert [line.target for line in store.audit.lines(target="N3")] == ["N3"]


def test_hostile_text_is_kept_as_harmless_text(store):
    store.audit.record(AuditEvent("a\0b", "x.y", "\ud800" + "n" * 2000))
    line = store.audit.lines(limit=1)[0]
    assert line.actor == "a\N{REPLACEMENT CHARACTER}b"
    assert len(line.target) == 1024
    assert not store.verify().problems


def test_many_threads_lose_no_line(store):
    def record(name):
        for number in range(10):
            store.audit.record(AuditEvent(name, "secret.read", str(number)))

    threads = [threading.Thread(target=record, args=(f"t{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    lines = store.audit.lines(limit=200, action="secret.read")
    assert len(lines) == 80
    for number in range(8):
        own = [int(line.target) for line in reversed(lines) if line.actor == f"t{number}"]
        assert own == list(range(10))
    assert not store.verify().problems


def test_inside_a_transaction_lines_share_its_fate(store):
    with pytest.raises(RuntimeError), store.transaction():
        store.audit.record(AuditEvent("x", "secret.read", "A"))
        assert store.audit.lines(action="secret.read")
        raise RuntimeError
    assert store.audit.lines(action="secret.read") == ()


def test_a_line_that_cannot_be_written_is_an_error(sqlite_place):
    """Whoever records before releasing releases nothing."""
    with sqlite_place.open() as store:
        with sqlite3.connect(sqlite_place.url) as connection:
            connection.execute("DROP TABLE secretref_audit")
        connection.close()
        with pytest.raises(AuditError) as raised:
            store.audit.record(AuditEvent("x", "secret.read", "A"))
        assert raised.value.kind == "SQLITE_ERROR"
        with pytest.raises(AuditError), store.transaction():
            store.audit.record(AuditEvent("x", "secret.read", "A"))


@pytest.fixture
def resolver(store):
    store.put("A", canary(1))
    store.put("B", canary(2))
    return Resolver(store, policy=Policy([Grant("app:x", name) for name in ("A", "B", "MISSING")]), audit=store.audit)


def references(*names):
    return Template.compile([f"${{workflow.secrets.{name}}}" for name in names])


def test_the_trail_is_the_sink_of_a_resolver(store, resolver):
    """Releases, denials and misses each leave a line for each name, before anything is handed out."""
    resolver.resolve(references("A", "B"), subject="app:x", workflow="w", task="t")
    with pytest.raises(AccessDeniedError):
        resolver.resolve(references("A"), subject="app:y")
    with pytest.raises(SecretNotFoundError):
        resolver.resolve(references("MISSING"), subject="app:x")
    lines = store.audit.lines(limit=4)
    assert [(line.actor, line.action, line.target, line.outcome) for line in lines] == [
        ("app:x", "secret.missing", "MISSING", "missing"),
        ("app:y", "secret.denied", "A", "denied"),
        ("app:x", "secret.resolved", "B", "ok"),
        ("app:x", "secret.resolved", "A", "ok"),
    ]
    assert dict(lines[3].details) == {"workflow": "w", "task": "t", "provider": "store"}


def test_nothing_is_released_when_the_trail_cannot_be_written(sqlite_place):
    with sqlite_place.open() as store:
        store.put("A", canary())
        resolver = Resolver(store, policy=Policy([Grant("app:x", "A")]), audit=store.audit)
        store._ledger.database.read(lambda one: one.text("DROP TABLE secretref_audit"))
        with pytest.raises(AuditError):
            resolver.resolve(references("A"), subject="app:x")


TAMPERING = {
    "a line removed": ("DELETE FROM secretref_audit WHERE seq = 3", "line 3 is gone"),
    "lines removed": ("DELETE FROM secretref_audit WHERE seq IN (3, 4)", "lines 3 to 4 are gone"),
    "the first line removed": ("DELETE FROM secretref_audit WHERE seq = 1", "line 1 is gone"),
    "the end cut": ("DELETE FROM secretref_audit WHERE seq > 4", "lines 5 to 6 are gone"),
    "an actor changed": ("UPDATE secretref_audit SET actor = 'bob' WHERE seq = 4", "line 4 was changed"),
    "an outcome changed": ("UPDATE secretref_audit SET outcome = 'ok2' WHERE seq = 6", "line 6 was changed"),
    "a time changed": ("UPDATE secretref_audit SET at = at + 1 WHERE seq = 2", "line 2 was changed"),
    "details changed": ("UPDATE secretref_audit SET details = '{}' WHERE seq = 2", "line 2 was changed"),
    "another key named": ("UPDATE secretref_audit SET audit_key = 'x' WHERE seq = 2", "line 2 was changed"),
    "the last link replaced": ("UPDATE secretref_audit SET mac = zeroblob(32) WHERE seq = 6", "line 6 was changed"),
    "a line added": (
        """INSERT INTO secretref_audit SELECT 7, at, actor, action, target, outcome, details, audit_key, mac
        FROM secretref_audit WHERE seq = 6""",
        "line 7 was changed",
    ),
    "two lines exchanged": (
        """UPDATE secretref_audit SET seq = -seq WHERE seq IN (3, 4);
        UPDATE secretref_audit SET seq = 7 + seq WHERE seq < 0""",
        "line 3 was changed",
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_shows(sqlite_place, how):
    command, expected = TAMPERING[how]
    with sqlite_place.open() as store:
        for number in range(5):
            store.put(f"N{number}", canary(), actor=f"u{number}")
        assert not store.verify().problems
        connection = sqlite3.connect(sqlite_place.url)
        connection.executescript(command)
        connection.close()
        assert any(expected in problem for problem in store.verify().problems)


def test_an_older_copy_shows_where_an_anchor_is_known(sqlite_place):
    with sqlite_place.open() as store:
        store.put("A", canary())
        old = sqlite_place.url.read_bytes()
        early = store.verify().anchor
        store.put("A", canary())
        anchor = store.verify(anchor=early).anchor
        assert not store.verify(anchor=early).problems
    with sqlite_place.open(anchor=anchor):
        pass
    sqlite_place.url.write_bytes(old)
    with sqlite_place.open(anchor=early) as store:
        assert any("older copy" in problem for problem in store.verify(anchor=anchor).problems)
    with pytest.raises(StoreDamagedError) as raised:
        sqlite_place.open(anchor=anchor)
    assert raised.value.kind == "anchor"


def test_the_chain_and_its_anchors_outlive_a_rotation(store):
    store.put("A", canary())
    anchor = store.verify().anchor
    for _ in range(2):
        store.rotate_key(RawKey(new_key()))
    store.put("A", canary())
    assert not store.verify(anchor=anchor).problems
    assert [line.action for line in store.audit.lines(action="key.*")] == ["key.use", "key.rotate"] * 2


def test_unreadable_details_are_damage(sqlite_place):
    with sqlite_place.open() as store:
        connection = sqlite3.connect(sqlite_place.url)
        connection.execute("UPDATE secretref_audit SET details = 'no json'")
        connection.commit()
        connection.close()
        with pytest.raises(StoreDamagedError):
            store.audit.lines()
