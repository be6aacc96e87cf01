"""What we are compared with: each is told the spellings of ``corpus.forms``, the bare engine all of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import hyperscan

from benchmarks.corpus import MARK, forms
from secretref._encodings import Form
from secretref._encodings import forms as our_forms

__all__ = ["BareEngine", "airflow", "alternation", "replacing"]


def airflow(values: Iterable[str], *, keys: bool = True) -> Any:
    """Airflow's ``SecretsMasker``, told all forms at once.

    Args:
        values: The secrets.
        keys: Look at the names of keys as well, as Airflow does by default.
    """
    from airflow.sdk._shared.secrets_masker import DEFAULT_SENSITIVE_FIELDS, SecretsMasker  # noqa: PLC0415

    class Masker(SecretsMasker):  # type: ignore[misc, unused-ignore]
        secret_mask_adapter = staticmethod(lambda _first: everything)

    first, *rest = everything = _spellings(values)
    masker = Masker()
    masker.sensitive_variables_fields = list(DEFAULT_SENSITIVE_FIELDS) if keys else []
    masker.hide_sensitive_var_conn_fields = keys
    masker.add_mask(first)
    assert len(masker.patterns) == len(rest) + 1
    return masker


def _spellings(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(form for value in values for form in forms(value)))


def alternation(values: Iterable[str]) -> Callable[[str], str]:
    """One regular expression of all forms, the longest first."""
    pattern = re.compile("|".join(map(re.escape, sorted(_spellings(values), key=len, reverse=True))))
    return lambda text: pattern.sub(MARK, text)


def replacing(values: Iterable[str]) -> Callable[[str], str]:
    """``str.replace`` for one form after the other, the longest first."""
    spellings = sorted(_spellings(values), key=len, reverse=True)

    def redacted(text: str) -> str:
        for spelling in spellings:
            text = text.replace(spelling, MARK)
        return text

    return redacted


class BareEngine:
    """Hyperscan over every form that a ``Redactor`` makes of the same values; it finds and does nothing more."""

    def __init__(self, values: Iterable[str]) -> None:
        merged = {
            (form.literal.lower() if form.caseless else form.literal, form.caseless): form
            for value in values
            for form in our_forms(value)
        }
        kept: Sequence[Form] = list(merged.values())
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=["".join(f"\\x{byte:02x}" for byte in form.literal[:64]).encode() for form in kept],
            ids=list(range(len(kept))),
            elements=len(kept),
            flags=[hyperscan.HS_FLAG_CASELESS if form.caseless else 0 for form in kept],
        )
        self._scratch = hyperscan.Scratch(self._database)

    def scan(self, data: bytes) -> list[tuple[int, int]]:
        """List the end and the number of every occurrence."""
        found: list[tuple[int, int]] = []
        self._database.scan(
            data,
            match_event_handler=lambda index, _start, end, _flags, _context: found.append((end, index)),
            scratch=self._scratch,
        )
        return found
