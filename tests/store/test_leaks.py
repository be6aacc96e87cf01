"""What is on disk: no value in any form, and no ciphertext of what was deleted or replaced."""

import random
from pathlib import Path

import pytest
from children import kill_after
from figures import canary, report, size
from pydantic import SecretStr

from secretref._encodings import forms
from secretref.store import EnvironmentVariable, RawKey, new_key, open_store
from secretref.store._seal import plain

DICE = random.Random(55)
RUN = 8  # bytes of a value that count as a leak


def searched(folder, values):
    """Search every file of *folder* for every form of every value; return bytes searched and leaks."""
    needles = set()
    for value in values:
        for form in spellings(plain(value)):
            needles.update(form[start : start + RUN] for start in range(0, len(form) - RUN + 1, RUN))
    total = leaks = 0
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            total += len(data)
            windows = {data[start : start + RUN] for start in range(len(data) - RUN + 1)}
            leaks += len(windows & needles)
    return total, leaks


def spellings(value):
    """Every literal form the redactor knows, and what it leaves to its decoded views."""
    text = value.decode()
    yield from (form.literal for form in forms(text))
    yield from (value, value[::-1], value.hex().encode(), text.encode("utf-16-le"), text.encode("utf-32-be"))


@pytest.mark.parametrize("history", [1, 10])
def test_no_value_is_on_disk_in_any_form(sqlite_place, capsys, history):
    """After puts, reads, deletions, rotations, backups and kills."""
    folder, acts = sqlite_place.url.parent, size(120, 1000)
    values = [canary(number) for number in range(acts)]
    key = [RawKey(new_key())]
    with open_store(sqlite_place.url, key=key[0], create=True, history=history) as store:
        for number, value in enumerate(values):
            name = f"N{DICE.randrange(20)}"
            store.put(name, value, tags={"number": str(number)})
            store.fetch(frozenset({name}))
            if number % 7 == 0:
                store.delete(f"N{DICE.randrange(20)}")
            if number % 50 == 0:
                key.append(RawKey(new_key()))
                store.rotate_key(key[-1])
                store.backup(folder / f"backup{number}")
            if number % 40 == 0:
                store.tokens.add(value, user_id="u", lifetime=60, actor="x")
                store.environment.put("E", EnvironmentVariable("E", plain(value).decode()), actor="x")

    killed = [canary(number) for number in range(1000)]

    def work(say):
        with open_store(sqlite_place.url, key=key[-1], history=history) as store:
            say("open")
            for value in killed:
                store.put("KILLED", value)

    for _ in range(size(3, 20)):
        kill_after(DICE.uniform(0, 0.05), work)
    keys = [SecretStr(plain(one._text).decode().partition(":")[2]) for one in key]
    total, leaks = searched(folder, [*values, *killed, *keys])
    report(capsys, f"history {history}: {acts} acts and kills: {total} bytes searched, leaks {leaks}")
    assert leaks == 0
    (folder / "planted").write_bytes(b"xx" + plain(values[0]))
    assert searched(folder, values[:1])[1], "the search finds what is there"


@pytest.mark.parametrize("how", ["delete", "replace", "rotate", "tag", "shelf", "token"])
def test_ciphertext_that_was_removed_is_gone(sqlite_place, capsys, how):
    """Neither the file nor what stands beside it holds a piece of the old body."""
    with sqlite_place.open(history=1) as store:

        def bodies():
            texts = ("SELECT body FROM secretref_versions", "SELECT body FROM secretref_records")
            return {
                row[0] for text in texts for row in store._ledger.database.read(lambda one, text=text: one.text(text))
            }

        for number in range(50):
            store.put(f"N{number}", SecretStr(plain(canary()).decode() * (1 + number * 4)))
            store.environment.put(f"E{number}", EnvironmentVariable("E", "x" * 50 * number), actor="x")
        token = canary()
        store.tokens.add(token, user_id="u", lifetime=60, actor="x")
        old = bodies()
        if how == "delete":
            for name in list(store):
                store.delete(name)
        elif how == "replace":
            for name in list(store):
                store.put(name, canary())
        elif how == "rotate":
            store.rotate_key(RawKey(new_key()))
        elif how == "tag":
            for name in list(store):
                store.tag(name, {"a": "b"})
        elif how == "shelf":
            for name in store.environment.all():
                store.environment.delete(name, actor="x")
        else:
            store.tokens.revoke(token=token, actor="x")
        removed = old - bodies()
    pieces = {body[start : start + 16] for body in removed for start in range(0, len(body) - 15, 16)}
    total = remnants = 0
    for path in Path(sqlite_place.url.parent).iterdir():
        data = path.read_bytes()
        total += len(data)
        remnants += sum(piece in data for piece in pieces)
    report(capsys, f"{how}: {len(removed)} bodies removed, {total} bytes searched, remnants {remnants}")
    assert removed
    assert remnants == 0
