"""A mixed load on the server for a while, and what grows meanwhile: memory, descriptors, threads.

``python -m benchmarks.soak [MINUTES]``. Reads, batches, writes, refused calls and sign-ins come at a steady rate that
the machine can bear, with connections opened and closed all the time. A line is printed each minute; growth is told
from the end of the first tenth, when caches are full, to the end.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from benchmarks.server import NAMES, Server, cpu, ours, rss

CLIENTS = 16
RATE = 200  # calls in a second
CALLS_PER_CONNECTION = 50
_EXPECTED = {"read": 200, "batch": 200, "write": 200, "denied": 403, "unknown": 401, "deletion": 403, "token": 200}


@dataclass
class Seen:
    """What the clients saw."""

    times: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)


def calls(server: Server) -> Iterator[tuple[str, bytes]]:
    """Yield calls of all kinds, in a fixed random order."""
    dice = random.Random(28)
    nobody = replace(server, headers={"X-Authorization": "a.b.c"})
    signing_in = replace(server, headers={"Content-Type": "application/json"})
    weights = {"read": 60, "batch": 10, "write": 15, "denied": 5, "unknown": 5, "deletion": 4, "token": 1}
    for number in itertools.count():
        (kind,) = dice.choices(list(weights), list(weights.values()))
        name = f"name_{dice.randrange(NAMES)}"
        made = {
            "read": (server, ("GET", f"/secrets/{name}", "")),
            "batch": (server, server.batch or server.read),
            "write": (server, ("PUT", f"/secrets/{name}", f'"value {number}"')),
            "denied": (server, ("GET", f"/secrets/other_{number % 500}", "")),
            "unknown": (nobody, ("GET", f"/secrets/{name}", "")),
            "deletion": (server, ("DELETE", f"/secrets/none_{number}", "")),
            "token": (signing_in, ("POST", "/token", json.dumps(server.key))),
        }
        sender, call = made[kind]
        yield kind, sender.raw(call)


async def client(server: Server, feed: Iterator[tuple[str, bytes]], seen: Seen, ends: float) -> None:
    """Send calls at this client's share of the rate, each connection for a while."""
    host, _, port = urlsplit(server.url).netloc.partition(":")
    due = time.monotonic()
    while due < ends:
        reader, writer = await asyncio.open_connection(host, int(port))
        for kind, request in itertools.islice(feed, CALLS_PER_CONNECTION):
            due += CLIENTS / RATE
            await asyncio.sleep(due - time.monotonic())
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            seen.times.append(time.perf_counter() - started)
            seen.counts[kind] += 1
            status = int(head[9:12])
            if status != _EXPECTED[kind]:
                seen.wrong[f"{kind} {status}"] += 1
        writer.close()
        await writer.wait_closed()


def state(pid: int) -> tuple[int, int, int]:
    """Return memory in MB, open descriptors and threads."""
    descriptors, threads = (len(list(Path(f"/proc/{pid}/{what}").iterdir())) for what in ("fd", "task"))
    return rss(pid), descriptors, threads


async def watch(server: Server, seen: Seen, minutes: float) -> list[tuple[int, int, int]]:
    """Print a line at each tenth of the time, or each minute."""
    states, step = [], min(60.0, minutes * 6)
    ends = time.monotonic() + minutes * 60
    while time.monotonic() < ends:
        before, times = cpu(server.pid), len(seen.times)
        await asyncio.sleep(min(step, max(ends - time.monotonic(), 0.0)))
        states.append(state(server.pid))
        memory, descriptors, threads = states[-1]
        part = sorted(seen.times[times:]) or [0.0]
        p50, p99, p999 = (1000 * part[int(len(part) * share)] for share in (0.5, 0.99, 0.999))
        print(
            f"{memory:5} MB {descriptors:4} descriptors {threads:3} threads   {len(part) / step:6.0f} calls/s   "
            f"p50 {p50:6.1f} p99 {p99:6.1f} p99.9 {p999:6.1f} ms   {(cpu(server.pid) - before) / step:4.0%} of a core",
            flush=True,
        )
    return states


async def soak(server: Server, minutes: float) -> tuple[Seen, list[tuple[int, int, int]]]:
    """Run the load and the watch beside it."""
    seen, feed = Seen(), calls(server)
    ends = time.monotonic() + minutes * 60
    load = asyncio.gather(*(client(server, feed, seen, ends) for _ in range(CLIENTS)))
    states = await watch(server, seen, minutes)
    await load
    return seen, states


def main(minutes: float) -> None:
    """Run, and print what grew."""
    with TemporaryDirectory() as folder, ours(Path(folder)) as server:
        start = time.monotonic()
        seen, states = asyncio.run(soak(server, minutes))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.db")) / 1e6
        took = time.monotonic() - start
    warm, last = states[len(states) // 10], states[-1]
    growth = ", ".join(
        f"{after - before:+} {what}"
        for before, after, what in zip(warm, last, ("MB", "descriptors", "threads"), strict=True)
    )
    print(f"{sum(seen.counts.values()):,} calls in {took / 60:.1f} minutes: {dict(seen.counts)}")
    print(f"unexpected answers: {dict(seen.wrong) or 0}; store file {size:.1f} MB")
    print(f"median {statistics.median(seen.times) * 1000:.1f} ms; growth after the first tenth: {growth}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
