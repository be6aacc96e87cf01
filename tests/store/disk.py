"""A disk under SQLite that fails or loses power on request: a VFS of our own in the SQLite that Python uses.

``Disk`` wraps the functions that change files. It counts them, lets the one with a chosen number fail, and writes down
what was written and synced, from which ``after_power_cut`` builds a state that a real disk could have been left in:
whatever was synced is there; of the rest each piece is there, missing, or torn at a sector's edge.
"""

import ctypes
import ctypes.util
from contextlib import contextmanager

SECTOR = 512
FULL, IOERR_WRITE, IOERR_FSYNC, IOERR_TRUNCATE = 13, 10 | 3 << 8, 10 | 4 << 8, 10 | 6 << 8

_lib = ctypes.CDLL(ctypes.util.find_library("sqlite3"))
_pointer, _int, _int64 = ctypes.c_void_p, ctypes.c_int, ctypes.c_longlong
_OPEN = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _pointer, _int, _pointer)  # SQLite goes on using the name's address
_WRITE = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _int, _int64)
_TRUNCATE = ctypes.CFUNCTYPE(_int, _pointer, _int64)
_SYNC = ctypes.CFUNCTYPE(_int, _pointer, _int)


class _Methods(ctypes.Structure):
    _fields_ = (
        ("version", _int),
        ("close", _pointer),
        ("read", _pointer),
        ("write", _pointer),
        ("truncate", _pointer),
        ("sync", _pointer),
        ("rest", _pointer * 14),
    )


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", _int),
        ("file_size", _int),
        ("path_most", _int),
        ("next", _pointer),
        ("name", ctypes.c_char_p),
        ("data", _pointer),
        ("open", _pointer),
        ("rest", _pointer * 16),
    )


_lib.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
_lib.sqlite3_vfs_register.argtypes = (ctypes.POINTER(_Vfs), _int)
_lib.sqlite3_vfs_unregister.argtypes = (ctypes.POINTER(_Vfs),)


def _address(function):
    return ctypes.cast(function, _pointer).value


class Disk:
    """Counts, records and fails what SQLite does to files."""

    def __init__(self):
        self.done = 0
        self.fail_at = -1
        self.fail_with = "ENOSPC"
        self.keep_failing = True
        self.failed = 0
        self.log = []  # (what, file name, …), with marks of the test in between
        self._real = _lib.sqlite3_vfs_find(None)
        self._methods = {}  # address of the real methods → (they, our copy)
        self._files = {}  # address of a file → (its name, the real methods)
        self._keep = (_OPEN(self._open), _WRITE(self._write), _TRUNCATE(self._truncate), _SYNC(self._sync))
        self._vfs = _Vfs.from_buffer_copy(self._real.contents)
        self._vfs.name, self._vfs.next = b"secretref-test", None
        self._vfs.open = _address(self._keep[0])

    @contextmanager
    def installed(self):
        """Make it the disk of every connection that is opened in the block."""
        _lib.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)
        try:
            yield self
        finally:
            _lib.sqlite3_vfs_unregister(ctypes.byref(self._vfs))

    def _open(self, _, name, file, flags, out):
        result = _OPEN(self._real.contents.open)(ctypes.addressof(self._real.contents), name, file, flags, out)
        slot = _pointer.from_address(file)
        if result == 0 and slot.value:
            real = slot.value
            if real not in self._methods:
                ours = _Methods.from_buffer_copy(_Methods.from_address(real))
                ours.write, ours.truncate, ours.sync = (_address(function) for function in self._keep[1:])
                self._methods[real] = ours
            self._files[file] = (
                ctypes.string_at(name).decode().rpartition("/")[2] if name else "",
                _Methods.from_address(real),
            )
            slot.value = ctypes.addressof(self._methods[real])
            self.log.append(("open", self._files[file][0]))
        return result

    def _fails(self):
        self.done += 1
        due = self.fail_at > 0 and (self.done >= self.fail_at if self.keep_failing else self.done == self.fail_at)
        self.failed += due
        return due

    def _write(self, file, data, amount, offset):
        name, real = self._files[file]
        if self._fails():
            return FULL if self.fail_with == "ENOSPC" else IOERR_WRITE
        self.log.append(("write", name, offset, ctypes.string_at(data, amount)))
        return _WRITE(real.write)(file, data, amount, offset)

    def _truncate(self, file, length):
        name, real = self._files[file]
        if self._fails() and self.fail_with == "EIO":
            return IOERR_TRUNCATE
        self.log.append(("truncate", name, length))
        return _TRUNCATE(real.truncate)(file, length)

    def _sync(self, file, flags):
        name, real = self._files[file]
        if self._fails() and self.fail_with == "EIO":
            return IOERR_FSYNC
        self.log.append(("sync", name))
        return _SYNC(real.sync)(file, flags)


def after_power_cut(log, start, random):
    """Return the files' contents after a cut at the end of *log*; *start* is what was on disk before it."""
    durable = {name: bytearray(data) for name, data in start.items()}
    pending = {}
    for what, name, *rest in log:
        if what in {"write", "truncate"}:
            pending.setdefault(name, []).append((what, *rest))
        elif what == "sync":
            data = durable.setdefault(name, bytearray())
            for change in pending.pop(name, []):
                _apply(data, change)
    for name, changes in pending.items():
        if name not in durable and random.random() < 0.3:
            continue  # its directory entry was never synced
        data = durable.setdefault(name, bytearray())
        fate = random.choice(("none", "all", "some"))
        for change in changes:
            if fate == "all" or (fate == "some" and random.random() < 0.6):
                _apply(data, _torn(change, random) if fate == "some" else change)
    return durable


def _torn(change, random):
    if change[0] == "truncate" or random.random() < 0.5:
        return change
    what, offset, data = change
    cut = random.randrange(0, len(data) + 1, SECTOR)
    return (what, offset, data[:cut]) if random.random() < 0.5 else (what, offset + cut, data[cut:])


def _apply(data, change):
    if change[0] == "truncate":
        del data[change[1] :]
        return
    _, offset, piece = change
    if piece:
        data.extend(bytes(max(0, offset + len(piece) - len(data))))
        data[offset : offset + len(piece)] = piece
