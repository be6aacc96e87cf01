# ruff: noqa: E501 - a program reads best on one line
"""What real programs print of a value is hidden: the search of ``assert_no_leak`` finds no trace.

Programs that a slim image of Debian lacks belong to the group ``debian``.
"""

import base64
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

from secretref._redactor import Redactor
from secretref.testing import assert_no_leak, canary

KINDS = ("alphanumeric", "special", "special", "multiline")
SHELLS = {
    "a trace": 'set -x; : "$SECRET"; echo x"$SECRET"y; X=a$SECRET',
    "quoting": 'printf \'%q\\n\' "$SECRET"; printf \'%q \' a"$SECRET" "$SECRET b"',
    "variables": "X=$SECRET; set; export -p; declare -p X",
    "expansion": 'echo "${SECRET@Q}" "${SECRET@A}"',
    "an error": '"./$SECRET"; cat "/nonexistent/$SECRET"; cd "$SECRET/x"',
}
TOOLS = {
    "base64": "base64",
    "short lines of base64": "base64 -w 20",
    "one line of base64": "base64 -w 0",
    "base64 by openssl": "openssl base64",
    "one line of base64 by openssl": "openssl base64 -A",
    "base64 twice": "base64 | base64",
    "od": "od -An -tx1",
    "od with addresses": "od -tx1",
    "words by od": "od -x",
    "characters by cat": "cat -A",
}
PYTHON = {
    "repr": "print(repr(value), ascii(value), repr(value.encode()), [value], {value: value}, f'{value!r:>80}')",
    "json": "import json; print(json.dumps(value), json.dumps([value], ensure_ascii=False), json.dumps(json.dumps(value)))",
    "pprint": "import pprint; pprint.pprint({'a': [value] * 3, 'b': value}, width=60)",
    "logging": "import logging; logging.warning('%s %r', value, [value])",
    "a traceback": "raise ValueError(value)",
    "a KeyError": "{}[value]",
    "urllib": "from urllib.parse import *; print(quote(value), quote_plus(value), urlencode({value: value}), quote(value, safe=''))",
    "a URL": "from urllib.parse import *; print(urlunsplit(('https', 'u:' + quote(value) + '@h', quote(value), urlencode({'a': value}), '')))",
    "markup": "import html, xml.sax.saxutils as x; print(html.escape(value), x.escape(value), x.quoteattr(value))",
    "XML": "from xml.etree.ElementTree import *; e = Element('a', b=value); e.text = value; print(tostring(e, 'unicode'))",
    "minidom": "from xml.dom.minidom import *; d = Document(); t = d.createElement('a'); t.setAttribute('b', value); print(t.toxml())",
    "base64": "import base64 as b; v = value.encode(); print(b.encodebytes(v), b.b64encode(b'u:' + v), b.urlsafe_b64encode(v).decode())",
    "hexadecimal": "import binascii; v = value.encode(); print(v.hex(), v.hex(':'), binascii.hexlify(v), v.hex(' ').upper())",
    "bytes": "v = value.encode(); print(list(v), bytearray(v), memoryview(v).tolist(), tuple(v))",
    "escapes": "print(value.encode('unicode_escape'), value.encode('unicode_escape').decode(), value.encode('ascii', 'xmlcharrefreplace').decode())",
    "backslashes": "import re; print(value.encode('ascii', 'backslashreplace').decode(), re.escape(value))",
    "shlex": "import shlex; print(shlex.quote(value), shlex.join(['a', value + ' b']))",
    "csv": "import csv, sys; csv.writer(sys.stdout).writerow([value, value + ','])",
    "configparser": "import configparser as c, sys; p = c.RawConfigParser(); p['a'] = {'b': value}; p.write(sys.stdout)",
    "textwrap": "import textwrap; print(textwrap.indent(value, '    '))",
    "plist": "import plistlib; print(plistlib.dumps({'a': value, 'b': value.encode()}).decode())",
    "mail": "from email.message import EmailMessage as M; m = M(); m['Subject'] = 'x'; m.set_content(value, cte='base64'); print(m)",
    "argparse": "import argparse; argparse.ArgumentParser().parse_args([value])",
    "sqlite": "import sqlite3; print(sqlite3.connect(':memory:').execute('select quote(?), hex(?), ?', [value] * 3).fetchall())",
    "dataclasses": "import dataclasses as d; print(d.make_dataclass('A', ['b'])(value))",
}
NODE = {
    "JSON": "console.log('%s %s %s', JSON.stringify({a: [v]}), JSON.stringify(JSON.stringify(v)), JSON.stringify({a: v}, null, 2))",
    "inspect": "console.log({a: [v]}, [v], new Map([[v, v]]), util.inspect(v, {compact: false}))",
    "URLs": "console.log('%s %s %s %s %s', encodeURIComponent(v), encodeURI(v), escape(v), new URLSearchParams({a: v}) + '', new URL('http://h/?' + new URLSearchParams({v})).href)",
    "buffers": "const b = Buffer.from(v); console.log(b, b.toString('base64'), b.toString('base64url'), b.toString('hex'), [...b].join(), JSON.stringify(b))",
    "wide buffers": "const b = Buffer.from(v, 'utf16le'); console.log(b.toString('base64'), b.toString('latin1'))",
    "an error": "throw new Error(v)",
    "querystring": "console.log('%s %s', require('querystring').stringify({a: v}), require('querystring').escape(v))",
}
JQ = ("json", "text", "html", "uri", "csv", "tsv", "sh", "base64", "base64 | @base64", "json | @json", "uri | @uri")
XXD = ("", "-p", "-u", "-i", "-c 8", "-g 1", "-ps -c 10")


@pytest.fixture(params=KINDS)
def value(request):
    return canary(request.param)


def printed(command, value, *, locale="C.UTF-8", **options):
    """Run a command with the value in its environment and as input; return what it prints."""
    done = subprocess.run(
        command,
        input=value.encode(),
        env={"PATH": os.environ["PATH"], "LC_ALL": locale, "SECRET": value, "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=20,
        check=False,
        **options,
    )
    return done.stdout


def assert_hidden(output, value):
    """Redact output as a whole, line by line and as bytes; no way may leave a trace."""
    assert output
    redactor = Redactor({"name": value})
    text = output.decode("utf-8", "surrogateescape")
    stream = redactor.stream()
    lines = "".join(map(stream.feed, text.splitlines(keepends=True))) + stream.close()
    for hidden in (redactor.text(text), redactor.bytes(output).decode("utf-8", "surrogateescape"), lines):
        assert "***" in hidden
        assert_no_leak(hidden, value)


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize("script", SHELLS.values(), ids=SHELLS)
def test_bash(script, locale, value):
    assert_hidden(printed(["bash", "-c", script], value, locale=locale), value)


@pytest.mark.parametrize("script", ['set -x; : "$SECRET"; X=a$SECRET', "X=$SECRET; set; export -p", SHELLS["an error"]])
def test_dash(script, value):
    assert_hidden(printed(["dash", "-c", script], value), value)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_tools(tool, value):
    assert_hidden(printed(["bash", "-c", tool], value), value)


@pytest.mark.parametrize("code", PYTHON.values(), ids=PYTHON)
def test_python(code):
    """All kinds of values in one run of the interpreter each, because it starts slowly."""
    for kind in KINDS[1:]:
        value = canary(kind)
        output = printed([sys.executable, "-I", "-S", "-c", f"import os; value = os.environ['SECRET']; {code}"], value)
        assert_hidden(output, value)


@pytest.mark.debian
@pytest.mark.parametrize("code", NODE.values(), ids=NODE)
def test_node(code, value):
    assert_hidden(printed(["node", "-e", f"const v = process.env.SECRET; {code}"], value), value)


@pytest.mark.debian
@pytest.mark.parametrize("filters", JQ)
def test_jq(filters, value):
    value = value.rstrip("\n")
    assert_hidden(
        printed(
            ["jq", "-n", "-r", f"[env.SECRET] | @{filters}"]
            if filters in ("csv", "tsv")
            else ["jq", "-n", "-r", f"env.SECRET | @{filters}"],
            value,
        ),
        value,
    )


@pytest.mark.debian
@pytest.mark.parametrize("options", XXD)
def test_xxd(options, value):
    assert_hidden(printed(["xxd", *options.split()], value), value)


class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"ok" if self.path == "/quiet" else json.dumps({"headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.mark.debian
@pytest.mark.parametrize(
    "options",
    [
        '-u "user:$SECRET"',
        '-H "Authorization: Bearer $SECRET"',
        '-G --data-urlencode "q=$SECRET"',
        '-b "session=$SECRET"',
    ],
)
def test_curl(options, value, address):
    value = value.replace("\n", "")
    output = printed(["bash", "-c", f"curl -sv --max-time 10 {options} {address}/path"], value)
    assert b"200" in output
    assert_hidden(output, value)


@pytest.mark.debian
def test_curl_with_a_trace(value, address):
    value = value.replace("\n", "")
    assert_hidden(
        printed(["bash", "-c", f'curl -s --max-time 10 -A "$SECRET" --trace - {address}/quiet'], value), value
    )


def test_the_search_for_traces_finds_what_is_not_redacted(value):
    with pytest.raises(AssertionError):
        assert_no_leak(base64.b64encode(value.encode()).decode(), value)
