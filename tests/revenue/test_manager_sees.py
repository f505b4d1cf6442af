"""What an account manager sees: their clients, and no byte that would be another one if nobody else's clients were there.

Every address of the site is walked twice. In between everything of the other clients becomes something else: their rows go,
others come, in other months and with other amounts, names and states; what cannot go is called something else; and the pulls
found other differences. Not a byte of any answer may tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import time_machine

from accounts.models import Membership, Role, User
from partners.models import Case, ClientEvent, PartnerAccount, ReferenceChange
from partners.models import Client as PartnerClient
from partners.reference_imports import look_through
from partners.references import set_reference
from revenue.models import PullRun, QuarantinedRow, Transaction, TransactionChange, TransactionState
from revenue.pull import totals
from revenue.stages import Stage
from revenue.views.columns import BALANCE, TRANSACTIONS
from tests.addresses import every_route, parameters
from tests.factories import (
    NOW,
    make_account,
    make_case,
    make_client,
    make_member,
    make_run,
    make_transaction,
    make_user,
)
from tests.revenue.test_who_sees_it import Walker

pytestmark = [pytest.mark.django_db, pytest.mark.either]

SECRETS = (b"zebrawood", b"hornbeam", b"magnus ek", b"qtheirs", b"hush", b"7654.32", b"8765.43", b"grumbling")
# What a page says anew every time: the masks of its form's secret. Whom a page was kept for stands in its tag.
ANEW = re.compile(rb"""(csrfmiddlewaretoken" value="|csrftoken=|ETag': 'W?/?")[^"';]*""")
# Searches for what only others have, places and orders of lists.
QUERIES = (
    "?q=hush&partner=acme&folders=partner",
    "?q=zebrawood&state=all",
    "?client=tenant-theirs&sort=nonsense",
    "?state=zebrawood&page=2",
    "?sort=-fee&page_size=1",
)
STATE = [field.name for field in TransactionState._meta.get_fields()]


def others(account: PartnerAccount, word: str, fee: Decimal, months: Sequence[int], editor: User) -> PartnerClient:
    """Another client, with rows in these months; `word` stands in all that it is called."""
    client = make_client(
        account,
        company_name=f"{word} Ltd",
        external_tenant_id="tenant-theirs",
        creditor_id=UUID(int=0xFEED),
        onboarding_done=False,
        kyc_status=f"{word}Pending",
        earnings_usd=fee,
    )
    for place, month in enumerate(months):
        case = make_case(
            client,
            reference=f"QTHEIRS{place}",
            debtor_name="Magnus Ek",
            client_reference=f"hush {word}",
            lifecycle=word,
        )
        set_reference(case, f"hush{word}", by=editor, source=ReferenceChange.Source.PAGE)
        row = make_transaction(
            case=case,
            fee_usd=fee,
            payment_date=datetime(2025, month, 3, tzinfo=UTC),
            first_seen_at=NOW - timedelta(hours=1),
        )
        history(row, kind="first_seen")
        ClientEvent.objects.create(client=client, case=case, kind="case_new", new=word, at=NOW)
    return client


def history(row: Transaction, **fields: Any) -> None:
    """A line of the history of a payment, each by another of the two pulls."""
    run = PullRun.objects.filter(account=row.account).order_by("as_of")[row.changes.count()]
    state = {name: getattr(row, name) for name in STATE} | {"seen_at": NOW, "kind": "changed"} | fields
    TransactionChange.objects.create(transaction=row, run=run, **state)


def about_all(run: PullRun, word: str, count: int) -> None:
    """What a pull says of the whole account."""
    difference = {
        "stage": "paid",
        "ours_usd": "7654.32",
        "theirs_usd": "8765.43",
        "ours_count": count,
        "theirs_count": 0,
    }
    run.differences = [difference] * count
    run.portfolio = dict.fromkeys(
        ("total_clients", "attributed_clients", "onboarding_complete", "onboarding_pending", "total_cases"),
        8765 + count,
    )
    run.error_message, run.quarantined, run.pages_total, run.pages_done = f"grumbling {word}", count, count, count
    run.ties_out = False
    run.save()
    QuarantinedRow.objects.filter(account=run.account).delete()
    for place in range(count):
        QuarantinedRow.objects.create(
            account=run.account,
            resource="transactions",
            identity=f"{word}{place}",
            digest=str(place),
            reason=f"grumbling {word}",
            raw=word,
            first_run=run,
            last_run=run,
        )


@pytest.fixture
def account() -> PartnerAccount:
    return make_account(slug="acme", name="Acme Referrals")


@pytest.fixture
def manager(account: PartnerAccount) -> User:
    """Looks after two clients, and shows every column; some of their payments have to do with other clients."""
    editor = make_user("editor@example.com")
    columns = {table.key: [column.key for column in table.columns] for table in (TRANSACTIONS, BALANCE)}
    make_run(account, as_of=NOW - timedelta(days=2), started_at=NOW - timedelta(days=2))
    about_all(make_run(account), "zebrawood", 3)
    own = [make_client(account, company_name=f"Own {place} A/S", onboarding_done=False) for place in range(2)]
    manager = make_member(account, Role.MANAGER, clients=own, columns=columns)
    other = others(account, "zebrawood", Decimal("7654.32"), (3, 4, 9), editor)
    theirs = other.cases.get(reference="QTHEIRS2")
    case = make_case(own[0], reference="QOWN0", lifecycle="Active", debtor_name="Edvard")
    set_reference(case, "mine", by=editor, source=ReferenceChange.Source.PAGE)
    row = make_transaction(case=case, stage=Stage.PAID, first_seen_at=NOW - timedelta(hours=2))
    # It was another client's before, and had another case.
    history(row, client=other, case=theirs, kind="first_seen", seen_at=NOW - timedelta(hours=2))
    history(row)
    # It is called after a case that is another client's by now; and one of ours has a payment of theirs.
    history(make_transaction(case=theirs, client=own[1], fee_usd=Decimal(11)))
    make_transaction(case=case, client=other, fee_usd=Decimal("7654.32"))
    ClientEvent.objects.create(client=own[0], case=theirs, kind="case_new", new="zebrawood", at=NOW)
    ReferenceChange.objects.update(at=NOW)
    return manager


def upheaval(account: PartnerAccount) -> None:
    """Everything of the other clients becomes something else."""
    editor, other = (
        User.objects.get(email="editor@example.com"),
        account.clients.get(external_tenant_id="tenant-theirs"),
    )
    PartnerClient.objects.filter(pk=other.pk).update(
        external_tenant_id="gone",
        creditor_id=UUID(int=0xF00D),
        company_name="Aspen",
        kyc_status="aspen",
        archived_at=NOW,
    )
    kept = Case.objects.filter(reference="QTHEIRS2")
    kept.update(reference="Q9", debtor_name="x", client_reference="y", partner_reference="z", lifecycle="aspen")
    gone = Transaction.objects.filter(client=other, case__reference__startswith="QTHEIRS")
    TransactionChange.objects.filter(transaction__in=gone).delete()
    gone.delete()
    ClientEvent.objects.filter(client=other).delete()
    for case in Case.objects.filter(client=other, reference__startswith="QTHEIRS"):
        case.reference_changes.all().delete()
        case.delete()
    Transaction.objects.filter(client=other).update(
        fee_usd=Decimal("8765.43"), payment_date=datetime(2024, 1, 1, tzinfo=UTC)
    )
    new = others(account, "hornbeam", Decimal("8765.43"), (1, 2, 3, 4, 5), editor)
    PartnerClient.objects.filter(pk=new.pk).update(external_tenant_id="theirs too", creditor_id=UUID(int=0xBEEF))
    ReferenceChange.objects.filter(case__client=new).update(at=NOW)
    totals.rebuild(account)
    for place, run in enumerate(account.pulls.order_by("pk")):
        about_all(run, "hornbeam", 5 + place)


def walker_of(account: PartnerAccount, manager: User, *, by_token: bool) -> Walker:
    """With an example or more of every parameter; what only others have among them."""
    imported = look_through(
        Case.objects.filter(reference="QOWN0"), "QOWN0,new\nQTHEIRS0,x", account=account, by=manager
    )
    runs = account.pulls.values_list("pk", flat=True)
    values: dict[str, Sequence[object]] = {
        "creditor_id": [*account.clients.order_by("pk").values_list("creditor_id", flat=True), UUID(int=0xBEEF)],
        "reference": ["QOWN0", "QTHEIRS0", "QTHEIRS2", "unknown"],
        "partner_reference": ["mine", "hushzebrawood", "hushhornbeam"],
        "pk": [*runs, imported.pk],
        "slug": ["acme", "unknown"],
    }
    # What is not about clients is asked of nothing that there is.
    unknown = {name: ["unknown"] for route in every_route() for name in parameters(route)}
    return Walker(manager, unknown | values, by_token=by_token)


def answers(walker: Walker, *queries: str) -> dict[str, list[bytes]]:
    """What every address says, without what it says anew every time; the pages by a session, the API with a token.

    Of the addresses that are about one thing, each without a query.
    """
    return {
        route: [ANEW.sub(rb"\1", answer) for answer in walker.reads(route, *(() if "<" in route else queries))]
        for route in every_route()
        # A person's own pages hold no figure, but secrets that are made anew every time.
        if route.startswith("api/") == walker.by_token and not route.startswith(("profile/", "sign-"))
    }


@pytest.fixture
def stopped_clock(settings: Any) -> Iterator[None]:
    """Ages and files' own times are the same at every look; nobody is told to come back later."""
    settings.API_REQUESTS_PER_MINUTE = 100_000
    with time_machine.travel(NOW + timedelta(minutes=3), tick=False):
        yield


@pytest.mark.parametrize("by_token", [False, True])
@pytest.mark.usefixtures("stopped_clock")
def test_no_answer_to_an_account_manager_depends_on_other_clients(
    account: PartnerAccount, manager: User, by_token: bool
) -> None:
    walker = walker_of(account, manager, by_token=by_token)
    before = answers(walker, *QUERIES)
    # What was asked for is no answer: the searches are told back.
    told = {
        route: [secret for secret in SECRETS if secret in b"".join(texts[:1]).lower()]
        for route, texts in before.items()
    }
    assert {route: found for route, found in told.items() if found and "<" not in route} == {}

    upheaval(account)
    after = answers(walker, *QUERIES)
    differing = {route: _difference(before[route], after[route]) for route in before if before[route] != after[route]}
    assert differing == {}
    # The walk has come to something: without the role the same addresses tell of everybody.
    Membership.objects.filter(user=manager).update(role=Role.FINANCE)
    as_finance = answers(walker)
    finds = {route for route in before if as_finance[route] != before[route][: len(as_finance[route])]}
    assert len(finds) >= (8 if by_token else 20), finds


def _difference(before: list[bytes], after: list[bytes]) -> list[tuple[bytes, bytes]]:
    """The first lines that differ, for a message that helps."""
    pairs = [
        pair
        for texts in zip(before, after, strict=True)
        for pair in zip(*(text.split(b"\n") for text in texts), strict=False)
    ]
    return [(one, other) for one, other in pairs if one != other][:3]
