"""The dashboard in a real Chromium, as its user sees it; and a foreign site beside it."""

import json
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import expect

expect.set_options(timeout=15_000)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WATCH = """() => {
    window.violations = [];
    addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
}"""
REMEMBERED = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, document.cookie, await indexedDB.databases(),
    await caches.keys(), (await navigator.serviceWorker.getRegistrations()).length, history.state,
    window.name, location.href, document.title,
])"""
GO = """(view) => new Promise((done) => {
    const shown = () => (document.querySelector("#view[aria-busy]") ? requestAnimationFrame(shown) : done());
    addEventListener("hashchange", shown, {once: true});
    const before = location.hash;
    location.hash = view;
    if (location.hash === before) shown();
})"""
HELD = """() => [document.documentElement.outerHTML, document.body.innerText,
    ...[...document.querySelectorAll("input, textarea, select")].map((control) => control.value)].join("\\n")"""


def chromium():
    """Debian's browser; the tests need it and say so."""
    path = shutil.which("chromium")
    assert path, "these tests need Chromium: apt-get install chromium"
    return path


@dataclass
class Dashboard:
    """A page of a browser with the dashboard in it, and everything it asked for."""

    server: object
    page: object
    requests: list = field(default_factory=list)
    errors: list = field(default_factory=list)

    @classmethod
    def open(cls, server, page):
        page.set_default_timeout(15_000)
        shown = cls(server, page)
        page.on("request", lambda request: shown.requests.append(request))  # noqa: PLW0108 - a built-in is refused
        page.on("pageerror", lambda error: shown.errors.append(str(error)))
        page.on("dialog", lambda dialog: (shown.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.add_init_script(f"({WATCH})()")
        page.goto(server.url.replace("/api", "/dashboard/"))
        return shown

    def sign_in(self, key_id=None, key_secret=None):
        self.write("Key id", key_id or self.server.key_id)
        self.write("Key secret", key_secret or self.server.key_secret)
        self.press("Sign in")
        self.see("Secrets")
        return self

    def write(self, label, text):
        self.page.get_by_label(label, exact=True).last.fill(text)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).last.click()

    def follow(self, name):
        self.page.get_by_role("link", name=name, exact=True).click()

    def see(self, heading):
        expect(self.page.get_by_role("heading", name=heading, exact=True, level=1)).to_be_visible()

    def news(self, text):
        expect(self.page.locator("#news")).to_have_text(text)

    def problem(self, text):
        expect(self.page.locator(".problem:not(:empty)").last).to_have_text(text)

    def section(self, title):
        return self.page.locator("section", has=self.page.get_by_role("heading", name=title, exact=True))

    def create(self, name, value):
        self.press("New secret")
        self.write("Name", name)
        expect(self.page.get_by_text(f"{name} is free", exact=True)).to_be_visible()
        self.write("Value", value)
        self.press("Create")
        self.see(name)

    def go(self, view):
        """Go somewhere within the page, and wait until it is shown."""
        self.page.evaluate(GO, view)

    def held(self):
        """Everything the page shows and holds in its controls."""
        return self.page.evaluate(HELD)

    def remembered(self):
        """Everything the browser keeps for the page, and its address."""
        return self.page.evaluate(REMEMBERED) + json.dumps(self.page.context.storage_state())

    def calls(self):
        """Method and path of every call of the API so far."""
        base = self.server.url
        return [(one.method, one.url.removeprefix(base)) for one in self.requests if one.url.startswith(base)]

    def token(self):
        return next(one.headers["x-authorization"] for one in self.requests if "x-authorization" in one.headers)

    def close(self):
        """Nothing broke, nothing was asked of another host, and the policy had nothing to stop."""
        assert self.errors == []
        assert self.page.evaluate("() => window.violations") == []
        origin = self.server.url.removesuffix("/api")
        assert [one.url for one in self.requests if not one.url.startswith(origin + "/")] == []


@contextmanager
def foreign_site():
    """Another site on this machine: its port, and pages by path that a test puts there."""
    pages = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = pages.get(self.path, "").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield site.server_port, pages
        finally:
            site.shutdown()
            thread.join(timeout=10)
