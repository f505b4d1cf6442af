"""What moved between two looks: everything of the clients that may be seen, once, and nothing of others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.access import Sight
from accounts.models import Role, User
from partners.models import Client, ClientEvent, PartnerAccount, ReferenceChange
from revenue.models import PullRun, Transaction, TransactionChange, TransactionState
from revenue.selectors.cases import Change
from revenue.selectors.moved import REFERENCE, Moved, moved
from revenue.stages import Stage
from tests.factories import NOW, make_account, make_case, make_client, make_run, make_transaction, make_user

pytestmark = pytest.mark.django_db

Kind = TransactionChange.Kind
Event = ClientEvent.Kind
STATE = [field.name for field in TransactionState._meta.get_fields()]
BEFORE = NOW - timedelta(days=7)


def sight_of(*clients: Client) -> Sight:
    keys = tuple(sorted(client.pk for client in clients))
    return Sight(account=clients[0].account, role=Role.MANAGER, clients=keys, sees_totals=False)


def line(row: Transaction, run: PullRun, kind: str, **changes: Any) -> None:
    """A line of history: the row as it is from the pull on."""
    state = {name: getattr(row, name) for name in STATE} | changes
    assert run.as_of is not None
    TransactionChange.objects.create(transaction=row, run=run, kind=kind, seen_at=run.as_of, **state)


def look(sight: Sight, since: datetime, until: datetime, limit: int = 1000) -> Moved:
    return moved(sight, since=since, until=until, limit=limit)


# --- Whatever the moments -----------------------------------------------------------------------------


@dataclass
class History:
    """An account as it is pulled and edited; the client whose moves are looked at, and another one.

    happened: what ought to be seen of the first one, by what tells it from everything else.
    """

    editor: User = field(default_factory=make_user)
    account: PartnerAccount = field(default_factory=make_account)
    clock: datetime = NOW
    happened: list[tuple[object, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clients = [make_client(self.account), make_client(self.account)]
        self.cases = [make_case(client, reference=f"Q{place}") for place, client in enumerate(self.clients)]
        self.run = make_run(self.account, as_of=NOW)
        for case in self.cases:
            line(make_transaction(case=case, first_seen_at=NOW), self.run, Kind.FIRST_SEEN)

    def note(self, client: Client, *told: object) -> None:
        if client == self.clients[0]:
            self.happened.append(told)

    def pull(self, steps: list[tuple[str, int]]) -> None:
        """A published pull, which brings each of these; a payment takes one step in a pull."""
        self.clock += timedelta(minutes=1)
        self.run = make_run(self.account, as_of=self.clock, started_at=self.clock)
        met: set[int] = set()
        for what, place in steps:
            rows = [row for row in Transaction.objects.order_by("pk") if row.pk not in met]
            client, case = self.clients[place % 2], self.cases[place % 2]
            if what in Event:
                about = case if what == Event.CASE_STATE else None
                event = ClientEvent.objects.create(
                    client=client, case=about, kind=what, old="A", new="B", at=self.clock
                )
                self.note(client, what, self.clock, event.case)
            elif what == Kind.FIRST_SEEN:
                row = make_transaction(case=case, first_seen_at=self.clock)
                met.add(row.pk)
                self.tell(row, what)
            elif rows:
                row = rows[place % len(rows)]
                met.add(row.pk)
                self.step(row, what)

    def step(self, row: Transaction, what: str) -> None:
        kind = Kind.RETURNED if row.removed_at else what
        row.removed_at = self.clock if kind == Kind.REMOVED else None
        row.stage = Stage.PAID if row.stage == Stage.READY else Stage.READY
        row.save()
        self.tell(row, kind)

    def tell(self, row: Transaction, kind: str) -> None:
        line(row, self.run, kind)
        assert row.client is not None
        self.note(row.client, kind, self.clock, row.pk)

    def edit(self, place: int) -> None:
        """Somebody changes a reference, between two pulls."""
        self.clock += timedelta(seconds=1)
        case = self.cases[place % 2]
        ReferenceChange.objects.create(case=case, new="x", by=self.editor, source="page", at=self.clock)
        self.note(self.clients[place % 2], REFERENCE, self.clock, case)


STEPS = st.tuples(
    st.sampled_from([Kind.FIRST_SEEN, Kind.CHANGED, Kind.REMOVED, Event.CASE_STATE, Event.ARCHIVED]), st.integers(0, 5)
)
ACTS = st.one_of(
    st.tuples(st.just("pull"), st.lists(STEPS, max_size=3)),
    st.tuples(st.just("edit"), st.integers(0, 1)),
    st.tuples(st.just("look"), st.none()),
)


@pytest.mark.either
@given(acts=st.lists(ACTS, max_size=10))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_looks_that_follow_each_other_show_everything_once(acts) -> None:
    history = History()
    sight = sight_of(history.clients[0])
    since, seen = BEFORE, list[tuple[object, ...]]()
    for act, told in [*acts, ("pull", []), ("look", None)]:
        if act == "pull":
            history.pull(told)
        elif act == "edit":
            history.edit(told)
        else:
            until = PullRun.objects.filter(account=history.account).latest("as_of").as_of
            assert until is not None
            found = look(sight, since, until)
            assert found.count == len(found.moves)
            seen += [(move.kind, move.at, move.payment.pk if move.payment else move.case) for move in found.moves]
            since = until
    assert Counter(seen) == Counter(history.happened)


# --- Particular ones ----------------------------------------------------------------------------------


@pytest.fixture
def own() -> Client:
    """A client of an account that was pulled two days ago, and now."""
    client = make_client(company_name="Own A/S")
    make_run(client.account, as_of=NOW - timedelta(days=2), started_at=NOW - timedelta(days=2))
    make_run(client.account)
    return client


def last_run(client: Client) -> PullRun:
    return client.account.pulls.latest("as_of")


def test_move_of_a_payment_says_from_what_to_what(own: Client) -> None:
    row = make_transaction(case=make_case(own, reference="Q1"), stage=Stage.READY, first_seen_at=BEFORE)
    line(row, own.account.pulls.earliest("as_of"), Kind.FIRST_SEEN)
    line(row, last_run(own), Kind.CHANGED, stage=Stage.PAID.value, referral_status="Paid")
    [move] = look(sight_of(own), BEFORE, NOW).moves
    assert (move.label, move.payment, move.case, move.client) == ("In another stage", row, row.case, own)
    assert move.changes == (Change("Stage", "Ready to Invoice Debitura", "Paid"),)


def test_nothing_of_other_clients_moves_not_even_in_the_count(own: Client) -> None:
    theirs = make_client(own.account, company_name="Zebrawood")
    other = make_case(theirs)
    line(make_transaction(case=other, first_seen_at=NOW), last_run(own), Kind.FIRST_SEEN)
    line(make_transaction(case=other, first_seen_at=BEFORE), last_run(own), Kind.CHANGED)
    ReferenceChange.objects.create(case=other, new="x", by=make_user(), source="page", at=NOW)
    ClientEvent.objects.create(client=theirs, case=other, kind=Event.CASE_NEW, at=NOW)
    assert look(sight_of(own), BEFORE, NOW) == Moved([], 0)
    assert look(sight_of(make_client(own.account)), BEFORE, NOW) == Moved([], 0)
    assert len(look(Sight.of_everything(own.account), BEFORE, NOW).moves) == 4


def test_what_has_gone_to_another_client_since_is_not_told_nor_from_whom_it_came(own: Client) -> None:
    other = make_case(make_client(own.account, company_name="Zebrawood"), reference="QTHEIRS")
    gone = make_transaction(case=other, first_seen_at=BEFORE)
    line(gone, last_run(own), Kind.CHANGED, client=own)
    ClientEvent.objects.create(client=own, case=other, kind=Event.CASE_STATE, at=NOW)
    come = make_transaction(case=other, client=own, first_seen_at=BEFORE)
    line(come, own.account.pulls.earliest("as_of"), Kind.FIRST_SEEN, client=other.client)
    line(come, last_run(own), Kind.CHANGED)
    [move] = look(sight_of(own), BEFORE, NOW).moves
    assert (move.payment, move.case, move.changes) == (come, None, (Change("Client", "another client", "Own A/S"),))


def test_most_of_them_are_counted_and_the_latest_are_listed(own: Client) -> None:
    for minute in range(5):
        ClientEvent.objects.create(client=own, kind=Event.RETURNED, at=NOW - timedelta(minutes=minute))
    found = look(sight_of(own), BEFORE, NOW, limit=2)
    assert [move.at for move in found.moves] == [NOW, NOW - timedelta(minutes=1)]
    assert (found.count, found.left_out) == (5, 3)


def test_moves_stand_by_client_the_one_with_the_latest_first(own: Client) -> None:
    other = make_client(own.account)
    for minute, client in enumerate((own, other, own)):
        ClientEvent.objects.create(client=client, kind=Event.RETURNED, at=NOW - timedelta(minutes=minute))
    groups = look(sight_of(own, other), BEFORE, NOW).by_client
    assert [(client, len(moves)) for client, moves in groups] == [(own, 2), (other, 1)]


@pytest.mark.parametrize("count", [1, 3])
def test_number_of_queries_is_the_same_for_any_number_of_moves(own, django_assert_num_queries, count) -> None:
    clients = [own, *(make_client(own.account) for _ in range(count - 1))]
    for client in clients:
        case = make_case(client)
        line(make_transaction(case=case, first_seen_at=NOW), last_run(own), Kind.FIRST_SEEN)
        line(make_transaction(case=case, first_seen_at=BEFORE), last_run(own), Kind.CHANGED)
        ReferenceChange.objects.create(case=case, new="x", by=make_user(), source="page", at=NOW)
        ClientEvent.objects.create(client=client, case=case, kind=Event.CASE_NEW, at=NOW)
    sight = sight_of(*clients)
    with django_assert_num_queries(8):
        found = look(sight, BEFORE, NOW)
        shown = [(str(move.client), str(move.case), move.label, move.changes) for move in found.moves]
    assert len(shown) == 4 * count
