"""What people change and take along is told by the audit trail, with the change or not at all; and no secret goes into it."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import ApiToken, AuditEvent, User
from partners.models import Case, PartnerAccount, ReferenceChange, ReferenceImport
from revenue import edits
from revenue.tasks import CannotStart
from revenue.views import pulls
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.factories import make_account, make_case, make_client, make_run, make_transaction, make_user, sign_in_now

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough pass phrase"
NEW_PASSWORD = "another long phrase 77"


@pytest.fixture
def maria() -> User:
    return make_user("maria@example.com")


@pytest.fixture
def browser(maria: User) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.7")
    sign_in_now(client, maria)
    return client


@pytest.fixture
def api(maria: User) -> APIClient:
    caller = APIClient(REMOTE_ADDR="192.0.2.8")
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiToken.issue(maria)}")
    return caller


@pytest.fixture
def case(collecting: PartnerAccount, world: World) -> Case:
    """A case that waits at Debitura, here and there."""
    make_run(collecting)
    theirs = world.add_case(lifecycle="PendingVerification", reference="Q8OAXF3W")
    client = make_client(collecting)
    return make_case(client, case_id=theirs.id, reference=theirs.reference, lifecycle="PendingVerification")


def lines(account: PartnerAccount | None) -> list[tuple[object, ...]]:
    columns = ("action", "actor_text", "subject", "detail", "address", "way")
    return list(AuditEvent.objects.filter(account=account).order_by("pk").values_list(*columns))


PAGE_LINE = ("192.0.2.7", "page")
API_LINE = ("192.0.2.8", "api")


def patch(api: APIClient, reference: str | None) -> Any:
    body = json.dumps({"collectionPartnerReference": reference})
    return api.patch("/api/v1/cases/Q8OAXF3W", body, content_type="application/json")


# --- Changes ----------------------------------------------------------------------------------------


def test_references_that_are_set_are_lines(browser: Client, api: APIClient, case: Case) -> None:
    form = "/cases/Q8OAXF3W/reference/"
    browser.post(form, {"was": "", "reference": "A <1>"})
    assert browser.post(form, {"was": "A%20%3C1%3E", "reference": "A <1>"}).status_code == 302  # what it was
    assert browser.post(form, {"was": "", "reference": "B"}).status_code == 409
    assert browser.post(form, {"was": "A%20%3C1%3E", "reference": "x" * 129}).status_code == 400
    assert patch(api, "x" * 129).status_code == 400
    patch(api, None)
    patch(api, None)
    assert lines(case.account) == [
        ("reference_changed", "maria@example.com", "Q8OAXF3W", {"was": "", "now": "A <1>"}, *PAGE_LINE),
        ("reference_changed", "maria@example.com", "Q8OAXF3W", {"was": "A <1>", "now": ""}, *API_LINE),
    ]


def test_reference_whose_line_cannot_be_written_stays(
    browser: Client, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(edits, "record", fail)
    with pytest.raises(RuntimeError, match="the disk is full"):
        browser.post("/cases/Q8OAXF3W/reference/", {"was": "", "reference": "A"})
    case.refresh_from_db()
    assert (case.partner_reference, ReferenceChange.objects.count()) == ("", 0)


def test_file_of_references_is_a_line_when_it_is_applied(browser: Client, case: Case) -> None:
    browser.post("/references/", {"text": "Q8OAXF3W,A\nunknown,B"})
    found = ReferenceImport.objects.get()
    assert lines(case.account) == []
    for _ in range(2):
        browser.post(f"/references/{found.pk}/apply/")
    browser.get(f"/references/{found.pk}/mend.csv").getvalue()
    assert lines(case.account) == [
        ("references_imported", "maria@example.com", f"File {found.pk}", {"changed": 1, "conflicts": 0}, *PAGE_LINE),
        ("exported", "maria@example.com", f"references-to-mend_{found.pk}.csv", {}, *PAGE_LINE),
    ]


@pytest.mark.django_db(transaction=True)
def test_activation_is_a_line_before_debitura_answers(
    browser: Client, api: APIClient, case: Case, upstream: SandboxServer
) -> None:
    account = case.account
    typed = {"welcomeMessage": "Welcome!", "userEmail": "anna@partner.example", "collectionPartnerReference": "REF 1"}
    account.collection_base_url = "http://127.0.0.1:9"  # nobody answers there
    account.save()
    browser.post("/cases/Q8OAXF3W/activate/", typed)
    account.collection_base_url = upstream.address
    account.save()
    body = json.dumps({"welcomeMessage": "Welcome!"})
    answers = [api.post("/api/v1/cases/Q8OAXF3W/activate", body, content_type="application/json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert lines(account) == [
        ("activation_sent", "maria@example.com", "Q8OAXF3W", {"reference": "REF 1"}, *PAGE_LINE),
        ("activation_sent", "maria@example.com", "Q8OAXF3W", {}, *API_LINE),
    ]


def test_pull_that_is_asked_for_is_a_line_also_where_it_cannot_be_started(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: PartnerAccount) -> None:
        raise CannotStart("The queue does not answer.")

    monkeypatch.setattr(pulls, "start_pull", refuse)
    account = make_account()
    browser.post("/pulls/now/")
    assert lines(account) == [("pull_started", "maria@example.com", "", {}, *PAGE_LINE)]


# --- Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "subject", "detail"),
    [
        ("/transactions/export.csv", "transactions.csv", {"filter": ""}),
        (
            "/transactions/export.csv?stage=paid&from=2026-01-01&q=a%26b&page=2&unknown=x&sort=fee",
            "transactions.csv",
            {"filter": "from=2026-01-01&stage=paid&q=a%26b&sort=fee"},
        ),
        ("/transactions/export.xlsx?period=all", "transactions.xlsx", {"filter": ""}),
        ("/transactions/export.zip?folders=partner", "transactions.zip", {"filter": ""}),
        ("/clients/export.csv?state=all", "clients.csv", {"filter": "state=all"}),
        ("/references/export.csv", "references.csv", {"filter": ""}),
    ],
)
def test_file_is_a_line_with_what_is_in_it(browser: Client, address: str, subject: str, detail: Any) -> None:
    account = make_transaction().account
    assert browser.head(address).status_code == 200
    answer = browser.get(address)
    # Before anybody reads it.
    assert lines(account) == [("exported", "maria@example.com", subject, detail, *PAGE_LINE)]
    assert answer.getvalue()


@pytest.mark.parametrize(
    "address", ["/transactions/export.csv?from=x", "/transactions/export.zip?folders=x", "/clients/export.csv?state=x"]
)
def test_file_that_is_refused_is_no_line(browser: Client, address: str) -> None:
    account = make_account()
    assert browser.get(address).status_code == 400
    assert lines(account) == []


def test_file_of_an_account_that_is_not_seen_is_no_line(browser: Client, maria: User) -> None:
    make_account(slug="acme")
    User.objects.filter(pk=maria.pk).update(is_superuser=False)
    assert browser.get("/clients/export.csv?partner=acme").status_code == 404
    assert not AuditEvent.objects.filter(action="exported").exists()


# --- Secrets ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("account", "maria")
def test_no_secret_that_passes_through_is_kept(upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", upstream.key)
    printed = StringIO()
    url = f"--base-url={upstream.address}"
    call_command("connect_partner", "--slug=acme", "--name=Acme", url, "--api-key-env=THE_KEY", stdout=StringIO())
    call_command("api_token", "maria@example.com", stdout=printed)
    browser = Client()
    for email, password in (("maria@example.com", "a wrong guess"), (PASSWORD, "x"), ("maria@example.com", PASSWORD)):
        browser.post("/sign-in/", {"username": email, "password": password})
    sessions = [browser.session.session_key]
    new = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    browser.post("/profile/password/", {"old_password": PASSWORD, **new})
    made = browser.post("/profile/tokens/", {"name": "x", "scopes": "read", "lifetime": "30"}).content.decode()
    browser.get(f"/clients/export.csv?token={upstream.key}&password={PASSWORD}").getvalue()
    tokens = [*re.findall(r"fb_[\w-]{43}", made), printed.getvalue().strip()]
    sessions += [session.session_key for session in Session.objects.all()]
    cookies = [cookie.value for cookie in browser.cookies.values() if cookie.value]
    digests = [ApiToken.digest_of(token) for token in tokens]
    kept = list(AuditEvent.objects.values())
    assert (len(tokens), len(kept)) == (2, 8)
    secrets = [upstream.key, PASSWORD, NEW_PASSWORD, "a wrong guess", *tokens, *digests, *sessions, *cookies]
    text = repr(kept)
    assert [secret for secret in secrets if secret in text or secret[-12:] in text] == []
