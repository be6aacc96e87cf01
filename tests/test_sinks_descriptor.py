"""What is written to the descriptor of a redacting stream, by whom and whenever."""

import io
import os
import threading
import time

import pytest
from _standin import MARK, SECRET, redactor

from secretref import _sinks
from secretref._sinks import RedactingStream


def soon(condition):
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    return condition()


def test_it_is_read_as_it_comes():
    target = io.BytesIO()
    out = RedactingStream(target, redactor(), mode="eager")
    os.write(out.fileno(), f"{SECRET} now.".encode())
    assert soon(lambda: target.getvalue() == f"{MARK} now.".encode())
    reader = next(thread for thread in threading.enumerate() if thread.name == "secretref-pump")
    assert reader.daemon
    place = out.fileno()
    out.release()
    assert not reader.is_alive()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(place)


def test_bytes_that_are_no_text_reach_a_text_file_as_a_sign_of_that():
    target = io.StringIO()
    out = RedactingStream(target, redactor())
    os.write(out.fileno(), b"a \xff\n")
    out.release()
    assert target.getvalue() == "a \ufffd\n"


def test_who_writes_after_the_end_is_not_heard(monkeypatch):
    monkeypatch.setattr(_sinks, "_JOIN", 0.05)
    target = io.BytesIO()
    out = RedactingStream(target, redactor())
    kept = os.dup(out.fileno())
    out.release()
    os.write(kept, f"{SECRET}\n".encode())
    os.close(kept)
    assert soon(lambda: not [thread for thread in threading.enumerate() if thread.name == "secretref-pump"])
    assert target.getvalue() == b""


def test_flushing_passes_on_what_is_complete(tmp_path):
    with (tmp_path / "out").open("w") as file:
        out = RedactingStream(file, redactor())
        out.write(f"{SECRET} x\nheld")
        out.flush()
        assert (tmp_path / "out").read_text() == f"{MARK} x\n"
        out.release()
        assert (tmp_path / "out").read_text() == f"{MARK} x\nheld"
