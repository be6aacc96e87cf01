"""Master keys: where they are kept, how they are replaced, and what is said when they are wrong."""

import pytest
from figures import canary
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as FailingKeyring
from pydantic import SecretStr

from secretref.errors import ConfigurationError, ProviderUnavailableError, StoreKeyError
from secretref.store import EnvKey, FileKey, KeyringKey, PassphraseKey, RawKey, _keys, key_from, new_key, open_store
from secretref.store._seal import plain

A = frozenset("A")


class MemoryKeyring(KeyringBackend):
    """A keyring that asks nobody."""

    priority = 0.1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


class Kms:
    """A key service: it alone knows the key, and counts its calls."""

    kind = "kms"

    def __init__(self):
        self._key = RawKey(new_key())
        self.wrapped = self.unwrapped = 0
        self.fault = None

    def wrap(self, data_key, context):
        self.wrapped += 1
        return b"kms:" + self._key.wrap(data_key, context)

    def unwrap(self, wrapped, context):
        if self.fault is not None:
            raise self.fault
        self.unwrapped += 1
        return self._key.unwrap(wrapped.removeprefix(b"kms:"), context)


def make(kind, tmp_path, monkeypatch):
    if kind == "file":
        return FileKey(tmp_path / "key")
    if kind == "env":
        monkeypatch.setenv("STORE_KEY", plain(new_key()).decode())
        return EnvKey("STORE_KEY")
    if kind == "keyring":
        return KeyringKey("secretref", "test", backend=MemoryKeyring())
    if kind == "passphrase":
        return PassphraseKey(SecretStr("correct horse battery"), cost=15)
    return Kms()


KINDS = ["file", "env", "keyring", "passphrase", "kms"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_opens_what_it_closed(sqlite_place, tmp_path, monkeypatch, kind):
    key, value = make(kind, tmp_path, monkeypatch), canary()
    with sqlite_place.open(key=key) as store:
        store.put("A", value)
        assert store.info().key_kind == kind
    with sqlite_place.open(key=key, create=False) as store:
        assert store.fetch(A) == {"A": value}
    with pytest.raises(StoreKeyError):
        sqlite_place.open(key=RawKey(new_key()))


@pytest.mark.parametrize("kind", ["file", "keyring"])
def test_a_kept_key_is_replaced_in_place(sqlite_place, tmp_path, monkeypatch, kind):
    key, value = make(kind, tmp_path, monkeypatch), canary()
    with sqlite_place.open(key=key) as store:
        old = RawKey(SecretStr(plain_text(key)))
        store.put("A", value)
        for _ in range(2):
            store.rotate_key()
        assert store.fetch(A) == {"A": value}
        new = RawKey(SecretStr(plain_text(key)))
    with pytest.raises(StoreKeyError):
        sqlite_place.open(key=old)
    with sqlite_place.open(key=new) as store:
        assert store.fetch(A) == {"A": value}
    assert len(list(key.candidates())) == 2  # the key, twice: none is pending


def plain_text(key):
    return "secretref-key-1:" + _keys.base64.b64encode(next(key.candidates())).decode()


@pytest.mark.parametrize("kind", ["file", "keyring"])
def test_a_key_left_pending_opens_and_is_put_in_its_place(sqlite_place, tmp_path, monkeypatch, kind):
    """As after a kill between the commit and the last step."""
    key, value = make(kind, tmp_path, monkeypatch), canary()
    with sqlite_place.open(key=key) as store:
        store.put("A", value)
        pending = key.successor()
        assert plain_text(key.successor()) == plain_text(pending)  # taken up, not made again
        store.rotate_key(pending)
    with sqlite_place.open(key=key) as store:
        assert store.fetch(A) == {"A": value}
        assert next(key.candidates()) == next(pending.candidates())


@pytest.mark.parametrize("kind", ["file", "keyring"])
def test_a_rotation_first_finishes_the_one_before(sqlite_place, tmp_path, monkeypatch, kind):
    key, value = make(kind, tmp_path, monkeypatch), canary()
    with sqlite_place.open(key=key) as store:
        store.put("A", value)
        pending = key.successor()
        store.rotate_key(pending)
        store._ledger.key = key
        store.rotate_key()
        assert store.fetch(A) == {"A": value}
    with pytest.raises(StoreKeyError):
        sqlite_place.open(key=pending)
    with sqlite_place.open(key=key) as store:
        assert store.fetch(A) == {"A": value}


def test_other_processes_go_on_after_a_rotation(place, tmp_path):
    """Their key is read again from its file; a key given by hand has to be given anew."""
    key, value = FileKey(tmp_path / "key"), canary()
    one, other = place.open(key=key), place.open(key=FileKey(tmp_path / "key"))
    with one, other, place.open(key=RawKey(SecretStr(plain_text(key)))) as third:
        one.put("A", value)
        one.rotate_key()
        assert other.fetch(A) == {"A": value}
        other.put("B", value)
        assert one.fetch(frozenset("B")) == {"B": value}
        with pytest.raises(StoreKeyError):
            third.fetch(A)
        with pytest.raises(StoreKeyError):
            third.put("A", value)


@pytest.mark.parametrize("kind", ["env", "passphrase", "kms"])
def test_a_key_kept_elsewhere_is_replaced_by_the_one_given(sqlite_place, tmp_path, monkeypatch, kind):
    key, new, value = make(kind, tmp_path, monkeypatch), RawKey(new_key()), canary()
    with sqlite_place.open(key=key) as store:
        store.put("A", value)
        with pytest.raises(ConfigurationError, match=kind):
            store.rotate_key()
        store.rotate_key(new)
        assert store.fetch(A) == {"A": value}
        store.put("B", value)
    with pytest.raises(StoreKeyError):
        sqlite_place.open(key=key)
    with sqlite_place.open(key=new) as store:
        assert set(store.fetch(frozenset("AB"))) == set("AB")


def test_a_rotation_has_a_transaction_of_its_own(store):
    with pytest.raises(ConfigurationError), store.transaction():
        store.rotate_key(RawKey(new_key()))


def test_the_key_service_is_asked_at_opening_only(sqlite_place):
    kms = Kms()
    with sqlite_place.open(key=kms) as store:
        for _ in range(5):
            store.put("A", canary())
            store.fetch(A)
        assert (kms.wrapped, kms.unwrapped) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        (RuntimeError("secret text of an SDK"), StoreKeyError, "RuntimeError"),
        (ProviderUnavailableError("kms", kind="Timeout"), ProviderUnavailableError, "Timeout"),
        (ConfigurationError("no credentials"), ConfigurationError, None),
    ],
)
def test_a_failing_key_service_is_a_silent_error(sqlite_place, fault, error, kind):
    kms = Kms()
    sqlite_place.open(key=kms).close()
    kms.fault = fault
    with pytest.raises(error) as raised:
        sqlite_place.open(key=kms)
    assert getattr(raised.value, "kind", None) == kind
    assert "SDK" not in str(raised.value)
    assert raised.value.__context__ is None


def test_keys_are_given_as_text(tmp_path, monkeypatch):
    monkeypatch.setattr("keyring.get_keyring", MemoryKeyring)
    assert isinstance(key_from(f"file:{tmp_path}/key"), FileKey)
    assert isinstance(key_from("env:NAME"), EnvKey)
    for wrong in ("", "file", "file:", "env:", "keyring:", "keyring:a", "keyring:/b", "kms:x"):
        with pytest.raises(ConfigurationError, match="file:PATH"):
            key_from(wrong)
    with pytest.raises(ConfigurationError, match="without asking"):
        key_from("keyring:service/name")


@pytest.mark.parametrize(
    "text", ["#", "x#", "secretref-key-1:#", "secretref-key-1:AAAA", "secretref-key-1:ä", "hunter2hunter2"]
)
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path, monkeypatch, sqlite_place, text):
    monkeypatch.setenv("STORE_KEY", text)
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(text)
    ring = MemoryKeyring()
    ring.kept["s", "n"] = text
    for key in (RawKey(SecretStr(text)), EnvKey("STORE_KEY"), FileKey(path), KeyringKey("s", "n", backend=ring)):
        with pytest.raises(ConfigurationError) as raised:
            sqlite_place.open(key=key)
        assert text.removeprefix("secretref-key-1:")[:4] not in str(raised.value)
        assert raised.value.__context__ is None
        assert "hunter" not in repr(key)


def test_missing_keys_are_named(tmp_path, sqlite_place):
    sqlite_place.open().close()
    with pytest.raises(ConfigurationError, match="variable NO_SUCH_KEY"):
        sqlite_place.open(key=EnvKey("NO_SUCH_KEY"))
    with pytest.raises(ConfigurationError, match="missing-key"):
        sqlite_place.open(key=FileKey(tmp_path / "missing-key"))
    assert not (tmp_path / "missing-key").exists()  # a fresh key would open nothing


def test_short_passphrases_and_odd_costs_are_refused(sqlite_place):
    with pytest.raises(ConfigurationError, match="12 characters"):
        sqlite_place.open(key=PassphraseKey(SecretStr("short"), cost=15))
    for cost in (14, 21):
        with pytest.raises(ConfigurationError, match="15 to 20"):
            PassphraseKey(SecretStr("correct horse battery"), cost=cost)


@pytest.mark.parametrize("parameters", [b"", b"\x01\x08\x01", b"\x18\x08\x01", b"\x0f\xff\x01", b"\x0f\x08\xff"])
def test_costs_that_were_tampered_with_are_not_followed(parameters):
    """Neither down, which would weaken the derivation, nor up, which would exhaust memory."""
    key = PassphraseKey(SecretStr("correct horse battery"), cost=15)
    wrapped = key.wrap(bytes(32), b"context")
    assert key.unwrap(wrapped, b"context") == bytes(32)
    assert key.unwrap(wrapped, b"other") is None
    assert key.unwrap(parameters + wrapped[3:] if parameters else b"", b"context") is None


def test_two_who_finish_one_rotation_do_it_once(sqlite_place):
    """Both saw it unfinished; the second finds it done when its turn comes."""

    class Slow(KeyringKey):
        asked = 0

        def is_unsettled(self, wrapped, context):
            del wrapped, context
            self.asked += 1
            return self.asked == 1

    key = Slow("s", "n", backend=MemoryKeyring())
    with sqlite_place.open(key=key) as store:
        store.put("A", canary())
    assert key.asked == 2
    key.promote()  # nothing is pending
    assert sqlite_place.open(key=key).fetch(A)


def test_keys_show_nothing(tmp_path):
    text = plain(new_key()).decode()
    for key in (RawKey(SecretStr(text)), PassphraseKey(SecretStr(text)), FileKey(tmp_path / "key")):
        assert text not in repr(key) + str(vars(key))


def test_keyrings_that_might_ask_are_passed_over(monkeypatch):
    """A chain offers several backends; none of these is a keyring of the system."""

    class Chain:
        backends = (FailingKeyring(), MemoryKeyring())

    for chosen in (Chain, FailingKeyring, MemoryKeyring):
        monkeypatch.setattr("keyring.get_keyring", chosen)
        with pytest.raises(ConfigurationError, match="without asking"):
            KeyringKey("s", "n")


def test_the_keyring_of_the_system_is_used(monkeypatch):
    from keyring.backends import SecretService

    monkeypatch.setattr("keyring.get_keyring", SecretService.Keyring)
    assert KeyringKey("s", "n")._keyring.__class__ is SecretService.Keyring


def test_the_default_key_stands_beside_the_file(tmp_path):
    with open_store(tmp_path / "dir" / "store", create=True) as store:
        store.put("A", canary())
    assert sorted(path.name for path in (tmp_path / "dir").iterdir()) == [
        "store",
        "store-journal",
        "store.key",
        "store.lock",
    ]
    open_store(f"sqlite:///{tmp_path}/dir/store").close()
