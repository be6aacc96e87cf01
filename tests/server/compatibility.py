"""Run the unmodified clients against a server and print which of their calls succeed.

``python tests/server/compatibility.py`` prints the tables of ``docs/compatibility.md``.
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
PYTHON_CLIENTS = ("2.0.0", "1.3.11", "1.1.10")
JAVASCRIPT_CLIENT = "4.0.0"


def installed(cache, name, install):
    """Return the directory of client *name*, installed once and kept for later runs."""
    directory = cache / name
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "complete").exists():
            install(directory)
            (directory / "complete").touch()
    return directory


def python_tool(cache, package, version):
    """Return the directory of programs of an environment that holds *package* and nothing of ours."""

    def install(directory):
        venv.create(directory, clear=True, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(directory / "bin" / "python"), "install", "-q"]
        subprocess.run([*pip, f"{package}=={version}"], check=True, capture_output=True, timeout=300)

    return installed(cache, f"{package}-{version}", install) / "bin"


def javascript_client(cache, version):
    """Return a directory in whose modules the client is."""

    def install(directory):
        directory.mkdir(exist_ok=True)
        (directory / "package.json").write_text('{"private": true, "type": "module"}')
        command = ["npm", "install", "--legacy-peer-deps", "--no-audit", "--no-fund", "--silent"]
        package = f"@io-orkes/conductor-javascript@{version}"
        subprocess.run([*command, package], cwd=directory, check=True, capture_output=True, timeout=300)

    directory = installed(cache, f"conductor-javascript-{version}", install)
    (directory / "calls.mjs").write_text((HERE / "clients" / "javascript_calls.mjs").read_text())
    return directory


def calls(server, *command):
    """Run a client's calls against *server*; return ``{call: outcome}``."""
    environment = os.environ | {"CONDUCTOR_AUTH_KEY": server.key_id, "CONDUCTOR_AUTH_SECRET": server.key_secret}
    run = subprocess.run(
        [*command, server.url], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return {line["call"]: line["outcome"] for line in map(json.loads, run.stdout.splitlines())}


def python_calls(server, cache, version):
    """Return what conductor-python *version* experienced."""
    interpreter = python_tool(cache, "conductor-python", version) / "python"
    return calls(server, str(interpreter), "-W", "ignore", str(HERE / "clients" / "python_calls.py"))


def javascript_calls(server, cache, version):
    """Return what conductor-javascript *version* experienced."""
    return calls(server, "node", str(javascript_client(cache, version) / "calls.mjs"))


def table(columns):
    """Return a Markdown table of ``{client: {call: outcome}}``."""
    rows = list(dict.fromkeys(call for outcomes in columns.values() for call in outcomes))
    lines = [["call", *columns], ["---"] * (len(columns) + 1)]
    lines += [
        [f"`{row}`", *(columns[name].get(row, "absent").replace("absent", "–") for name in columns)] for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    from harness import running

    cache = Path(tempfile.gettempdir()) / "secretref-clients"
    cache.mkdir(exist_ok=True)

    def fresh(run, version):
        with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
            return run(server, cache, version)

    python = {f"conductor-python {version}": fresh(python_calls, version) for version in PYTHON_CLIENTS}
    javascript = {f"conductor-javascript {JAVASCRIPT_CLIENT}": fresh(javascript_calls, JAVASCRIPT_CLIENT)}
    sys.stdout.write(f"{table(python)}\n\n{table(javascript)}\n")
