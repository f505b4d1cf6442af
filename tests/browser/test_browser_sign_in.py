"""Signing in with a real browser: passkeys of a virtual authenticator, an app, and the pages around them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.browser.conftest import PASSWORD, OpenPage
from tests.browser.test_browser_pages import violations_in_both_themes
from tests.factories import app_code, make_app

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

NARROW = {"width": 360, "height": 740}
PHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def site(transactional_db: None, live_server: Any) -> str:
    """A site without figures, under a name that passkeys may belong to."""
    User.objects.create_superuser("finance@example.com", PASSWORD, name="Fina Nance")
    return str(live_server.url).replace("127.0.0.1", "localhost")


def with_device(page: Page) -> Any:
    """Gives the browser a device that makes passkeys, and asks nobody; what speaks with it."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": PHONE})
    return devices


def first_step(page: Page, target: str = "/profile/") -> None:
    page.goto(f"/sign-in/?next={target}")
    page.get_by_label("E-mail").fill("finance@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def arrived(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()


def looked_at(page: Page) -> list[str]:
    """What is wrong with the page for anybody, also on a narrow screen."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    return violations_in_both_themes(page) + ([f"{page.url} is {wide} wide"] if wide != NARROW["width"] else [])


def test_passkey_is_added_named_and_signs_in_and_is_a_second_step(open_page: OpenPage) -> None:
    page = open_page(viewport=NARROW, reduced_motion="reduce")
    with_device(page)
    first_step(page, "/profile/security/")
    arrived(page, "Security")
    found = looked_at(page)
    page.get_by_role("link", name="Set up an app").click()
    arrived(page, "Set up an authenticator app")
    found += looked_at(page)
    page.goto("/profile/security/passkeys/new/")
    found += looked_at(page)
    page.get_by_label("Name").fill("Work <b>laptop</b>")
    page.get_by_role("button", name="Ask my device").click()
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    found += looked_at(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert page.locator("#recovery-codes li").first.inner_text() in download.value.path().read_text()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_label("Name of Work <b>laptop</b>")).to_have_value("Work <b>laptop</b>")
    found += looked_at(page)
    page.goto("/profile/sessions/")
    found += looked_at(page)
    page.goto("/sign-in/again/?next=/profile/tokens/")
    found += looked_at(page)
    page.get_by_role("button", name="Use a passkey").click()
    arrived(page, "API tokens")

    page.context.clear_cookies()
    page.goto("/sign-in/?next=/profile/")
    page.get_by_role("button", name="Sign in with a passkey").press("Enter")
    arrived(page, "Profile")

    page.context.clear_cookies()
    User.objects.update(is_active=False)
    page.goto("/sign-in/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("This passkey does not fit.")).to_be_visible()
    User.objects.update(is_active=True)

    page.context.clear_cookies()
    first_step(page)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    found += looked_at(page)
    page.get_by_role("button", name="Use a passkey").click()
    arrived(page, "Profile")

    page.goto("/profile/security/")
    page.get_by_role("button", name="Remove Work <b>laptop</b>").click()
    expect(page.get_by_text("The passkey is removed.")).to_be_visible()
    page.context.clear_cookies()
    first_step(page)
    arrived(page, "Profile")
    assert found == []


def test_device_that_gives_no_passkey_is_told_where_it_was_asked(open_page: OpenPage) -> None:
    page = open_page(viewport=NARROW)
    with_device(page)
    page.goto("/sign-in/")
    # A passkey of nobody here: the device has none for this host.
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_have_text("There was no passkey. Try again, or use another way.")
    assert page.url.endswith("/sign-in/")


def test_second_step_and_a_forgotten_password_need_no_script(open_page: OpenPage) -> None:
    secret = make_app(User.objects.get())
    page = open_page(java_script_enabled=False, viewport=NARROW)
    first_step(page)
    expect(page.get_by_role("button", name="Use a passkey")).to_have_count(0)
    page.get_by_label("Code").fill(app_code(secret))
    page.get_by_role("button", name="Go on").click()
    arrived(page, "Profile")
    page.context.clear_cookies()
    page.goto("/sign-in/")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail").fill("finance@example.com")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
