"""What a provider is set to: checked where it is made, so that no fetch stumbles over it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import TIMEOUT_MAX

from secretref.errors import ConfigurationError

__all__ = ["check_counts", "check_path", "check_seconds"]


def check_seconds(kind: str, **settings: object) -> None:
    """Refuse what is no time above zero; each setting is given by its name."""
    for name, value in settings.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= TIMEOUT_MAX:
            raise ConfigurationError(f"provider {kind}: {name} must be a number of seconds above zero")


def check_counts(kind: str, **settings: object) -> None:
    """Refuse what is no whole number above zero."""
    for name, value in settings.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < sys.maxsize:
            raise ConfigurationError(f"provider {kind}: {name} must be a whole number above zero")


def check_path(kind: str, path: object) -> None:
    """Refuse what names no file."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    usable = False
    with suppress(UnicodeEncodeError):
        usable = isinstance(text, str) and b"\0" not in os.fsencode(text)
    if not usable or not text:
        raise ConfigurationError(f"provider {kind}: the path must be text or a Path")
