from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from revenue.models import PullRun
from revenue.stages import STAGES, TEXTS, Stage
from tests.factories import NOW, make_account, make_case, make_client, make_run, make_transaction
from tests.revenue.views.reading import card, links, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account, as_of=timezone.now() - timedelta(minutes=3))
    return account


def test_overview_shows_every_stage_in_the_one_order(signed_in, account):
    html = signed_in.get("/").content.decode()
    places = [html.index(f'data-stage="{stage.value}"') for stage in (*STAGES, Stage.OUTSIDE)]
    assert places == sorted(places)


def test_card_tells_firm_from_estimated_money(signed_in, account):
    make_transaction(account, stage=Stage.READY, fee_usd=Decimal("31200"))
    make_transaction(account, stage=Stage.READY, fee_usd=Decimal("4900"), is_estimate=True)
    text = card(signed_in.get("/"), "ready_to_invoice_debitura")
    assert TEXTS[Stage.READY].label in text
    assert TEXTS[Stage.READY].meaning in text
    assert "≈ 36,100.00 (estimate: exchange rate not locked; may change)" in text
    assert "31,200.00 firm + ≈ 4,900.00" in text
    assert "2 payments, 1 estimated" in text


def test_card_leads_to_the_list_behind_it(signed_in, account):
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal("12.34"), payment_date=datetime(2026, 3, 5, tzinfo=UTC))
    overview = signed_in.get("/", {"from": "2026-03-01", "to": "2026-03-31"})
    address = next(link for link in links(overview) if link.endswith("stage=paid"))
    assert address == "/transactions/?from=2026-03-01&to=2026-03-31&stage=paid"
    assert "1–1 of 1 · total 12.34 USD" in words(signed_in.get(address))


def test_stage_in_the_address_of_the_overview_leaves_every_card_as_it_is(signed_in, account):
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal("12.34"))
    response = signed_in.get("/", {"stage": "pending"})
    assert "12.34" in card(response, "paid")
    assert "Clear all" not in words(response)


def test_disputed_and_outside_are_no_part_of_what_is_expected(signed_in, account):
    for stage in (Stage.READY, Stage.PAID, Stage.DISPUTED, Stage.OUTSIDE):
        make_transaction(account, stage=stage, fee_usd=Decimal(100), is_estimate=False)
    text = words(signed_in.get("/"))
    assert "Expected: pending to awaiting Debitura 100.00" in text
    assert "All stages 300.00 3 payments" in text


def test_what_is_outside_every_stage_is_in_no_total(signed_in, account):
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal(100))
    make_transaction(account, stage=Stage.OUTSIDE, fee_usd=Decimal(7), is_estimate=False)
    response = signed_in.get("/")
    text = words(response)
    assert "All stages 100.00 1 payment" in text
    assert "7.00" in card(response, "outside_every_stage")
    label = TEXTS[Stage.OUTSIDE].label
    assert f"Month {TEXTS[Stage.PAID].label} Payments Total {label} in no total Mar 2026 100.00 1 100.00 7.00" in text
    assert "Total 100.00 100.00 7.00" in text


def test_months_without_anything_outside_have_no_column_for_it(signed_in, account):
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal(100))
    assert "Month Paid Payments Total Mar 2026 100.00 1 100.00 Total 100.00 100.00" in words(signed_in.get("/"))


def test_all_stages_tell_firm_from_estimated_money(signed_in, account):
    make_transaction(account, stage=Stage.PAID, fee_usd=Decimal("31200"), is_estimate=False)
    make_transaction(account, stage=Stage.PENDING, fee_usd=Decimal("4900"), is_estimate=True)
    make_transaction(account, stage=Stage.OUTSIDE, fee_usd=Decimal(7), is_estimate=True)
    reason = "(estimate: exchange rate not locked; may change)"
    assert f"All stages ≈ 36,100.00 {reason} 31,200.00 firm + ≈ 4,900.00 {reason}" in words(signed_in.get("/"))


def test_debituras_own_revenue_says_over_what_it_is(signed_in, account):
    make_transaction(account, stage=Stage.PAID, revenue_usd=Decimal(60))
    make_transaction(account, stage=Stage.OUTSIDE, revenue_usd=Decimal(5), is_estimate=False)
    assert "Debitura's own revenue 65.00 on 2 payments; your fee is a share of it" in words(signed_in.get("/"))


def test_change_names_the_period_it_is_compared_with(signed_in, account):
    for day, fee in ((datetime(2026, 1, 5, tzinfo=UTC), 1), (datetime(2026, 2, 5, tzinfo=UTC), 200)):
        make_transaction(account, payment_date=day, fee_usd=Decimal(fee))
    make_transaction(account, payment_date=datetime(2026, 3, 5, tzinfo=UTC), fee_usd=Decimal(150))
    text = card(signed_in.get("/", {"from": "2026-03-01", "to": "2026-03-14"}), "ready_to_invoice_debitura")
    assert "↓ 50.00 less (25 %) than 1–14 Feb 2026" in text


def test_change_is_not_told_where_the_base_is_older_than_our_rows(signed_in, account):
    make_transaction(account, payment_date=datetime(2026, 2, 5, tzinfo=UTC), fee_usd=Decimal(200))
    make_transaction(account, payment_date=datetime(2026, 3, 5, tzinfo=UTC), fee_usd=Decimal(150))
    text = card(signed_in.get("/", {"from": "2026-03-01", "to": "2026-03-14"}), "ready_to_invoice_debitura")
    assert "Feb" not in text


def test_months_stand_in_a_table_that_adds_up(signed_in, account):
    make_transaction(
        account, stage=Stage.PAID, payment_date=datetime(2026, 2, 28, 23, 30, tzinfo=UTC), fee_usd=Decimal(10)
    )
    make_transaction(account, stage=Stage.PENDING, payment_date=datetime(2026, 3, 9, tzinfo=UTC), fee_usd=Decimal(5))
    text = words(signed_in.get("/"))
    # Half past eleven in the evening of 28 February, UTC, is March in Copenhagen.
    assert "Mar 2026 ≈ 5.00 (estimate: exchange rate not locked; may change) 10.00 2 10.00 + ≈ 5.00" in text
    assert "Feb 2026" not in text


def test_month_leads_to_its_payments_within_the_period(signed_in, account):
    make_transaction(account, payment_date=datetime(2026, 3, 9, tzinfo=UTC))
    found = links(signed_in.get("/", {"from": "2026-03-05"}))
    assert "/transactions/?from=2026-03-05&to=2026-03-31" in found


def test_top_clients_stand_with_the_largest_first(signed_in, account):
    for name, fee in (("Small", 1), ("Large", 900), ("<b>Middle</b>", 30)):
        make_transaction(account, client=make_client(account, company_name=name), fee_usd=Decimal(fee))
    html = signed_in.get("/").content.decode()
    places = [html.index(f">{name}</bdi>") for name in ("Large", "&lt;b&gt;Middle&lt;/b&gt;", "Small")]
    assert places == sorted(places)


def test_portfolio_is_a_dash_where_debitura_does_not_say(signed_in):
    portfolio = {"total_clients": 1284, "attributed_clients": None, "onboarding_complete": 1, "onboarding_pending": 2}
    make_run(make_account(), portfolio={**portfolio, "total_cases": 3})
    assert "Clients 1,284 Attributed — Onboarding complete 1 Onboarding pending 2 Cases 3" in words(signed_in.get("/"))


def test_badge_says_that_the_copy_agrees(signed_in, account):
    assert "Agrees with Debitura, " in words(signed_in.get("/"))


def test_badge_says_that_the_copy_does_not_agree(signed_in):
    line = {"stage": "paid", "ours_usd": "1.00", "theirs_usd": "2.00", "ours_count": 1, "theirs_count": 1}
    run = make_run(make_account(), status=PullRun.Status.DIFFERS, ties_out=False, differences=[line])
    response = signed_in.get("/")
    assert "Does not agree with Debitura: see where" in words(response)
    assert f"/pulls/{run.pk}/" in links(response)


def test_badge_says_that_debitura_gave_no_summary(signed_in):
    line = {"stage": "paid", "ours_usd": "1.00", "theirs_usd": None, "ours_count": 1, "theirs_count": None}
    make_run(make_account(), status=PullRun.Status.DIFFERS, ties_out=False, differences=[line] * len(STAGES))
    response = signed_in.get("/")
    assert "Debitura gave no summary: not proven" in words(response)
    assert "Does not agree" not in words(response)
    assert 'class="badge badge--warn"' in response.content.decode()


FAILED = {"status": PullRun.Status.FAILED, "as_of": None, "ties_out": None}


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([], "No pull has run yet"),
        ([{"status": PullRun.Status.RUNNING, "pages_done": 3, "pages_total": 12}], "3 of 12 pages are read."),
        ([{**FAILED, "error_kind": "unreachable"}], "Debitura is not answering, and no pull has succeeded yet"),
        ([{**FAILED, "error_kind": "unauthorized"}], "Debitura rejects the API key: there are no figures to show."),
    ],
)
def test_page_without_figures_says_why_and_shows_none(signed_in, runs, sentence):
    account = make_account(slug="acme")
    for run in runs:
        now = timezone.now()
        make_run(account, **{"as_of": None, "ties_out": None, "started_at": now, "heartbeat_at": now, **run})
    for address in ("/", "/transactions/", "/clients/"):
        response = signed_in.get(address)
        assert sentence in words(response)
        assert "0.00" not in words(response)


def test_last_good_figures_stay_while_debitura_does_not_answer(signed_in, account):
    make_transaction(account, fee_usd=Decimal("12.34"), is_estimate=False)
    now = timezone.now()
    make_run(account, **FAILED, error_kind="unreachable", started_at=now, heartbeat_at=now)
    text = words(signed_in.get("/"))
    assert "Debitura is not answering; these are the last good figures." in text
    assert "3 min ago" in text
    assert "12.34" in text


def test_overview_without_an_account_says_how_to_connect_one(signed_in):
    assert "connect_partner" in words(signed_in.get("/"))


def test_unknown_account_is_not_found(signed_in, account):
    assert signed_in.get("/", {"partner": "nobody"}).status_code == 404


def test_accounts_are_switched_by_links_and_kept_in_every_other(signed_in, account):
    other = make_account(slug="zeta", name="Zeta")
    make_run(other, as_of=NOW)
    make_transaction(other, client=make_client(other, company_name="Only at Zeta"))
    assert "Only at Zeta" not in words(signed_in.get("/"))
    response = signed_in.get("/", {"partner": "zeta"})
    assert "Only at Zeta" in words(response)
    elsewhere = {link for link in links(response) if link.startswith("/") and "partner=zeta" not in link}
    assert elsewhere == {
        "/?partner=acme",
        "/profile/",
        "/profile/password/",
        "/profile/security/",
        "/profile/sessions/",
        "/profile/tokens/",
        "/api/v1/docs/",
    }


def test_links_on_the_page_of_a_later_account_lead_to_it_whatever_its_name(signed_in, account):
    other = make_account(slug="aaa", created_at=NOW)
    make_run(other)
    response = signed_in.get("/", {"partner": "aaa"})
    elsewhere = {link for link in links(response) if link.startswith("/") and "partner=aaa" not in link}
    assert elsewhere == {
        "/?partner=acme",
        "/profile/",
        "/profile/password/",
        "/profile/security/",
        "/profile/sessions/",
        "/profile/tokens/",
        "/api/v1/docs/",
    }


@pytest.mark.parametrize("rows", [1, 3])
def test_overview_asks_the_database_equally_often_for_any_number_of_rows(
    signed_in, account, rows, django_assert_num_queries
):
    for month in range(1, rows + 1):
        client = make_client(account)
        make_transaction(account, case=make_case(client), payment_date=datetime(2026, month, 5, tzinfo=UTC))
    with django_assert_num_queries(7):
        assert signed_in.get("/").status_code == 200
