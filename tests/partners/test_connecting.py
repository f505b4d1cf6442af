"""What a page may name as Debitura's address, and what two at once leave behind."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from partners.connecting import OfAnotherPartner, check_is_elsewhere, keep_key
from partners.debitura.errors import InsecureAddress
from partners.debitura.records import Me
from partners.models import PartnerAccount
from tests.factories import make_account

HERE = [
    "http://127.0.0.1:6379",
    "https://localhost",
    "http://127.8.8.8",
    "http://[::1]:8000",
    "https://LOCALHOST:5432/",
]


@pytest.mark.parametrize("base_url", HERE)
def test_page_may_not_name_this_machine(settings: Any, base_url: str) -> None:
    with pytest.raises(InsecureAddress, match=r"^The base URL leads to the machine that Feeboard runs on"):
        check_is_elsewhere(base_url)
    settings.ALLOW_PRIVATE_UPSTREAM = True
    check_is_elsewhere(base_url)


def test_page_may_name_another_machine_by_tls_only() -> None:
    check_is_elsewhere("https://referral-api.debitura.com")
    with pytest.raises(InsecureAddress, match=r"^The base URL must start with https://"):
        check_is_elsewhere("http://referral-api.debitura.com")


def me(partner_id: str) -> Me:
    """Whom a key belongs to."""
    return Me(
        id=partner_id,
        company_name="",
        short_name="",
        contact_email="",
        external_system_id="",
        fee_percentage=None,
        is_active=True,
        invoicing_trigger_mode="PayWhenPaid",
    )


@pytest.mark.django_db
def test_of_two_partners_keys_at_once_the_second_is_refused() -> None:
    """Both were read before either was kept, when the account had no partner yet."""
    account = make_account()
    first, second = (PartnerAccount.objects.get(pk=account.pk) for _ in range(2))
    with transaction.atomic():
        keep_key(first, base_url="https://one.example", key="key-of-the-first", me=me("one"))
    with pytest.raises(OfAnotherPartner, match=r"another partner \(two\)"), transaction.atomic():
        keep_key(second, base_url="https://two.example", key="key-of-the-second", me=me("two"))
    account.refresh_from_db()
    assert (account.partner_id, account.base_url, account.api_key) == ("one", "https://one.example", "key-of-the-first")


@pytest.mark.django_db
def test_key_is_kept_with_the_address_it_was_tried_at_and_nothing_else() -> None:
    account = make_account(name="Old")
    mine = PartnerAccount.objects.get(pk=account.pk)
    PartnerAccount.objects.update(name="New", base_url="https://elsewhere.example", edits=3)
    with transaction.atomic():
        assert keep_key(mine, base_url="https://one.example/", key="key-of-the-first", me=me("one")) is None
    account.refresh_from_db()
    assert (account.name, account.base_url, account.edits) == ("New", "https://one.example", 4)
    with transaction.atomic():
        assert keep_key(mine, base_url="https://one.example", key="another-key", me=me("")) == account.api_key_set_at
    account.refresh_from_db()
    assert (account.api_key, account.partner_id) == ("another-key", "one")
