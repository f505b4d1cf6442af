"""Cases by the partner's own reference; and what a file of references that somebody looked through would change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from accounts.access import Sight
from accounts.models import User
from partners.models import Case, ReferenceImport
from partners.references import InvalidReference, cleaned
from revenue.selectors.cases import case_totals, cases_seen
from revenue.selectors.totals import ListTotal

# So many cases are added up at once: nothing keeps a reference from being shared by all of them.
_CHUNK = 1_000
_UNSHOWN = ("raw", "client__raw", "client__users", "client__address")


def by_partner_reference(sight: Sight, references: Iterable[str]) -> dict[str, list[tuple[Case, ListTotal]]]:
    """The cases that may be seen, by their partner reference, the newest first, each with the total of its payments.

    A reference is found exactly as it is written; one that no case has is left out. Two queries, and another one for every
    thousand cases beyond the first.
    """
    cases = _cases(sight, [reference for reference in references if _may_be_stored(reference)])
    found = defaultdict(list)
    for start in range(0, len(cases), _CHUNK):
        chunk = cases[start : start + _CHUNK]
        totals = case_totals(sight, chunk)
        for case in chunk:
            found[case.partner_reference].append((case, totals[case.pk]))
    return dict(found)


def _cases(sight: Sight, references: list[str]) -> list[Case]:
    cases = cases_seen(sight).filter(partner_reference__in=references)
    # Said again, as SQLite sees only so that its index holds what is looked for.
    cases = cases.exclude(partner_reference="")
    return list(cases.select_related("client").defer(*_UNSHOWN).order_by("-pk"))


def _may_be_stored(reference: str) -> bool:
    try:
        return reference != "" and cleaned(reference) == reference
    except InvalidReference:
        return False


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A line of a file that sets, changes or clears the reference of a case; `now` where somebody else has set another."""

    line: int
    case: Case
    old: str
    new: str
    now: str = ""


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many references a file sets where there was none, changes and clears."""

    set: int
    changed: int
    cleared: int


def import_of(sight: Sight, person: User, key: int) -> ReferenceImport:
    """What `person` looked through for an account.

    Raises ReferenceImport.DoesNotExist, also for another's, and for one with a case that they may not see any more.
    """
    found = ReferenceImport.objects.select_related("account").get(account=sight.account, by=person, pk=key)
    if not sight.is_whole:
        planned = {entry["case"] for entry in found.plan}
        seen = set(cases_seen(sight).filter(pk__in=planned).values_list("pk", flat=True))
        if planned - seen:
            raise ReferenceImport.DoesNotExist
    return found


def latest_imports(sight: Sight, person: User, *, limit: int) -> list[ReferenceImport]:
    """The latest files of a person, the last one first, without their lines. One query."""
    found = ReferenceImport.objects.filter(account=sight.account, by=person).defer("plan", "problems")
    return list(found.order_by("-at", "-pk")[:limit])


def change_counts(found: ReferenceImport) -> ChangeCounts:
    """What the plan does; the plan is not empty on both sides of any line."""
    cleared = sum(1 for entry in found.plan if not entry["new"])
    added = sum(1 for entry in found.plan if not entry["old"])
    return ChangeCounts(set=added, changed=len(found.plan) - added - cleared, cleared=cleared)


def planned_changes(found: ReferenceImport, *, limit: int) -> list[PlannedChange]:
    """The first lines of the plan. One query."""
    entries = found.plan[:limit]
    cases = _by_key(entries)
    return [_planned(entry, cases) for entry in entries]


def conflicts(found: ReferenceImport, *, limit: int) -> list[PlannedChange]:
    """The first lines that were left alone when the file was applied, because somebody else had come first. One query."""
    left = {entry["line"]: entry["now"] for entry in found.outcome.get("conflicts", [])[:limit]}
    entries = [entry for entry in found.plan if entry["line"] in left]
    cases = _by_key(entries)
    return [_planned(entry, cases, left[entry["line"]]) for entry in entries]


def _planned(entry: dict[str, Any], cases: dict[int, Case], now: str = "") -> PlannedChange:
    return PlannedChange(entry["line"], cases[entry["case"]], entry["old"], entry["new"], now)


def _by_key(entries: Iterable[dict[str, Any]]) -> dict[int, Case]:
    cases = Case.objects.select_related("client").defer(*_UNSHOWN)
    return cases.in_bulk([entry["case"] for entry in entries])
