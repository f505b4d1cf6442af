"""Every page for everybody: accessible in both themes, whole at every width, usable by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import ApiToken, Invitation, Membership, Role, User
from accounts.roster.joining import invite
from partners.models import Case, Client
from partners.reference_imports import look_through
from revenue.models import PullRun, Transaction
from tests.browser.conftest import PASSWORD, OpenPage, sign_in, some_case
from tests.factories import make_member

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

# By theme: what axe-core is asked.
THEMES: dict[Literal["light", "dark"], dict[str, Any]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
WIDTHS = {360: 740, 1280: 900, 3840: 2160}


def addresses() -> list[str]:
    """Every page of the site, with the data's own ids in it."""
    client = Client.objects.exclude(transactions=None).order_by("pk").first()
    case = Case.objects.exclude(transactions=None).order_by("pk").first()
    assert client is not None and case is not None
    owner = User.objects.get()
    ApiToken.issue(owner, name="W" * ApiToken.LONGEST_NAME)
    place = {"user": owner, "account": client.account}
    member = Membership.objects.get_or_create(**place, defaults={"role": Role.MANAGER})[0].pk
    invite(client.account, email=f"{'w' * 50}.{Invitation.objects.count()}@example.com", role=Role.CLIENT, by=owner)
    return [
        "/",
        "/?period=this_month",
        "/?from=nonsense",
        "/transactions/?page_size=10",
        "/transactions/?q=nothing-matches-this",
        "/balance/?page_size=10",
        "/clients/?page_size=10",
        f"/clients/{client.creditor_id}/",
        f"/clients/{client.creditor_id}/summary/",
        "/cases/",
        "/cases/?state=pendingverification",
        "/cases/?sort=nonsense",
        f"/cases/{case.reference}/",
        f"/cases/{case.reference}/reference/",
        f"/cases/{case.reference}/activate/",
        "/pulls/",
        f"/pulls/{PullRun.objects.latest('pk').pk}/",
        "/references/",
        f"/references/{file_of_references(case)}/",
        "/profile/",
        "/profile/password/",
        "/profile/tokens/",
        "/settings/",
        "/settings/keys/",
        "/settings/audit/",
        "/settings/people/",
        "/settings/people/invite/",
        f"/settings/people/{member}/",
        f"/settings/people/{member}/clients/?show=others",
        "/invitation/unknown/",
        "/api/v1/docs/",
        "/nowhere/",
    ]


def file_of_references(case: Case) -> int:
    """The key of one with a change and lines that cannot be used."""
    text = f'{case.reference},"three\nlines of {"x" * 100}"\nunknown,{"y" * 200}\none column'
    return look_through(Case.objects.all(), text, account=case.account, by=User.objects.get()).pk


def violations_in_both_themes(page: Page) -> list[str]:
    """What axe-core finds: the theme, the rule and where. Themes differ in their colours alone, so that one asks of the rest."""
    found = []
    for theme, options in THEMES.items():
        page.emulate_media(color_scheme=theme)
        for one in Axe().run(page, options=options).response["violations"]:
            found.append(f"{page.url} {theme} {one['id']}: {[node['html'][:120] for node in one['nodes']][:3]}")
    return found


def test_axe_finds_nothing_on_any_page_in_either_theme(open_page: OpenPage, complaints: list[str]) -> None:
    # Nothing fades from one theme to the other.
    page = open_page(reduced_motion="reduce")
    page.goto("/sign-in/")
    found = violations_in_both_themes(page)
    sign_in(page)
    for address in addresses():
        page.goto(address)
        found += violations_in_both_themes(page)
    assert found == []
    forget_expected_refusals(complaints)


def test_pages_of_a_clients_own_people_are_as_good(open_page: OpenPage, complaints: list[str]) -> None:
    page = open_page(reduced_motion="reduce")
    case = some_case()
    # A person of two companies: their pages show most.
    other = Client.objects.exclude(cases=case).order_by("pk").first()
    person = make_member(
        case.account,
        Role.CLIENT,
        clients=filter(None, [case.client, other]),
        email="clara@example.com",
        password=PASSWORD,
    )
    sign_in(page, email=person.email, title="My cases")
    addresses = [
        "/my/?page_size=5",
        "/my/?q=nothing",
        "/my/?sort=nonsense",
        f"/my/cases/{case.reference}/",
        "/profile/",
    ]
    found = []
    for address in addresses:
        page.goto(address)
        found += violations_in_both_themes(page)
    assert found == []
    assert [wider for address in addresses for wider in wider_than_its_window(page, address)] == []
    page.keyboard.press("g")
    page.keyboard.press("y")
    expect(page.get_by_role("heading", name="My cases", level=1)).to_be_visible()
    forget_expected_refusals(complaints)


def wider_than_its_window(page: Page, address: str) -> Iterator[tuple[str, int, int]]:
    """The page, the window's width and its own, where that is another."""
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        # Anew, as a chart follows its window only a moment later.
        page.goto(address)
        if (wide := page.evaluate("document.documentElement.scrollWidth")) != width:
            yield address, width, wide


def test_no_page_is_wider_than_its_window(open_page: OpenPage, complaints: list[str]) -> None:
    page = sign_in(open_page())
    # Its badge holds a sentence. Nothing else is asked of the figures here.
    Transaction.objects.filter(case__in=Case.objects.exclude(transactions=None).order_by("pk")[:1]).update(
        removed_at=timezone.now()
    )
    assert [wider for address in addresses() for wider in wider_than_its_window(page, address)] == []
    forget_expected_refusals(complaints)


def test_new_token_is_shown_once_to_be_copied_and_is_revoked(open_page: OpenPage) -> None:
    page = sign_in(open_page(viewport={"width": 360, "height": 740}, reduced_motion="reduce"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/profile/")
    page.get_by_role("main").get_by_role("link", name="API tokens").click()
    page.get_by_label("Name").fill("month end")
    page.get_by_role("button", name="Make the token").click()
    token = page.locator("#new-token").inner_text()
    page.get_by_role("button", name=f"Copy {token}").click()
    expect(page.locator("[data-copy] use")).to_have_attribute("href", re.compile("#check$"))
    assert page.evaluate("navigator.clipboard.readText()") == token
    assert page.request.get("/api/v1/summary", headers={"Authorization": f"Bearer {token}"}).status == 200
    assert (violations_in_both_themes(page), page.evaluate("document.documentElement.scrollWidth")) == ([], 360)
    page.goto("/profile/tokens/")
    expect(page.locator("#new-token")).to_have_count(0)
    page.get_by_role("button", name="Revoke month end").click()
    expect(page.get_by_text("You have no token yet.")).to_be_visible()


def forget_expected_refusals(complaints: list[str]) -> None:
    """Chromium reports a page that answers 400 or 404 as an error of its own; those two were asked for."""
    refused = [line for line in complaints if "status of 400" in line or "status of 404" in line]
    for line in refused:
        complaints.remove(line)


def test_slash_focuses_search_and_question_mark_lists_the_shortcuts(open_page: OpenPage) -> None:
    page = sign_in(open_page())
    page.goto("/transactions/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("main").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_g_and_a_letter_opens_a_page(open_page: OpenPage) -> None:
    page = sign_in(open_page())
    for letter, title in (("b", "Partner Balance"), ("c", "Clients"), ("p", "Pulls"), ("t", "Transactions")):
        # The keys are listened to from then on.
        page.wait_for_load_state("load")
        page.keyboard.press("g")
        page.keyboard.press(letter)
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def test_the_keyboard_alone_reaches_a_card_and_its_list(open_page: OpenPage) -> None:
    page = sign_in(open_page())
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('article[data-stage=pending]') !== null"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Transactions", level=1)).to_be_visible()


def test_pull_now_shows_the_new_run(open_page: OpenPage) -> None:
    page = sign_in(open_page())
    before = PullRun.objects.count()
    page.goto("/pulls/")
    page.get_by_role("button", name="Pull now").click()
    expect(page.locator("tbody tr")).to_have_count(before + 1, timeout=30_000)
    expect(page.locator("tbody tr").first).to_contain_text("Ties out", timeout=30_000)


def test_sign_out_ends_the_session(open_page: OpenPage) -> None:
    page = sign_in(open_page())
    page.locator("header summary").last.click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/transactions/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
