"""`manage.py check_totals`, as scripts see it."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from threading import Event, Thread

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.access import seen_by
from partners.models import PartnerAccount
from revenue.models import KeptTotal, Transaction
from revenue.pull import totals
from revenue.pull.lock import pull_lock
from revenue.selectors.version import data_version
from tests.factories import make_account, make_client, make_transaction, make_user
from tests.processes import PATIENCE_SECONDS
from tests.revenue.builders import MONTHS, BuiltRow, build_rows

PAID = BuiltRow(MONTHS[-1], fee_usd=Decimal("1.50"))


@pytest.fixture
def partner(db):
    account = make_account(slug="acme")
    build_rows(account, [PAID, BuiltRow(MONTHS[-1], client=1)])
    return account


def ran(*words: str) -> tuple[object, str, str]:
    """Exit code, standard output, standard error."""
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_totals", *words, stdout=out, stderr=err)
    return ended.value.code, out.getvalue(), err.getvalue()


def spoil(line: KeptTotal) -> None:
    """Another fee, by less than a cent."""
    KeptTotal.objects.filter(pk=line.pk).update(fee_usd=line.fee_usd + Decimal("0.000001"))


def test_check_totals_ends_with_0_when_all_is_right(partner):
    count = KeptTotal.objects.count()
    assert ran() == (0, f"acme: {count} lines compared, all right.\n", "")


@pytest.mark.parametrize("owner", ["all", "client"])
@pytest.mark.parametrize("grain", KeptTotal.Grain.values)
def test_check_totals_finds_and_repairs_a_wrong_line_of_every_grain(partner, grain, owner):
    lines = KeptTotal.objects.filter(grain=grain).order_by("owner" if owner == "all" else "-owner")
    spoil(lines[0])
    code, out, _ = ran("--partner", "acme")
    assert (code, len(out.splitlines())) == (1, 2)
    assert out.splitlines()[1].startswith(f"  {grain} ")
    code, out, _ = ran("--repair")
    assert (code, out.splitlines()[-1]) == (0, "acme: repaired.")
    assert ran()[0] == 0


def test_check_totals_tells_both_sides(partner):
    client = partner.clients.order_by("pk")[0]
    line = KeptTotal.objects.get(grain=KeptTotal.Grain.EVER, owner=client.pk)
    KeptTotal.objects.filter(pk=line.pk).update(rows=3, revenue_usd=Decimal(4))
    assert ran()[1].splitlines()[1] == (
        f"  ever 1970-01-01 00:00 of client {client.pk}, ready_to_invoice_debitura, firm, settled: "
        "kept 1.50 USD (revenue 4) in 3 rows, true 1.50 USD (revenue 3.00) in 1 rows"
    )


def test_check_totals_finds_what_is_missing_and_what_has_no_rows(partner):
    lines = KeptTotal.objects.filter(grain=KeptTotal.Grain.DAY)
    lines.update(stage="pending")
    wrong = totals.check(partner)
    assert [(line.stage, line.kept is None, line.true is None) for line in wrong] == [
        ("pending", False, True),
        ("ready_to_invoice_debitura", True, False),
    ]


def test_check_totals_finds_a_line_of_nothing(partner):
    KeptTotal.objects.filter(grain=KeptTotal.Grain.DAY).update(rows=0, fee_usd=0, revenue_usd=0)
    Transaction.objects.filter(account=partner).update(removed_at=MONTHS[-1])
    KeptTotal.objects.exclude(grain=KeptTotal.Grain.DAY).delete()
    assert [(line.grain, line.kept) for line in totals.check(partner)] == [
        ("day", totals.Figures(Decimal(0), Decimal(0), 0))
    ]


def test_check_totals_takes_equal_numbers_for_equal(partner):
    KeptTotal.objects.filter(fee_usd=Decimal("1.50")).update(fee_usd=Decimal("1.5000"))
    assert totals.check(partner) == []


def test_check_totals_shows_no_more_than_fifty(partner):
    build_rows(partner, [PAID, *(BuiltRow(MONTHS[2], client=None) for _ in range(2))])
    compared = KeptTotal.objects.count()
    KeptTotal.objects.all().delete()
    out = ran()[1].splitlines()
    assert (out[0], len(out), out[-1]) == (
        f"acme: 0 lines compared, {compared} wrong:",
        52,
        f"  and {compared - 50} more",
    )


def test_check_totals_leaves_other_accounts_alone(partner):
    other = make_transaction(client=make_client(make_account(slug="zeta"))).account
    spoil(other.kept_totals.all()[0])
    assert ran("--partner", "acme")[0] == 0
    assert ran("--partner", "nobody") == (1, "", "No account 'nobody'.\n")
    code, out, _ = ran()
    assert (code, [line.partition(":")[0] for line in out.splitlines()[:2]]) == (1, ["acme", "zeta"])


@pytest.mark.django_db(transaction=True)
def test_check_totals_repairs_nothing_while_a_pull_is_running():
    partner = make_transaction(client=make_client(make_account(slug="acme"))).account
    spoil(partner.kept_totals.all()[0])
    taken, over = Event(), Event()
    pull = Thread(target=_hold, args=(partner, taken, over))
    pull.start()
    assert taken.wait(PATIENCE_SECONDS)
    code, _, err = ran("--repair")
    over.set()
    pull.join(PATIENCE_SECONDS)
    assert (code, len(totals.check(partner))) == (1, 1)
    assert err == "acme: a pull is running; nothing was repaired. Try again when it has ended.\n"


def _hold(account: PartnerAccount, taken: Event, over: Event) -> None:
    try:
        with pull_lock(account):
            taken.set()
            over.wait(PATIENCE_SECONDS)
    finally:
        connection.close()


def test_repaired_figures_replace_pages_that_show_the_wrong_ones(partner):
    spoil(KeptTotal.objects.order_by("pk")[0])
    seen = seen_by(make_user())
    before = data_version(seen, "acme")
    ran("--repair")
    assert data_version(seen, "acme") != before
