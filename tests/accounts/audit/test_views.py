"""The page of the audit trail and its file: for whom they are, what they say, and what they make of any address."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit import record as audit
from accounts.audit import trail as audit_trail
from accounts.audit.record import Action, record, record_failed_sign_in
from accounts.models import AuditEvent, Role, User
from partners.models import PartnerAccount
from tests.factories import make_account, make_client, make_creditor, make_member, make_user, sign_in_now

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
PAGE, FILE = "/settings/audit/", "/settings/audit/export.csv"


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def account() -> PartnerAccount:
    return make_account(slug="acme", name="Acme Referrals")


@pytest.fixture
def admin(account: PartnerAccount) -> User:
    return make_member(account, Role.ADMIN, email="admin@example.com")


@pytest.fixture
def browser(admin: User) -> Client:
    client = Client()
    sign_in_now(client, admin)
    return client


def rows(answer: Any) -> list[str]:
    """The lines of the table, in words."""
    found = re.findall(r"<tr>.*?</tr>", answer.content.decode(), re.DOTALL)[1:]
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in found]


def cells(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"), newline="")))


# --- For whom ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [PAGE, FILE])
@pytest.mark.parametrize(
    ("role", "status"), [(Role.ADMIN, 200), (Role.FINANCE, 403), (Role.MANAGER, 403), (Role.CLIENT, 404)]
)
def test_trail_is_for_admins(account: PartnerAccount, address: str, role: Role, status: int) -> None:
    record(Action.EXPORTED, account=account, subject="hushhush.csv")
    client = Client()
    sign_in_now(client, make_member(account, role))
    answer = client.get(address)
    assert (answer.status_code, b"hushhush" in answer.getvalue()) == (status, status == 200)


@pytest.mark.parametrize("address", [PAGE, FILE])
def test_trail_is_for_nobody_else(account: PartnerAccount, address: str) -> None:
    creditor = make_user()
    make_creditor(creditor, make_client(account))
    for person, status in ((creditor, 404), (make_user(is_superuser=False), 404), (make_user(is_active=False), 302)):
        client = Client()
        sign_in_now(client, person)
        assert client.get(address).status_code == status
    assert Client().get(address).status_code == 302


@pytest.mark.parametrize("address", [PAGE, FILE])
def test_account_of_others_is_as_unknown_as_none(browser: Client, address: str) -> None:
    make_account(slug="other")
    theirs, none = (browser.get(f"{address}?partner={slug}") for slug in ("other", "nowhere"))
    assert (theirs.status_code, none.status_code) == (404, 404)
    pages = [re.sub(r'value="\w{64}"', "", answer.content.decode()) for answer in (theirs, none)]
    assert pages[0] == pages[1]


def test_superuser_reads_it_before_there_is_an_account() -> None:
    client = Client()
    sign_in_now(client, make_user("boss@example.com"))
    assert [row.split(" ", 4)[4] for row in rows(client.get(PAGE))] == ["boss@example.com Signed in — — Page"]
    assert len(cells(client.get(FILE))) == 3


def test_link_to_it_is_for_admins(account: PartnerAccount, browser: Client) -> None:
    finance = Client()
    sign_in_now(finance, make_member(account, Role.FINANCE))
    pages = [client.get("/settings/").content.decode() for client in (browser, finance)]
    assert [f'href="{PAGE}"' in page for page in pages] == [True, False]


# --- What it says -----------------------------------------------------------------------------------


def test_page_says_it_in_words_and_in_the_readers_time(account: PartnerAccount, admin: User, browser: Client) -> None:
    record_failed_sign_in("admin@example.com", None)
    record(Action.REFERENCE_CHANGED, actor=admin, account=account, subject="<b>Q1", was="", now='"><script>')
    answer = browser.get(PAGE)
    assert rows(answer) == [
        '29 Mar 2026, 01:30 admin@example.com Changed a partner reference <b>Q1 Was: nothing Is now: "><script> Feeboard itself',
        "29 Mar 2026, 01:30 admin@example.com Failed to sign in — — Feeboard itself",
        "29 Mar 2026, 01:30 admin@example.com Signed in — — Page",
    ]
    page = answer.content.decode()
    assert ("<b>Q1" in page, "<script>" in page, "Europe/Copenhagen" in page) == (False, False, True)
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        # The clocks go forward that night, from 02:00 to 03:00: 29 March begins at 23:00 UTC, and ends at 22:00 UTC.
        ("from=2026-03-29&to=2026-03-29", ["22:00 before", "23:00"]),
        ("to=2026-03-28", ["23:00 before"]),
        ("from=2026-03-30", ["22:00"]),
    ],
)
def test_days_are_those_of_the_reader(account: PartnerAccount, admin: User, query: str, found: list[str]) -> None:
    moments = {
        "23:00 before": datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC),
        "23:00": datetime(2026, 3, 28, 23, tzinfo=UTC),
        "22:00 before": datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC),
        "22:00": datetime(2026, 3, 29, 22, tzinfo=UTC),
    }
    for subject, at in moments.items():
        with time_machine.travel(at, tick=False):
            record(Action.EXPORTED, account=account, subject=subject)
    client = Client()
    sign_in_now(client, admin)
    page = client.get(f"{PAGE}?action=exported&{query}")
    assert [event.subject for event, _ in page.context["events"]] == found


def test_links_keep_the_conditions_and_the_account(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_trail, "PAGE_SIZE", 2)
    make_account(slug="first", created_at=datetime(2020, 1, 1, tzinfo=UTC))
    second = make_account(slug="second")
    for number in range(5):
        record(Action.EXPORTED, actor=admin, account=second, subject=f"a&b {number}")
    client = Client()
    sign_in_now(client, make_user("boss@example.com"))
    page = client.get(f"{PAGE}?partner=second&q=a%26b&action=exported&action=invited")
    assert [chip.label for chip in page.context["chips"]] == ["Exported", "Invited a person", "“a&b”"]
    assert page.context["chips"][2].query == "partner=second&action=exported&action=invited"
    later = client.get(f"{PAGE}?{page.context['pager']['next']}")
    assert [event.subject for event, _ in later.context["events"]] == ["a&b 2", "a&b 1"]
    assert later.context["pager"]["first"] == "partner=second&action=exported&action=invited&q=a%26b"
    assert '<input type="hidden" name="partner" value="second">' in later.content.decode()
    nothing = client.get(f"{PAGE}?partner=second&q=nowhere").content.decode()
    assert ("Nothing matches" in nothing, "The list ends here" in nothing) == (True, False)


HOSTILE: list[dict[str, Any]] = [
    {"from": "2026-02-30"},
    {"from": "0001-01-01"},
    {"to": "9999-12-31"},
    {"to": "٢٠٢٦-٠١-٠١"},
    {"from": "2026-03-02", "to": "2026-03-01"},
    {"from": "2026-01-01\0"},
    {"action": "nonsense"},
    {"action": ["signed_in", "\0"]},
    {"q": "a\0b"},
    {"q": "x" * 201},
    {"person": "x" * 255},
    {"person": "\0"},
    {"after": "x"},
    {"after": "-1"},
    {"before": "9" * 40},
]


@pytest.mark.parametrize("query", HOSTILE)
def test_conditions_that_make_no_sense_are_told_and_show_nothing(browser: Client, query: dict[str, Any]) -> None:
    address = urlencode(query, doseq=True)
    page, file = browser.get(f"{PAGE}?{address}"), browser.get(f"{FILE}?{address}")
    assert (page.status_code, rows(page), "could not be read" in page.content.decode()) == (400, [], True)
    assert (file.status_code, file["Content-Type"], b":" in file.content) == (400, "text/plain; charset=utf-8", True)
    assert not AuditEvent.objects.filter(action="exported").exists()


@pytest.mark.parametrize("query", ["after=999", "before=999", "after=1&before=999999999999999999"])
def test_place_that_is_none_is_not_found(browser: Client, query: str) -> None:
    assert browser.get(f"{PAGE}?{query}").status_code == 404


def test_page_asks_equally_often_for_any_number_of_lines(account: PartnerAccount, admin: User, browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(PAGE).status_code == 200
        return len(captured)

    before = queries()
    for number in range(3):
        record(Action.EXPORTED, actor=admin, account=account, subject=str(number))
    # Session, person, accounts and roles; the addresses of the people; those who left; three lists; people to choose from.
    assert (before, queries()) == (11, 11)


# --- The file ---------------------------------------------------------------------------------------


def test_file_holds_every_line_and_itself(account: PartnerAccount, admin: User, browser: Client) -> None:
    record(Action.REFERENCE_CHANGED, actor=admin, account=account, subject="=1+1", was="", now="@x")
    answer = browser.get(f"{FILE}?person=Admin@example.com")
    assert answer["Content-Disposition"] == 'attachment; filename="audit-trail_acme_20260329T0030Z.csv"'
    head, *lines = cells(answer)
    times = ["2026-03-29T00:30:00Z", "2026-03-29 01:30:00", "admin@example.com"]
    assert head == [
        *("at_utc", "at_local (Europe/Copenhagen)", "who", "action", "what", "subject", "details"),
        *("network_address", "way"),
    ]
    filtered = "Filter: person Admin@example.com"
    assert lines == [
        [*times, "exported", "Exported", "audit-trail.csv", filtered, "127.0.0.1", "page"],
        [*times, "reference_changed", "Changed a partner reference", "'=1+1", "Was: nothing; Is now: @x", "", "system"],
        [*times, "signed_in", "Signed in", "", "", "", "page"],
    ]


def test_file_is_read_as_it_is_sent(browser: Client, account: PartnerAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.audit.views._PIECE", 10)
    AuditEvent.objects.bulk_create(AuditEvent(action="exported", account=account, way="page") for _ in range(95))
    answer: Any = browser.get(FILE)
    pieces = list(answer.streaming_content)
    assert len(pieces) == 11  # the mark at the beginning, and 98 lines
    assert b"".join(pieces).count(b"\r\n") == 98


def test_head_asks_for_no_file_and_leaves_no_line(browser: Client) -> None:
    assert browser.head(FILE).status_code == 200
    assert not AuditEvent.objects.filter(action="exported").exists()


@pytest.mark.django_db(transaction=True)
def test_file_that_cannot_be_noted_does_not_leave(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "EXPORT_PATIENCE", 0)
    on_sqlite = connection.vendor == "sqlite"
    other = connection.copy()
    with other.cursor() as writer:
        writer.execute("BEGIN IMMEDIATE" if on_sqlite else "BEGIN")
        writer.execute("UPDATE partners_partneraccount SET edits = edits + 1")
        # PostgreSQL lets a line be added while a pull is writing.
        answers = [browser.get(address) for address in (FILE, "/clients/export.csv")]
        writer.execute("ROLLBACK")
    other.close()
    assert [answer.status_code for answer in answers] == ([503, 503] if on_sqlite else [200, 200])
    if on_sqlite:
        busy = b"A pull is being written at this moment. Ask for the file again in a minute."
        assert [answer.content for answer in answers] == [busy, busy]
    [answer.getvalue() for answer in answers]
    assert AuditEvent.objects.filter(action="exported").count() == (0 if on_sqlite else 2)
    assert browser.get(FILE).status_code == 200
