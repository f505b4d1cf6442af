"""Partner references as people use them: one from the page of its case to every file, and many in bulk, without a script."""

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
from sandbox.server import SandboxServer
from tests.browser.conftest import OpenPage, sign_in
from tests.browser.test_browser_cases import headline, save, type_reference
from tests.browser.test_browser_figures import cents, list_total

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

REFERENCE = "112179442 & a/b"


def downloaded(page: Page, what: Locator, folder: Path) -> Path:
    with page.expect_download() as download:
        what.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_reference_goes_from_the_page_of_its_case_into_the_balance_and_every_file(
    open_page: OpenPage, waiting: Case, upstream: SandboxServer, tmp_path: Path
) -> None:
    page = sign_in(open_page(accept_downloads=True))
    edit_and_clear(page, waiting)
    activate(page, waiting)
    assert upstream.world.case(waiting.case_id).partner_reference == REFERENCE
    total = find_in_the_balance(page, waiting)
    open_every_file(page, tmp_path, total)


def edit_and_clear(page: Page, case: Case) -> None:
    page.goto(f"/cases/{case.reference}/")
    for text, shown in (("FIRST", " (partner ref: FIRST)"), ("SECOND", " (partner ref: SECOND)"), ("", "")):
        type_reference(page, text)
        save(page)
        expect(headline(page)).to_have_text(f"Case {case.reference}{shown}")


def activate(page: Page, case: Case) -> None:
    page.get_by_role("link", name="Activate case").click()
    page.get_by_label("Welcome message").fill("Welcome!")
    page.get_by_label("Partner reference (can be blank)").fill(f" {REFERENCE} ")
    save(page, "Activate case")
    expect(page.get_by_text(f"is activated. Debitura stored the partner reference “{REFERENCE}”.")).to_be_visible()
    expect(headline(page)).to_have_text(f"Case {case.reference} (partner ref: {REFERENCE})")


def find_in_the_balance(page: Page, case: Case) -> Decimal:
    """Show the hidden column, search by part of the reference, and read the total (USD)."""
    page.get_by_role("link", name="Balance").click()
    expect(headline(page)).to_have_text("Partner Balance")
    column = page.get_by_role("columnheader", name="Partner reference")
    expect(column).to_have_count(0)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Partner reference").check()
    page.get_by_role("button", name="Show these").click()
    expect(column).to_be_visible()
    page.get_by_role("searchbox").fill("112179442 &")
    page.get_by_role("button", name="Apply").click()
    expect(column).to_be_visible()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(case.transactions.filter(removed_at=None).count())
    expect(rows.first).to_contain_text(REFERENCE)
    return list_total(page)


def open_every_file(page: Page, folder: Path, total: Decimal) -> None:
    """The three formats hold the rows of the page, each with the reference."""
    page.locator("summary", has_text="Export").click()
    text = downloaded(page, page.get_by_role("link", name="CSV"), folder).read_bytes()
    assert_holds_the_payments(text, total)

    book = openpyxl.load_workbook(downloaded(page, page.get_by_role("link", name="Excel"), folder))
    header, *lines = book["Payments"].iter_rows(values_only=True)
    assert {line[header.index("partner_reference")] for line in lines} == {REFERENCE}
    assert Decimal(str(book["About"]["B12"].value)) == total

    page.get_by_role("radio", name="Partner Ref").check()
    with zipfile.ZipFile(downloaded(page, page.get_by_role("button", name="ZIP"), folder)) as archive:
        assert archive.namelist() == ["about.txt", "112179442 & a_b/payments.csv", "112179442 & a_b/case.txt"]
        assert_holds_the_payments(archive.read("112179442 & a_b/payments.csv"), total)


def assert_holds_the_payments(text: bytes, total: Decimal) -> None:
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    assert (cents(rows), {row["partner_reference"] for row in rows}) == (total, {REFERENCE})


def look_through(page: Page) -> None:
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("heading", name="What the file would change", level=1)).to_be_visible()


def references() -> dict[str, str]:
    return dict(Case.objects.exclude(reference="").values_list("reference", "partner_reference"))


def test_pasted_lines_are_seen_applied_and_found_in_the_file_that_goes_back(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = sign_in(open_page(java_script_enabled=False, accept_downloads=True))
    first, second = list(references())[:2]
    page.goto("/references/")
    page.get_by_label("Paste lines").fill(f'{first},"=1+1, \n<b>two lines</b>"\n{second},\' 🧾\nunknown,x\n')
    look_through(page)
    expect(page.get_by_role("region", name="Table of the lines that cannot be used")).to_contain_text("“unknown”")
    assert set(references().values()) == {""}
    page.get_by_role("button", name="Apply 2 changes").click()
    expect(page.get_by_text("2 references changed.")).to_be_visible()
    applied = references()
    assert (applied[first], applied[second]) == ("=1+1, \n<b>two lines</b>", "' 🧾")

    page.goto("/references/")
    with page.expect_download() as download:
        page.get_by_role("link", name="All references as CSV").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.get_by_label("Or choose a file").set_input_files(file)
    look_through(page)
    expect(page.get_by_text("Every case has the reference that the file gives it.")).to_be_visible()
    Case.objects.update(partner_reference="")
    page.goto("/references/")
    page.get_by_label("Or choose a file").set_input_files(file)
    look_through(page)
    page.get_by_role("button", name="Apply 2 changes").click()
    expect(page.get_by_text("2 references changed.")).to_be_visible()
    assert references() == applied
