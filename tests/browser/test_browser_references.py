"""Partner references in bulk, as people do it: in a browser, which needs no script for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from partners.models import Case
from tests.browser.conftest import OpenPage, sign_in

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]


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
