"""Processes to be killed: forks that do one thing and leave without a trace in the test run."""

import os
import signal
import time
import warnings
from contextlib import contextmanager


def fork(work):
    """Run *work* with a pipe's writing end in a child; return its pid and the reading end."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # newer Pythons warn of threads, which these children ignore
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reading)
            work(lambda text: os.write(writing, f"{text}\n".encode()))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    return pid, reading


def finish(pid, reading, timeout=60.0):
    """Wait for a child; return what it said, and its exit code."""
    said = b""
    deadline = time.monotonic() + timeout
    os.set_blocking(reading, False)
    while True:
        try:
            piece = os.read(reading, 65536)
        except BlockingIOError:
            piece = None
        if piece == b"":
            break
        said += piece or b""
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            break
        if piece is None:
            time.sleep(0.001)
    os.close(reading)
    return said.decode().splitlines(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_after(seconds, work):
    """Run *work* in a child; *seconds* after its first word, kill it hard. Return all it had said."""
    pid, reading = fork(work)
    first = os.read(reading, 65536).decode()
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    more, _ = finish(pid, reading)
    return first.splitlines() + more


@contextmanager
def running(work):
    """Run *work* in a child for the time of the block, then kill it."""
    pid, reading = fork(work)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        finish(pid, reading)
