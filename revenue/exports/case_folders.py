"""transactions.zip: a folder for every case of a filter, with a summary of the case and its payments.

about.txt says what is inside; in every folder case.txt tells the case and what its payments inside add up to, and
payments.csv holds these, with the columns of transactions.csv.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q

from partners.models import Case
from revenue.exports.about import Facts, about, as_of, as_text, totals
from revenue.exports.archive import Member, Members, zipped
from revenue.exports.cells import utc_clock
from revenue.exports.columns import Column, payment_columns, values_of
from revenue.exports.files import Export, Lines, Pieces, in_one_state, written
from revenue.exports.folder_names import FolderNames, safe_name
from revenue.exports.names import payments_parts
from revenue.filters import RevenueFilter
from revenue.money import format_amount
from revenue.selectors.totals import ListTotal, add_totals, list_totals

ABOUT = "about.txt"
NO_CASE = "no-case"
# Only where there are more payments than this in all can those of one case come to archive.MOST_BYTES.
MANY_PAYMENTS = 1_000_000
_CHUNK = 1000


class Naming(StrEnum):
    """Which reference of a case its folder is named by."""

    DEBITURA = "debitura"
    CLIENT = "client"
    PARTNER = "partner"

    @property
    def label(self) -> str:
        return f"{self.capitalize()} Ref"


class References(NamedTuple):
    """What the folder of a case can be named by."""

    case_id: UUID
    debitura: str
    client: str
    partner: str

    def folder(self, naming: Naming) -> str:
        """The name that the folder should have: the chosen reference, or else Debitura's, or else the id of the case."""
        chosen = {Naming.DEBITURA: self.debitura, Naming.CLIENT: self.client, Naming.PARTNER: self.partner}[naming]
        return safe_name(chosen) or safe_name(self.debitura) or str(self.case_id)


_REFERENCES = ("case_id", "reference", "client_reference", "partner_reference")
# Of the case of a payment: what identifies it, what its folder can be named by, and what else case.txt tells.
_CASE = (
    *("case", *(f"case__{name}" for name in _REFERENCES)),
    *("case__client__company_name", "case__debtor_name", "case__lifecycle", "case__collection_partner"),
    *("case__date_created", "case__original_amount", "case__currency"),
)
_NO_CASE = (None,) * len(_CASE)


class _Payment(NamedTuple):
    """A row: the values at _CASE, the fee (USD), and the values of the columns."""

    case: tuple[Any, ...]
    fee_usd: Decimal | None
    is_estimate: bool
    values: tuple[Any, ...]


class _Frame(NamedTuple):
    """What the folders of a file share. state: as of when the figures are."""

    naming: Naming
    names: FolderNames
    columns: tuple[Column, ...]
    state: Facts
    is_large: bool


def transactions_zip(f: RevenueFilter, naming: Naming, *, now: datetime) -> Export:
    """The name of the file and its bytes: everything that matches `f`, case by case; one state, as transactions_csv."""
    return in_one_state(payments_parts(f), "zip", f.account, now, _pieces(f, naming, now))


def _pieces(f: RevenueFilter, naming: Naming, now: datetime) -> Pieces:
    yield from zipped(_members(f, naming, now), now=now.astimezone(f.period.zone))


def _members(f: RevenueFilter, naming: Naming, now: datetime) -> Members:
    yield Member(ABOUT, [as_text([*about(f, now=now), ("Folders are named by", naming.label)])])
    frame = _Frame(
        naming=naming,
        names=FolderNames(_wanted(f, naming), reserved=[ABOUT, NO_CASE]),
        columns=payment_columns(f),
        state=as_of(f.sight, now=now),
        is_large=list_totals(f).count > MANY_PAYMENTS,
    )
    with closing(_payments(f, frame.columns)) as payments:
        for case, of_a_case in groupby(payments, key=lambda payment: payment.case):
            yield from _folder(case, of_a_case, frame)


def _wanted(f: RevenueFilter, naming: Naming) -> Iterator[str]:
    """The names that the cases of a filter would like for their folders."""
    cases = Case.objects.filter(f.sight.of_clients(), pk__in=f.rows().order_by().values("case"))
    for references in cases.values_list(*_REFERENCES).iterator(chunk_size=_CHUNK):
        yield References(*references).folder(naming)


def _payments(f: RevenueFilter, columns: Sequence[Column]) -> Generator[_Payment, None, None]:
    """The rows of a filter, those of a case together, those without one at the end, or without one that may be seen."""
    paths = [*_CASE, "fee_usd", "is_estimate", *(column.path for column in columns)]
    end = len(_CASE)
    by_case, is_seen = replace(f, sort="case"), f.sight.of_clients("case__client")
    for values in values_of(by_case, paths, is_seen):
        yield _Payment(values[:end], values[end], values[end + 1], values[end + 2 :])
    if f.sight.clients is not None:
        for values in values_of(by_case, paths, Q(case__client=None) | ~is_seen):
            yield _Payment(_NO_CASE, values[end], values[end + 1], values[end + 2 :])


def _folder(case: tuple[Any, ...], payments: Iterable[_Payment], frame: _Frame) -> Members:
    """What is in the folder of a case. Its payments are added up while they are written."""
    folder, facts = _case(case, frame)
    total = _RunningTotal()
    lines = _lines(payments, frame.columns, total)
    yield Member(f"{folder}/payments.csv", written([column.header for column in frame.columns], lines), frame.is_large)
    yield Member(f"{folder}/case.txt", [as_text([*facts, *total.facts(), *frame.state])])


def _case(values: tuple[Any, ...], frame: _Frame) -> tuple[str, Facts]:
    """The name of the folder of a case, and what case.txt says about the case."""
    pk, *rest = values
    if pk is None:
        return NO_CASE, [("Case", "Debitura names none for these payments")]
    references = References(*rest[: len(_REFERENCES)])
    client, debtor, state, manager, created, amount, currency = rest[len(_REFERENCES) :]
    own = (safe_name(references.debitura), str(references.case_id))
    return frame.names.name(references.folder(frame.naming), *own), [
        ("Debitura reference", references.debitura),
        ("Client reference", references.client),
        ("Partner reference", references.partner),
        ("Client", client),
        ("Debtor", debtor),
        ("State", state),
        ("Managed by", manager),
        ("Date created (UTC)", utc_clock(created)),
        ("Original amount", amount and f"{format_amount(amount, currency)} {currency}"),
    ]


def _lines(payments: Iterable[_Payment], columns: Sequence[Column], total: _RunningTotal) -> Lines:
    writers = [column.cell.write for column in columns]
    for payment in payments:
        total.add(payment)
        yield [write(value) for write, value in zip(writers, payment.values, strict=True)]


class _RunningTotal:
    """The total of the payments that have passed by."""

    def __init__(self) -> None:
        self._total = ListTotal()

    def add(self, payment: _Payment) -> None:
        one = ListTotal(payment.fee_usd or Decimal(0), 1)
        if payment.is_estimate:
            one = replace(one, estimate_fee_usd=one.fee_usd, estimate_count=1)
        self._total = add_totals((self._total, one))

    def facts(self) -> Facts:
        return totals(self._total)
