"""What each board says: at most seven figures, as exact sums. Built from the selectors of revenue; nothing is added up here but
what they answer.

A screen asks on nobody's behalf, for all figures of its account; what it may show of them walls.privacy decides next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from accounts.access import Sight
from partners.fields import add_exactly
from partners.models import PartnerAccount
from revenue.filters import RevenueFilter
from revenue.models import PullRun
from revenue.periods import ONE_DAY, Period, local_today, resolve, start_of_day
from revenue.selectors import kept
from revenue.selectors.clients import movers, onboarding
from revenue.selectors.proof import proof_of
from revenue.selectors.pulls import Freshness
from revenue.selectors.totals import ListTotal, Totals, add_totals, add_up, firm_and_estimated
from revenue.selectors.trends import Fee, MonthRow, Trend, trend
from revenue.selectors.turns import turned_since
from revenue.stages import PIPELINE, STAGES, TEXTS, Stage
from walls.models import BoardKey

MOST_FIGURES = 7
MOVERS = 3
# Days since the debtor paid, which is when the waiting began.
AGES = (30, 90)
UNNAMED = "Without a client"

Counted = Literal["clients", "payments", "pulls"]


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum and the part of it that is estimated; of USD, or of an index in which a month is 100."""

    value: Decimal
    estimate: Decimal = Decimal(0)
    is_index: bool = False

    @classmethod
    def of(cls, fee: Fee) -> Amount:
        return cls(fee.fee, fee.estimate)


@dataclass(frozen=True, slots=True)
class Count:
    """A number of something; `of` decides who may see it."""

    value: int
    of: Counted


@dataclass(frozen=True, slots=True)
class Since:
    """What an amount is compared with: the same of an earlier time, which `days` says."""

    amount: Amount
    days: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of a board. What it shows is its amount, its count or its words; none of them: it is not known.

    name: whose it is, the name of a client; None where it is nobody's. stage: where it has the colour and icon of one.
    since: what to compare the amount with; is_change: the figure is the difference to it rather than the amount.
    """

    label: str
    name: str | None = None
    stage: Stage | None = None
    amount: Amount | None = None
    count: Count | None = None
    words: str = ""
    look: str = ""
    note: str = ""
    since: Since | None = None
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """period, against: what its figures are of and what they are compared with, where that is the same for all of them."""

    key: BoardKey
    title: str
    figures: tuple[Figure, ...]
    period: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """What an index takes for 100: the fees of the last full month that has any, in USD."""

    first: date
    usd: Decimal


@dataclass(frozen=True)
class Source:
    """The figures of an account at an instant, each asked for once, and only where a board shows it."""

    account: PartnerAccount
    zone: ZoneInfo
    now: datetime
    fresh: Freshness

    @property
    def is_known(self) -> bool:
        """Whether there are figures: before the first good pull nothing is known, and nothing is 0."""
        return self.fresh.as_of is not None

    @property
    def sight(self) -> Sight:
        return Sight.of_everything(self.account)

    @property
    def today(self) -> date:
        return local_today(self.zone, self.now)

    @cached_property
    def month(self) -> Period:
        """This month to date; compared with the same days of the month before, on its first day, too."""
        return replace(resolve("this_month", today=self.today, zone=self.zone), step_back=1)

    @property
    def month_before(self) -> Period:
        before = self.month.previous()
        assert before is not None  # noqa: S101  for the type checker: both sides of a month are closed
        return before

    @cached_property
    def trend(self) -> Trend:
        return trend(self._filter(Period(self.zone)))

    @property
    def totals(self) -> Totals:
        return self.trend.totals

    @cached_property
    def months(self) -> tuple[Fee, Fee]:
        """The fees of this month to date, over the seven stages, and of the same days before."""
        stretches = [(period.start, period.end) for period in (self.month, self.month_before)]
        now, before = kept.sums(self.in_stages(*STAGES), stretches)
        return _fee(firm_and_estimated(now)), _fee(firm_and_estimated(before))

    def in_stages(self, *stages: Stage, period: Period | None = None) -> RevenueFilter:
        return replace(self._filter(period or Period(self.zone)), stages=stages)

    def _filter(self, period: Period) -> RevenueFilter:
        return RevenueFilter(sight=self.sight, period=period, home_zone=self.zone)

    @property
    def base(self) -> Base | None:
        this_month = self.today.replace(day=1)
        full = [row for row in self.trend.months if row.first < this_month and _usd(row) > 0]
        return Base(full[-1].first, _usd(full[-1])) if full else None


def boards_of(source: Source, keys: Iterable[str]) -> list[Board]:
    """The boards with these keys, in their order."""
    return [_board(source, BoardKey(key)) for key in keys]


def _board(source: Source, key: BoardKey) -> Board:
    board = Board(key, key.label, tuple(_BUILDERS[key](source)))
    if key is not BoardKey.CLIENTS:
        return board
    return replace(board, period="this month", against=source.month_before.days)


def _usd(row: MonthRow) -> Decimal:
    return row.total.fee


def _fee(total: ListTotal) -> Fee:
    return Fee(total.fee_usd, total.estimate_fee_usd)


def _stage_figure(source: Source, stage: Stage) -> Figure:
    amount = Amount.of(_fee(source.totals.of(stage))) if source.is_known else None
    return Figure(label=TEXTS[stage].label, stage=stage, amount=amount)


def _revenue(source: Source) -> list[Figure]:
    """This month against the last one to date, and what stands in each stage of the pipeline."""
    label = f"Fees this month, {source.month.days}"
    if not source.is_known:
        return [Figure(label=label), *(_stage_figure(source, stage) for stage in PIPELINE)]
    now, before = source.months
    since = Since(Amount.of(before), source.month_before.days)
    month = Figure(label=label, amount=Amount.of(now), since=since)
    return [month, *(_stage_figure(source, stage) for stage in PIPELINE)]


def _cash(source: Source) -> list[Figure]:
    """What can be invoiced, what is awaited, what came in, and how long ago the debtors paid what is still to come in."""
    stages = (Stage.READY, Stage.AWAITING_DEBITURA, Stage.AWAITING_PARTNER)
    waiting = [_stage_figure(source, stage) for stage in stages]
    paid = Figure(label="Paid this month", stage=Stage.PAID, note="as seen by the pulls")
    ages = _age_labels()
    if not source.is_known:
        return [*waiting, paid, *(Figure(label=label) for label in ages)]
    paid = replace(paid, amount=Amount.of(turned_since(source.sight, Stage.PAID, _start(source.month))))
    first, second = (start_of_day(source.today - days * ONE_DAY, source.zone) for days in AGES)
    stretches = [(first, None), (second, first), (None, second)]
    found = kept.sums(source.in_stages(*stages), stretches)
    return [
        *waiting,
        paid,
        *(
            Figure(label=label, amount=Amount.of(_fee(firm_and_estimated(groups))))
            for label, groups in zip(ages, found, strict=True)
        ),
    ]


def _age_labels() -> tuple[str, str, str]:
    first, second = AGES
    beginning = "Still to come, debtor paid"
    return (
        f"{beginning} up to {first} days ago",
        f"{beginning} {first + 1}–{second} days ago",
        f"{beginning} over {second} days ago",
    )


def _clients(source: Source) -> list[Figure]:
    """Whose fees moved most against the last month to date; and how many clients are on their way in."""
    labels = ("In onboarding", "Onboarding done", "New this month")
    if not source.is_known:
        return [Figure(label=label) for label in labels]
    month = source.in_stages(*STAGES, period=source.month)
    moved = [
        Figure(
            label=f"No. {place}",
            name=mover.name or UNNAMED,
            amount=Amount.of(mover.fee),
            since=Since(Amount.of(mover.before), source.month_before.days),
            is_change=True,
        )
        for place, mover in enumerate(movers(month, source.month_before, MOVERS), start=1)
    ]
    clients = onboarding(source.sight, _start(source.month))
    counts = (clients.waiting, clients.done, clients.new)
    return [
        *moved,
        *(Figure(label=label, count=Count(value, "clients")) for label, value in zip(labels, counts, strict=True)),
    ]


def _health(source: Source) -> list[Figure]:
    """Whether the copy is true and fresh, and how the pulls of the day went."""
    proof = proof_of(source.fresh.run)
    started = source.account.pulls.filter(started_at__gte=start_of_day(source.today, source.zone))
    statuses = list(started.values_list("status", flat=True))
    failed = statuses.count(PullRun.Status.FAILED)
    return [
        Figure(label="Copy of Debitura’s figures", words=proof.text if proof else "", look=proof.look if proof else ""),
        _last_pull(source.fresh.last, source.zone),
        Figure(label="Pulls today", count=Count(len(statuses), "pulls")),
        Figure(label="Failed today", count=Count(failed, "pulls"), look="bad" if failed else "good"),
        Figure(label="Difference to Debitura", amount=_difference(source.fresh.run)),
        Figure(label="Fees in all stages", amount=_in_all_stages(source)),
        Figure(label="Payments", count=Count(source.totals.count, "payments") if source.is_known else None),
    ]


_LOOKS: dict[str, str] = {PullRun.Status.OK: "good", PullRun.Status.FAILED: "bad"}


def _last_pull(last: PullRun | None, zone: ZoneInfo) -> Figure:
    """How the last pull ended, and when."""
    if last is None:
        return Figure(label="Last pull")
    at = (last.finished_at or last.started_at).astimezone(zone)
    look = _LOOKS.get(last.status, "warn")
    return Figure(label="Last pull", words=last.get_status_display(), look=look, note=f"{at.day} {at:%b %H:%M}")


def _difference(run: PullRun | None) -> Amount | None:
    """What all stages together differ by, each as far as it does; None where Debitura did not say."""
    if run is None or run.as_of is None or any(line["theirs_usd"] is None for line in run.differences):
        return None
    if not run.ties_out and not run.differences:
        return None
    sides = ((Decimal(line["theirs_usd"]), Decimal(line["ours_usd"])) for line in run.differences)
    return Amount(add_up(add_exactly(theirs, ours.copy_negate()).copy_abs() for theirs, ours in sides))


def _in_all_stages(source: Source) -> Amount | None:
    if not source.is_known:
        return None
    return Amount.of(_fee(add_totals(source.totals.stages)))


def _start(period: Period) -> datetime:
    assert period.start is not None  # noqa: S101  for the type checker
    return period.start


_BUILDERS: dict[BoardKey, Callable[[Source], list[Figure]]] = {
    BoardKey.REVENUE: _revenue,
    BoardKey.CASH: _cash,
    BoardKey.CLIENTS: _clients,
    BoardKey.HEALTH: _health,
}
