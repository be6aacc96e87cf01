"""``secretref doctor``: is this installation sound, and does anything here show what it should not?"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from secretref._edge import FINDINGS, OK
from secretref.cli._console import Json, console, print_json, styled

if TYPE_CHECKING:
    from collections.abc import Iterator

commands = typer.Typer()

DISTRIBUTION = "secretref-workflow"
_REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)[^;]*(?:;.*extra\s*==\s*['\"](?P<extra>[\w-]+)['\"])?")
_PYTEST_FILES = ("pyproject.toml", "pytest.toml", "pytest.ini", "tox.ini", "setup.cfg")
_SHOWS_LOCALS = re.compile(
    r"^[^#\n]*addopts[^#]*?(?:--showlocals|(?<=[\s\"'=])-[a-zA-Z]*l[a-zA-Z]*(?=[\s\"']))", re.MULTILINE
)
_HOOKS = {"sys", "typer.main"}  # the interpreter's; Typer's hands on to it, as pretty exceptions are off
_ADVICE = {
    "loguru": ("shows local variables in tracebacks unless told otherwise", "LOGURU_DIAGNOSE=NO, or diagnose=False"),
    "sentry-sdk": ("sends local variables unless told otherwise", "sentry_sdk.init(include_local_variables=False)"),
    "structlog": ("console and dict tracebacks show local variables", "format_exc_info, or show_locals=False"),
}
# SQLite releases from 3.7.0 to 3.51.2 can lose a commit in write-ahead mode, but for two corrected branches.
_WAL_FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. *sound* is None for a plain fact."""

    subject: str
    finding: str
    sound: bool | None = None
    fix: str = ""


@commands.command()
def doctor(as_json: Json = False) -> None:
    """Report versions, extras, and settings that would show values.

    Exit code: 0 sound, 1 something should change.
    """
    checks = [*_versions(), *_conflict(), *_extras(), *_leaks()]
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        screen = console()
        for check in checks:
            sign, style = {None: (" ", "dim"), True: ("✓", "green"), False: ("!", "red")}[check.sound]
            screen.print(styled(sign, style), styled(f"{check.subject:24}", "bold"), styled(check.finding, ""))
            if check.fix:
                screen.print(styled(f"  {'':24} → {check.fix}", "yellow"))
    raise typer.Exit(FINDINGS if any(check.sound is False for check in checks) else OK)


def _versions() -> Iterator[Check]:
    yield Check(DISTRIBUTION, version(DISTRIBUTION))
    yield Check("python", f"{sys.version.split()[0]} ({sys.executable})")
    release = sqlite3.sqlite_version_info
    fixed = release >= _WAL_FIXED[0] or any(release[:2] == fix[:2] and release >= fix for fix in _WAL_FIXED[1:])
    yield Check(
        "sqlite", f"{sqlite3.sqlite_version}, {'write-ahead log safe' if fixed else 'used without write-ahead log'}"
    )


def _conflict() -> Iterator[Check]:
    """Another distribution, ``secretref``, installs a package of the same name over this one."""
    try:
        other = distribution("secretref")
    except PackageNotFoundError:
        yield Check("import package", str(Path(find_spec("secretref").origin or "").parent), sound=True)  # type: ignore[union-attr]
    else:
        fix = f"pip uninstall secretref && pip install --force-reinstall {DISTRIBUTION}"
        yield Check(
            "import package", f"shared with the unrelated distribution secretref {other.version}", sound=False, fix=fix
        )


def _extras() -> Iterator[Check]:
    wanted: dict[str, list[str]] = {}
    for requirement in requires(DISTRIBUTION) or ():
        match = _REQUIREMENT.match(requirement)
        if match and match["extra"] not in {None, "dev"}:
            wanted.setdefault(match["extra"], []).append(match["name"])
    for extra, names in sorted(wanted.items()):
        missing = [name for name in names if not _installed(name)]
        here = ", ".join(f"{name} {_installed(name)}" for name in names if name not in missing)
        finding = f"missing: {', '.join(missing)}" if missing else here
        yield Check(f"extra {extra}", finding, fix=f"pip install '{DISTRIBUTION}[{extra}]'" if missing else "")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _leaks() -> Iterator[Check]:
    """Settings, here and in libraries that are installed, that show local variables, arguments or memory."""
    shown = [name for name in _PYTEST_FILES if _pytest_shows_locals(Path(name))]
    yield _judged("pytest locals", f"shown by addopts in {', '.join(shown)}" if shown else "", "hidden", "take it out")
    hook = getattr(sys.excepthook, "__module__", "")
    foreign = "" if hook in _HOOKS else f"from {hook}"
    yield _judged("sys.excepthook", foreign, "shows no locals", "make sure that it shows no local variables")
    debug = bool(os.environ.get("PYTHONASYNCIODEBUG")) or sys.flags.dev_mode
    on = "on: slow callbacks are logged with their arguments" if debug else ""
    yield _judged("asyncio debug", on, "off", "unset PYTHONASYNCIODEBUG, leave -X dev out")
    yield _core_dumps()
    for library, (finding, fix) in _ADVICE.items():
        if _installed(library):
            yield Check(library, finding, fix=fix)


def _judged(subject: str, fault: str, otherwise: str, fix: str) -> Check:
    return Check(subject, fault or otherwise, sound=not fault, fix=fix if fault else "")


def _pytest_shows_locals(path: Path) -> bool:
    return path.is_file() and _SHOWS_LOCALS.search(path.read_text(encoding="utf-8", errors="replace")) is not None


def _core_dumps() -> Check:
    try:
        import resource
    except ImportError:
        return Check("core dumps", "not known on this system")
    if resource.getrlimit(resource.RLIMIT_CORE)[0] == 0:
        return Check("core dumps", "off")
    return Check("core dumps", "on: a crash writes memory to disk", fix="ulimit -c 0")
