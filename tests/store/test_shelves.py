"""The service's state: grants, applications, access keys, tokens, users, groups, roles, environment variables."""

import threading
import time
from dataclasses import replace

import pytest
from figures import canary
from pydantic import SecretStr

from secretref.errors import InputError
from secretref.store import Application, EnvironmentVariable, GrantRecord, Group, Role, User


def read_grant(subject="app:orkes-workers", target="post_office_username", *access):
    return GrantRecord("USER", subject, "SECRET_NAME", target, frozenset(access or {"READ"}))


def test_records_are_kept_by_key_and_seen_by_others(place):
    now = time.time()
    application = Application("id1", "workers", "ann", now, "ann", now, frozenset({"WORKER"}), {"org": "post"})
    with place.open() as one, place.open() as other:
        one.applications.put("id1", application, actor="ann")
        one.users.put("ann", User("ann", "Ann", frozenset({"ADMIN"})), actor="ann")
        one.groups.put("fin", Group("fin", "Finance", frozenset(), frozenset({"ann"})), actor="ann")
        one.roles.put("R", Role("R", frozenset({"CREATE_SECRET"})), actor="ann")
        one.environment.put("HOME", EnvironmentVariable("HOME", "x=1", {"a": "b"}), actor="ann")
        assert other.applications.get("id1") == application
        assert dict(other.applications.all()) == {"id1": application}
        assert other.groups.get("fin").members == {"ann"}
        assert other.roles.get("R").permissions == {"CREATE_SECRET"}
        assert other.environment.get("HOME").value == "x=1"
        assert other.users.get("bob") is None


def test_what_was_read_is_shared_until_something_changes(place):
    with place.open() as one, place.open() as other:
        other.users.put("ann", User("ann"), actor="x")
        first = one.users.all()
        assert one.users.all() is first
        other.users.put("bob", User("bob"), actor="x")
        assert list(one.users.all()) == ["ann", "bob"]
        with one.transaction():
            one.users.delete("ann", actor="x")
            assert list(one.users.all()) == ["bob"]
        assert list(other.users.all()) == ["bob"]


def test_delete_tells_whether_there_was_one(store):
    store.users.put("ann", User("ann"), actor="x")
    assert store.users.delete("ann", actor="x") is True
    assert store.users.delete("ann", actor="x") is False


def test_a_change_that_changes_nothing_leaves_no_trace(store):
    store.users.put("ann", User("ann"), actor="x")
    before = store.revision(), store.verify().lines
    store.users.put("ann", User("ann"), actor="x")
    assert (store.revision(), store.verify().lines) == before


def test_changes_of_one_record_at_once_are_all_kept(store):
    store.users.put("ann", User("ann"), actor="x")

    def add(role):
        store.users.change("ann", lambda user: replace(user, roles=user.roles | {role}), actor="x")

    threads = [threading.Thread(target=add, args=(f"R{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert store.users.get("ann").roles == {f"R{number}" for number in range(12)}


@pytest.mark.parametrize("key", ["", "a\0b", "x" * 1025, "\ud800"])
def test_keys_no_database_could_keep_are_refused(store, key):
    with pytest.raises(InputError):
        store.users.put(key, User("x"), actor="x")
    with pytest.raises(InputError):
        store.users.get(key)


def test_grants_add_up_and_are_taken_away_piece_by_piece(store):
    store.grants.add(read_grant(), actor="ann")
    assert store.grants.add(read_grant("app:orkes-workers", "post_office_username", "UPDATE"), actor="ann").access == {
        "READ",
        "UPDATE",
    }
    assert len(store.grants.all()) == 1
    left = store.grants.remove(read_grant(), actor="ann")
    assert left.access == {"UPDATE"}
    assert store.grants.remove(left, actor="ann") is None
    assert store.grants.remove(left, actor="ann") is None
    assert not store.grants.all()
    lines = store.audit.lines(action="grant.*", target="post_office_username")
    assert [line.action for line in lines] == ["grant.remove"] * 2 + ["grant.add"] * 2
    assert dict(lines[-1].details) == {"subject": "app:orkes-workers", "access": "READ", "kind": "SECRET_NAME"}


def test_grants_are_found_by_subject_and_by_target(store):
    ann, bob = read_grant("ann", "A"), read_grant("bob", "A")
    for grant in (ann, bob, read_grant("ann", "B")):
        store.grants.add(grant, actor="x")
    assert store.grants.of_subject("USER", "ann") == (ann, read_grant("ann", "B"))
    assert store.grants.on_target("SECRET_NAME", "A") == (ann, bob)


def test_no_two_pairs_share_a_grant(store):
    """A subject and target that look alike when joined stay apart."""
    pairs = [("a b", "c"), ("a", "b c"), ("a SECRET_NAME:b", "c"), ("a", "SECRET_NAME:b c"), ("A", "c")]
    for subject, target in pairs:
        store.grants.add(read_grant(subject, target), actor="x")
    assert len(store.grants.all()) == len(pairs)


def test_a_revoked_grant_is_gone_at_the_next_read_elsewhere(place):
    with place.open() as one, place.open() as other:
        one.grants.add(read_grant(), actor="ann")
        assert other.grants.all()
        one.grants.remove(read_grant(), actor="ann")
        assert not other.grants.all()


def test_an_access_key_opens_with_its_secret_only(store):
    key, secret = store.access_keys.issue("id1", actor="ann")
    assert len(secret) >= 43  # 256 random bits
    assert store.access_keys.check(key.id, secret) == key
    assert store.access_keys.check(key.id, canary()) is None
    assert store.access_keys.check("unknown", secret) is None
    assert secret.get_secret_value() not in repr(key)
    store.access_keys.change(key.id, lambda found: replace(found, active=False), actor="ann")
    assert store.access_keys.check(key.id, secret) is None


def test_tokens_are_found_by_their_text_and_end_by_revocation(place):
    tokens = [canary(number) for number in range(4)]
    with place.open() as store, place.open() as other:
        for number, token in enumerate(tokens):
            store.tokens.add(token, user_id=f"u{number % 2}", key_id=f"k{number}", lifetime=60, actor="x")
        assert other.tokens.find(tokens[0]).user_id == "u0"
        assert other.tokens.find(canary()) is None
        before = other.revision()
        assert store.tokens.revoke(token=tokens[0], actor="x") == 1
        assert other.revision() > before
        assert other.tokens.find(tokens[0]) is None
        assert store.tokens.revoke(user_id="u1", actor="x") == 2
        assert store.tokens.revoke(key_id="k2", actor="x") == 1
        assert store.tokens.revoke(key_id="k2", actor="x") == 0


def test_tokens_that_have_ended_are_dropped_when_another_is_made(store):
    old, forever = canary(1), canary(2)
    ended = store.tokens.add(old, user_id="u", lifetime=-1, actor="x")
    assert ended.expires_at < time.time()
    assert store.tokens.find(old) == ended
    assert store.tokens.add(forever, user_id="u", lifetime=None, actor="x").expires_at is None
    assert store.tokens.find(old) is None
    assert store.tokens.find(forever).user_id == "u"
    assert not store.verify().problems


def test_nothing_on_a_shelf_is_readable_in_the_file(sqlite_place):
    with sqlite_place.open() as store:
        key, secret = store.access_keys.issue("application", actor="x")
        store.environment.put("NAME", EnvironmentVariable("NAME", "environment-value"), actor="x")
        store.tokens.add(SecretStr("token-text-token-text"), user_id="u", lifetime=60, actor="x")
    data = sqlite_place.url.read_bytes()
    for text in (secret.get_secret_value(), key.secret_hash, "environment-value", "token-text"):
        assert text.encode() not in data
