"""The cases of a client; and one case: its references, its payments, and what each of them went through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Max, QuerySet
from django.utils import timezone

from accounts.access import Sight
from partners.models import Activation, Case, Client, ReferenceChange
from revenue.models import PRESENT, Transaction, TransactionChange, TransactionState
from revenue.money import UNKNOWN, format_amount
from revenue.selectors.kept import Sum
from revenue.selectors.paging import Paged, Window
from revenue.selectors.totals import ListTotal, firm_and_estimated, sums_by
from revenue.stages import TEXTS, Stage

# How many payments are walked at first in search of the cases paid last, and by what factor further each time.
_FIRST_PAYMENTS = 200
_GROWTH = 4
# What stands in the place of those that the reader may not see.
_ANOTHER_CLIENT, _ANOTHER_CASE = Client(company_name="another client"), Case(reference="another case")
_NEVER = datetime.min.replace(tzinfo=UTC)


class Change(NamedTuple):
    """One field: what it is called, what it said before (None: nothing was known before) and what it says now."""

    label: str
    old: str | None
    new: str


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something that a payment went through.

    seen_at: when a pull saw it (UTC). kind: a TransactionChange.Kind. changes: the difference to the event before, and for
    the first one where the payment stood.
    """

    transaction: Transaction
    seen_at: datetime
    kind: str
    kind_label: str
    changes: list[Change]
    run_id: int


@dataclass(frozen=True)
class PaymentPage(Paged):
    """The latest payments of a case."""

    rows: list[Transaction]


@dataclass(frozen=True)
class ReferencePage(Paged):
    """The latest changes of the partner reference of a case."""

    rows: list[ReferenceChange]


# To count a hundred thousand cases takes longer than all the rest of their client's page.
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow(ListTotal):
    """A case and the total of its payments. last_payment: when the debtor last paid (UTC), None before the first time."""

    case: Case
    last_payment: datetime | None

    @property
    def payments(self) -> int:
        return self.count


@dataclass(frozen=True)
class CasePage(Paged):
    """The first cases of a client. `count` goes up to one more than MOST_COUNTED."""

    rows: list[CaseRow]

    @property
    def counted(self) -> int:
        """How many cases there are at least."""
        return min(self.count, MOST_COUNTED)

    @property
    def has_uncounted(self) -> bool:
        return self.count > MOST_COUNTED


def client_cases(sight: Sight, client: Client, *, limit: int) -> CasePage:
    """The first `limit` cases of a client, the one paid last first, those never paid at the end."""
    window = Window(number=1, size=limit, count=client.cases.all()[: MOST_COUNTED + 1].count())
    cases = list(client.cases.all()) if window.count <= limit else _paid_last(client, limit)
    last = dict(_payments(sight, cases).values_list("case").annotate(Max("payment_date")))
    totals = case_totals(sight, cases)
    found = [_case_row(case, last.get(case.pk), totals[case.pk]) for case in cases]
    found.sort(key=lambda row: (row.case.reference, row.case.pk))
    found.sort(key=lambda row: row.last_payment or _NEVER, reverse=True)
    return CasePage(rows=found, window=window)


def case_totals(sight: Sight, cases: Iterable[Case]) -> dict[int, ListTotal]:
    """The totals of the listed payments of each of `cases`, by primary key (USD, exact). One query."""
    keys = [case.pk for case in cases]
    groups: dict[int, dict[tuple[Any, ...], Sum]] = {key: {} for key in keys}
    for (key, estimate), total in sums_by(_payments(sight, cases), "case_id", "is_estimate").items():
        groups[key][(estimate,)] = total
    return {key: firm_and_estimated(groups[key]) for key in keys}


def _payments(sight: Sight, cases: Iterable[Case]) -> QuerySet[Transaction]:
    return Transaction.objects.filter(PRESENT, sight.of_clients(), case__in=[case.pk for case in cases]).order_by()


def _paid_last(client: Client, limit: int) -> list[Case]:
    """The `limit` cases of a client that were paid last, and some never paid where they are fewer.

    The latest payments of the client are walked until so many cases were met; a sum over all of them would take longer.
    """
    payments = Transaction.objects.filter(PRESENT, client=client).order_by("-payment_date", "-pk")
    latest = payments.values_list("case_id", flat=True)
    met: dict[int | None, None] = {}
    paid: dict[int, Case] = {}
    start, end = 0, _FIRST_PAYMENTS
    while len(paid) < limit:
        keys = list(latest[start:end])
        met |= dict.fromkeys(keys)
        # A payment may name a case that has gone to another client since. Asked here, as PostgreSQL takes it for rare.
        paid = client.cases.in_bulk([key for key in met if key is not None])
        if len(keys) < end - start:
            break
        start, end = end, end * _GROWTH
    found = [paid[key] for key in met if key in paid][:limit]
    never_paid = client.cases.exclude(pk__in=list(paid)).order_by("reference", "pk")
    return [*found, *never_paid[: limit - len(found)]] if len(found) < limit else found


def _case_row(case: Case, last_payment: datetime | None, total: ListTotal) -> CaseRow:
    return CaseRow(
        case=case,
        last_payment=last_payment,
        fee_usd=total.fee_usd,
        count=total.count,
        estimate_fee_usd=total.estimate_fee_usd,
        estimate_count=total.estimate_count,
    )


def cases_seen(sight: Sight) -> QuerySet[Case]:
    """The cases that may be seen, in no order."""
    return Case.objects.filter(sight.of_clients(), account=sight.account)


def veil_cases(sight: Sight, payments: Iterable[Transaction]) -> None:
    """Leave out of `payments`, which have their cases at hand, those that may not be seen: they are another client's by now."""
    for payment in payments:
        if payment.case is not None and not sight.covers(payment.case.client_id):
            payment.case = None


def case_of(sight: Sight, reference: str) -> Case:
    """The case with Debitura's reference; the newest, should two share it.

    Raises Case.DoesNotExist, also for one that may not be seen.
    """
    cases = cases_seen(sight).filter(reference=reference).select_related("client").order_by("-pk")
    # PostgreSQL refuses to look for a NUL character, and no case has an empty reference.
    case = cases.first() if reference and "\0" not in reference else None
    if case is None:
        raise Case.DoesNotExist
    return case


def reference_history(case: Case, *, limit: int) -> ReferencePage:
    """The latest `limit` changes of the partner reference of a case, the last one first. Two queries."""
    changes = case.reference_changes.select_related("by").order_by("-at", "-pk")
    window = Window(number=1, size=limit, count=case.reference_changes.count())
    return ReferencePage(rows=list(changes[:limit]), window=window)


def activations_of(case: Case, *, limit: int) -> list[Activation]:
    """The latest `limit` attempts to activate a case, the last one first. One query."""
    return list(case.activations.select_related("by").order_by("-started_at", "-pk")[:limit])


def case_payments(sight: Sight, case: Case, *, limit: int) -> PaymentPage:
    """The latest `limit` payments of a case; those that Debitura lists no more (`removed_at`) are among them. Two queries."""
    found = case.transactions.filter(sight.of_clients())
    rows = found.select_related("client").defer("raw", "client__raw").order_by("-payment_date", "-pk")
    window = Window(number=1, size=limit, count=found.count())
    return PaymentPage(rows=list(rows[window.slice]), window=window)


def case_total(sight: Sight, case: Case) -> ListTotal:
    """The total of the payments that Debitura still lists (USD, exact). One query."""
    return firm_and_estimated(sums_by(case.transactions.filter(sight.of_clients(), removed_at=None), "is_estimate"))


def payment_history(sight: Sight, payments: Iterable[Transaction]) -> list[HistoryEvent]:
    """What these payments went through, the latest first. One query.

    Whom they were of before is not told to somebody who may not see that client.

    Amounts of an estimate that only followed the exchange rate are no event. Times within a change are written in the
    current time zone.
    """
    ids = [payment.pk for payment in payments]
    lines = TransactionChange.objects.filter(transaction__in=ids).select_related("transaction", "client", "case")
    lines = lines.defer("transaction__raw", "client__raw", "case__raw").order_by("transaction", "seen_at", "pk")
    events = list(_events(_veiled(sight, line) for line in lines.iterator()))
    return sorted(events, key=lambda event: event.seen_at, reverse=True)


def _veiled(sight: Sight, line: TransactionChange) -> TransactionChange:
    if line.client is not None and not sight.covers(line.client_id):
        line.client = _ANOTHER_CLIENT
    if line.case is not None and not sight.covers(line.case.client_id):
        line.case = _ANOTHER_CASE
    return line


def _events(lines: Iterator[TransactionChange]) -> Iterator[HistoryEvent]:
    before: TransactionChange | None = None
    for line in lines:
        if before is not None and before.transaction_id != line.transaction_id:
            before = None
        yield HistoryEvent(
            transaction=line.transaction,
            seen_at=line.seen_at,
            kind=line.kind,
            kind_label=line.get_kind_display(),
            changes=_difference(before, line),
            run_id=line.run_id,
        )
        before = line


class Field(NamedTuple):
    """A field of the history: its name for people, the columns it is made of, its text, and whether the first event tells it."""

    label: str
    columns: tuple[str, ...]
    text: Callable[[TransactionState], str]
    opens: bool = False

    def values(self, row: TransactionState) -> list[Any]:
        return [getattr(row, column) for column in self.columns]


def _difference(before: TransactionState | None, after: TransactionState) -> list[Change]:
    if before is None:
        return [Change(field.label, None, field.text(after)) for field in FIELDS if field.opens]
    return [_change(field, before, after) for field in FIELDS if field.values(before) != field.values(after)]


def _change(field: Field, before: TransactionState, after: TransactionState) -> Change:
    old, new = field.text(before), field.text(after)
    if old == new:  # They differ in digits that the text does not show.
        old, new = _exact(field.values(before)), _exact(field.values(after))
    return Change(field.label, old, new)


def _exact(values: list[Any]) -> str:
    return " ".join(_text(value) for value in values)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return UNKNOWN if value is None or value == "" else str(value)


def _plain(label: str, column: str) -> Field:
    return Field(label, (column,), lambda row: _text(getattr(row, column)))


def _amount(label: str, column: str, currency: str, *, opens: bool = False) -> Field:
    """An amount in the currency that the column `currency` names."""

    def text(row: TransactionState) -> str:
        code = getattr(row, currency)
        return f"{format_amount(getattr(row, column), code)} {code}".strip()

    return Field(label, (column, currency), text, opens)


def _dollars(label: str, column: str, *, opens: bool = False) -> Field:
    """An amount in USD, with ≈ before an estimate."""

    def text(row: TransactionState) -> str:
        amount = getattr(row, column)
        mark = "≈ " if row.is_estimate and amount is not None else ""
        return f"{mark}{format_amount(amount)} USD"

    return Field(label, (column,), text, opens)


def _moment(row: TransactionState) -> str:
    local = timezone.localtime(row.payment_date)
    return f"{local.day} {local:%b %Y, %H:%M}"


def _percentage(row: TransactionState) -> str:
    return UNKNOWN if row.fee_percentage is None else f"{row.fee_percentage:f} %"


FIELDS = (
    Field("Stage", ("stage",), lambda row: TEXTS[Stage(row.stage)].label, opens=True),
    _plain("Commission status", "commission_status"),
    _plain("Platform status", "platform_status"),
    _plain("Referral status", "referral_status"),
    Field("Payment date", ("payment_date",), _moment, opens=True),
    _amount("Payment", "payment_amount", "payment_currency", opens=True),
    Field("Fee percentage", ("fee_percentage",), _percentage),
    _dollars("Fee in USD", "fee_usd", opens=True),
    _amount("Fee", "fee", "earnings_currency"),
    _dollars("Debitura's revenue in USD", "revenue_usd"),
    _amount("Debitura's revenue", "revenue", "earnings_currency"),
    _plain("Estimate", "is_estimate"),
    _plain("Recognised", "is_recognized"),
    _dollars("Recognised in USD", "recognized_usd"),
    _plain("Client", "client"),
    _plain("Case", "case"),
)
