"""The keyring of a real desktop: Debian's, unlocked on a session bus of its own."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.debian
SCRIPT = """
import sys
from pydantic import SecretStr
from secretref.store import open_store

key, value = "keyring:secretref/store", SecretStr("cnry-Kr58-kept")
with open_store("dir/store", key=key, create=True) as store:
    store.put("A", value)
    first = store.info()
with open_store("dir/store", key=key) as store:
    assert store.fetch(frozenset("A")) == {"A": value}
    store.backup("dir/backup")
    store.rotate_key()
with open_store("dir/store", key=key) as store:
    assert store.fetch(frozenset("A")) == {"A": value}
    assert not store.verify().problems
    print(store.info().key_kind, store.info().key_id != first.key_id)
try:
    open_store("dir/backup", key=key)
except Exception as error:
    print(type(error).__name__)  # the key of its time is replaced
"""


def in_session(tmp_path, command):
    """Run a command where a keyring is unlocked; nothing of this user's own session is touched."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "COVERAGE_PROCESS_START"}}
    unlocked = 'printf pinetree | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$@"'
    return subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", unlocked, "sh", *command],
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_key_in_the_systems_keyring_opens_and_is_replaced(tmp_path):
    tmp_path.chmod(0o700)
    ended = in_session(tmp_path, [sys.executable, "-c", SCRIPT])
    assert ended.stdout == "keyring True\nStoreKeyError\n", ended.stderr
    assert "cnry-Kr58" not in ended.stderr
    kept = list(tmp_path.rglob("*.keyring"))
    assert kept, "the keyring is a file of its own, sealed under the password of the session"
    assert not any(b"cnry-Kr58" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
