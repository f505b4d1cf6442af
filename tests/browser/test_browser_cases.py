"""The references of a case in a real browser: typed, saved, cleared, and fought over."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from partners.models import Case, ReferenceChange
from partners.references import set_reference
from sandbox.server import SandboxServer
from tests.browser.conftest import OpenPage, sign_in, some_case
from tests.factories import make_user

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

LABEL = "Reference (can be blank)"
PENCIL = "Change the partner reference"


def open_case(page: Page, case: Case) -> Page:
    """Its page, marked so that a reload would be noticed."""
    page.goto(f"/cases/{case.reference}/")
    page.evaluate("window.isTheSamePage = true")
    return page


def is_the_same_page(page: Page) -> bool:
    return bool(page.evaluate("window.isTheSamePage === true"))


def type_reference(page: Page, text: str) -> None:
    """Open the dialog by its pencil, and type over what is there."""
    page.get_by_role("link", name=PENCIL).click()
    expect(page.get_by_role("dialog", name="Collection-partner reference")).to_be_visible()
    page.get_by_label(LABEL).fill(text)


def shown_reference(page: Page) -> str:
    return page.locator("#case-side dl div", has_text="Partner reference").locator("bdi").inner_text()


def expect_refusals(complaints: list[str], status: int) -> None:
    """Chromium reports an answer of 400 or 409 as an error of its own; this one was asked for."""
    refused = [line for line in complaints if f"status of {status}" in line]
    assert len(refused) == 1
    complaints.remove(refused[0])


def save(page: Page, name: str = "Save") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def headline(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def test_reference_is_set_copied_and_cleared_in_the_dialog_without_a_reload(open_page: OpenPage) -> None:
    case = some_case()
    page = open_case(sign_in(open_page(permissions=["clipboard-read", "clipboard-write"])), case)
    type_reference(page, "  A/B, <b>ä</b> 🧾 ")
    save(page)
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(headline(page)).to_have_text(f"Case {case.reference} (partner ref: A/B, <b>ä</b> 🧾)")
    expect(page).to_have_title(f"Case {case.reference} (partner ref: A/B, <b>ä</b> 🧾) · Feeboard")
    expect(page.locator("#told")).to_have_text("The partner reference is now “A/B, <b>ä</b> 🧾”.")
    expect(page.get_by_role("link", name=PENCIL)).to_be_focused()
    expect(page.locator("#case-side .history li").first).to_contain_text("Set to A/B")
    assert shown_reference(page) == "A/B, <b>ä</b> 🧾"
    for text in (case.reference, "A/B, <b>ä</b> 🧾"):
        page.get_by_role("button", name=f"Copy {text}", exact=True).click()
        assert page.evaluate("navigator.clipboard.readText()") == text

    type_reference(page, "")
    save(page)
    expect(headline(page)).to_have_text(f"Case {case.reference}")
    expect(page.locator("#told")).to_have_text("The partner reference is cleared.")
    expect(page.locator("#case-side .history li").first).to_contain_text("Cleared (was A/B")
    assert shown_reference(page) == "—"
    assert is_the_same_page(page)
    case.refresh_from_db()
    assert (case.partner_reference, case.reference_changes.count()) == ("", 2)


def test_keyboard_alone_finds_a_case_and_sets_its_reference(open_page: OpenPage) -> None:
    case = some_case()
    set_reference(case, "one\r\ntwo", by=make_user(), source=ReferenceChange.Source.API)
    page = sign_in(open_page())
    page.locator("main").focus()
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(headline(page)).to_have_text("Cases")
    page.wait_for_load_state("load")
    page.keyboard.press("/")
    page.keyboard.type(case.reference.lower())
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    tab_to(page, page.get_by_role("link", name=case.reference, exact=True))
    page.keyboard.press("Enter")
    pencil = page.get_by_role("link", name=PENCIL)
    pencil.wait_for()
    page.wait_for_load_state("load")
    tab_to(page, pencil)
    page.keyboard.press("Enter")
    # The lines of a reference are shown, and survive being left alone.
    expect(page.get_by_label(LABEL)).to_be_focused()
    expect(page.get_by_label(LABEL)).to_have_value("one\ntwo")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(pencil).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label(LABEL)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_have_text("The partner reference is what it was; nothing was changed.")
    case.refresh_from_db()
    assert case.partner_reference == "one\r\ntwo"

    expect(pencil).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label(LABEL)).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("TYPED")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(headline(page)).to_have_text(f"Case {case.reference} (partner ref: TYPED)")
    expect(pencil).to_be_focused()


def tab_to(page: Page, target: Locator) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if target.evaluate("target => target === document.activeElement"):
            return
    raise AssertionError("the keyboard does not get there")


def test_what_was_typed_stays_when_it_cannot_be_saved(open_page: OpenPage, complaints: list[str]) -> None:
    page = open_case(sign_in(open_page()), some_case())
    type_reference(page, " " + "🧾" * 128 + " ")
    count = page.locator("dialog [data-count-of]")
    expect(count).to_have_text("128 of 128 characters")
    page.get_by_label(LABEL).press_sequentially("x")
    expect(count).to_have_text("130 of 128 characters: 2 too many")
    save(page)
    expect(page.get_by_text("The reference has 130 characters; use at most 128.")).to_be_visible()
    expect(page.get_by_label(LABEL)).to_have_value(" " + "🧾" * 128 + " x")
    expect(page.get_by_label(LABEL)).to_be_focused()
    expect_refusals(complaints, 400)

    page.get_by_label(LABEL).fill("MINE")
    page.route("**/reference/", lambda route: route.abort())
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("This was not saved")
    expect(page.get_by_label(LABEL)).to_have_value("MINE")
    page.unroute("**/reference/")
    save(page)
    expect(headline(page)).to_contain_text("(partner ref: MINE)")
    assert is_the_same_page(page)
    complaints[:] = [line for line in complaints if "net::ERR_FAILED" not in line]


def test_second_of_two_editors_chooses_between_theirs_and_their_own(open_page: OpenPage, complaints: list[str]) -> None:
    case = some_case()
    page = open_case(sign_in(open_page()), case)
    meet_another(page, case, "THEIRS")
    expect_refusals(complaints, 409)
    page.get_by_role("link", name="Keep theirs").click()
    expect(headline(page)).to_contain_text("(partner ref: THEIRS)")

    meet_another(page, case, "THEIRS 2")
    expect_refusals(complaints, 409)
    save(page, "Save mine anyway")
    expect(headline(page)).to_contain_text("(partner ref: MINE)")
    assert is_the_same_page(page)
    changes = case.reference_changes.order_by("pk").values_list("old", "new")
    assert list(changes) == [("", "THEIRS"), ("THEIRS", "THEIRS 2"), ("THEIRS 2", "MINE")]


def meet_another(page: Page, case: Case, theirs: str) -> None:
    """Send MINE from the dialog after somebody else has saved `theirs`."""
    type_reference(page, "MINE")
    set_reference(case, theirs, by=make_user(), source=ReferenceChange.Source.PAGE)
    save(page)
    expect(page.get_by_role("alert")).to_contain_text(f"Somebody else set it to “{theirs}” while you were typing.")
    expect(page.get_by_role("alert")).to_contain_text("Yours: “MINE”. It is not saved yet.")


def test_case_gets_its_reference_and_is_activated_without_scripts(
    open_page: OpenPage, waiting: Case, upstream: SandboxServer
) -> None:
    page = sign_in(open_page(java_script_enabled=False))
    page.goto(f"/cases/{waiting.reference}/")
    page.get_by_role("link", name=PENCIL).click()
    expect(headline(page)).to_have_text("Collection-partner reference")
    page.get_by_label(LABEL).fill("NO SCRIPT")
    save(page)
    expect(headline(page)).to_have_text(f"Case {waiting.reference} (partner ref: NO SCRIPT)")

    page.get_by_role("link", name="Activate case").click()
    expect(page.get_by_label("Partner reference (can be blank)")).to_have_value("NO SCRIPT")
    page.get_by_label("Welcome message").fill("Welcome!")
    save(page, "Activate case")
    expect(page.get_by_text("is activated. Debitura stored the partner reference “NO SCRIPT”.")).to_be_visible()
    assert upstream.world.case(waiting.case_id).partner_reference == "NO SCRIPT"
