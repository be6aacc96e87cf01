"""What a process that holds values asks of the system."""

from __future__ import annotations

import sys

__all__ = ["forbid_dumps"]

_PR_SET_DUMPABLE = 4  # prctl(2)


def forbid_dumps() -> None:
    """Let a crash write no core file and, on Linux, let no debugger of the same user attach.

    It is a request: the system's administrator can read the memory of any process all the same.
    """
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - 10 ms

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
