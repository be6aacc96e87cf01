"""Private files: directory 0700, files 0600 from birth, nothing wider, nothing linked."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from secretref.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


def check_private(path: Path, *, directory: bool = False) -> None:
    """Refuse *path* if it is no plain file (or directory) of this user alone.

    Raises:
        ConfigurationError: It is missing, a link, of another user, or open to others; the message says what to do.
    """
    status = _status(path)
    if status is None:
        raise ConfigurationError(f"{path} does not exist")
    _check(status, path, directory=directory)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def _check(status: os.stat_result, path: Path, *, directory: bool) -> None:
    expected = stat.S_ISDIR if directory else stat.S_ISREG
    if not expected(status.st_mode):
        raise ConfigurationError(f"{path} is no plain {'directory' if directory else 'file'}")
    if status.st_uid != os.geteuid():
        raise ConfigurationError(f"{path} belongs to another user")
    if status.st_mode & 0o077:
        raise ConfigurationError(f"{path} is open to others: chmod {'700' if directory else '600'} {path}")


def make_directory(path: Path) -> None:
    """Make *path* with mode 0700, or refuse one that is wider."""
    with contextlib.suppress(FileExistsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
        path.chmod(0o700)  # a narrow umask may have taken rights from us, too
    check_private(path, directory=True)


def create(path: Path) -> bool:
    """Make *path* as an empty file of mode 0600; tell whether it is new. The name is on disk when this returns."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    except FileExistsError:
        check_private(path)
        return False
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    sync_directory(path)
    return True


def write_new(path: Path, data: bytes) -> None:
    """Write *data* to a new file of mode 0600 that appears whole or not at all; an existing one is left alone."""
    if path.exists():
        return
    partial = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, data)
        os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):  # somebody else was first
            os.link(partial, path)
    finally:
        os.close(descriptor)
        partial.unlink()
    sync_directory(path)


def read_private(path: Path) -> str:
    """Return the text of a file of mode 0600; what is checked is the file that is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _FLAGS)
    except OSError:
        descriptor = -1
    if descriptor < 0:
        raise ConfigurationError(f"{path} cannot be opened as a plain file")
    try:
        _check(os.fstat(descriptor), path, directory=False)
        return os.read(descriptor, 4096).decode("ascii", "replace")
    finally:
        os.close(descriptor)


def replace(source: Path, target: Path) -> None:
    """Rename *source* over *target*, durably; a missing *source* was renamed by somebody else."""
    with contextlib.suppress(FileNotFoundError):
        source.rename(target)
    sync_directory(target)


def sync_directory(path: Path) -> None:
    """Bring the directory entry of *path* to disk."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
