"""The dashboard's files: which there are, how they are served, and what never stands in them. No browser needed."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import httpx
import pytest
from harness import running

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "secretref" / "server" / "dashboard"
FILES = sorted(path.name for path in SOURCE.iterdir() if path.suffix in {".html", ".css", ".js", ".svg"})
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@pytest.fixture(scope="module")
def visitor(server):
    """A client that sends what a browser sends when its user opens the page; not signed in."""
    with httpx.Client(
        base_url=server.url.removesuffix("/api"), headers={"Sec-Fetch-Site": "none"}, trust_env=False
    ) as client:
        yield client


@pytest.mark.parametrize("address", ["/", "/dashboard"])
def test_short_addresses_lead_to_the_page(visitor, address):
    answer = visitor.get(address, follow_redirects=True)
    assert str(answer.url).endswith("/dashboard/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("name", ["", *FILES])
def test_every_file_is_served_with_its_type_and_strict_headers(visitor, name):
    answer = visitor.get(f"/dashboard/{name}")
    assert answer.content == (SOURCE / (name or "index.html")).read_bytes()
    assert answer.headers["content-type"].startswith(TYPES[Path(name or "index.html").suffix])
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    sources = ("script-src", "style-src", "img-src", "connect-src")
    refused = ("default-src", "base-uri", "form-action", "frame-ancestors", "trusted-types")
    assert policy == dict.fromkeys(sources, "'self'") | dict.fromkeys(refused, "'none'") | {
        "require-trusted-types-for": "'script'"
    }
    expected = {
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    assert expected.items() <= answer.headers.items()
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "name",
    ["__init__.py", "__pycache__", "absent.js", "..", "%2e%2e", "..%2f_app.py", "....//_app.py", "App.js", "app.js/"],
)
def test_nothing_else_is_served(visitor, name):
    answer = visitor.get(f"/dashboard/{name}")
    assert answer.status_code in {400, 404} or answer.headers.get("location") == "/dashboard/"
    assert "import" not in answer.text


@pytest.mark.parametrize("address", ["/", "/dashboard", "/dashboard/", "/dashboard/app.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_page_is_only_read(visitor, method, address):
    answer = visitor.request(method, address)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_other_sites_do_not_get_the_page(visitor, headers):
    assert visitor.get("/dashboard/", headers=headers).status_code in {403, 421}


def test_the_page_knows_how_the_server_takes_values(visitor, tmp_path):
    tmp_path.chmod(0o700)
    assert 'data-values="decoded"' in visitor.get("/dashboard/").text
    with running(tmp_path, "--verbatim") as server:
        assert 'data-values="verbatim"' in httpx.get(server.url.replace("/api", "/dashboard/"), trust_env=False).text


def test_the_published_description_is_of_the_api_only(visitor):
    assert all(path.startswith("/api/") for path in visitor.get("/openapi.json").json()["paths"])


def test_the_page_has_no_inline_code_and_loads_only_its_own_files():
    page = (SOURCE / "index.html").read_text()
    assert not re.search(r"\son\w+\s*=|<style|\sstyle\s*=|javascript:|<script(?![^>]*\ssrc=)", page, re.IGNORECASE)
    loaded = set(re.findall(r'(?:src|href)="([^"]*)"', page))
    for name in FILES:
        loaded |= set(re.findall(r'from "\./([^"]+)"', (SOURCE / name).read_text()))
    assert loaded == set(FILES) - {"index.html"}


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_host_parses_markup_or_keeps_anything(name):
    text = (SOURCE / name).read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|['\"(]//|@import|url\(", text)
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|DOMParser|createContextualFragment|srcdoc"
    code = r"\beval\b|\bFunction\(|setTimeout\(\s*['\"`]|\bimport\("
    memory = r"localStorage|sessionStorage|indexedDB|document\.cookie|\bcaches\b|serviceWorker|window\.name|pushState"
    assert not re.search(f"{markup}|{code}|{memory}", text)


def test_distributions_hold_every_file(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name.removeprefix("secretref/server/dashboard/") for name in archive.namelist()}
    with tarfile.open(source) as archive:
        in_source = {name.rpartition("/src/secretref/server/dashboard/")[2] for name in archive.getnames()}
    assert set(FILES) <= in_wheel & in_source
