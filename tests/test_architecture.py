"""The floors: a module imports only from lower floors, never sideways, never up."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "secretref"
FLOORS = {
    "errors": 0,
    "_tree": 1,
    "_syntax": 1,
    "_grant": 1,
    "_document": 1,
    "_audit": 1,
    "_process": 1,
    "_plan": 2,
    "_data": 2,
    "_automaton": 1,
    "_encodings": 1,
    "_objects": 1,
    "_sinks": 1,
    "_matcher": 2,
    "_derived": 2,
    "_survey": 3,
    "_template": 4,
    "_bound": 5,
    "_policy": 2,
    "providers": 2,
    "_lines": 3,
    "_triggers": 2,
    "_guesses": 1,
    "_views": 3,
    "_exceptions": 3,
    "_analysis": 4,
    "_needles": 5,
    "_stream": 6,
    "_redactor": 7,
    "_record": 8,
    "_preflight": 5,
    "_resolved": 9,
    "store": 9,
    "_resolver": 10,
    "logs": 8,
    "testing": 10,
    "_edge": 10,
    "pytest_plugin": 11,
    "guard": 11,
    "server": 12,
    "integrations": 13,
    "_processes": 10,
    "cli": 14,
}
DOORS = {  # where plaintext leaves a SecretStr, and how often
    "_needles.py": 1,
    "_resolved.py": 3,
    "cli/grants.py": 1,
    "cli/serve.py": 1,
    "cli/store.py": 1,
    "providers/orkes.py": 3,
    "server/_applications.py": 1,
    "server/_secrets.py": 2,
    "store/_seal.py": 1,
}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Rooms of this package that the module imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "secretref":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("secretref.")}
    return found


MODULES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path):
    own = room(path)
    assert own in FLOORS, f"{own} has no floor"
    for other in imports(path) - {own}:
        assert FLOORS[other] < FLOORS[own], f"{own} (floor {FLOORS[own]}) imports {other} (floor {FLOORS[other]})"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_relative_imports_are_not_used(path):
    assert not [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) and node.level
    ]


def test_plaintext_leaves_by_the_listed_doors_only():
    found = {str(path.relative_to(SOURCE)): path.read_text().count("get_secret_value(") for path in MODULES}
    assert {path: count for path, count in found.items() if count} == DOORS
