"""Reading the audit trail: whose lines an admin sees, in which order, a page at a time, and at what cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
import time_machine
from django.http import Http404

from accounts.audit import trail as audit_trail
from accounts.audit.record import Action, record, record_command, record_failed_sign_in
from accounts.audit.trail import TrailFilter, facts, page_of_trail, people_of, whole_trail
from accounts.models import AuditEvent, Membership, Role, User
from partners.models import PartnerAccount
from revenue.pull import bulk
from tests.factories import make_account, make_member, make_user
from tests.revenue.plans import findings

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


@pytest.fixture
def account() -> PartnerAccount:
    return make_account(slug="acme")


@pytest.fixture
def admin(account: PartnerAccount) -> User:
    return make_member(account, Role.ADMIN, email="admin@example.com")


def subjects(f: TrailFilter) -> list[str]:
    return [event.subject for event in page_of_trail(f).events]


def told(f: TrailFilter) -> list[tuple[str, str]]:
    """(who, what) of the page, the latest first."""
    return [(event.actor_text, event.action) for event in page_of_trail(f).events]


# --- Whose lines ------------------------------------------------------------------------------------


def test_admin_sees_the_account_and_what_its_people_did_besides(account: PartnerAccount, admin: User) -> None:
    other = make_account()
    finance = make_member(account, Role.FINANCE, email="finance@example.com")
    creditor = make_member(account, Role.CLIENT, email="creditor@example.com")
    stranger = make_member(other, Role.ADMIN, email="stranger@example.com")
    for person in (finance, creditor, stranger):
        record(Action.SIGNED_IN, actor=person)
    for name in ("Finance@example.com".lower(), "stranger@example.com", "nobody@example.com"):
        record_failed_sign_in(name, None)
    record_command(Action.TOKEN_MADE, subject="finance@example.com")
    record_command(Action.TOKEN_MADE, subject="stranger@example.com")
    record(Action.EXPORTED, actor=stranger, account=account, subject="clients.csv")
    record(Action.EXPORTED, actor=finance, account=other, subject="clients.csv")
    command = AuditEvent.objects.filter(subject="finance@example.com").get().actor_text
    mine = [
        ("stranger@example.com", "exported"),
        (command, "token_made"),
        ("finance@example.com", "sign_in_failed"),
        ("creditor@example.com", "signed_in"),
        ("finance@example.com", "signed_in"),
    ]
    assert told(TrailFilter(asker=admin, account=account)) == mine
    boss = make_user("boss@example.com")
    assert len(told(TrailFilter(asker=boss, account=account))) == 9
    assert len(told(TrailFilter(asker=boss, account=None))) == 8


def test_who_has_left_is_seen_up_to_that_moment(account: PartnerAccount, admin: User) -> None:
    gone = make_member(account, Role.FINANCE, email="gone@example.com")
    with time_machine.travel(NOW, tick=False) as clock:
        record(Action.SIGNED_IN, actor=gone)
        clock.shift(60)
        Membership.objects.filter(user=gone).delete()
        record(Action.REMOVED_FROM_ACCOUNT, actor=admin, account=account, subject="gone@example.com")
        clock.shift(60)
        record(Action.SIGNED_OUT, actor=gone)
        f = TrailFilter(asker=admin, account=account)
        assert told(f) == [("admin@example.com", "removed_from_account"), ("gone@example.com", "signed_in")]


def test_people_to_choose_from_are_those_of_the_account(account: PartnerAccount, admin: User) -> None:
    make_member(make_account(), Role.ADMIN, email="stranger@example.com")
    assert people_of(TrailFilter(asker=admin, account=account), limit=9) == ["admin@example.com"]
    boss = make_user("boss@example.com")
    everybody = ["admin@example.com", "boss@example.com", "stranger@example.com"]
    assert people_of(TrailFilter(asker=boss, account=account), limit=9) == everybody


# --- Conditions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, ["", "Ærø 100%", "", "Q1"]),
        ({"person": "otto@example.com"}, ["Ærø 100%", ""]),
        ({"person": "otto"}, []),
        ({"actions": ("signed_in",)}, ["", ""]),
        ({"actions": ("exported", "reference_changed")}, ["Ærø 100%", "Q1"]),
        ({"q": "æRØ"}, ["Ærø 100%"]),
        ({"q": "0%"}, ["Ærø 100%"]),
        ({"q": "_%"}, []),
        ({"q": "ADMIN@"}, ["", "Q1"]),
        ({"start": NOW + timedelta(hours=1)}, ["", "Ærø 100%", ""]),
        ({"end": NOW + timedelta(hours=1)}, ["Q1"]),
        ({"start": NOW + timedelta(hours=1), "end": NOW + timedelta(hours=2), "actions": ("signed_in",)}, [""]),
    ],
)
def test_conditions_narrow_the_trail(account: PartnerAccount, admin: User, fields: Any, found: list[str]) -> None:
    otto = make_member(account, Role.FINANCE, email="otto@example.com")
    with time_machine.travel(NOW, tick=False) as clock:
        record(Action.REFERENCE_CHANGED, actor=admin, account=account, subject="Q1")
        clock.shift(3600)
        record(Action.SIGNED_IN, actor=otto)
        clock.shift(3600)
        record(Action.EXPORTED, actor=otto, account=account, subject="Ærø 100%")
        record(Action.SIGNED_IN, actor=admin)
    f = TrailFilter(asker=admin, account=account, **fields)
    assert subjects(f) == found == [event.subject for event in whole_trail(f)]


# --- Pages ------------------------------------------------------------------------------------------


def test_pages_show_every_line_once_forwards_and_backwards(
    account: PartnerAccount, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "PAGE_SIZE", 3)
    with time_machine.travel(NOW, tick=False) as clock:
        for number in range(11):
            # Of the account and of people by turns, several at the same moment.
            record(Action.EXPORTED, actor=admin, account=account if number % 2 else None, subject=str(number))
            clock.shift(60 if number % 4 == 3 else 0)
    pages = [page_of_trail(TrailFilter(asker=admin, account=account))]
    while (after := pages[-1].last) is not None:
        pages.append(page_of_trail(TrailFilter(asker=admin, account=account, after=after)))
    shown = [[event.subject for event in page.events] for page in pages]
    assert shown == [["10", "9", "8"], ["7", "6", "5"], ["4", "3", "2"], ["1", "0"]]
    assert [page.first is None for page in pages] == [True, False, False, False]
    back = [pages[-1]]
    while (before := back[-1].first) is not None:
        back.append(page_of_trail(TrailFilter(asker=admin, account=account, before=before)))
    assert [[event.subject for event in page.events] for page in back[::-1]] == shown
    assert back[-1] == pages[0]


def test_place_of_a_line_that_is_not_seen_is_as_unknown_as_none(account: PartnerAccount, admin: User) -> None:
    record(Action.EXPORTED, account=make_account())
    for key in (AuditEvent.objects.get().pk, 10**17):
        with pytest.raises(Http404, match="There is no such place in this list"):
            page_of_trail(TrailFilter(asker=admin, account=account, after=key))


def test_facts_are_words() -> None:
    event = AuditEvent(
        detail={
            "was": "",
            "now": "A",
            "scopes": ["read", "references"],
            "filter": "from=2026-01-01&q=%C3%A6+%26",
            "new_role": "admin",
            "changed": 3,
        }
    )
    assert facts(event) == [
        ("Was", "nothing"),
        ("Is now", "A"),
        ("May", "read, references"),
        ("Changed", "3"),
        ("Filter", "from 2026-01-01, q æ &"),
        ("New role", "admin"),
    ]
    assert facts(AuditEvent(detail={"filter": ""})) == [("Filter", "none")]


# --- Cost -------------------------------------------------------------------------------------------

LINES = 20_000
MOST = 1_000


def _fill(accounts: list[PartnerAccount], people: list[str]) -> None:
    """Lines of two accounts and of none, spread evenly; one in a thousand of an action of its own."""
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=NOW + timedelta(minutes=number),
            action="exported" if number % 1000 else "key_changed",
            account=accounts[number % 3] if number % 3 < 2 else None,
            actor_text=people[number * 7919 % len(people)],
            way="page",
        )
        for number in range(LINES)
    )
    bulk.refresh_statistics(AuditEvent)


def test_no_page_reads_or_sorts_the_whole_trail(account: PartnerAccount) -> None:
    people = [f"person{number}@example.com" for number in range(200)]
    _fill([account, make_account()], people)
    admin = make_member(account, Role.ADMIN, email=people[0])
    middle = NOW + timedelta(minutes=LINES // 2)
    near = AuditEvent.objects.filter(account=account, at__gte=middle).order_by("at").values_list("pk", flat=True)[0]
    asked: list[dict[str, Any]] = [
        {},
        {"after": near},
        {"before": near},
        {"person": people[7]},
        {"actions": ("key_changed",)},
        {"actions": ("key_changed", "signed_in"), "after": near},
        {"start": middle, "end": middle + timedelta(days=1)},
    ]
    boss = make_user("boss@example.com")
    table = AuditEvent._meta.db_table
    wrong = [
        f"{asker} {fields} {finding}"
        for asker, fields in product((admin, boss), asked)
        for finding in findings(
            lambda asker=asker, fields=fields: page_of_trail(TrailFilter(asker=asker, account=account, **fields)),
            most=MOST,
            table=table,
        )
    ]
    assert wrong == []
