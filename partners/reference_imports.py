"""Many partner references at once, from a file: first looked through, then applied in one transaction.

The same rules as for a single one (partners.references) and the same history. What is looked through is kept as a
ReferenceImport, so that exactly what a person saw is what is applied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db import OperationalError, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Lower
from django.utils import timezone

from partners.models import Case, PartnerAccount, ReferenceChange, ReferenceImport
from partners.reference_file import BadLine, Line, UnreadableFile, lines
from partners.references import InvalidReference, cleaned

T = TypeVar("T")
# So much is decided and kept at once. What changes nothing does not count, so that a file of all cases can be applied.
MOST = 50_000
# Each is kept in memory until all are read.
MOST_LINES = 500_000
# What was looked through and never applied goes after this time, when the same person looks through the next file.
KEPT = timedelta(days=7)
_CHUNK = 1_000
_LONGEST_SHOWN = 60
# A file without ends of lines is one line.
_LONGEST_KEPT = 2_000
_NUL_PICTURE = "\N{SYMBOL FOR NULL}"


class AppliedBefore(Exception):
    """The file was applied already; nothing was changed now."""


class CasesBusy(Exception):
    """A pull is writing cases at this moment; nothing was changed."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a line asks for: the reference `new` for a case (primary key), which was `old` when we looked."""

    line: Line
    case: int
    old: str
    new: str


@dataclass(slots=True)
class _Looked:
    """What was found in a file so far."""

    wishes: dict[int, list[_Wish]] = field(default_factory=lambda: defaultdict(list))
    bad: list[BadLine] = field(default_factory=list)
    changes: int = 0

    def take(self, found: _Wish | BadLine) -> None:
        """Raises UnreadableFile where it is too much."""
        if isinstance(found, BadLine):
            self.bad.append(found)
        else:
            self.wishes[found.case].append(found)
            self.changes += found.old != found.new
        _refuse_too_many(self.bad)
        if self.changes > MOST:
            raise UnreadableFile(
                f"More than {MOST:,} references would change. Split the file, and apply one after the other."
            )


def look_through(cases: QuerySet[Case], text: str, *, account: PartnerAccount, by: AbstractBaseUser) -> ReferenceImport:
    """What a file would change among `cases`, kept to be applied; any other case of the account is unknown.

    Raises UnreadableFile where nothing of it can be used.
    """
    looked = _Looked()
    for number, chunk in enumerate(_chunks(lines(text))):
        if number * _CHUNK >= MOST_LINES:
            raise UnreadableFile(f"More than {MOST_LINES:,} lines. Split the file, and apply one after the other.")
        for found in _found(cases, chunk):
            looked.take(found)
    agreed, contradicting = _agreed(looked.wishes)
    _refuse_too_many([*looked.bad, *contradicting])
    changes = [wish for wish in agreed if wish.old != wish.new]
    count = len(looked.bad) + sum(map(len, looked.wishes.values()))
    problems = sorted([*looked.bad, *contradicting], key=lambda problem: problem.number)
    _forget_old_ones(account, by)
    return ReferenceImport.objects.create(
        account=account,
        by_id=by.pk,
        lines=count,
        unchanged=count - len(problems) - len(changes),
        plan=[{"line": wish.line.number, "case": wish.case, "old": wish.old, "new": wish.new} for wish in changes],
        problems=[_kept(problem) for problem in problems],
    )


def apply(found: ReferenceImport) -> None:
    """Set what was looked through, and keep a line of history of each; all of it or nothing. Raises AppliedBefore, CasesBusy.

    A case whose reference somebody has changed since is left alone, and told in the outcome.
    """
    with transaction.atomic():
        # By its key: SQLite lets nobody wait for a write who has read before it.
        PartnerAccount(pk=found.account_id).note_edit()
        # Behind whoever applied it a moment ago.
        found.refresh_from_db(fields=["applied_at"])
        if found.applied_at is not None:
            raise AppliedBefore
        now = _held_references([entry["case"] for entry in found.plan])
        open_entries = [entry for entry in found.plan if now[entry["case"]] != entry["new"]]
        free = [entry for entry in open_entries if now[entry["case"]] == entry["old"]]
        _set(found, free)
        found.applied_at = timezone.now()
        found.outcome = {
            "changed": len(free),
            "conflicts": [
                {"line": entry["line"], "case": entry["case"], "now": now[entry["case"]]}
                for entry in open_entries
                if now[entry["case"]] != entry["old"]
            ],
        }
        found.save(update_fields=["applied_at", "outcome"])


def _refuse_too_many(bad: Sequence[BadLine]) -> None:
    if len(bad) > MOST:
        raise UnreadableFile(f"More than {MOST:,} lines cannot be used. Is this the right file?")


def _found(cases: QuerySet[Case], chunk: Sequence[Line | BadLine]) -> Iterator[_Wish | BadLine]:
    """What each of some lines asks for. Two queries."""
    names = {name for line in chunk if isinstance(line, Line) for name in _names(line)}
    # Should two cases share a reference, the newest is meant, as everywhere.
    rows = cases.filter(reference__in=names).order_by("pk")
    known = {name: (pk, reference) for name, pk, reference in rows.values_list("reference", "pk", "partner_reference")}
    alike = _alike(cases, names - set(known))
    for line in chunk:
        yield line if isinstance(line, BadLine) else _wish(line, known, alike)


def _names(line: Line) -> list[str]:
    """The reference as it stands there, and without the white space that people leave around it; none that cannot be."""
    return [name for name in dict.fromkeys((line.debitura, line.debitura.strip())) if "\0" not in name]


def _wish(line: Line, cases: dict[str, tuple[int, str]], alike: dict[str, str]) -> _Wish | BadLine:
    case = next((cases[name] for name in _names(line) if name in cases), None)
    if case is None:
        return line.bad(_unknown(line.debitura.strip(), alike))
    try:
        return _Wish(line, *case, cleaned(line.partner))
    except InvalidReference as error:
        return line.bad(str(error))


def _unknown(name: str, alike: dict[str, str]) -> str:
    advice = f"Did you mean “{alike[name.lower()]}”?" if name.lower() in alike else "Check the Debitura reference."
    return f"There is no case “{_clipped(name, _LONGEST_SHOWN)}”. {advice}"


def _alike(cases: QuerySet[Case], names: Iterable[str]) -> dict[str, str]:
    """References that differ from `names` in large and small letters alone, by their small letters. One query, or none."""
    lowered = {name.lower() for name in names}
    if not lowered:
        return {}
    rows = cases.alias(lowered=Lower("reference")).filter(lowered__in=lowered)
    return {reference.lower(): reference for reference in rows.values_list("reference", flat=True)}


def _agreed(wishes: dict[int, list[_Wish]]) -> tuple[list[_Wish], list[BadLine]]:
    """One wish a case; and the lines of the cases that the file gives several references: which is meant, nobody knows."""
    agreed, contradicting = [], []
    for same_case in wishes.values():
        if len({wish.new for wish in same_case}) == 1:
            agreed.append(same_case[0])
            continue
        numbers = ", ".join(str(wish.line.number) for wish in same_case[:10])
        message = f"This case has different references in lines {numbers}. Keep one of them."
        contradicting += [wish.line.bad(message) for wish in same_case]
    return agreed, contradicting


def _kept(problem: BadLine) -> dict[str, Any]:
    """As it can be stored: PostgreSQL's JSON holds no NUL character, so that its picture stands for it."""
    texts = {name: getattr(problem, name) for name in ("text", "message", "debitura", "partner")}
    kept = {name: _clipped(text, _LONGEST_KEPT).replace("\0", _NUL_PICTURE) for name, text in texts.items()}
    return {"line": problem.number} | kept


def _clipped(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _forget_old_ones(account: PartnerAccount, by: AbstractBaseUser) -> None:
    old = ReferenceImport.objects.filter(account=account, by=by.pk, applied_at=None, at__lt=timezone.now() - KEPT)
    old.delete()


def _held_references(cases: Sequence[int]) -> dict[int, str]:
    """The references as they are, by case, kept from changing. Raises CasesBusy.

    It never waits for a row: a pull that writes the same cases in another order would wait for ours for ever.
    """
    held: dict[int, str] = {}
    try:
        for chunk in _chunks(cases):
            rows = Case.objects.filter(pk__in=chunk).select_for_update(nowait=True, no_key=True)
            held |= dict(rows.values_list("pk", "partner_reference"))
    except OperationalError as error:
        raise CasesBusy from error
    return held


def _set(found: ReferenceImport, entries: Sequence[dict[str, Any]]) -> None:
    """Write the history, and take the references from it: one statement for many cases, on both databases."""
    at, source = timezone.now(), ReferenceChange.Source.BULK
    for chunk in _chunks(entries):
        ReferenceChange.objects.bulk_create(
            ReferenceChange(
                case_id=entry["case"], old=entry["old"], new=entry["new"], by_id=found.by_id, source=source, at=at
            )
            for entry in chunk
        )
        newest = ReferenceChange.objects.filter(case=OuterRef("pk")).order_by("-pk").values("new")[:1]
        cases = Case.objects.filter(pk__in=[entry["case"] for entry in chunk])
        cases.update(partner_reference=Subquery(newest))


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
