"""What never reaches the application: foreign pages, odd HTTP, too much, too slow. And what every answer carries."""

import random
import re
import socket
import string
import time
from urllib.parse import quote

import httpx
import pytest

VALUE = "cnry-Gt90-gate-value"
STATUS = re.compile(rb"HTTP/1\.1 (\d+)")


def raw(server, data, *, timeout=3.0):
    """Send bytes; return everything that comes back until the connection closes or falls silent."""
    host, port = server.url.removeprefix("http://").removesuffix("/api").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        connection.settimeout(timeout)
        try:
            connection.sendall(data)
            while chunk := connection.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass
    return received


def head(server, admin, line="GET /api/secrets HTTP/1.1", *more):
    host = server.url.removeprefix("http://").removesuffix("/api")
    return "\r\n".join(
        [line, f"Host: {host}", f"X-Authorization: {admin.headers['X-Authorization']}", *more, "", ""]
    ).encode()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "127.0.0.2",
        "[::2]",
        "0",
        "localhost@evil",
        "[::1]evil.example",
        "127.0.0.1:evil.example",
        "127.0.0.1:80:80",
        "[localhost]",
        "localhost/",
        "localhost..",
    ],
)
def test_other_hosts_are_refused(admin, host):
    answer = admin.get("/secrets", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["status"] == 421


def test_two_tokens_are_none(server, admin):
    """Whoever stands in front may have looked at the other one."""
    admin.put("/secrets/held", content=VALUE)
    call = "GET /api/secrets/held HTTP/1.1"
    for more in ("bad", admin.headers["X-Authorization"]):
        answer = raw(server, head(server, admin, call, f"X-Authorization: {more}", "Connection: close"))
        assert STATUS.findall(answer) == [b"400"]
        assert VALUE.encode() not in answer


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "localhost."])
def test_local_hosts_are_served(admin, host):
    assert admin.get("/secrets", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": ""},
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "OPTIONS"])
def test_calls_from_other_pages_change_and_show_nothing(admin, method, headers):
    admin.put("/secrets/page", content=VALUE)
    answer = admin.request(method, "/secrets/page", headers=headers, content="changed")
    assert answer.status_code == 403
    assert VALUE not in answer.text
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert admin.get("/secrets/page").text == VALUE


def test_pages_of_the_server_itself_may_call(server, admin):
    origin = server.url.removesuffix("/api")
    assert admin.get("/secrets", headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("path", ["/secrets", "/secrets/absent", "/secrets/a%2Fb", "/nowhere", "/token/userInfo"])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_every_answer_forbids_caching_framing_and_sniffing(admin, method, path):
    headers = admin.request(method, path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


def test_bodies_have_a_limit(admin):
    exact = "x" * (1024 * 1024)
    assert admin.put("/secrets/large", content=exact).status_code == 200
    for content in (exact + "x" * 2000, iter([b"x" * 600_000] * 3)):
        try:
            answer = admin.put("/secrets/large", content=content)
        except httpx.WriteError:  # closed before all was sent
            continue
        assert answer.status_code == 413
    assert admin.put("/secrets/larger", content=exact + "x").status_code == 413
    assert len(admin.get("/secrets/large").text) == len(exact)
    admin.delete("/secrets/large")


PUT = b"PUT /api/secrets/odd HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /api/secrets HTTP/1.1\r\nHost: localhost\r\n"
ODDITIES = {
    "two lengths": PUT + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length list": PUT + b"Content-Length: 1, 2\r\n\r\nab",
    "length and chunks": PUT
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/x HTTP/1.1\r\n\r\n",
    "negative length": PUT + b"Content-Length: -1\r\n\r\n",
    "plus length": PUT + b"Content-Length: +1\r\n\r\na",
    "hex length": PUT + b"Content-Length: 0x1\r\n\r\na",
    "huge length": PUT + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "letters as length": PUT + b"Content-Length: abc\r\n\r\n",
    "bad chunk size": PUT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    "negative chunk": PUT + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nab\r\n0\r\n\r\n",
    "chunk overflow": PUT + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n",
    "chunk without end": PUT + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "chunk extension flood": PUT + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 100_000,
    "unknown coding": PUT + b"Transfer-Encoding: gzip\r\n\r\n",
    "chunked twice": PUT + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "obscured chunked": PUT + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "space before colon": b"GET /api/secrets HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "folded header": GET + b"X-A: b\r\n c\r\n\r\n",
    "two hosts": GET + b"Host: evil\r\n\r\n",
    "no host": b"GET /api/secrets HTTP/1.1\r\n\r\n",
    "no host 1.0": b"GET /api/secrets HTTP/1.0\r\n\r\n",
    "bare line feeds": b"GET /api/secrets HTTP/1.1\nHost: localhost\n\n",
    "bare returns": b"GET /api/secrets HTTP/1.1\rHost: localhost\r\r",
    "nul in header": GET + b"X-A: a\x00b\r\n\r\n",
    "nul in path": b"GET /api/\x00secrets HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "space in path": b"GET /api/sec rets HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "raw UTF-8 path": "GET /api/secrets/ä HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
    "absolute address": b"GET http://evil.example/api/secrets HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "connect": b"CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "trace": b"TRACE /api/secrets HTTP/1.1\r\nHost: localhost\r\nX-Authorization: cnry\r\n\r\n",
    "version 9.9": b"GET /api/secrets HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "version 0.9": b"GET /api/secrets\r\n",
    "http2 preface": b"PRI * HTTP/2.0\r\n\r\n",
    "tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "garbage": bytes(range(256)) * 4,
    "nothing": b"",
    "one byte": b"G",
    "huge header": GET + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n",
    "many headers": GET + b"" + b"X-A: b\r\n" * 20_000 + b"\r\n",
    "huge path": b"GET /api/secrets/" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "huge method": b"G" * 100_000 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "empty header name": GET + b": x\r\n\r\n",
    "header without colon": GET + b"nonsense\r\n\r\n",
    "non-ASCII token": GET + b"X-Authorization: \xff\xfe\r\n\r\n",
    "upgrade": GET
    + b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    "h2c upgrade": GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    "expect": PUT + b"Expect: 200-maybe\r\nContent-Length: 1\r\n\r\na",
    "body on get": GET + b"Content-Length: 5\r\n\r\nhello",
    "missing body": PUT + b"Content-Length: 50\r\n\r\nhello",
    "dot segments": b"GET /api/../api/./secrets HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "encoded slash": b"GET /api%2fsecrets HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bad percent": b"GET /api/secrets/%zz%f HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "overlong UTF-8": b"GET /api/secrets/%c0%ae%c0%ae HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "double slash": b"GET //api//secrets HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "fragment": b"GET /api/secrets#x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "query flood": b"GET /api/secrets?" + b"access=READ&" * 1000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "forwarded": GET + b"X-Forwarded-Host: evil\r\nX-Original-URL: /api/audit\r\n\r\n",
    "method override": GET + b"X-HTTP-Method-Override: DELETE\r\n\r\n",
}


@pytest.mark.parametrize("oddity", list(ODDITIES))
def test_odd_http_releases_nothing_and_harms_nobody(server, admin, oddity):
    answer = raw(server, ODDITIES[oddity], timeout=0.4)
    statuses = STATUS.findall(answer)
    assert len(statuses) <= 1, "one connection, one answer: nothing that follows is taken for a request"
    assert all(b"400" <= status < b"500" for status in statuses), answer[:300]
    assert b"Traceback" not in answer
    assert b"uvicorn" not in answer.lower()
    assert admin.get("/secrets/odd/exists").json() is False


def test_pipelined_requests_are_answered_in_order(server, admin):
    admin.put("/secrets/first", content="1")
    one = head(server, admin, "GET /api/secrets/first HTTP/1.1")
    last = head(server, admin, "GET /api/secrets/absent HTTP/1.1", "Connection: close")
    answers = raw(server, one * 3 + last)
    statuses = STATUS.findall(answers)
    assert statuses == [b"200", b"200", b"200", b"404"]


def test_slow_clients_keep_nobody_waiting(server, admin):
    """200 connections that dribble a head, while others are served."""
    host, port = server.url.removeprefix("http://").removesuffix("/api").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(200)]
    try:
        for number, connection in enumerate(slow):
            start = (
                b"GET /api/secrets HTTP/1.1\r\nHost: loc"
                if number % 2
                else head(server, admin, "PUT /api/secrets/slow HTTP/1.1", "Content-Length: 10")
            )
            connection.sendall(start)
        times = []
        for _ in range(40):
            for connection in slow[::20]:
                connection.sendall(b"a" if connection in slow[::2] else b"")
            started = time.perf_counter()
            assert admin.get("/secrets").status_code == 200
            times.append(time.perf_counter() - started)
    finally:
        for connection in slow:
            connection.close()
    assert sorted(times)[35] < 1.0


def test_thousands_of_malformed_requests_leak_and_break_nothing(server, admin):
    """5,000 requests made of known parts put together wrongly, on kept connections, by the administrator."""
    admin.put("/secrets/canary", content=VALUE)
    dice = random.Random(7)
    words = [
        "secrets",
        "canary",
        "tags",
        "exists",
        "token",
        "auth",
        "authorization",
        "SECRET_NAME",
        "users",
        "app:admin",
        "roles",
        "groups",
        "environment",
        "applications",
        "..",
        "%00",
        "%2e",
        "%ff",
        "ä",
        "'",
        '"',
        "{}",
        "${x}",
        "a" * 300,
        "",
        "*",
        "versions",
        "restore",
        "1",
        "-1",
        "audit",
        "resolve",
        "permissions",
        "grants",
        "subjects",
        ";",
        "?",
        "&",
        "#",
        "\\",
    ]
    bodies = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"0",
        b'"x"',
        b"{",
        b"[" * 500,
        b'{"names": 5}',
        b'{"names": [null]}',
        b'{"keyId": {}}',
        b"\xff",
        b'{"subject": {"type": "user"}}',
        b'{"name": ' + b'"x"' * 2 + b"}",
        b'[{"key": 1}]',
        b'{"a": ' * 400,
        b"a=b",
        bytes(64),
    ]
    kinds = [
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "x",
        "application/xml",
    ]
    methods = [
        "GET",
        "POST",
        "PUT",
        "DELETE",
        "PATCH",
        "HEAD",
        "OPTIONS",
        "QUERY",
        "".join(dice.choices(string.ascii_uppercase, k=9)),
    ]
    statuses = {}
    for _ in range(5000):
        path = "/" + "/".join(dice.choices(words, k=dice.randint(1, 5)))
        query = "?" + "&".join(f"{dice.choice(words)}={dice.choice(words)}" for _ in range(dice.randint(0, 3)))
        method = dice.choice(methods)
        if method == "GET" and path.startswith("/secrets/canary"):
            continue  # that one may be read
        url = server.url + quote(path + query, safe="/%?&=.;'$*")
        answer = admin.request(method, url, content=dice.choice(bodies), headers={"Content-Type": dice.choice(kinds)})
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        if answer.status_code >= 400:
            assert VALUE not in answer.text
            if method != "HEAD":
                assert answer.json()["status"] == answer.status_code
    assert not [status for status in statuses if status >= 500], statuses
    assert admin.get("/token/userInfo").json()["id"] == "app:admin"
