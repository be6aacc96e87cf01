"""Providers by name or URL."""

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from secretref.errors import ConfigurationError, MissingExtraError
from secretref.providers import _SHIPPED, ProviderURL, SecretProvider, is_name, load
from secretref.providers.memory import MemoryProvider
from secretref.testing import assert_no_leak, canary


def refusal(*args, **options):
    with pytest.raises(ConfigurationError) as caught:
        load(*args, **options)
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize(
    "kind", ["alias", "cache", "chain", "directory", "dotenv", "env", "file", "memory", "prefix", "program"]
)
def test_every_kind_of_the_core_can_be_loaded(kind, tmp_path):
    options = {
        "alias": {"of": "memory", "alias": "A:B"},
        "cache": {"of": "memory"},
        "chain": {"of": "memory"},
        "env": {"prefix": "A_"},
        "prefix": {"of": "memory", "prefix": "A_"},
        "program": {"arg": "{name}"},
    }
    location = {"directory": "/x", "file": "/x.json", "program": "/bin/x"}.get(kind, "")
    provider = load(f"{kind}://{location}", **options.get(kind, {}))
    assert isinstance(provider, SecretProvider)
    assert provider.name == kind
    assert kind in _SHIPPED


def test_options_may_be_in_the_url_or_beside_it():
    assert load("env://?prefix=A%5F") == load("env", prefix="A_") == load("env://", prefix="A_")
    assert load("env://?prefix=B", prefix="A_") == load("env", prefix="A_")
    assert load("file:///a%20b.json").path == "/a b.json"
    assert load("file://relative.json").path == "relative.json"


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("", {}),
        ("://x", {}),
        ("ENV", {}),
        ("env:prefix={}", {}),
        ("env://?prefix={}=", {}),
        ("env://?prefix={}&prefix=A_", {}),
        ("env://?{}", {}),
        ("env://?prefix=A_&{}=1", {}),
        ("env://?prefix=A_&%ff={}", {}),
        ("env://?prefix=A_#{}", {}),
        ("file://{}", {}),
        ("file://%ff{}", {}),
        ("file:///x.json?max_bytes={}", {}),
        ("file:///x.json?max_bytes=1.5", {}),
        ("file:///x.json?max_bytes=-1", {}),
        ("file:///x.json?format={}", {}),
        ("file:///x%00.json", {}),
        ("directory:///x?strip_newline={}", {}),
        ("vaultt://user:{}@host/x", {}),
        ("cache://?of=vaultt://user:{}@host&ttl=1", {}),
        ("cache://?of=memory&ttl=nan", {}),
        ("memory", {"token": "{}"}),
        ("env", {"prefix": 3}),
        ("alias", {"of": "memory", "alias": [3]}),
        ("cache", {"of": "memory", "ttl": b"{}"}),
    ],
)
def test_what_is_wrong_is_refused_without_quoting_it(url, options):
    secret = canary()
    filled = {name: value.format(secret) if isinstance(value, str) else value for name, value in options.items()}
    error = refusal(url.replace("{}", secret), **filled)
    assert_no_leak(error, secret)


def test_an_unknown_kind_lists_the_known_ones():
    assert "known here: alias, cache, chain" in str(refusal("vaultt"))
    assert "unknown option; known are: prefix" in str(refusal("env://?prefix=A_&prefux=x"))


def test_a_url_shows_its_kind_only():
    secret = canary()
    url = ProviderURL.parse(f"vault://user:{secret}@host?token={secret}", {"other": secret})
    assert repr(url) == "ProviderURL('vault')"
    assert_no_leak([str(url), f"{url}"], secret)


def install(monkeypatch, *points):
    installed = EntryPoints(EntryPoint(name, value, "secretref.providers") for name, value in points)
    monkeypatch.setattr("importlib.metadata.entry_points", installed.select)


class Plugged(MemoryProvider):
    @classmethod
    def from_url(cls, url):
        return cls({url.location: url.text("value", "x")})


def plain_factory(url):
    return Plugged({url.location: "from a function"})


def leaking_factory(url):
    raise ValueError(url.text("token"))


def lacking_factory(url):
    raise MissingExtraError(url.kind)


def test_installed_packages_may_offer_kinds(monkeypatch):
    install(monkeypatch, ("plugged", f"{__name__}:Plugged"), ("plain", f"{__name__}:plain_factory"))
    assert load("plugged://A").exists(frozenset("A")) == {"A"}
    assert load("plain://B").exists(frozenset("B")) == {"B"}
    assert "unknown option" in str(refusal("plain://B?x=1"))


def test_ours_come_first(monkeypatch):
    install(monkeypatch, ("memory", f"{__name__}:leaking_factory"))
    assert type(load("memory")) is MemoryProvider


def test_two_packages_must_not_offer_one_kind(monkeypatch):
    install(monkeypatch, ("x", f"{__name__}:Plugged"), ("x", f"{__name__}:plain_factory"))
    assert "several installed packages" in str(refusal("x"))


def test_faults_of_foreign_code_are_silent(monkeypatch):
    install(
        monkeypatch,
        ("leaking", f"{__name__}:leaking_factory"),
        ("lacking", f"{__name__}:lacking_factory"),
        ("gone", "no_such_module:x"),
    )
    secret = canary()
    error = refusal(f"leaking://?token={secret}")
    assert str(error) == "provider leaking could not be built: ValueError"
    assert_no_leak(error, secret)
    assert str(refusal("gone")) == "provider gone could not be imported: ModuleNotFoundError"
    with pytest.raises(MissingExtraError):
        load("lacking")


def test_an_extra_that_is_missing_on_import_is_named(monkeypatch):
    install(monkeypatch, ("x", f"{__name__}:absent"))
    monkeypatch.setattr(sys.modules[__name__], "__getattr__", no_extra, raising=False)
    with pytest.raises(MissingExtraError, match="pip install"):
        load("x")


def no_extra(name):
    raise MissingExtraError("x") if name == "absent" else AttributeError(name)


def test_nothing_is_discovered_at_import():
    code = (
        "import sys, secretref.providers as p; p.load('env://?prefix=A_');"
        "print(sorted({'importlib.metadata', 'asyncio', 'subprocess', 'tomllib'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() in {"[]", "['importlib.metadata']"}


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("A", True),
        ("a_B-9", True),
        ("N" * 255, True),
        ("N" * 256, False),
        ("", False),
        ("A\n", False),
        ("é", False),
        ("A.b", False),
        ("²", False),
    ],
)
def test_names_are_plain(text, good):
    assert is_name(text) is good
