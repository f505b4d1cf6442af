"""Somebody is invited, joins, becomes something else while signed in, and is let go: two browsers, without a script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from partners.models import Client
from tests.browser.conftest import OpenPage, sign_in

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

EMAIL = "new@example.com"
PASSWORD = "another long pass phrase"


def test_person_joins_is_changed_and_leaves(open_page: OpenPage) -> None:
    admin = sign_in(open_page())
    newcomer = open_page(java_script_enabled=False)
    first = Client.objects.exclude(company_name="").order_by("pk")[0]
    join(newcomer, invite(admin, first))
    newcomer.goto("/clients/")
    expect(newcomer.locator("tbody tr")).to_have_count(1)
    expect(newcomer.locator("tbody tr th a")).to_have_text(first.company_name)

    admin.goto("/settings/people/")
    admin.get_by_role("link", name="Ny Person").click()
    admin.get_by_role("radio", name="Finance").check()
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text("Ny Person is now Finance.")).to_be_visible()
    newcomer.reload()
    expect(newcomer.locator("tbody tr").nth(1)).to_be_visible()

    admin.get_by_role("button", name="Deactivate").click()
    expect(admin.get_by_text("Ny Person is deactivated")).to_be_visible()
    newcomer.reload()
    expect(newcomer.get_by_role("heading", name="Sign in")).to_be_visible()


def invite(page: Page, client: Client) -> str:
    """The link to join as the account manager of `client`."""
    page.goto("/settings/people/")
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_role("radio", name="Account manager").check()
    page.get_by_label("Find clients").fill(client.company_name)
    page.get_by_role("button", name="Find").click()
    page.get_by_label(client.company_name, exact=True).check()
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text(f"The invitation is on its way to {EMAIL}.")).to_be_visible()
    return page.locator("#invitation-link").inner_text().strip()


def join(page: Page, link: str) -> None:
    page.goto(link)
    expect(page).to_have_url("/invitation/")
    page.get_by_label("Your name").fill("Ny Person")
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Welcome to Acme Referrals.")).to_be_visible()
