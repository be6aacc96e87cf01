"""Files: one that holds many values (JSON or TOML), or a directory with one file for each."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import SecretStr

from secretref.errors import ConfigurationError, ProviderError, ProviderUnavailableError
from secretref.providers import is_name
from secretref.providers._settings import check_counts, check_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretref.providers import ProviderURL

__all__ = ["DirectoryProvider", "FileProvider", "Refused", "read_regular", "texts", "without_newline"]

MAX_BYTES = 1 << 20
# Not to wait for a writer when the file is a FIFO, not to become the session of a terminal, not to follow a last link.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_ENTER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW
_TRIES = 5
_NOWHERE = "no such directory"


class Refused(Exception):  # noqa: N818 - never leaves the providers
    """A file or a value is not what it should be; the text is one of ours."""


def kind_of(error: Exception) -> str:
    """Return what a ``ProviderError`` may say about *error*: the class, never the text of others."""
    return str(error) if isinstance(error, Refused) else type(error).__name__


def read_regular(path: str, *, max_bytes: int, folder: int | None = None) -> bytes:
    """Read a regular file; never a FIFO, socket or device, and never more than *max_bytes*.

    Args:
        path: The file. With *folder*, a name in it, and no link.
        max_bytes: The largest size accepted.
        folder: Descriptor of an open directory.

    Raises:
        Refused: It is no regular file, or too large.
        OSError: It cannot be read.
    """
    inside = folder is not None
    if not stat.S_ISREG(os.stat(path, dir_fd=folder, follow_symlinks=not inside).st_mode):
        raise Refused("not a regular file")  # opening a device may already do something
    opened = os.open(path, _READ | (os.O_NOFOLLOW if inside else 0), dir_fd=folder)
    with os.fdopen(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise Refused("not a regular file")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise Refused(f"larger than {max_bytes} bytes")
    return content


def without_newline(text: str) -> str:
    r"""Take away one final line end, ``\n`` or ``\r\n``, and nothing else."""
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def texts(document: object, names: Iterable[str]) -> tuple[dict[str, SecretStr], list[str]]:
    """Look *names* up in a parsed document.

    Text is a value; an object or a list is one as its compact JSON text. A bare number, truth value, date or null
    is none: how it was written is lost (``0042``, ``1.10``), so it would not be exact.

    Returns:
        The values, and the names that are there but have none.

    Raises:
        Refused: The document is no object.
    """
    if not isinstance(document, dict):
        raise Refused("not an object")
    values: dict[str, SecretStr] = {}
    odd: list[str] = []
    for name in names:
        if name in document:
            text = _text(document[name])
            if text is None:
                odd.append(name)
            else:
                values[name] = SecretStr(text)
    return values, odd


def _text(value: object) -> str | None:
    if isinstance(value, dict | list):
        try:
            value = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_isoformat)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, str) and not _has_surrogates(value) else None


def _isoformat(moment: Any) -> str:
    text: str = moment.isoformat()  # dates and times are all that TOML has and JSON has not
    return text


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text) if not text.isascii() else False


def parse_json(text: str) -> object:
    """Parse JSON as strictly as the standard: no NaN, and no key twice, of which one would win in silence.

    Raises:
        ValueError: It is no such JSON.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refused("a key stands twice")
    return found


def _no_constant(_: str) -> None:
    raise Refused("NaN or Infinity")


@dataclass(frozen=True, slots=True)
class FileProvider:
    """One JSON or TOML file, whose top-level keys are the names. It is read at each fetch.

    Args:
        path: The file. Links are followed.
        format: ``json`` or ``toml``; by default what the file's name ends in.
        max_bytes: The largest size accepted.

    Raises:
        ConfigurationError: The format is neither given nor clear from the name, or an argument cannot be used.
    """

    path: str | os.PathLike[str]
    format: str | None = None
    max_bytes: int = MAX_BYTES
    name: ClassVar[str] = "file"

    def __post_init__(self) -> None:
        check_path(self.name, self.path)
        check_counts(self.name, max_bytes=self.max_bytes)
        if self._format() not in ("json", "toml"):
            raise ConfigurationError("provider file: the format must be json or toml")

    @classmethod
    def from_url(cls, url: ProviderURL) -> FileProvider:
        """Build it from ``file:///etc/app/secrets.toml``."""
        return cls(url.path(), format=url.text("format", "") or None, max_bytes=url.whole("max_bytes", MAX_BYTES))

    def fetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Read the file and return the values of those *names* that are in it.

        Raises:
            ProviderError: It cannot be read or parsed, or what stands under a name is no text.
        """
        kind = ""
        odd: list[str] = []
        try:
            values, odd = texts(self._document(), names)
        except (OSError, ValueError, RecursionError, Refused) as error:
            kind = kind_of(error)
        if kind or odd:
            raise ProviderError(self.name, kind=kind or "not text", names=odd or names)
        return values

    def exists(self, names: frozenset[str], /) -> frozenset[str]:
        """Return those of *names* that are in the file."""
        return frozenset(self.fetch(names))

    def _format(self) -> str:
        return self.format or Path(self.path).suffix[1:].lower()

    def _document(self) -> object:
        text = read_regular(os.fspath(self.path), max_bytes=self.max_bytes).decode()
        if self._format() == "json":
            return parse_json(text)
        document = tomllib.loads(text)
        if "\r\n" in text:  # the parser turns these into \n, in values as well; those then differ with \n\n
            doubled = tomllib.loads(text.replace("\r\n", "\n\n"))
            return {key: value if doubled[key] == value else None for key, value in document.items()}
        return document


@dataclass(frozen=True, slots=True)
class DirectoryProvider:
    """A directory with one file for each name: mounted secrets of Docker and Kubernetes, systemd credentials.

    Links are followed as long as they stay inside the directory. Needs a POSIX system.

    Args:
        root: The directory.
        strip_newline: Take away one final line end. Off: the value is the whole content.
        max_bytes: The largest file accepted.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    root: str | os.PathLike[str]
    strip_newline: bool = False
    max_bytes: int = MAX_BYTES
    name: ClassVar[str] = "directory"

    def __post_init__(self) -> None:
        check_path(self.name, self.root)
        check_counts(self.name, max_bytes=self.max_bytes)

    @classmethod
    def from_url(cls, url: ProviderURL) -> DirectoryProvider:
        """Build it from ``directory:///run/secrets?strip_newline=true``."""
        strip, size = url.flag("strip_newline", default=False), url.whole("max_bytes", MAX_BYTES)
        return cls(url.path(), strip_newline=strip, max_bytes=size)

    def fetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Read the files of *names*; all of one version when the directory is switched over meanwhile.

        Raises:
            ProviderError: The directory is not there; a file is no regular one, leads outside or is no UTF-8.
        """
        for _ in range(_TRIES):
            version = self._version()
            values, faults = self._read(names)
            if version == self._version():
                break
        else:
            raise ProviderUnavailableError(self.name, kind="changed while being read", names=names)
        if faults:
            raise ProviderError(self.name, kind=next(iter(faults.values())), names=faults)
        return values

    def exists(self, names: frozenset[str], /) -> frozenset[str]:
        """Return those of *names* that have a regular file inside the directory.

        Raises:
            ProviderError: The directory is not there.
        """
        if not self._is_there():
            raise ProviderError(self.name, kind=_NOWHERE, names=names)
        return frozenset(name for name in names if is_name(name) and self._is_file(name))

    def _version(self) -> str:
        """Return where ``..data`` points, which Kubernetes switches over when a secret changes."""
        try:
            return str(Path(self.root, "..data").readlink())
        except OSError:
            return ""

    def _read(self, names: frozenset[str]) -> tuple[dict[str, SecretStr], dict[str, str]]:
        values: dict[str, SecretStr] = {}
        faults: dict[str, str] = {}
        if not self._is_there():
            return {}, dict.fromkeys(names, _NOWHERE)
        for name in filter(is_name, sorted(names)):
            try:
                text = self._content(name).decode()
                values[name] = SecretStr(without_newline(text) if self.strip_newline else text)
            except FileNotFoundError:
                continue
            except (OSError, RuntimeError, ValueError, Refused) as error:  # RuntimeError: links in a ring
                faults[name] = kind_of(error)
        return values, faults

    def _is_there(self) -> bool:
        try:
            return stat.S_ISDIR(Path(self.root).stat().st_mode)
        except OSError:
            return False

    def _is_file(self, name: str) -> bool:
        try:
            root, parts = self._resolved(name)
            return Path(root, *parts).is_file()
        except (OSError, RuntimeError, Refused):
            return False

    def _resolved(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Follow the links of *name*; return the root and the way from there, free of links."""
        root = Path(self.root).resolve(strict=True)
        target = Path(root, name).resolve(strict=True)
        if root not in target.parents:
            raise Refused("leads outside")
        return str(root), target.relative_to(root).parts

    def _content(self, name: str) -> bytes:
        """Read the file of *name* without ever opening something outside, whoever swaps links meanwhile.

        The links are resolved first; then the result is entered part by part, following no link at all.
        """
        root, (*folders, last) = self._resolved(name)
        folder = os.open(root, _ENTER)
        try:
            for part in folders:
                inner = os.open(part, _ENTER, dir_fd=folder)
                os.close(folder)
                folder = inner
            return read_regular(last, max_bytes=self.max_bytes, folder=folder)
        finally:
            os.close(folder)
