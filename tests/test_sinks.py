"""Files, sockets and asyncio streams let no value out, and nothing leads round them."""

# the odd ways to write, log and name things are what is tested here
# ruff: noqa: E501, PTH123

import asyncio
import gc
import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from _standin import MARK, NUMBER, SECRET, redactor

from secretref._sinks import RedactingReader, RedactingSocket, RedactingStream, RedactingWriter


@pytest.fixture
def file(tmp_path):
    with (tmp_path / "out").open("w") as opened:
        yield opened


def text(file):
    with open(file.name, newline="") as opened:
        return opened.read()


def test_writes_however_split(file):
    out = RedactingStream(file, redactor())
    assert out.write("a ") == 2
    for char in SECRET:
        out.write(char)
    out.writelines(["\n", SECRET[:5], SECRET[5:], " z\n"])
    print(SECRET, "é", file=out)
    out.release()
    assert text(file) == f"a {MARK}\n{MARK} z\n{MARK} é\n"
    out.release()
    with pytest.raises(ValueError, match="closed"):
        out.write("x")
    with pytest.raises(ValueError, match="closed"):
        out.fileno()
    out.flush()
    assert out.closed
    assert not file.closed


def test_bytes_and_text_share_one_order(file):
    out = RedactingStream(file, redactor())
    file.write("before ")
    out.write(SECRET[:7])
    out.buffer.write(SECRET[7:].encode() + b"\xff\n")
    out.buffer.flush()
    out.close()
    assert file.closed
    assert Path(file.name).read_bytes() == b"before ***\xff\n"
    out.close()


def test_a_child_that_inherits_the_descriptor_is_redacted(file):
    out = RedactingStream(file, redactor(), mode="eager")
    out.write("parent\n")
    subprocess.run([sys.executable, "-c", f"print('child {SECRET}')"], stdout=out, check=True, timeout=60)
    assert out.fileno() == out.fileno()
    out.release()
    assert text(file) == f"parent\nchild {MARK}\n"


def test_a_descriptor_of_a_text_only_file():
    target = io.StringIO()
    out = RedactingStream(target, redactor())
    os.write(out.fileno(), f"{SECRET}\n".encode())
    out.release()
    assert target.getvalue() == f"{MARK}\n"


def test_nothing_leads_round(file):
    out = RedactingStream(file, redactor())
    for refused in (out.detach, out.read, out.readline, out.readlines, out.tell, out.truncate, lambda: out.seek(0)):
        with pytest.raises(io.UnsupportedOperation):
            refused()
    assert not hasattr(out, "raw")
    assert out.buffer is out
    assert (out.readable(), out.seekable(), out.writable(), out.isatty()) == (False, False, True, False)
    assert (out.mode, out.encoding, out.errors, out.newlines, out.line_buffering) == (
        "w",
        file.encoding,
        "strict",
        None,
        False,
    )
    with pytest.raises(TypeError):
        __import__("pickle").dumps(out)
    public = [getattr(out, name) for name in dir(out) if not name.startswith("_")]
    assert not [one for one in public if one is file or one is file.buffer]


def test_names_are_redacted(tmp_path):
    with (tmp_path / NUMBER).open("w") as opened:
        out = RedactingStream(opened, redactor())
        assert out.name.endswith(f"/{MARK}")
        assert NUMBER not in repr(out)


def test_binary_files(tmp_path):
    for buffering in (0, -1):
        with open(tmp_path / "out", "wb", buffering=buffering) as opened, RedactingStream(opened, redactor()) as out:
            out.write(b"a " + SECRET.encode())
            out.write(bytearray(b"\n"))
            with pytest.raises(TypeError):
                out.write("text")
            assert not hasattr(out, "buffer")
            os.write(out.fileno(), SECRET.encode())
        assert (tmp_path / "out").read_bytes() == b"a ***\n***"


def test_files_of_no_known_class():
    class Odd:
        def __init__(self):
            self.got = []

        def write(self, chunk):
            self.got.append(chunk)
            return min(3, len(chunk))

        def flush(self):
            pass

    target = Odd()
    out = RedactingStream(target, redactor())
    out.write(f"{SECRET} abc\n")
    with pytest.raises(TypeError):
        out.write(b"x")
    out.release()
    assert "".join(piece[:3] for piece in target.got) == f"{MARK} abc\n"


def test_line_buffering_and_reconfiguration(tmp_path):
    with (tmp_path / "out").open("w", buffering=1, encoding="ascii") as opened:
        out = RedactingStream(opened, redactor(), mode="eager")
        out.write("one\n")
        assert (tmp_path / "out").read_text() == "one\n"
        out.reconfigure(encoding="latin-1", errors="replace")
        out.write("é€\n")
        out.release()
    assert (tmp_path / "out").read_bytes() == b"one\n\xe9?\n"


def test_dropping_a_wrapper_does_not_close_the_file(file):
    RedactingStream(file, redactor())
    gc.collect()
    assert not file.closed


def test_what_was_cut_off_is_hidden(file):
    out = RedactingStream(file, redactor())
    out.write(SECRET[:-2])
    out.release(truncated=True)
    assert text(file) == MARK


def test_sockets():
    ours, theirs = socket.socketpair()
    with theirs, RedactingSocket(ours, redactor()) as wrapped:
        wrapped.sendall(b"a " + SECRET[:4].encode())
        assert wrapped.send(SECRET[4:].encode()) == len(SECRET) - 4
        wrapped.sendmsg([b" ", SECRET[:9].encode(), SECRET[9:].encode()])
        theirs.sendall(b"answer")
        assert wrapped.recv(100) == b"answer"
        wrapped.shutdown(socket.SHUT_RD)
        wrapped.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := theirs.recv(100):
            got += chunk
        assert got == b"a *** ***"
        for name in ("fileno", "detach", "dup", "sendfile", "sendto", "makefile"):
            with pytest.raises(io.UnsupportedOperation):
                getattr(wrapped, name)()
    gone, other = socket.socketpair()
    wrapped = RedactingSocket(gone, redactor())
    wrapped.send(SECRET[:5].encode())
    other.close()
    wrapped.close()


def test_asyncio_writers():
    async def main():
        got = bytearray()
        done = asyncio.Event()

        async def serve(reader, writer):
            got.extend(await reader.read(-1))
            writer.close()
            done.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        for ending in ("close", "write_eof"):
            got.clear()
            done.clear()
            _, plain = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer = RedactingWriter(plain, redactor())
            writer.write(b"a " + SECRET[:4].encode())
            writer.writelines([SECRET[4:].encode(), b" z"])
            await writer.drain()
            getattr(writer, ending)()
            await asyncio.wait_for(done.wait(), 10)
            assert bytes(got) == b"a *** z"
            writer.close()
            await writer.wait_closed()
            assert writer.is_closing()
            assert not hasattr(writer, "transport")
        server.close()
        await server.wait_closed()

    asyncio.run(main())


def test_asyncio_readers():
    async def main():
        code = f"import sys; sys.stdout.write('a {SECRET}\\nb\\n' + '{SECRET}'[:9]); sys.stdout.flush(); print('{SECRET}'[9:], end='')"
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
        reader = RedactingReader(child.stdout, redactor())
        assert await reader.read(1) == b"a"
        assert await reader.readline() == b" ***\n"
        assert not reader.at_eof()
        assert [line async for line in reader] == [b"b\n", b"***"]
        assert reader.at_eof()
        assert await reader.read() == b""
        await child.wait()

        source = asyncio.StreamReader()
        source.feed_data(f"x {SECRET}\ny".encode())
        source.feed_eof()
        assert await RedactingReader(source, redactor()).read() == b"x ***\ny"

    asyncio.run(main())


@pytest.mark.parametrize("ending", ["close", "leaving", "both ways", "writing"])
def test_what_a_socket_held_back_is_sent_at_its_end_once(ending):
    ours, theirs = socket.socketpair()
    with theirs:
        wrapped = RedactingSocket(ours, redactor())
        wrapped.sendall(SECRET[:4].encode())
        wrapped.shutdown(socket.SHUT_RD)
        theirs.settimeout(0.05)
        with pytest.raises(TimeoutError):
            theirs.recv(1)
        theirs.settimeout(10)
        if ending == "leaving":
            with wrapped:
                pass
        elif ending != "close":
            wrapped.shutdown(socket.SHUT_RDWR if ending == "both ways" else socket.SHUT_WR)
        wrapped.close()
        assert theirs.recv(100) == SECRET[:4].encode()
        assert theirs.recv(100) == b""
        assert ours.fileno() == -1


def test_readers_wait_for_what_comes_in_pieces():
    async def main():
        source = asyncio.StreamReader()
        reader = RedactingReader(source, redactor())

        async def feed():
            for piece in (b"a " + SECRET[:5].encode(), SECRET[5:].encode() + b" b\nc", b"d\ne"):
                await asyncio.sleep(0.01)
                source.feed_data(piece)
            source.feed_eof()

        feeding = asyncio.create_task(feed())
        assert not reader.at_eof()
        assert await reader.readline() == f"a {MARK} b\n".encode()
        assert await reader.read(2) == b"cd"
        assert await reader.read(0) == b""
        assert not reader.at_eof()
        assert await reader.read() == b"\ne"
        assert reader.at_eof()
        await feeding

    asyncio.run(asyncio.wait_for(main(), 20))


def test_an_unfinished_line_is_the_last_one():
    async def main():
        source = asyncio.StreamReader()
        source.feed_data(f"x {SECRET}".encode())
        source.feed_eof()
        reader = RedactingReader(source, redactor(), mode="eager")
        assert await reader.readline() == b"x ***"
        assert await reader.readline() == b""

    asyncio.run(asyncio.wait_for(main(), 20))


class Raw(io.RawIOBase):
    """A binary file without a mode, which takes a part at a time."""

    def __init__(self):
        self.got = []

    def write(self, chunk):
        self.got.append(chunk[:3])
        return len(chunk[:3])


class Plain:
    """A file that returns nothing when it is written to."""

    def __init__(self, **attributes):
        vars(self).update(attributes)
        self.got = []

    def write(self, chunk):
        self.got.append(chunk)

    def flush(self):
        pass


@pytest.mark.parametrize("target", [Raw(), io.BytesIO(), Plain(mode="wb")], ids=["raw", "memory", "mode"])
def test_files_that_are_binary_by_class_or_mode(target):
    out = RedactingStream(target, redactor())
    out.write(f"{SECRET} abc\n".encode())
    out.release()
    assert (out.mode, hasattr(out, "buffer")) == ("wb", False)
    written = target.getvalue() if isinstance(target, io.BytesIO) else b"".join(target.got)
    assert written == f"{MARK} abc\n".encode()


def test_text_alone_has_no_buffer():
    out = RedactingStream(io.StringIO(), redactor())
    assert (out.mode, hasattr(out, "buffer")) == ("w", False)


def test_text_in_front_of_bytes_is_utf_8_if_nothing_else_is_said():
    out = RedactingStream(Plain(buffer=(buffer := Plain()), mode="w"), redactor())
    out.write(f"{SECRET} é\n")
    out.release()
    assert b"".join(buffer.got) == f"{MARK} é\n".encode()
    with pytest.raises(UnicodeEncodeError):
        RedactingStream(Plain(buffer=Plain()), redactor()).write("\ud800")
