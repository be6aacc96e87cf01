"""The table of ways out in docs/sinks.md is that of the code, and each of them has tests."""

import ast
import inspect
import re
from functools import cache
from pathlib import Path

import pytest

from secretref import Redactor, _record
from secretref.logs._guard import STREAMS
from secretref.logs._hooks import HOOKS
from secretref.logs._install import LIVE

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "secretref"
ROWS = [
    [re.findall(r"`(.+?)`", cell) for cell in row.split("|")[2:4]]
    for row in (ROOT / "docs" / "sinks.md").read_text().splitlines()
    if row.startswith("| ") and "`" in row
]
LISTED = {name for guards, _ in ROWS for name in guards}
TAKES = {"redactor", "hider"}
WRITES = {
    "print", "write", "writelines", "write_text", "write_bytes", "sendall", "echo", "print_json", "note", "getLogger",
    "Popen", "execute", "Response", "JSONResponse", "PlainTextResponse",
}  # fmt: skip


def modules():
    """Yield each module as it is named in the table, with its tree."""
    for path in sorted(SOURCE.rglob("*.py")):
        package, name = path.parent.relative_to(SOURCE).parts, path.stem
        own = (*package, name) if not package or not name.startswith("_") else package
        yield ".".join(own), ast.parse(path.read_text())


def takers():
    """List public functions and classes that take a redactor."""
    for module, tree in modules():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                made = [
                    node,
                    *(inner for inner in getattr(node, "body", ()) if getattr(inner, "name", "") == "__init__"),
                ]
                names = {argument.arg for one in made if isinstance(one, ast.FunctionDef) for argument in one.args.args}
                if names & TAKES:
                    yield f"{module}.{node.name}"


def sealed():
    """List classes that refuse to be pickled."""
    for module, tree in modules():
        for node in ast.walk(tree):
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if getattr(inner, "name", "").startswith("__reduce") and ast.unparse(inner.returns) in {
                    "NoReturn",
                    "Never",
                }:
                    yield f"{module}.{node.name}"


def writers():
    """List modules that write: to files, streams, sockets, logs, screens, processes or those who ask."""
    for module, tree in modules():
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        if WRITES & {getattr(call, "attr", getattr(call, "id", "")) for call in calls}:
            yield module


def replaced():
    """List what is replaced while a guard is armed."""
    for live in (LIVE, HOOKS, STREAMS):
        for owner, name, _ in live._patches._targets:
            yield ".".join([*([owner.__module__] if inspect.isclass(owner) else []), owner.__name__, name])


FOUND = {
    "functions and classes that take a redactor": takers,
    "classes that refuse to be pickled": sealed,
    "modules that write": writers,
    "functions that are replaced": lambda: (name.replace("asyncio.base_events.", "asyncio.") for name in replaced()),
    "fields of a record": lambda: (f"ExecutionRecord.{name}" for name in _record._REDUCED),
    "methods of a redactor": lambda: (
        f"Redactor.{name}" for name in vars(Redactor) if not name.startswith("_") and name not in TOLD
    ),
}
TOLD = {"register", "union", "mark", "weak"}  # they let nothing out


@pytest.mark.parametrize("kind", FOUND)
def test_every_way_out_is_listed(kind):
    found = set(FOUND[kind]())
    assert found
    assert found - LISTED == set()


@cache
def functions_in(file):
    return {
        node.name
        for node in ast.walk(ast.parse((ROOT / "tests" / f"{file}.py").read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_row_names_what_is_there():
    assert len(ROWS) > 50
    for guards, tests in ROWS:
        assert guards
        assert tests
        assert [test for test in tests if test.partition("::")[2] not in functions_in(test.partition("::")[0])] == []


def test_every_guard_is_there():
    there = {name for kind in FOUND.values() for name in kind()} | {module for module, _ in modules()} | {"Redactor"}
    assert LISTED - there == set()
