"""What moved with the clients that may be seen, between two instants: payments, their stages, cases, references, the clients.

Both instants are those of published pulls: whatever happened up to such a one was written before its figures could be seen
(PartnerAccount.note_edit, revenue.pull.publish). So looks that follow each other, each from where the one before ended, show
everything once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.access import Sight
from partners.models import Case, Client, ClientEvent, ReferenceChange
from revenue.models import PRESENT, Transaction, TransactionChange
from revenue.money import UNKNOWN
from revenue.selectors.cases import Change, HistoryEvent, payment_history, veil_cases

Kind = TransactionChange.Kind
REFERENCE = "reference"
LABELS: dict[str, str] = {
    Kind.FIRST_SEEN: "New payment",
    Kind.CHANGED: "Payment changed",
    Kind.REMOVED: "Payment no longer listed: counts in no total",
    Kind.RETURNED: "Payment listed again",
    REFERENCE: "Partner reference changed",
} | {kind.value: str(kind.label) for kind in ClientEvent.Kind}
# Of a payment that changed: what people ask for. The statuses behind a stage are left out where it says what they mean.
TELLING = ("Stage", "Payment date", "Payment", "Fee percentage", "Fee in USD", "Estimate", "Client", "Case")
_UNSHOWN = ("raw", "case__raw", "client__raw", "client__users", "client__address")


@dataclass(frozen=True, slots=True)
class Move:
    """Something that moved.

    at: when it came to be known here (UTC). kind: a kind of TransactionChange or of ClientEvent, or REFERENCE. changes: from
    what to what. case, payment: what it is about; a case that may not be seen is left out.
    """

    at: datetime
    kind: str
    client: Client
    case: Case | None = None
    payment: Transaction | None = None
    changes: tuple[Change, ...] = ()

    @property
    def label(self) -> str:
        is_step = self.kind == Kind.CHANGED and any(change.label == "Stage" for change in self.changes)
        return "In another stage" if is_step else LABELS[self.kind]


@dataclass(frozen=True, slots=True)
class Moved:
    """moves: the latest ones, the last one first. count: of all of them."""

    moves: list[Move]
    count: int

    @property
    def left_out(self) -> int:
        """How many there are beside `moves`, each of them older."""
        return self.count - len(self.moves)

    @property
    def by_client(self) -> list[tuple[Client, list[Move]]]:
        """The moves of each client, the client with the latest one first."""
        groups: dict[int, tuple[Client, list[Move]]] = {}
        for move in self.moves:
            groups.setdefault(move.client.pk, (move.client, []))[1].append(move)
        return list(groups.values())


class _Line(NamedTuple):
    """What tells a line of the history of a payment from every other one."""

    seen_at: datetime
    transaction: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Span:
    """Whose moves are asked for, and of what time."""

    sight: Sight
    clients: Sequence[int]
    since: datetime
    until: datetime

    @classmethod
    def of(cls, sight: Sight, since: datetime, until: datetime) -> _Span:
        """What was there when the account was pulled for the first time did not move. Up to two queries."""
        first = sight.account.pulls.exclude(as_of=None).order_by("as_of").values_list("as_of", flat=True).first()
        clients = sight.clients
        if clients is None:
            clients = tuple(sight.account.clients.order_by("pk").values_list("pk", flat=True))
        return cls(sight, clients, max(since, first or until), until)

    def within(self, column: str) -> Q:
        return Q((f"{column}__gt", self.since), (f"{column}__lte", self.until))

    def looked_through(self, rows: QuerySet[Any], column: str) -> QuerySet[Any]:
        """Those of `rows` whose client, which `column` leads to, is one of these; in words that no index of clients follows.

        For rows that are found by their time: by their client they would be all that it ever had.
        """
        own: QuerySet[Any] = rows.alias(owner=Coalesce(column, 0)).filter(owner__in=self.clients)
        return own


def moved(sight: Sight, *, since: datetime, until: datetime, limit: int) -> Moved:
    """The latest `limit` moves after `since` and not after `until`, and how many there are.

    Eight queries, nine for who sees every client; and one for each kind of which there are more than that.
    """
    span = _Span.of(sight, since, until)
    kinds = (_arrivals(span), _lines(span), _gone_again(span))
    lines = [_Line(*line) for rows in kinds for line in rows[:limit]]
    references, events = list(_references(span)[:limit]), list(_events(span)[:limit])
    latest = sorted(lines, key=itemgetter(0), reverse=True)[:limit]
    found = [*_of_payments(sight, latest), *map(_of_reference, references), *map(_of_event, events)]
    found.sort(key=attrgetter("at"), reverse=True)
    every = (*kinds, _references(span), _events(span))
    got = len(lines) + len(references) + len(events)
    return Moved(found[:limit], got if got < limit else sum(rows.count() for rows in every))


# --- Payments ---------------------------------------------------------------------------------------


def _arrivals(span: _Span) -> QuerySet[Any]:
    """The lines of payments that were first seen then, and are listed still."""
    rows = Transaction.objects.filter(PRESENT, span.within("first_seen_at"), account=span.sight.account)
    rows = span.looked_through(rows, "client_id").order_by("-first_seen_at", "-pk")
    return rows.values_list("first_seen_at", "pk", Value(Kind.FIRST_SEEN.value))


def _lines(span: _Span) -> QuerySet[Any]:
    """The lines of what payments went through, but for their first sight."""
    rows = TransactionChange.objects.exclude(kind=Kind.FIRST_SEEN)
    rows = rows.filter(span.within("seen_at"), client__in=span.clients)
    # A payment may have gone to another client since.
    return _in_order(span.looked_through(rows, "transaction__client_id"))


def _gone_again(span: _Span) -> QuerySet[Any]:
    """The first sights of payments that have gone since, which are none of `_arrivals`."""
    gone = _lines(span).filter(kind=Kind.REMOVED).order_by().values("transaction")
    rows = TransactionChange.objects.filter(span.within("seen_at"), kind=Kind.FIRST_SEEN, transaction__in=gone)
    return _in_order(rows.filter(transaction__removed_at__isnull=False))


def _in_order(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.order_by("-seen_at", "-pk").values_list("seen_at", "transaction", "kind")


def _of_payments(sight: Sight, lines: Iterable[_Line]) -> list[Move]:
    """The moves of these lines, in no order. Two queries."""
    wanted = set(lines)
    rows = Transaction.objects.select_related("client", "case").defer(*_UNSHOWN)
    payments = rows.in_bulk({line.transaction for line in wanted})
    veil_cases(sight, payments.values())
    events = payment_history(sight, payments.values())
    return [
        _of_payment(payments[event.transaction.pk], event)
        for event in events
        if _Line(event.seen_at, event.transaction.pk, event.kind) in wanted
    ]


def _of_payment(payment: Transaction, event: HistoryEvent) -> Move:
    telling = tuple(change for change in event.changes if change.label in TELLING)
    if payment.client is None:
        raise ValueError("Only payments of clients are asked for.")
    return Move(
        at=event.seen_at,
        kind=event.kind,
        client=payment.client,
        case=payment.case,
        payment=payment,
        changes=() if event.kind == Kind.FIRST_SEEN else telling or tuple(event.changes),
    )


# --- Cases, references and the clients themselves -----------------------------------------------------


def _references(span: _Span) -> QuerySet[ReferenceChange]:
    rows = ReferenceChange.objects.filter(span.within("at")).order_by("-at", "-pk")
    shown = rows.select_related("case__client").defer(*(f"case__{name}" for name in _UNSHOWN if name != "case__raw"))
    return span.looked_through(shown, "case__client_id")


def _of_reference(change: ReferenceChange) -> Move:
    case = change.case
    if case.client is None:
        raise ValueError("Only cases of clients are asked for.")
    said = Change("Partner reference", change.old or UNKNOWN, change.new or UNKNOWN)
    return Move(at=change.at, kind=REFERENCE, client=case.client, case=case, changes=(said,))


def _events(span: _Span) -> QuerySet[ClientEvent]:
    rows = ClientEvent.objects.filter(span.within("at"), client__in=span.clients).order_by("-at", "-pk")
    # A case may have gone to another client since.
    rows = rows.alias(owner=Coalesce("case__client_id", "client_id")).filter(owner__in=span.clients)
    return rows.select_related("client", "case").defer(*_UNSHOWN[1:])


def _of_event(event: ClientEvent) -> Move:
    is_state = event.kind == ClientEvent.Kind.CASE_STATE
    said = (Change("State", event.old, event.new),) if is_state else ()
    return Move(at=event.at, kind=event.kind, client=event.client, case=event.case, changes=said)
