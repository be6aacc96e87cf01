"""The dashboard in a real browser: keyboard, focus, contrast, small screens, dark and light."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from dashboard_page import Dashboard
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
VALUE = "cnry-Db71-dashboard-value"
OTHER = "cnry-Db72-another-value"


def test_everything_can_be_done_by_keyboard(dashboard):  # noqa: PLR0915 - one walk
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


@pytest.fixture(scope="module")
def furnished(server, admin):
    """The server with long names, tags, versions and grants in it."""
    for name, value in (("usps_username", VALUE), ("long_name_" * 25, VALUE), ("usps_username", OTHER)):
        admin.put(f"/secrets/{name}", content=value)
    admin.put("/secrets/usps_username/tags", json=[{"key": "team", "value": "mail"}, {"key": "x" * 200}])
    for subject in ("app:orkes-workers", "somebody-with-a-name-as-long-as-this@department.example"):
        body = {"subject": {"type": "USER", "id": subject}, "target": {"type": "SECRET", "id": "usps_username"}}
        admin.post("/auth/authorization", json=body | {"access": ["READ", "UPDATE", "DELETE"]})
    admin.get("/secrets/absent")
    return server


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_view_is_accessible_and_fits(furnished, browser, tmp_path, scheme, width):
    """No finding of axe, contrast included, and no sideways scrolling. Pictures are left in the test's directory."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 740})
    shown = Dashboard.open(furnished, context.new_page())
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
