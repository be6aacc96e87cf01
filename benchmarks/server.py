"""Our server beside a real OpenBao: the same reads and writes, one after the other in one run, each on one core.

``python -m benchmarks.server [SECONDS]``; needs the program ``bao`` on the path, or its place in ``BAO``.

OpenBao runs twice, each time asked with one token that a policy confines: in its development mode, in memory, nothing
durable, no audit; and on disk with its own storage and an audit file, which it does not sync. Our server runs as
``secretref serve`` does: encrypted store on disk, grants checked, and every read in the audit trail, durably, before it
is answered. All are confined to the first core, the clients to the others.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

CLIENTS = 32
NAMES = 50
PORT = 18291  # of OpenBao
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Server:
    """One that runs: where, with which process, and how it is asked."""

    name: str
    pid: int
    url: str
    headers: dict[str, str]
    read: tuple[str, str, str] = ("GET", "/", "")
    write: tuple[str, str, str] = ("PUT", "/", "")
    batch: tuple[str, str, str] | None = None
    key: dict[str, str] = field(default_factory=dict)

    def raw(self, call: tuple[str, str, str]) -> bytes:
        """Return a request as it goes over the wire."""
        method, path, body = call
        parts = urlsplit(self.url)
        lines = [f"{method} {parts.path}{path} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]) + body).encode()

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Send one call for setting up."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, {**self.headers, "Content-Type": "application/json"}, method=method)  # noqa: S310
        with urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            text = answer.read()
        return json.loads(text) if text else None


def on_first_core(command: list[str], **options: Any) -> subprocess.Popen[str]:
    """Start a server confined to the first core."""
    return subprocess.Popen(["taskset", "-c", "0", *command], text=True, **options)  # noqa: S603, S607


@contextmanager
def stopped(process: subprocess.Popen[str]) -> Iterator[None]:
    """End the process with the block."""
    try:
        yield
    finally:
        process.terminate()
        process.communicate(timeout=20)


@contextmanager
def ours(folder: Path) -> Iterator[Server]:
    """Our server with a worker application that was granted 50 secrets."""
    program = [sys.executable, "-c", "from secretref.cli import main; main()", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = on_first_core(
        [*program, "--store", str(folder / "store" / "s.db")], stdout=subprocess.PIPE, env=environment
    )
    with stopped(process):
        assert process.stdout is not None
        key_id, secret, url = (process.stdout.readline().split()[-1] for _ in range(3))

        def signed_in(key: str, secret: str) -> dict[str, str]:
            token = Server("", 0, url, {}).send("POST", "/token", {"keyId": key, "keySecret": secret})
            return {"X-Authorization": token["token"]}

        admin = Server("", 0, url, signed_in(key_id, secret))
        names = [f"name_{number}" for number in range(NAMES)]
        for name in names:
            admin.send("PUT", f"/secrets/{name}", "a value of some length, as they have")
            target = {"type": "SECRET_NAME", "id": name}
            subject = {"type": "USER", "id": "app:orkes-workers"}
            admin.send(
                "POST", "/auth/authorization", {"subject": subject, "target": target, "access": ["READ", "UPDATE"]}
            )
        key = admin.send("POST", "/applications/orkes-workers/accessKeys")
        headers = signed_in(key["id"], key["secret"]) | {"Content-Type": "application/json"}
        yield Server(
            "secretref", process.pid, url, headers,
            ("GET", "/secrets/name_7", ""), ("PUT", "/secrets/name_7", '"a new value of some length"'),
            ("POST", "/secrets/resolve", json.dumps({"names": names})),
            {"keyId": key["id"], "keySecret": key["secret"]},
        )  # fmt: skip


@contextmanager
def openbao_in_memory(folder: Path) -> Iterator[Server]:
    """OpenBao in development mode: nothing on disk, no audit."""
    options = ["-dev", "-dev-root-token-id=root", f"-dev-listen-address=127.0.0.1:{PORT}"]
    with bao(folder, *options) as pid:
        root = peer("", pid, "root")
        wait_for(lambda: root.send("GET", "/sys/health"))
        yield as_worker(root, "in memory")


@contextmanager
def openbao_on_disk(folder: Path) -> Iterator[Server]:
    """OpenBao as it is run: its own replicated storage on disk with one node, and an audit file."""
    (folder / "raft").mkdir()
    (folder / "bao.hcl").write_text(f"""
        storage "raft" {{ path = "{folder}/raft" node_id = "one" }}
        listener "tcp" {{ address = "127.0.0.1:{PORT}" tls_disable = true }}
        api_addr = "http://127.0.0.1:{PORT}"
        cluster_addr = "http://127.0.0.1:{PORT + 1}"
        audit "file" "main" {{ options {{ file_path = "{folder}/audit.log" }} }}
    """)
    with bao(folder, f"-config={folder}/bao.hcl") as pid:
        nobody = peer("", pid, "none")
        made = wait_for(lambda: nobody.send("PUT", "/sys/init", {"secret_shares": 1, "secret_threshold": 1}))
        nobody.send("PUT", "/sys/unseal", {"key": made["keys"][0]})
        root = peer("", pid, made["root_token"])
        wait_for(lambda: root.send("GET", "/sys/health"))
        root.send("POST", "/sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        yield as_worker(root, "on disk")


@contextmanager
def bao(folder: Path, *options: str) -> Iterator[int]:
    """Run OpenBao; yield its pid."""
    program = os.environ.get("BAO") or shutil.which("bao") or sys.exit("put `bao` on the path, or its place in BAO")
    command = [program, "server", "-log-level=error", *options]
    environment = {**os.environ, "HOME": str(folder)}
    process = on_first_core(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    with stopped(process):
        yield process.pid


def peer(name: str, pid: int, token: str) -> Server:
    """Return OpenBao as seen with *token*."""
    body = json.dumps({"data": {"value": "a new value of some length"}})
    return Server(
        name, pid, f"http://127.0.0.1:{PORT}/v1", {"X-Vault-Token": token},
        ("GET", "/secret/data/name_7", ""), ("POST", "/secret/data/name_7", body),
    )  # fmt: skip


def as_worker(root: Server, how: str) -> Server:
    """Put a secret, and sign in with a token that a policy confines to the secrets."""
    rules = 'path "secret/data/*" { capabilities = ["read", "create", "update"] }'
    root.send("PUT", "/sys/policies/acl/worker", {"policy": rules})
    wait_for(lambda: root.send("POST", "/secret/data/name_7", {"data": {"value": "a value of some length, as is"}}))
    token = root.send("POST", "/auth/token/create", {"policies": ["worker"]})["auth"]["client_token"]
    return peer(f"openbao {how}", root.pid, token)


def wait_for(ready: Callable[[], Any]) -> Any:
    """Ask until there is an answer, for ten seconds at most, and return it."""
    ends = time.monotonic() + 10
    while True:
        try:
            return ready()
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)


async def load(server: Server, call: tuple[str, str, str], seconds: float, clients: int = CLIENTS) -> list[float]:
    """Send one call over and over on some connections; return the seconds each took."""
    host, _, port = urlsplit(server.url).netloc.partition(":")
    request, times, ends = server.raw(call), list[float](), time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while (started := time.perf_counter()) < ends:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if length and length[1] != b"0":
                await reader.readexactly(int(length[1]))
            assert head[9] == ord("2"), head
            times.append(time.perf_counter() - started)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return times


def rss(pid: int) -> int:
    """Return the memory of a process in MB."""
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) // 1024


def cpu(pid: int) -> float:
    """Return the seconds of CPU a process has used: what other load on the machine does not change."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(server: Server, seconds: float) -> dict[str, float]:
    """Print and return requests per second of CPU of each call."""
    rates = {}
    for name in ("read", "write", "batch"):
        call = getattr(server, name)
        if call is None:
            continue
        asyncio.run(load(server, call, seconds / 4))
        before = cpu(server.pid)
        times = sorted(asyncio.run(load(server, call, seconds)))
        rates[name] = len(times) / (cpu(server.pid) - before)
        p50, p99 = statistics.median(times) * 1000, times[int(len(times) * 0.99)] * 1000
        wall = f"{len(times) / seconds:8.0f} requests/s   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms"
        print(f"{server.name:18} {name:6} {rates[name]:8.0f} requests per second of its CPU {wall}")
    alone = {
        name: statistics.median(asyncio.run(load(server, getattr(server, name), 1.0, clients=1))) for name in rates
    }
    if "batch" in alone:
        print(
            f"{server.name:18} one client: a batch takes {alone['batch'] / alone['read']:.2f} of the time of one read"
        )
    print(f"{server.name:18} memory {rss(server.pid):8} MB")
    return rates


def main(seconds: float) -> None:
    """Measure both, and print the ratios."""
    os.sched_setaffinity(0, set(range(1, os.cpu_count() or 2)) or {0})
    found = {}
    for start in (openbao_in_memory, openbao_on_disk, ours):
        with TemporaryDirectory() as folder, start(Path(folder)) as server:
            found[server.name] = measured(server, seconds)
    mine = found.pop("secretref")
    for name, theirs in found.items():
        rates = ", ".join(f"{call} {mine[call] / theirs[call]:.2f}" for call in ("read", "write"))
        print(f"of the rate of {name}: {rates}, names by batch {mine['batch'] * NAMES / theirs['read']:.1f}")
    print(f"a batch of {NAMES} names costs {mine['read'] / mine['batch']:.1f} single reads; OpenBao would need {NAMES}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8.0)
