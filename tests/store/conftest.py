"""One suite, two databases: SQLite in a file, and a real PostgreSQL that lives as long as the session."""

import itertools

import pytest
from postgresql import schema

from secretref.store import RawKey, new_key, open_store

_numbers = itertools.count()


class Place:
    """Where one test's store lives, and its key."""

    def __init__(self, kind, url, key, folder):
        self.kind, self.url, self.key, self.folder = kind, url, key, folder

    def open(self, **options):
        return open_store(self.url, **{"key": self.key, "create": True, **options})

    def another(self):
        """Return the address of a second, still empty place of the same kind."""
        return schema(self.url) if self.kind == "postgres" else self.folder / f"other{next(_numbers)}" / "store"


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
