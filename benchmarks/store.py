"""The encrypted store beside a bare SQLite table with the same settings, which keeps plaintext.

``python -m benchmarks.store`` prints it. Reads are compared by CPU time, writes by the clock, because a write waits for
the disk. The bare table has the same journal, the same syncs and one row for each secret: no seal, no version, no
audit line, no check of who wrote it.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median

from pydantic import SecretStr

from benchmarks.measure import Report, Side, ratio
from secretref.store import AuditEvent, Store, open_store

__all__ = ["auditing", "growing", "reading", "writing"]

_NAMES = [f"NAME_{number}" for number in range(1000)]
_VALUE = SecretStr("a value of forty characters, as they are")
_THREADS = 32


def _bare(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE bare (name TEXT PRIMARY KEY, value TEXT)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO bare VALUES (?, ?)", [(name, _VALUE.get_secret_value()) for name in _NAMES])
    connection.execute("COMMIT")
    return connection


def _filled(path: Path, names: list[str]) -> Store:
    store = open_store(path, create=True)
    with store.transaction():
        for name in names:
            store.put(name, _VALUE)
    return store


def reading(report: Report, folder: Path) -> None:
    """Compare a read of one value and of fifty with a bare ``SELECT``."""
    report.title("Reading: CPU time beside a bare SELECT of plaintext by primary key")
    with closing(_bare(folder / "bare")) as bare, _filled(folder / "read" / "store", _NAMES) as store:

        def select(names: list[str]) -> dict[str, SecretStr]:
            rows = bare.execute(f"SELECT name, value FROM bare WHERE name IN ({','.join('?' * len(names))})", names)  # noqa: S608
            return {name: SecretStr(value) for name, value in rows}

        for count, goal in ((1, 0.4), (50, 0.2)):
            asked = _NAMES[100 : 100 + count]
            found, ours, _ = ratio(Side(partial(store.fetch, frozenset(asked))), Side(partial(select, asked)))
            note = f"{ours * 1e6:.1f} us a call, {count / ours:,.0f} values/s"
            report.at_least("S1", f"fetch of {count}, as fast as the bare SELECT", found, goal, note=note)
        _, ours, _ = ratio(Side(store.revision), Side(partial(select, _NAMES[:1])))
        report.note(f"revision: {ours * 1e6:.1f} us a call")


def _per_call(call: Callable[[], object], rounds: int = 60) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return median(taken)


def writing(report: Report, folder: Path) -> None:
    """Compare a durable put, with its version and audit line, with a bare durable ``INSERT``."""
    report.title("Writing: the clock beside a bare durable INSERT")
    with closing(_bare(folder / "bare2")) as bare, _filled(folder / "write" / "store", _NAMES[:50]) as store:
        statement = "INSERT OR REPLACE INTO bare VALUES ('A', 'value')"
        pairs = [
            (_per_call(partial(store.put, "A", _VALUE)), _per_call(partial(bare.execute, statement))) for _ in range(5)
        ]
    ours, theirs = (median(pair[at] for pair in pairs) for at in (0, 1))
    slower = median(a / b for a, b in pairs)
    report.at_most(
        "S2", "put, times a bare INSERT", slower, 3, note=f"{ours * 1e3:.2f} ms beside {theirs * 1e3:.2f} ms"
    )


def auditing(report: Report, folder: Path) -> None:
    """Compare lines of the audit trail written alone and by many threads at once, which share a commit."""
    report.title("Audited reads: each line is on disk before the value is released")
    event = AuditEvent("app:x", "secret.read", "NAME_1")
    with _filled(folder / "audit" / "store", _NAMES[:10]) as store:
        alone = 1 / _per_call(partial(store.audit.record, event))
        each = 60

        def work() -> None:
            for _ in range(each):
                store.audit.record(event)

        threads = [threading.Thread(target=work) for _ in range(_THREADS)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        together = _THREADS * each / (time.perf_counter() - start)
    note = f"{together:,.0f} lines/s beside {alone:,.0f}"
    report.at_least("S3", f"{_THREADS} threads, times one thread's lines", together / alone, 2, note=note)


def growing(report: Report, folder: Path) -> None:
    """Report what grows with the store: opening, verification and rotation look at every row."""
    report.title("What grows with the store")
    for count in (100, 1000, 10_000):
        path = folder / f"grown{count}" / "store"
        with _filled(path, [f"N{number}" for number in range(count)]) as store:
            opening = _per_call(lambda path=path: open_store(path).close(), 5)  # type: ignore[misc]
            verifying, rotating = _per_call(store.verify, 3), _per_call(store.rotate_key, 3)
        size = path.stat().st_size / 1e6
        told = f"open {opening * 1e3:.1f} ms, verify {verifying * 1e3:.0f} ms, rotate {rotating * 1e3:.0f} ms"
        report.note(f"{count:>6} secrets, {size:.1f} MB: {told}")


def main() -> None:
    """Run all, in a folder that is removed afterwards."""
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        for part in (reading, writing, auditing, growing):
            part(report, Path(name))
    report.close()


if __name__ == "__main__":
    main()
