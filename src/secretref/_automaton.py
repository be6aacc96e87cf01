"""Many patterns in one pass over bytes, by Hyperscan."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Automaton", "exactly"]


def exactly(text: bytes) -> bytes:
    r"""Write *text* as a pattern: ``\xHH`` throughout, because the binding would cut a plain literal at a NUL."""
    return b"\\x" + text.hex(":").encode("ascii").replace(b":", b"\\x")


class Automaton:
    """A compiled set of patterns. Safe to share between threads.

    The compiled database holds the patterns: it is never written anywhere.

    Args:
        patterns: Regular expressions in Hyperscan's syntax.
        caseless: For each pattern, whether ASCII letters match in either case.
        once: For each pattern, whether its first match is enough.
    """

    __slots__ = ("_database", "_scratches")

    def __init__(self, patterns: Sequence[bytes], *, caseless: Sequence[bool] = (), once: Sequence[bool] = ()) -> None:
        import hyperscan  # noqa: PLC0415 - 10 ms, only when it pays

        flags = [hyperscan.HS_FLAG_DOTALL] * len(patterns)
        for chosen, flag in ((caseless, hyperscan.HS_FLAG_CASELESS), (once, hyperscan.HS_FLAG_SINGLEMATCH)):
            for index, is_chosen in enumerate(chosen):
                flags[index] |= flag if is_chosen else 0
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=patterns, ids=list(range(len(patterns))), elements=len(patterns), flags=flags
        )
        self._scratches: deque[Any] = deque([hyperscan.Scratch(self._database)])

    def __repr__(self) -> str:
        return "Automaton()"

    def scan(self, data: bytes, note: Callable[[int, int, int, int, object], None]) -> None:
        """Report every match: the number of its pattern, zero, its end, zero and None."""
        try:
            scratch = self._scratches.pop()
        except IndexError:  # one for each thread that scans at this moment
            import hyperscan  # noqa: PLC0415 - loaded already

            scratch = hyperscan.Scratch(self._database)
        try:
            self._database.scan(data, match_event_handler=note, scratch=scratch)
        finally:
            self._scratches.append(scratch)
