"""No query of a list reads the whole table, nor sorts it: told by the plans of the queries that the selectors make.

Asked of tables that are large enough for a plan to matter, at pages near and far, with every order and every filter.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from math import isqrt
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from accounts.access import Sight
from partners.models import Case, Client
from revenue.exports.columns import payment_columns
from revenue.filters import SORTS
from revenue.models import Transaction
from revenue.periods import Period
from revenue.pull import bulk
from revenue.pull import totals as kept_totals
from revenue.selectors import entries, grouped, ranked
from revenue.selectors.cases import case_of, case_payments, case_total, client_cases
from revenue.selectors.clients import movers
from revenue.selectors.entries import page_of
from revenue.selectors.totals import list_totals, stage_totals
from revenue.selectors.turns import turned_since
from revenue.stages import Stage
from tests.environment import ON_POSTGRES
from tests.factories import make_account
from tests.revenue.builders import all_time
from tests.revenue.plans import FEW, findings

pytestmark = pytest.mark.django_db

ROWS = 30_000
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
_STAGES = [*[Stage.PAID] * 14, *[Stage.PENDING] * 3, Stage.READY, Stage.CONFIRMED, Stage.AWAITING_PARTNER]
CASES = 6_000
CLIENTS = 300
# The most rows that any step of a plan may pass for one page: what few rows are gathered and sorted, and some.
MOST = 4 * FEW
Y2025 = Period(ZoneInfo("Europe/Copenhagen"), date(2025, 1, 3), date(2025, 12, 30))


@pytest.fixture(scope="module")
def account(module_db):
    """An account with rows over 1,000 days."""
    with module_db.unblock():
        account = make_account()
        _fill(account)
        kept_totals.rebuild(account)
        _refresh_statistics()
    return account


@pytest.fixture
def partner(account, monkeypatch):
    """Its totals are added up once, as they are where they are kept."""
    monkeypatch.setattr(ranked, "FEW", FEW)
    known_list, known_stages = cache(_of(list_totals)), cache(_of(stage_totals))
    for module in (entries, ranked):
        monkeypatch.setattr(module, "list_totals", lambda f: known_list(f.account, f.period, f.stages, f.client, f.q))
    monkeypatch.setattr(grouped, "stage_totals", lambda f: known_stages(f.account, f.period, (), f.client, f.q))
    return account


def _fill(account):
    clients = [Client(account=account, creditor_id=UUID(int=i), company_name=f"Client {i} A/S") for i in range(CLIENTS)]
    clients = Client.objects.bulk_create(clients)
    cases = [
        Case(
            account=account,
            case_id=UUID(int=i),
            client=clients[i % CLIENTS if i % 4 else 7],
            reference=f"REF-{i}-",
            debtor_name=f"D {i}",
        )
        for i in range(CASES)
    ]
    cases = Case.objects.bulk_create(cases)
    columns = [field.attname for field in Transaction._meta.concrete_fields if not field.primary_key]
    plain = Transaction(account=account, stage_since=FIRST, is_estimate=False, is_recognized=True)
    same = {name: getattr(plain, name) for name in columns}
    bulk.copy_rows(Transaction, columns, [[*(same | _row(cases, i)).values()] for i in range(ROWS)])


def _row(cases, i):
    """The i-th row: its values are spread evenly, and each by a step of its own, so that no two go together."""
    case = cases[i * 7919 % CASES]
    return {
        "client_id": case.client_id,
        "case_id": case.pk,
        "transaction_id": UUID(int=i << 96),
        "payment_date": FIRST + timedelta(minutes=i * 1009 % ROWS * 48),
        "stage": (_STAGES[i % 20] if i % 500 else Stage.DISPUTED).value,
        "payment_amount": Decimal(i * 4001 % ROWS),
        "fee_usd": Decimal(i * 2003 % ROWS) / 100 if i % 300 else None,
        "first_seen_at": FIRST + timedelta(hours=i * 3001 % ROWS // 100),
    }


def _refresh_statistics():
    """As autovacuum does for a table that is filled; SQLite goes without, as it does in use."""
    for model in (Transaction, Client, Case):
        bulk.refresh_statistics(model)


def _of(totals):
    def of(account, period, stages, client, q):
        return totals(all_time(account, period=period, stages=stages, client=client, q=q))

    return of


FILTERS: dict[str, dict[str, Any]] = {
    "everything": {},
    "a year": {"period": Y2025},
    "a stage": {"stages": (Stage.READY,)},
    "stages": {"stages": (Stage.READY, Stage.DISPUTED)},
    "a rare stage": {"stages": (Stage.DISPUTED,)},
    "a client": {"client": 7},
    "a client's stage in a year": {"client": 7, "stages": (Stage.READY,), "period": Y2025},
    "a case": {"q": "REF-4077-"},
    "a client's name": {"q": "client 8 "},
    "an id": {"q": "00000b12"},
}


def test_lists_neither_read_nor_sort_the_whole_table(partner):
    clients = list(Client.objects.filter(account=partner).order_by("pk"))
    wrong = []
    for name, fields in FILTERS.items():
        chosen = fields if "client" not in fields else fields | {"client": clients[fields["client"]]}
        for sort in (sign + key for key in SORTS for sign in ("", "-")):
            f = all_time(partner, sort=sort, **chosen)
            far = page_of(f).pages * 2 // 3 + 1
            for number in {1, far} if _is_counted(f) or _is_walked(f, fields) else {1}:
                asked = replace(f, page=number)
                found = findings(lambda asked=asked: page_of(asked), most=MOST + _walk(asked))
                wrong += [f"{name} by {sort}, page {number} {finding}" for finding in found]
    assert wrong == []


def _is_counted(f):
    return not f.q and f.sort.removeprefix("-") in ("payment_date", "stage", "client")


def _is_walked(f, fields):
    """Whether far pages are reached along an index: not what a filter gathers, nor what PostgreSQL may rather join whole."""
    return not fields and f.sort.removeprefix("-") != "case"


def _walk(f):
    """How many rows a page of an order without counts may pass: the bound that revenue.selectors.ranked states."""
    # SQLite has no index of parts of names and looks at every case.
    cases = 2 * CASES if f.q and not ON_POSTGRES else 0
    return cases if _is_counted(f) else cases + 2 * isqrt(f.page * f.page_size * ROWS)


def test_pages_of_clients_and_cases_neither_read_nor_sort_the_whole_table(partner):
    client = Client.objects.get(account=partner, creditor_id=UUID(int=7))
    case = case_of(Sight.of_everything(partner), "REF-4077-")
    f = all_time(partner, stages=(Stage.DISPUTED,), client=client)
    for asked in (
        lambda: client_cases(Sight.of_everything(partner), client, limit=50),
        lambda: case_payments(Sight.of_everything(partner), case, limit=200),
        lambda: case_total(Sight.of_everything(partner), case),
        lambda: f.every_stage().rows().exists(),
    ):
        assert findings(asked, most=MOST) == []


def test_what_came_into_a_stage_lately_is_found_without_a_look_at_what_stood_in_it_before(partner):
    sight = Sight.of_everything(partner)
    assert findings(lambda: turned_since(sight, Stage.PAID, FIRST - timedelta(days=1)), most=FEW, scanned=0) == []


def test_clients_that_moved_are_found_by_the_rows_of_two_months_at_most(partner):
    zone = ZoneInfo("Asia/Kathmandu")
    period = Period(zone, date(2025, 3, 1), date(2025, 3, 14))
    before = period.previous()
    assert before is not None
    assert findings(lambda: movers(all_time(partner, period=period), before, 3), most=2 * FEW) == []


@pytest.mark.postgres
def test_file_asks_for_its_first_and_last_day_without_reading_the_whole_table(partner):
    columns = payment_columns(all_time(partner))
    assert findings(lambda: [column.cell.expression(column.path) for column in columns], most=MOST) == []
