"""Files of as good as everything, keys and settings: nobody takes or changes them at a screen that was left alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser
from django.utils.http import urlencode

from accounts.models import AuditEvent, Role
from partners.models import Client, PartnerAccount
from tests.factories import make_account, make_case, make_client, make_member, make_transaction, sign_in_now

pytestmark = pytest.mark.django_db
FILES = ["/transactions/export.csv", "/transactions/export.xlsx", "/transactions/export.zip"]


@pytest.fixture
def account() -> PartnerAccount:
    account = make_account()
    make_transaction(case=make_case(make_client(account, company_name="Adams A/S"), reference="Q1"))
    return account


@pytest.fixture
def left_alone(account: PartnerAccount) -> Browser:
    """A browser whose person has proven nothing for a while."""
    browser = Browser()
    browser.force_login(make_member(account, Role.FINANCE))
    return browser


def got(answer: Any) -> str:
    """Where an answer leads; "" for a file, which is read to its end."""
    if answer.status_code == 302:
        return str(answer["Location"])
    assert (answer.status_code, len(b"".join(answer.streaming_content)) > 0) == (200, True)
    return ""


@pytest.mark.parametrize(
    "query",
    [
        *(
            "",
            "?from=1900-01-01",
            "?to=2200-12-31",
            "?from=2026-01-01&to=2027-01-02",
            "?period=year_to_date&from=2020-01-01",
        ),
        *("?stage=ready_to_invoice_debitura", "?q=a", "?q=Q1", "?sort=fee"),
    ],
)
def test_file_that_may_leave_next_to_nothing_out_asks_who_it_is_for(left_alone: Browser, query: str) -> None:
    for file in FILES:
        address = f"{file}{query}"
        assert got(left_alone.get(address)) == f"/sign-in/again/?{urlencode({'next': address})}"
    assert AuditEvent.objects.filter(action="exported").count() == 0


@pytest.mark.parametrize("query", ["?from=2026-01-01&to=2027-01-01", "?period=this_month", "?client={client}"])
def test_file_of_a_part_is_there_at_once(left_alone: Browser, query: str) -> None:
    query = query.format(client=Client.objects.get().creditor_id)
    assert [got(left_alone.get(f"{file}{query}")) for file in FILES] == [""] * 3


@pytest.mark.parametrize("address", ["/clients/export.csv", "/clients/export.csv?q=a", "/references/export.csv"])
def test_other_files_of_everything_ask_as_well(left_alone: Browser, address: str) -> None:
    assert got(left_alone.get(address)) == f"/sign-in/again/?{urlencode({'next': address})}"


def test_who_has_proven_it_lately_is_not_asked(account: PartnerAccount) -> None:
    browser = Browser()
    sign_in_now(browser, make_member(account, Role.FINANCE))
    assert [got(browser.get(file)) for file in (*FILES, "/clients/export.csv", "/references/export.csv")] == [""] * 5


@pytest.mark.parametrize("page", ["/settings/", "/settings/keys/", "/settings/audit/export.csv"])
def test_admin_is_asked_before_settings_keys_and_the_trail(account: PartnerAccount, page: str) -> None:
    browser = Browser()
    browser.force_login(make_member(account, Role.ADMIN))
    again = f"/sign-in/again/?{urlencode({'next': page})}"
    assert browser.get(page)["Location"] == again
    if not page.endswith(".csv"):
        assert browser.post(page, {"name": "Taken", "which": "webhook", "webhook-key": "whsec_x"})["Location"] == again
    account.refresh_from_db()
    assert (account.name == "Taken", account.sealed_webhook_secret) == (False, "")
