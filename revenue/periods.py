"""Stretches of local days, and the instants between which they lie. Pure: no Django, no database.

People think in days of their own zone; the database holds UTC. A day runs from its first instant to the first instant
of the next day, so that days never overlap and never leave a gap, however long a day is (23, 24 or 25 hours).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
_DASH = "–"


@dataclass(frozen=True, slots=True)
class Period:
    """The local days from `first` to `last` of `zone`, both inclusive; None leaves that side open.

    step_back: by how many months the period to compare with lies before it, where a preset decides that; None where the
    days themselves do.
    """

    zone: ZoneInfo
    first: date | None = None
    last: date | None = None
    step_back: int | None = field(default=None, compare=False)

    @property
    def start(self) -> datetime | None:
        """The first instant (UTC, inclusive)."""
        return None if self.first is None else start_of_day(self.first, self.zone)

    @property
    def end(self) -> datetime | None:
        """The first instant after it (UTC, exclusive)."""
        return None if self.last is None else start_of_day(self.last + ONE_DAY, self.zone)

    @property
    def days(self) -> str:
        """The days as people write them: "1–31 Mar 2026", "Since 1 Mar 2026", "All time"."""
        return _days_text(self.first, self.last)

    @property
    def label(self) -> str:
        """The days and the zone: "1–31 Mar 2026, Europe/Copenhagen"."""
        return f"{self.days}, {self.zone.key}"

    def previous(self) -> Period | None:
        """The period that this one is compared with: as long, and before it; None where a side is open.

        The presets "year to date" and "this quarter" compare with the same days of the year and of the quarter before
        (1 Jan – 14 Mar with 1 Jan – 14 Mar of the year before), on any day of theirs. Otherwise the days decide.
        Days inside one month compare with the same days of the month before (1–14 March with 1–14 February), the
        beginning of a quarter or of a year with that of the one before, several months from a first day on with as
        many months; a month too short for the same days lends all that it has. Other days compare with as many days
        right before them.

        Today counts as a whole day although it is not over: what is still to come today is missing on this side alone.
        """
        if self.first is None or self.last is None or self.first > self.last:
            return None
        months = _months_back(self.first, self.last) if self.step_back is None else self.step_back
        if months == 0:
            length = self.last - self.first + ONE_DAY
            return Period(self.zone, self.first - length, self.last - length)
        first = add_months(self.first, -months)
        return Period(self.zone, first, _same_end(self.last, months))


@dataclass(frozen=True, slots=True)
class Preset:
    """A period with a name. `key` stands in addresses, `label` on buttons; `step_back` as in Period."""

    key: str
    label: str
    step_back: int | None = None


PRESETS = (
    Preset("today", "Today"),
    Preset("yesterday", "Yesterday"),
    Preset("last_7_days", "Last 7 days"),
    Preset("last_30_days", "Last 30 days"),
    Preset("this_month", "This month"),
    Preset("last_month", "Last month"),
    Preset("this_quarter", "This quarter", step_back=3),
    Preset("last_quarter", "Last quarter"),
    Preset("year_to_date", "Year to date", step_back=12),
    Preset("last_12_months", "Last 12 months"),
    Preset("all", "All time"),
)


def resolve(key: str, *, today: date, zone: ZoneInfo) -> Period:
    """The period that a preset means on the local day `today`. Raises KeyError for an unknown key.

    Periods that are not over yet end today; "last 12 months" are the twelve months that end with today's.
    """
    first, last = _RESOLVERS[key](today)
    return Period(zone, first, last, _STEPS_BACK[key])


def local_today(zone: ZoneInfo, now: datetime) -> date:
    """The day that the clocks of `zone` show at the instant `now`."""
    return now.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) of a local day: midnight, or the moment after a gap in which midnight falls."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def month_starts(first: date, last: date) -> list[date]:
    """The first days of the months from that of `first` to that of `last`, without gaps."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [add_months(first.replace(day=1), months) for months in range(count)]


def add_months(day: date, months: int) -> date:
    """The same day `months` later; the last day of that month where it is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def is_month_end(day: date) -> bool:
    """Whether the next day begins a month."""
    return (day + ONE_DAY).day == 1


def _months_back(first: date, last: date) -> int:
    """By how many months to step back to the period to compare with; 0: by as many days as it has."""
    if first == last:
        return 0
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months == 1:
        return 1
    if first.day != 1:
        return 0
    if months <= 3 and first == _quarter_start(last):
        return 3
    return 12 if first.month == 1 and first.year == last.year else months


def _same_end(last: date, months: int) -> date:
    moved = add_months(last, -months)
    return add_months(moved.replace(day=1), 1) - ONE_DAY if is_month_end(last) else moved


def _quarter_start(day: date) -> date:
    return day.replace(month=day.month - (day.month - 1) % 3, day=1)


_RESOLVERS: dict[str, Callable[[date], tuple[date | None, date | None]]] = {
    "today": lambda today: (today, today),
    "yesterday": lambda today: (today - ONE_DAY, today - ONE_DAY),
    "last_7_days": lambda today: (today - 6 * ONE_DAY, today),
    "last_30_days": lambda today: (today - 29 * ONE_DAY, today),
    "this_month": lambda today: (today.replace(day=1), today),
    "last_month": lambda today: (add_months(today.replace(day=1), -1), today.replace(day=1) - ONE_DAY),
    "this_quarter": lambda today: (_quarter_start(today), today),
    "last_quarter": lambda today: (add_months(_quarter_start(today), -3), _quarter_start(today) - ONE_DAY),
    "year_to_date": lambda today: (today.replace(month=1, day=1), today),
    "last_12_months": lambda today: (add_months(today.replace(day=1), -11), today),
    "all": lambda _: (None, None),
}


_STEPS_BACK = {preset.key: preset.step_back for preset in PRESETS}


def _day_text(day: date, *, month: bool = True, year: bool = True) -> str:
    return " ".join(filter(None, (str(day.day), f"{day:%b}" if month else "", str(day.year) if year else "")))


def _days_text(first: date | None, last: date | None) -> str:
    if first is None:
        return "All time" if last is None else f"Until {_day_text(last)}"
    if last is None:
        return f"Since {_day_text(first)}"
    if first == last:
        return _day_text(first)
    same_year = first.year == last.year
    same_month = same_year and first.month == last.month
    dash = _DASH if same_month else f" {_DASH} "
    return f"{_day_text(first, month=not same_month, year=not same_year)}{dash}{_day_text(last)}"
