"""The dashboard in a real browser: the whole walk, and values that only go in."""

import re

import pytest
from dashboard_page import FLAGS, Dashboard, chromium
from harness import running
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
VALUE = "cnry-Db71-dashboard-value"
OTHER = "cnry-Db72-another-value"


def test_the_whole_walk_leaves_no_value_and_no_token_behind(playwright, tmp_path):
    """Everything a team does, in a browser with a profile of its own, which is searched afterwards."""
    (tmp_path / "store").mkdir(mode=0o700)
    profile = tmp_path / "profile"
    with running(tmp_path / "store") as server:
        context = playwright.chromium.launch_persistent_context(profile, executable_path=chromium(), args=FLAGS)
        shown = Dashboard.open(server, context.pages[0])
        shown.sign_in()
        walk_values(shown)
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


def walk_values(shown):
    """Create, be told that the name is taken, replace."""
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
    expect(box.locator("code")).to_have_count(2)
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
