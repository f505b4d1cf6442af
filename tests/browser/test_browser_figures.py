"""One figure, followed through every face of the site."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import ApiToken, User
from partners.models import Client
from revenue.models import Transaction
from tests.browser.conftest import OpenPage, sign_in

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

STAGE = "ready_to_invoice_debitura"


def shown_amount(text: str) -> Decimal:
    """A figure as people read it, as a number."""
    words = text.split("(estimate")[0].replace("≈", "").replace("−", "-").replace(",", "")
    return Decimal(words.strip().split()[-1])


def card_amount(page: Page, stage: str) -> Decimal:
    return shown_amount(page.locator(f"article[data-stage={stage}] [data-figure=fee]").inner_text())


def list_total(page: Page) -> Decimal:
    """The total of "1–50 of 1,284 · total 48,210.35 USD, of which ≈ …"."""
    line = page.locator("[data-figure=list-total]").first.inner_text()
    return shown_amount(line.split("total")[1].split("USD")[0])


def downloaded_rows(page: Page, folder: Path) -> list[dict[str, str]]:
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def cents(rows: list[dict[str, str]]) -> Decimal:
    return sum((Decimal(row["fee_usd"] or "0") for row in rows), Decimal(0)).quantize(Decimal("0.01"))


def api_stage(page: Page, stage: str, query: str = "") -> Decimal:
    token = ApiToken.issue(User.objects.get())
    answer = page.request.get(f"/api/v1/summary{query}", headers={"Authorization": f"Bearer {token}"})
    return Decimal(next(one["fee_usd"] for one in answer.json()["stages"] if one["stage"] == stage))


def test_a_figure_is_the_same_on_card_list_export_and_api(open_page: OpenPage, tmp_path: Path) -> None:
    page = sign_in(open_page(timezone_id="Europe/Copenhagen", accept_downloads=True))
    expect(page.get_by_text("Agrees with Debitura").first).to_be_visible()
    figure = card_amount(page, STAGE)
    assert figure == api_stage(page, STAGE)

    page.locator(f"article[data-stage={STAGE}]").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Transactions", level=1)).to_be_visible()
    assert list_total(page) == figure
    assert cents(downloaded_rows(page, tmp_path)) == figure

    page.get_by_role("link", name="Fee (USD)").click()
    assert list_total(page) == figure
    first_fees = [shown_amount(cell) for cell in page.locator("tbody tr td:last-child").all_inner_texts()[:5]]
    assert first_fees in (sorted(first_fees), sorted(first_fees, reverse=True))


def test_filters_narrow_list_and_export_alike(open_page: OpenPage, tmp_path: Path) -> None:
    page = sign_in(open_page(accept_downloads=True))
    client = Client.objects.exclude(transactions=None).earliest("pk")
    page.goto("/transactions/")
    page.get_by_role("combobox", name="Client").select_option(str(client.creditor_id))
    page.get_by_role("button", name="Apply").click()
    rows = downloaded_rows(page, tmp_path)
    assert {row["creditor_id"] for row in rows} == {str(client.creditor_id)}
    assert len(rows) == Transaction.objects.filter(client=client, removed_at=None).count()
    assert list_total(page) == cents(rows)


def test_a_month_is_the_month_of_the_chosen_zone(open_page: OpenPage) -> None:
    page = sign_in(open_page())
    for zone in ("Asia/Kathmandu", "America/New_York", "UTC"):
        page.goto(f"/?from=2025-12-01&to=2025-12-31&tz={zone}")
        overview = card_amount(page, "paid")
        page.goto(f"/transactions/?from=2025-12-01&to=2025-12-31&tz={zone}&stage=paid")
        assert list_total(page) == overview
        assert overview == api_stage(page, "paid", f"?from=2025-12-01&to=2025-12-31&tz={zone}")
        assert f"1–31 Dec 2025, {zone}" in page.locator("main").inner_text()


def test_the_browsers_zone_is_the_first_guess_and_the_profile_changes_it(open_page: OpenPage) -> None:
    page = sign_in(open_page(timezone_id="Asia/Kathmandu"))
    # Browsers still use the older of its two names.
    assert User.objects.get().time_zone in ("Asia/Kathmandu", "Asia/Katmandu")
    page.goto("/profile/")
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save").click()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert "America/New_York" in page.locator("main").inner_text()


def test_the_site_works_without_scripts(open_page: OpenPage) -> None:
    page = sign_in(open_page(java_script_enabled=False))
    figure = card_amount(page, STAGE)
    page.goto("/transactions/")
    page.locator(f"input[name=stage][value={STAGE}]").check()
    page.get_by_role("button", name="Apply").click()
    assert list_total(page) == figure


def test_chosen_columns_are_remembered(open_page: OpenPage) -> None:
    page = sign_in(open_page())
    page.goto("/transactions/")
    assert page.get_by_role("columnheader", name="Partner reference").count() == 0
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Partner reference").check()
    page.locator("form[action*=columns]").get_by_role("button").first.click()
    page.goto("/transactions/")
    expect(page.get_by_role("columnheader", name="Partner reference")).to_be_visible()
