"""Does a test turn red when a form, a channel or a branch of the redactor is disabled?

``python benchmarks/mutation.py _encodings logs/_hooks --sample 0.3`` changes one thing at a time in a copy of the
package, runs the tests of that room, and names the changes that no test has noticed.

Everything that can be *disabled* is, one by one: an entry of a table, something yielded, a statement, the body of a
handler, an operand, a keyword. *Ordinary* changes (a condition negated, a comparison shifted, a number one off, a
return of nothing) are drawn by ``--sample`` with ``--seed``; ``--part`` draws from all.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
WARM = [
    "attrs", "httpx", "hyperscan", "hypothesis", "lark", "loguru", "markupsafe", "numpy", "opentelemetry.sdk.trace",
    "pandas", "polars", "pyarrow", "pydantic", "pytest", "requests", "sentry_sdk", "structlog",
]  # fmt: skip  # loaded once, inherited by every run
TESTS = {
    "_analysis": "analysis redactor views laws/redaction",
    "_automaton": "matcher needles redactor laws/redaction",
    "_derived": "derived redactor",
    "_edge": "cli server/description server/api",
    "_encodings": "encodings redactor laws/redaction",
    "_exceptions": "exceptions objects redactor",
    "_lines": "lines stream redactor laws/streams",
    "_matcher": "matcher needles redactor stream laws/redaction",
    "_needles": "needles redactor stream laws/redaction",
    "_objects": "objects objects_libraries objects_tables exceptions redactor",
    "_processes": "processes",
    "_record": "record",
    "_redactor": "redactor stream exceptions objects guard laws/redaction",
    "_resolved": "resolved record resolver laws/resolving",
    "_sinks": "sinks sinks_descriptor guard",
    "_stream": "stream redactor lines sinks laws/streams",
    "_triggers": "triggers views redactor",
    "_views": "views redactor evasions laws/redaction",
    "guard": "guard guard_edges",
    "logs": "logs logs_records logs_hooks logs_libraries guard guard_edges",
}
PYTEST = [
    "-x", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin",
    "-p", "secretref.pytest_plugin", "-m", "not (browser or debian or npm)",
]  # fmt: skip
SHIFTED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
SWAPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr}


class Mutant(NamedTuple):
    """One change: bytes of a source replaced by a text."""

    line: int
    what: str
    start: int
    end: int
    text: str
    ordinary: bool = False


class Mutants:
    """All changes of one source."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def __iter__(self) -> Iterator[Mutant]:
        stack: list[ast.AST] = [ast.parse(self.source)]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.stmt):
                yield from self.of_statement(node)
            elif isinstance(node, ast.expr):
                yield from self.of_expression(node)
            elif isinstance(node, ast.ExceptHandler):
                yield self.made(node.body[0], "raise", "handler", through=node.body[-1])
            elif isinstance(node, ast.comprehension):
                for test in node.ifs:
                    yield self.made(test, "True", f"filter {ast.unparse(test)} dropped")
            stack += self.below(node)

    def below(self, node: ast.AST) -> list[ast.AST]:
        """List what is to be changed inside *node*: no annotation, no message, no list of names."""
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Pass):
            return []
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in {"__all__", "__slots__", "_P", "_R"}:
            return []
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return []
        fields = dict(ast.iter_fields(node))
        for name in (
            ("annotation", "returns", "decorator_list", "bases", "keywords") if isinstance(node, ast.stmt) else ()
        ):
            fields.pop(name, None)
        fields.pop("annotation", None)
        children = (child for value in fields.values() for child in (value if isinstance(value, list) else [value]))
        return [child for child in children if isinstance(child, ast.AST)]

    def made(
        self,
        node: ast.stmt | ast.expr,
        text: str,
        what: str,
        *,
        through: ast.stmt | None = None,
        ordinary: bool = False,
    ) -> Mutant:
        last = through or node
        start = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[(last.end_lineno or 0) - 1] + (last.end_col_offset or 0)
        return Mutant(node.lineno, what, start, end, text, ordinary)

    def of_statement(self, node: ast.stmt) -> Iterator[Mutant]:
        shown = ast.unparse(node).partition("\n")[0][:70]
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
            yield self.made(node, "yield from ()", f"{shown} dropped")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        elif isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Delete) or any(
            isinstance(target, ast.Attribute | ast.Subscript) for target in targets
        ):
            yield self.made(node, "pass", f"{shown} dropped")
        elif isinstance(node, ast.Return) and node.value and ast.unparse(node.value) != "None":
            yield self.made(node, "return None", f"{shown} gives None", ordinary=True)
        elif isinstance(node, ast.If | ast.While):
            yield self.made(node.test, f"(not ({ast.unparse(node.test)}))", f"{shown} negated", ordinary=True)

    def of_expression(self, node: ast.expr) -> Iterator[Mutant]:
        match node:
            case ast.Tuple(ctx=ast.Load()) | ast.List(ctx=ast.Load()) | ast.Set():
                yield from self.without(node, "elts")
            case ast.Dict():
                for at, key in enumerate(node.keys):
                    left = ast.Dict(
                        [*node.keys[:at], *node.keys[at + 1 :]], [*node.values[:at], *node.values[at + 1 :]]
                    )
                    what = f"entry {ast.unparse(key or node.values[at])} dropped"
                    yield self.made(node, ast.unparse(left), what)._replace(line=(key or node.values[at]).lineno)
            case ast.BoolOp():
                yield from self.without(node, "values")
            case ast.Call():
                yield from self.without(node, "keywords")
                if ast.unparse(node.func).endswith("suppress"):
                    yield self.made(node, f"{ast.unparse(node.func)}()", f"{ast.unparse(node)} dropped")
            case ast.IfExp():
                yield self.made(node, f"({ast.unparse(node.body)})", f"else of {ast.unparse(node)[:70]} dropped")
                yield self.made(node, f"({ast.unparse(node.orelse)})", f"if of {ast.unparse(node)[:70]} dropped")
            case ast.BinOp(op=ast.BitOr()):
                yield self.made(node, f"({ast.unparse(node.left)})", f"{ast.unparse(node.right)[:70]} dropped")
                yield self.made(node, f"({ast.unparse(node.right)})", f"{ast.unparse(node.left)[:70]} dropped")
            case _:
                yield from self.ordinary(node)

    def without(self, node: ast.expr, field: str) -> Iterator[Mutant]:
        """Leave out one element after another."""
        whole: list[ast.expr] = getattr(node, field)
        for at, one in enumerate(whole):
            setattr(node, field, [*whole[:at], *whole[at + 1 :]])
            left = ast.unparse(node)
            setattr(node, field, whole)
            text = left if isinstance(node, ast.Call) else f"({left})"
            yield self.made(node, text, f"{ast.unparse(one)[:70]} dropped")._replace(line=one.lineno)

    def ordinary(self, node: ast.expr) -> Iterator[Mutant]:
        match node:
            case ast.Compare(ops=[op]) if type(op) in SHIFTED:
                other = ast.Compare(node.left, [SHIFTED[type(op)]()], node.comparators)
                yield self.made(node, f"({ast.unparse(other)})", f"{ast.unparse(node)[:70]} shifted", ordinary=True)
            case ast.BinOp(op=op) if type(op) in SWAPPED:
                other_sum = ast.BinOp(node.left, SWAPPED[type(op)](), node.right)
                yield self.made(node, f"({ast.unparse(other_sum)})", f"{ast.unparse(node)[:70]} swapped", ordinary=True)
            case ast.Constant(value=bool(value)):
                yield self.made(node, str(not value), f"{value} inverted", ordinary=True)
            case ast.Constant(value=int(value)):
                for new in (value - 1, value + 1):
                    yield self.made(node, f"({new})", f"{value} made {new}", ordinary=True)
            case ast.UnaryOp(op=ast.Not()):
                yield self.made(
                    node, f"({ast.unparse(node.operand)})", f"{ast.unparse(node)[:70]} inverted", ordinary=True
                )


class Workshop:
    """A copy of the project in which one change at a time is made and tested, in a process of its own."""

    def __init__(self, place: Path, tests: list[str]) -> None:
        self.place, self.tests = place, tests
        kept = shutil.ignore_patterns(".*", "__pycache__", "dist")
        shutil.copytree(ROOT, place, ignore=kept)
        compileall.compile_dir(place / "src", quiet=1)

    def change(self, room: Path, mutant: Mutant | None, source: bytes) -> None:
        target = self.place / "src" / "secretref" / room
        for stale in (target.parent / "__pycache__").glob(f"{target.stem}.*"):
            stale.unlink()
        target.write_bytes(
            source if mutant is None else source[: mutant.start] + mutant.text.encode() + source[mutant.end :]
        )

    def start(self, *, unchanged: bool = False) -> int:
        child = os.fork()
        if child:
            return child
        os.setsid()
        os.chdir(self.place)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        os.environ["PYTHONPATH"] = str(self.place / "src")
        sys.path.insert(0, str(self.place / "src"))
        if not unchanged:
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            sys.dont_write_bytecode = True
        log = os.open(self.place / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        import pytest  # noqa: PLC0415 - loaded by the parent

        try:
            code = int(pytest.main([*PYTEST, *self.tests]))
        except BaseException:  # noqa: BLE001 - a change may do anything
            code = 99
        sys.stdout.flush()
        os._exit(code)


def rooms(names: list[str]) -> list[Path]:
    """List the source files that *names* stand for: a module, or all modules of a package."""
    base = ROOT / "src" / "secretref"
    found = [path for name in names for path in sorted((base / name).glob("*.py")) or [base / f"{name}.py"]]
    return [path.relative_to(base) for path in found]


def finished(running: dict[int, tuple[Workshop, Mutant, float]], limit: float) -> tuple[int, int]:
    """Wait until a run ends or takes longer than *limit* seconds; return its process and its exit code."""
    while True:
        for child, (_, _, since) in running.items():
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return child, os.waitstatus_to_exitcode(status)
            if time.monotonic() - since > limit:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return child, -1
        time.sleep(0.01)


def examine(room: Path, options: argparse.Namespace) -> Counter[str]:
    """Try the changes of one source; print those that survive."""
    source = (ROOT / "src" / "secretref" / room).read_bytes()
    package = room.parts[0].removesuffix(".py")
    tests = [
        f"tests/{'/'.join([*way, f'test_{name}.py'])}"
        for *way, name in (names.split("/") for names in (options.tests or TESTS[package]).split())
    ]
    drawn = random.Random(f"{options.seed} {room}")
    mutants = [
        mutant
        for mutant in Mutants(source)
        if drawn.random() < options.part * (options.sample if mutant.ordinary else 1)
    ]
    counts: Counter[str] = Counter()
    running: dict[int, tuple[Workshop, Mutant, float]] = {}
    with tempfile.TemporaryDirectory() as place:
        free = [Workshop(Path(place) / str(number), tests) for number in range(options.jobs)]
        limit = baseline(free) * 4 + 10
        for mutant in [*mutants, *[None] * options.jobs]:
            while running and (mutant is None or not free):
                child, code = finished(running, limit)
                shop, tried, _ = running.pop(child)
                shop.change(room, None, source)
                free.append(shop)
                counts["killed" if code else "survived"] += 1
                if not code:
                    print(f"{room}:{tried.line}: {tried.what}", flush=True)
            if mutant is not None:
                shop = free.pop()
                shop.change(room, mutant, source)
                running[shop.start()] = shop, mutant, time.monotonic()
    return counts


def baseline(shops: list[Workshop]) -> float:
    """Run the tests on each unchanged copy; return the time of the slowest, in seconds."""
    took = 0.0
    for shop in shops:
        since = time.monotonic()
        _, status = os.waitpid(shop.start(unchanged=True), 0)
        took = max(took, time.monotonic() - since)
        if status:
            raise SystemExit((shop.place / "log").read_text())
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "rooms", nargs="*", default=[*TESTS], help="modules and packages; by default all of the redactor"
    )
    parser.add_argument("--tests", help="run these instead, named as in TESTS")
    parser.add_argument("--sample", type=float, default=1.0, help="part of the ordinary changes to try")
    parser.add_argument("--part", type=float, default=1.0, help="part of all changes to try")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    for name in WARM:
        with suppress(ImportError):
            import_module(name)
    for room in rooms(options.rooms):
        counts = examine(room, options)
        print(
            f"{room}: {counts.total()} changes, {counts['killed']} noticed, {counts['survived']} survived", flush=True
        )


if __name__ == "__main__":
    main()
