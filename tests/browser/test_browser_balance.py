"""The Partner Balance as a controller uses it: show the partner's reference, search by it, and take the files along."""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Locator, Page, expect

from partners.models import Case
from tests.browser.conftest import OpenPage, sign_in
from tests.browser.test_browser_figures import cents, list_total

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

REFERENCE = "112179442 & a/b"


def downloaded(page: Page, what: Locator, folder: Path) -> Path:
    with page.expect_download() as download:
        what.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_hidden_column_is_picked_and_searched_and_every_format_opens(open_page: OpenPage, tmp_path: Path) -> None:
    case = Case.objects.exclude(transactions=None).earliest("pk")
    Case.objects.filter(pk=case.pk).update(partner_reference=REFERENCE)
    page = sign_in(open_page(accept_downloads=True))
    page.get_by_role("link", name="Balance").click()
    expect(page.get_by_role("heading", name="Partner Balance", level=1)).to_be_visible()

    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Partner reference").check()
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader", name="Partner reference")).to_be_visible()

    page.get_by_role("searchbox").fill("112179442 &")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("columnheader", name="Partner reference")).to_be_visible()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(case.transactions.filter(removed_at=None).count())
    expect(rows.first).to_contain_text(REFERENCE)
    total = list_total(page)

    page.locator("summary", has_text="Export").click()
    with downloaded(page, page.get_by_role("link", name="CSV"), tmp_path).open(
        encoding="utf-8-sig", newline=""
    ) as file:
        written = list(csv.DictReader(file))
    assert (cents(written), {row["partner_reference"] for row in written}) == (total, {REFERENCE})

    book = openpyxl.load_workbook(downloaded(page, page.get_by_role("link", name="Excel"), tmp_path))
    header, *lines = book["Payments"].iter_rows(values_only=True)
    assert {line[header.index("partner_reference")] for line in lines} == {REFERENCE}
    assert Decimal(str(book["About"]["B12"].value)) == total

    page.get_by_role("radio", name="Partner Ref").check()
    with zipfile.ZipFile(downloaded(page, page.get_by_role("button", name="ZIP"), tmp_path)) as archive:
        assert archive.namelist() == ["about.txt", "112179442 & a_b/payments.csv", "112179442 & a_b/case.txt"]
        text = archive.read("112179442 & a_b/payments.csv").decode("utf-8-sig")
    assert cents(list(csv.DictReader(io.StringIO(text, newline="")))) == total
