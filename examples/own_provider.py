"""How do secrets come from a place of my own?

A provider is a class with ``fetch``. The contract is a set of tests that every provider must pass; in a test file,
``class TestTable(ProviderContract)`` is enough, and pytest does what the last lines do here.
"""

import json
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from secretref.errors import ProviderError
from secretref.providers import is_name
from secretref.testing import ProviderContract

QUERY = "SELECT name, value FROM secrets WHERE name IN (SELECT value FROM json_each(?))"


class TableProvider:
    """Asks a table of a database, once for all names."""

    name = "table"

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch(self, names: frozenset[str]) -> dict[str, SecretStr]:
        try:
            with closing(sqlite3.connect(self._path)) as database:
                rows = database.execute(QUERY, [json.dumps(sorted(filter(is_name, names)))]).fetchall()
            return {name: SecretStr(value) for name, value in rows}  # a name without a row is absent
        except sqlite3.Error as error:
            kind = type(error).__name__  # never its text, which may quote a value
        raise ProviderError(self.name, kind=kind, names=names)  # outside the block, or it would carry the other along


class TestTable(ProviderContract):
    def provider(self, values: Mapping[str, str], tmp_path: Path) -> TableProvider:
        with closing(sqlite3.connect(tmp_path / "table.db")) as database, database:
            database.execute("CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT)")
            database.executemany("INSERT INTO secrets VALUES (?, ?)", values.items())
        return TableProvider(tmp_path / "table.db")

    def broken(self, values: Mapping[str, str], tmp_path: Path) -> TableProvider:
        (tmp_path / "table.db").write_text(f"This is no database, but it holds {values}.")
        return TableProvider(tmp_path / "table.db")


tests = [name for name in dir(TestTable) if name.startswith("test_")]
for test in tests:
    with tempfile.TemporaryDirectory() as folder:
        getattr(TestTable(), test)(Path(folder))
assert len(tests) > 10
