"""Answers from kept totals against plain sums over the rows, in every zone and for every instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accounts.access import Sight
from partners.models import Client
from revenue.models import KeptTotal
from revenue.periods import Period, add_months, local_today, start_of_day
from revenue.pull.totals_sql import CUTS
from revenue.selectors import kept
from revenue.selectors.clients import TopClient, client_rows, top_clients
from revenue.selectors.totals import has_rows_before, list_totals, stage_totals
from revenue.selectors.trends import EVERY_STAGE, Fee, trend
from revenue.stages import Stage
from tests.factories import make_account, make_client, make_transaction
from tests.revenue.builders import BuiltRow, all_time, build_rows, built_rows, instants

pytestmark = pytest.mark.django_db
PROPERTY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

ODD_ZONES = (
    "Africa/Monrovia",  # -0:44:30 until 1972
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Manila",  # 15:56 behind UTC in the nineteenth century, a day from it in its calendar
    "Australia/Eucla",
    "Europe/Amsterdam",  # local mean time in 1905
    "Europe/Copenhagen",
    "Pacific/Apia",  # a day that there was not
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
)
ZONE_NAMES = sorted(available_timezones() - {"localtime", "Factory"})
ZONES = (st.sampled_from(ODD_ZONES) | st.sampled_from(ZONE_NAMES)).map(ZoneInfo)
STAGES = st.sampled_from([(), (), (Stage.READY,), (Stage.PENDING, Stage.OUTSIDE)])


@st.composite
def periods(draw: st.DrawFn) -> Period:
    """Local days around those on which rows are paid, open on either side or on both at times."""
    zone = draw(ZONES)
    day = instants().map(lambda moment: local_today(zone, moment))
    first, last = draw(st.none() | day), draw(st.none() | day)
    if first is not None and last is not None:
        first, last = min(first, last), max(first, last)
    return Period(zone, first, last)


def fee(rows: Iterable[BuiltRow]) -> Decimal:
    return sum((row.fee_usd for row in rows if row.fee_usd is not None), Decimal(0))


def counted(
    rows: Iterable[BuiltRow],
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    stages: tuple[Stage, ...] = (),
    client: int | None = None,
) -> list[BuiltRow]:
    """The rows that match, by the plain meaning of the words."""
    return [
        row
        for row in rows
        if not row.is_removed
        and (start is None or start <= row.paid)
        and (end is None or row.paid < end)
        and (not stages or row.stage in stages)
        and (client is None or row.client == client)
    ]


def by(rows: Iterable[BuiltRow], key: Callable[[BuiltRow], Any]) -> dict[Any, list[BuiltRow]]:
    groups: dict[Any, list[BuiltRow]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


@PROPERTY
@given(rows=built_rows(), period=periods(), stages=STAGES, client=st.sampled_from([None, None, 0, 1]))
def test_totals_and_months_and_clients_of_any_period_are_sums_over_its_rows(
    db, rows: list[BuiltRow], period: Period, stages: tuple[Stage, ...], client: int | None
):
    account = make_account()
    build_rows(account, rows)
    clients = list(account.clients.order_by("pk")) or [make_client(account), make_client(account)]
    f = all_time(account, period=period, stages=stages, client=None if client is None else clients[client])
    within = counted(rows, start=period.start, end=period.end, client=client)
    matching = counted(within, stages=stages)

    totals, every_stage = stage_totals(f), by(within, lambda row: row.stage)
    for stage in EVERY_STAGE:
        estimates = [row for row in every_stage[stage] if row.is_estimate]
        total = totals.of(stage)
        assert (total.fee_usd, total.count) == (fee(every_stage[stage]), len(every_stage[stage]))
        assert (total.estimate_fee_usd, total.estimate_count) == (fee(estimates), len(estimates))
    assert totals.total_debitura_revenue_usd == 2 * fee(within)
    listed = list_totals(f)
    assert (listed.fee_usd, listed.count) == (fee(matching), len(matching))

    found = trend(f)
    assert found.totals.everything == listed
    assert {
        row.first: row.fees for row in found.months if row.count or any(total.fee for total in row.fees.values())
    } == _months(matching, period.zone)

    owners = by(matching, lambda row: None if row.client is None else clients[row.client].creditor_id)
    assert {top.creditor_id: top for top in top_clients(f)} == {
        owner: _top(owner, owned, [row for row in owned if row.is_estimate]) for owner, owned in owners.items()
    }


def _top(owner: UUID | None, rows: list[BuiltRow], estimates: list[BuiltRow]) -> TopClient:
    return TopClient(
        creditor_id=owner,
        name="" if owner is None else Client.objects.get(creditor_id=owner).company_name,
        fee_usd=fee(rows),
        count=len(rows),
        estimate_fee_usd=fee(estimates),
        estimate_count=len(estimates),
    )


def _months(rows: list[BuiltRow], zone: ZoneInfo) -> dict[date, Any]:
    """As `trend` tells their fees, less those in which nothing shows."""
    found = {}
    for first, paid in by(rows, lambda row: _local_month(row.paid, zone)).items():
        staged = by(paid, lambda row: row.stage)
        fees = {
            stage: Fee(fee(staged[stage]), fee(row for row in staged[stage] if row.is_estimate))
            for stage in EVERY_STAGE
        }
        if any(total.fee for total in fees.values()) or any(row.stage is not Stage.OUTSIDE for row in paid):
            found[first] = fees
    return found


def _local_month(moment: datetime, zone: ZoneInfo) -> date:
    """The month that begins, by its first instant, no later than `moment`, and the next one after it."""
    day = local_today(zone, moment).replace(day=1)
    starts = [add_months(day, step) for step in (-1, 0, 1)]
    return max(first for first in starts if start_of_day(first, zone) <= moment)


@PROPERTY
@given(rows=built_rows(), moments=st.lists(st.none() | instants(), min_size=2, max_size=6), client=st.booleans())
def test_sums_between_any_two_instants_are_sums_over_the_rows(
    db, rows: list[BuiltRow], moments: list[datetime | None], client: bool
):
    account = make_account()
    build_rows(account, rows)
    assume(account.clients.exists() or not client)
    f = all_time(account, client=account.clients.order_by("pk")[0] if client else None)
    stretches = [(lo, hi) for lo, hi in pairwise(moments) if lo is None or hi is None or lo < hi]
    for (start, end), found in zip(stretches, kept.sums(f, stretches), strict=True):
        matching = counted(rows, start=start, end=end, client=0 if client else None)
        assert {key: (total.fee_usd, total.revenue_usd, total.rows) for key, total in found.items()} == {
            key: (fee(group), 2 * fee(group), len(group))
            for key, group in by(matching, lambda row: (row.stage, row.is_estimate)).items()
        }


@PROPERTY
@given(rows=built_rows(), moment=instants(), client=st.booleans())
def test_rows_before_an_instant_are_known(db, rows: list[BuiltRow], moment: datetime, client: bool):
    account = make_account()
    build_rows(account, rows)
    assume(account.clients.exists() or not client)
    f = all_time(account, client=account.clients.order_by("pk")[0] if client else None)
    assert has_rows_before(f, moment) == bool(counted(rows, end=moment, client=0 if client else None))


def test_row_at_the_beginning_of_a_month_is_not_before_it():
    partner, march = make_account(), datetime(2026, 3, 1, tzinfo=UTC)
    make_transaction(partner, payment_date=march)
    assert not has_rows_before(all_time(partner), march)
    assert has_rows_before(all_time(partner), march + timedelta(microseconds=1))


def test_sums_of_no_stretch_and_of_empty_ones_are_nothing():
    f, march = all_time(make_transaction().account), datetime(2026, 3, 1, tzinfo=UTC)
    assert (kept.sums(f, []), kept.sums(f, [(march, march)])) == ([], [{}])


@settings(PROPERTY, max_examples=10)
@given(rows=built_rows(), period=periods())
def test_search_that_every_row_matches_finds_what_is_kept(db, rows: list[BuiltRow], period: Period):
    """A search adds up the rows themselves: another way to the same figures."""
    account = make_account()
    build_rows(account, [row for row in rows if row.client is not None])
    plain, searched = (all_time(account, period=period, q=q) for q in ("", "Client"))
    assert trend(plain) == trend(searched)
    assert stage_totals(plain) == stage_totals(searched)
    assert top_clients(plain) == top_clients(searched)


def test_months_of_every_zone_begin_at_a_kept_edge():
    """From 1980 on: before that, some zone's clocks were off by other parts of an hour, and rows answer for the rest."""
    months_of_60_years = [date(year, month, 1) for year in range(1980, 2040) for month in range(1, 13)]
    distances = {
        start_of_day(first, ZoneInfo(name)) - datetime(first.year, first.month, 1, tzinfo=UTC)
        for name in ZONE_NAMES
        for first in months_of_60_years
    }
    kept_distances = {cut * kept.QUARTER for cut in (0, *CUTS)}
    assert distances - kept_distances == set()


@pytest.mark.parametrize(
    ("stretch", "sources"),
    [
        ((None, None), {"ever"}),
        ((datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)), {"edge", "month"}),
        ((datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)), {"day"}),
        ((datetime(2026, 3, 5, 23, tzinfo=UTC), None), {"day", "month", "rows"}),
        ((datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)), {"month", "rows"}),
    ],
)
def test_parts_are_the_fewest_kept_ones(stretch, sources):
    assert {part.source for part in kept.parts_of(stretch)} == sources


@given(instants(), instants())
def test_parts_look_at_no_more_than_a_day_of_rows(one, other):
    assume(one != other)
    parts = kept.parts_of((min(one, other), max(one, other)))
    assert sum((part.hi - part.lo for part in parts if part.source == "rows"), timedelta()) <= timedelta(days=1)


@given(instants(), instants())
def test_parts_of_a_client_look_at_no_more_than_a_month_of_rows(one, other):
    assume(one != other)
    parts = kept.parts_of((min(one, other), max(one, other)), is_fine=False)
    assert {part.source for part in parts} <= {"month", "rows"}
    assert sum((part.hi - part.lo for part in parts if part.source == "rows"), timedelta()) <= timedelta(days=31)


def test_answers_of_all_time_read_no_rows(django_assert_num_queries):
    """Whatever their number: what is not kept here is nowhere else."""
    partner = make_account()
    make_transaction(partner, payment_date=datetime(2026, 3, 31, 23, tzinfo=UTC))
    with django_assert_num_queries(5) as queries:
        for zone in ("Asia/Kathmandu", "Europe/Copenhagen"):
            trend(all_time(partner, period=Period(ZoneInfo(zone))))
        stage_totals(all_time(partner))
    assert {"revenue_transaction" in query["sql"] for query in queries} == {False}


def test_clients_are_sorted_by_what_is_kept():
    partner = make_account()
    one, other = make_client(partner), make_client(partner)
    make_transaction(client=one)
    make_transaction(client=other)
    KeptTotal.objects.filter(owner=other.pk).update(fee_usd=Decimal("30.0000001"))
    assert [row.client for row in client_rows(Sight.of_everything(partner), sort="-fee").rows] == [other, one]
