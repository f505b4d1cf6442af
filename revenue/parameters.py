"""Reading query parameters: each reader takes one, and what is wrong with it is gathered to be told all at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date, datetime
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db.models import F
from django.http import QueryDict

from accounts.access import Asker, Seat, Sight
from accounts.models import User
from partners.models import Client
from revenue import periods
from revenue.periods import Period
from revenue.stages import STAGES, Stage

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE_SIZE = 200
LAST_PAGE = 10**9
LONGEST_SEARCH = 200
# The days that the provider's dates can lie on, so that no zone can push an instant out of the calendar.
FIRST_YEAR, LAST_YEAR = 1900, 2200


class FilterError(Exception):
    """Parameters that make no sense. `fields`: parameter name -> a sentence that says what to do."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


@cache
def _zone_names() -> frozenset[str]:
    """The IANA names, old ones too. `localtime` is the server's own zone: it would mean something else elsewhere."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def home_zone(asker: Asker) -> ZoneInfo:
    """The zone in which the asker reads dates."""
    return asker.zone if isinstance(asker, User) else ZoneInfo(settings.DEFAULT_USER_TIME_ZONE)


class Reader:
    """Reads one parameter after the other; a wrong one yields its default and is remembered until `raise_errors`."""

    def __init__(self, params: QueryDict) -> None:
        self._params = params
        self._errors: dict[str, str] = {}

    def raise_errors(self) -> None:
        """Raise FilterError if anything was wrong."""
        if self._errors:
            raise FilterError(self._errors)

    def zone(self, default: ZoneInfo) -> ZoneInfo:
        """`tz`, an IANA name."""
        name = self._text("tz")
        if not name:
            return default
        if name not in _zone_names():
            self._errors["tz"] = "This time zone is not known; use an IANA name such as Europe/Copenhagen."
            return default
        return ZoneInfo(name)

    def period(self, zone: ZoneInfo, now: datetime) -> tuple[Period, str]:
        """`from` and `to`, which win, or the preset named by `period`; and the preset's key, "" where none is meant."""
        first, last = self._day("from"), self._day("to")
        key = self.choice("period", [preset.key for preset in periods.PRESETS], default="")
        if key and not self._text("from") and not self._text("to"):
            today = periods.local_today(zone, now)
            return periods.resolve(key, today=today, zone=zone), "" if key == "all" else key
        if first and last and first > last:
            self._errors["from"] = "The first day lies after the last one; swap them."
            return Period(zone), ""
        return Period(zone, first, last), ""

    def stages(self) -> tuple[Stage, ...]:
        """`stage`, any number of times, in the one order of stages."""
        given = {value for value in self._params.getlist("stage") if value}
        order = (*STAGES, Stage.OUTSIDE)
        if given - set(order):
            self._errors["stage"] = f"This stage is not known; use one of {', '.join(order)}."
        return tuple(stage for stage in order if stage in given)

    def client(self, sight: Sight) -> Client | None:
        """`client`: the creditorId or the externalTenantId of a client that may be seen."""
        name = self._text("client")
        if not name:
            return None
        found = _client_named(sight, name)
        if found is None:
            self._errors.setdefault(
                "client", "This account has no such client; use a creditorId or an externalTenantId."
            )
        return found

    def own_client(self, seats: Iterable[Seat]) -> Seat | None:
        """`client`: the creditorId of the client of one of `seats`."""
        name = self._text("client")
        found = next((seat for seat in seats if str(seat.creditor_id) == name.lower()), None)
        if name and found is None:
            self._errors["client"] = "You have no such company; choose one of yours."
        return found

    def search(self) -> str:
        """`q`, without white space around it."""
        text = self._text("q").strip()
        if len(text) > LONGEST_SEARCH:
            self._errors["q"] = f"Search for at most {LONGEST_SEARCH} characters."
        return text

    def key(self, name: str) -> int | None:
        """A parameter that is the primary key of a row; None where it is not given."""
        text = self._text(name)
        if not text:
            return None
        if not re.fullmatch("[0-9]{1,18}", text):
            self._errors[name] = "This is no place in the list; start at its first page."
            return None
        return int(text)

    def sort(self, keys: Collection[str], *, default: str) -> str:
        """`sort`: one of the keys, with "-" before it for the other direction."""
        value = self._text("sort") or default
        if value.removeprefix("-") not in keys:
            self._errors["sort"] = f"Sort by one of {', '.join(keys)}, with - before it for the largest first."
            return default
        return value

    def text(self, name: str) -> str:
        """A parameter that may be any text, without white space around it."""
        return self._text(name).strip()

    def choice(self, name: str, values: Collection[str], *, default: str) -> str:
        """A parameter that is one of `values`."""
        value = self._text(name) or default
        if value != default and value not in values:
            self._errors[name] = f"This is not one of {', '.join(values)}."
            return default
        return value

    def page(self) -> int:
        """`page`, counted from 1."""
        return self._number("page", default=1, most=LAST_PAGE)

    def page_size(self) -> int:
        """`page_size`, up to 200."""
        return self._number("page_size", default=DEFAULT_PAGE_SIZE, most=LARGEST_PAGE_SIZE)

    def _text(self, name: str) -> str:
        value = self._params.get(name) or ""
        if "\0" in value:
            self._errors[name] = "This holds a NUL character; remove it."
            return ""
        return value

    def _number(self, name: str, *, default: int, most: int) -> int:
        text = self._text(name)
        if not text:
            return default
        if not re.fullmatch("[0-9]{1,10}", text) or not 1 <= int(text) <= most:
            self._errors[name] = f"Use a whole number from 1 to {most}."
            return default
        return int(text)

    def _day(self, name: str) -> date | None:
        text = self._text(name)
        if not text:
            return None
        try:
            day = date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
        except ValueError:
            day = None
        if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
            self._errors[name] = f"Write a day as 2026-03-31, in the years {FIRST_YEAR} to {LAST_YEAR}."
            return None
        return day


def _client_named(sight: Sight, name: str) -> Client | None:
    clients = Client.objects.filter(sight.of_clients("pk"), account=sight.account)
    try:
        by_id = clients.filter(creditor_id=UUID(name)).first()
    except ValueError:
        by_id = None
    # Two clients may share an externalTenantId after a re-link: the one that is still listed is meant.
    listed_first = F("archived_at").desc(nulls_first=True)
    return by_id or clients.filter(external_tenant_id=name).order_by(listed_first, "pk").first()
