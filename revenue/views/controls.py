"""The state of a filter form: what was typed, what is wrong with it, and the chips that take one condition away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.http import urlencode

from revenue import periods
from revenue.filters import CaseFilter, ClientFilter, RevenueFilter
from revenue.stages import STAGES, TEXTS, Stage, StageText

TYPED = ("q", "from", "to", "tz", "period", "client", "partner", "sort", "page_size", "state")


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition in words and the query string without it."""

    label: str
    query: str


@dataclass(frozen=True, slots=True)
class StageCheck:
    key: Stage
    text: StageText
    checked: bool


@dataclass(frozen=True, slots=True)
class PresetLink:
    """A period to choose; `query` leads to it, `current` marks the one that is shown."""

    label: str
    query: str
    current: bool


@dataclass(frozen=True, slots=True)
class Controls:
    """values: parameter -> as typed. errors: parameter -> what to do. clear: the query string of no condition at all."""

    values: Mapping[str, str]
    stages: tuple[StageCheck, ...]
    clear: str
    errors: Mapping[str, str] = field(default_factory=dict)
    chips: tuple[Chip, ...] = ()
    presets: tuple[PresetLink, ...] = ()

    @classmethod
    def of(
        cls, params: QueryDict, *, f: RevenueFilter | None = None, errors: Mapping[str, str] | None = None
    ) -> Controls:
        """The controls of an address; with chips and presets where it could be read as the filter `f`."""
        checked = params.getlist("stage")
        return cls(
            values={name: params.get(name) or "" for name in TYPED},
            stages=tuple(StageCheck(key, TEXTS[key], key in checked) for key in (*STAGES, Stage.OUTSIDE)),
            clear=urlencode({"partner": str(params["partner"])}) if params.get("partner") else "",
            errors=errors or {},
            chips=tuple(chips(f)) if f else (),
            presets=tuple(preset_links(f)) if f else (),
        )

    @property
    def general_errors(self) -> dict[str, str]:
        """What is wrong with parameters that have no field of their own in the form."""
        return {name: text for name, text in self.errors.items() if name not in ("q", "from", "to", "tz")}

    @property
    def has_own_range(self) -> bool:
        """Whether days or a zone were typed, so that their fields should stand open."""
        return any(self.values[name] or name in self.errors for name in ("from", "to", "tz"))


def chips(f: RevenueFilter) -> list[Chip]:
    """One chip a condition of `f`."""
    found = []
    if f.period.first or f.period.last:
        days = f.period.days
        # Not "Paid": that is a stage.
        found.append(Chip(f"Payments {days[0].lower()}{days[1:]}", f.query(**{"period": "", "from": "", "to": ""})))
    if f.period.zone != f.home_zone:
        found.append(Chip(f"Days of {f.period.zone.key}", f.query(tz="")))
    for stage in f.stages:
        rest = [other for other in f.stages if other != stage]
        found.append(Chip(TEXTS[stage].label, f.query(stage=rest)))
    if f.client:
        found.append(Chip(f"Client {f.client}", f.query(client="")))
    if f.q:
        found.append(Chip(f"“{f.q}”", f.query(q="")))
    return found


def client_chips(f: ClientFilter) -> list[Chip]:
    """One chip a condition of a list of clients."""
    found = []
    if f.state != "active":
        found.append(Chip("Archived" if f.state == "archived" else "Archived ones, too", f.query(state="")))
    if f.q:
        found.append(Chip(f"“{f.q}”", f.query(q="")))
    return found


def case_chips(f: CaseFilter, state: str) -> list[Chip]:
    """One chip a condition of a list of cases; `state` is its state in words."""
    found = []
    if f.state:
        found.append(Chip(state, f.query(state="")))
    if f.client:
        found.append(Chip(f"Client {f.client}", f.query(client="")))
    if f.q:
        found.append(Chip(f"“{f.q}”", f.query(q="")))
    return found


def preset_links(f: RevenueFilter) -> list[PresetLink]:
    """The periods that have a name; "all" needs none in the address."""
    is_all = not f.preset and f.period.first is None and f.period.last is None
    links = []
    for preset in periods.PRESETS:
        key = "" if preset.key == "all" else preset.key
        query = f.query(**{"period": key, "from": "", "to": ""})
        links.append(PresetLink(preset.label, query, current=is_all if not key else key == f.preset))
    return links
