"""The page of the keys: each is tried at Debitura, kept only where it works, and never shown again."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import AuditEvent, Role, User
from partners.connecting import OF_A_PERSON, Patience
from partners.debitura.transport import Timeouts
from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.tasks import CannotStart
from revenue.views import settings_keys
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.factories import make_account, make_client, make_member, make_run, make_user, sign_in_now
from tests.processes import silent_server
from tests.revenue.views.reading import links, words
from tests.revenue.views.test_pulls import make_running, pulled_elsewhere

pytestmark = pytest.mark.django_db

ADDRESS = "/settings/keys/"
NEW_KEY = "a-brand-new-key-77zz"
OLD_KEY = "an-old-key-of-ours-11aa"
SECRET = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def upstream(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world, key=NEW_KEY, collection_key="a-collection-key-88yy") as server:
        yield server


@pytest.fixture
def account(db: None, upstream: SandboxServer) -> PartnerAccount:
    """Holds a key that Debitura does not take any more."""
    account = make_account(slug="acme", name="Acme Referrals", base_url=upstream.address)
    account.api_key = OLD_KEY
    account.save()
    return account


def browser_of(person: User) -> Any:
    """Somebody who is signed in."""
    client = Client()
    sign_in_now(client, person)
    return client


@pytest.fixture
def admin(account: PartnerAccount) -> Any:
    return browser_of(make_member(account, Role.ADMIN, email="admin@example.com"))


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[PartnerAccount]:
    """The accounts for which a pull was asked; nothing is pulled."""
    found: list[PartnerAccount] = []
    monkeypatch.setattr(settings_keys, "start_pull", found.append)
    return found


def send(browser: Any, which: str, **fields: str) -> Any:
    """Send one of the forms, with `seen` as it is on the page of an account without dates."""
    return browser.post(ADDRESS, {"which": which, **{f"{which}-{name}": text for name, text in fields.items()}})


def send_key(browser: Any, key: str, base_url: str, **fields: str) -> Any:
    return send(browser, "referral", key=key, base_url=base_url, **fields)


def trail() -> list[tuple[str, str, str, dict[str, str]]]:
    found = AuditEvent.objects.filter(account__isnull=False).order_by("pk")
    return list(found.values_list("action", "actor_text", "subject", "detail"))


def stored() -> dict[str, object]:
    return dict(PartnerAccount.objects.values().get(slug="acme"))


def told_everywhere(answer: Any, caplog: pytest.LogCaptureFixture) -> str:
    """All that anybody is told: the answer, the log, the mail, the audit trail."""
    mails = [message.body for message in mail.outbox]
    events = list(AuditEvent.objects.values_list("subject", "detail"))
    return f"{answer.content.decode()} {caplog.text} {mails} {events}"


# --- What is shown --------------------------------------------------------------------------------------


def test_keys_are_shown_by_their_last_characters_alone(
    admin: Any, account: PartnerAccount, upstream: SandboxServer
) -> None:
    account.collection_base_url, account.collection_key, account.webhook_secret = (
        upstream.address,
        "tooshortkey",
        SECRET,
    )
    account.save()
    answer = admin.get(ADDRESS)
    text = words(answer)
    assert "All figures come from there. Stored: …11aa New key" in text
    assert "cases are activated there. Stored New key" in text
    assert f"makes a pull come sooner. Stored: …{SECRET[-4:]} New secret" in text
    html = answer.content.decode()
    found = [key for key in (OLD_KEY, OLD_KEY[:-4], OLD_KEY[-5:], "tooshort", "tkey", SECRET[-5:]) if key in html]
    assert found == []
    assert html.count('type="password"') == html.count('autocomplete="off" spellcheck="false" aria') + 3
    assert answer["Cache-Control"] == "private, no-cache, no-store"


def test_keys_that_cannot_be_opened_are_to_be_set_anew(admin: Any, account: PartnerAccount, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["another"]
    text = words(admin.get(ADDRESS))
    assert "The stored one cannot be opened on this server: set it anew New key" in text
    assert "Optional: cases are activated there. Not connected New key" in text


def test_page_tells_the_address_of_the_webhook(admin: Any) -> None:
    assert "with the address http://testserver/webhooks/acme/ , and paste" in words(admin.get(ADDRESS))


# --- Who may ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "status"), [(Role.ADMIN, 200), (Role.FINANCE, 403), (Role.MANAGER, 403), (Role.CLIENT, 404)]
)
@pytest.mark.parametrize("address", [ADDRESS, "/settings/"])
def test_settings_are_for_admins_alone(
    account: PartnerAccount, upstream: SandboxServer, role: Role, status: int, address: str
) -> None:
    make_account(slug="other", created_at=account.created_at)
    clients = [make_client(account)] if role in {Role.MANAGER, Role.CLIENT} else []
    browser = browser_of(make_member(account, role, clients=clients))
    before = stored()
    fields = {"which": "referral", "referral-key": NEW_KEY, "referral-base_url": upstream.address, "name": "Mine"}
    sent = browser.post(f"{address}?partner=other", fields)
    stranger = browser.get(f"{address}?partner=other"), browser.get(f"{address}?partner=unknown"), sent
    assert [answer.status_code for answer in stranger] == [404, 404, 404]
    assert browser.get(address).status_code == status
    if role != Role.ADMIN:
        assert browser.post(address, fields).status_code == status
        assert (stored(), upstream.log) == (before, [])


@pytest.mark.parametrize("address", [ADDRESS, "/settings/"])
def test_settings_are_closed_to_strangers_and_to_forged_forms(account: PartnerAccount, address: str) -> None:
    assert Client().get(address)["Location"].startswith("/sign-in/")
    forged = Client(enforce_csrf_checks=True)
    sign_in_now(forged, make_user())
    assert forged.post(address, {"name": "Mine", "which": "referral"}).status_code == 403
    assert stored()["name"] == "Acme Referrals"


def test_superuser_without_an_account_reads_how_to_connect_one(client: Any) -> None:
    sign_in_now(client, make_user())
    assert "No partner account is connected" in words(client.get(ADDRESS))


def test_other_methods_and_unknown_keys_are_refused(admin: Any) -> None:
    assert admin.put(ADDRESS).status_code == 405
    assert admin.post(ADDRESS, {"which": "api_key"}).status_code == 400


# --- The API key ------------------------------------------------------------------------------------------


def test_key_that_works_is_stored_and_a_pull_follows(
    admin: Any,
    account: PartnerAccount,
    upstream: SandboxServer,
    started: list[PartnerAccount],
    caplog: pytest.LogCaptureFixture,
) -> None:
    PartnerAccount.objects.update(key_rejected_at=account.created_at, key_rejection_told_at=account.created_at)
    answer = send_key(admin, f" {NEW_KEY} ", upstream.address)
    assert (answer.status_code, answer["Location"]) == (302, ADDRESS)
    account.refresh_from_db()
    assert (account.api_key, account.base_url, account.edits) == (NEW_KEY, upstream.address, 1)
    assert (account.key_rejected_at, account.key_rejection_told_at) == (None, None)
    assert (upstream.log, started) == ([("GET", "/me", 200)], [account])
    shown = admin.get(ADDRESS)
    text = words(shown)
    assert "The API key works and is stored. Debitura says that it belongs to Sandbox Referrals ApS." in text
    assert "A pull with the new key has begun." in text
    assert "Stored: …77zz Set" in text
    assert "Somebody else" not in text
    assert trail() == [("key_changed", "admin@example.com", "API key", {"host": "127.0.0.1"})]
    told = told_everywhere(shown, caplog)
    assert [key for key in (NEW_KEY, OLD_KEY) if key in told] == []
    assert "77zz" not in str(trail())


FAILURES = [
    ("401", "key", "Debitura rejects this key. Check that it is the whole key, and one for this API."),
    ("403", "key", "Debitura does not allow this API key to do this."),
    ("404", "base_url", "Debitura knows no such address. Check the base URL."),
    ("close", "base_url", "The connection to Debitura failed"),
    ("429", None, "Debitura's rate limit is used up and asks to wait 1 seconds."),
    ("500", None, "Debitura's server failed with status 500."),
    ("html", None, "Debitura"),
]


@pytest.mark.parametrize(("faults", "field", "reason"), FAILURES)
def test_key_that_does_not_work_is_told_at_its_field_and_not_stored(
    admin: Any,
    account: PartnerAccount,
    upstream: SandboxServer,
    started: list[PartnerAccount],
    caplog: pytest.LogCaptureFixture,
    faults: str,
    field: str | None,
    reason: str,
) -> None:
    before = stored()
    upstream.faults = faults
    answer = send_key(admin, NEW_KEY, upstream.address)
    form = answer.context["forms"]["referral"]
    assert answer.status_code == 400
    assert [name for name in (*form.fields, "__all__") if name in form.errors] == [field or "__all__"]
    assert form.errors[field or "__all__"][0].startswith(reason)
    assert "Nothing was stored. What was there before stays as it was." in words(answer)
    assert f'value="{upstream.address}"' in answer.content.decode()
    assert (stored(), trail(), started, len(upstream.log)) == (before, [], [], 1)
    assert NEW_KEY not in told_everywhere(answer, caplog)


def test_key_of_another_partner_is_not_stored(
    admin: Any, account: PartnerAccount, upstream: SandboxServer, started: list[PartnerAccount]
) -> None:
    PartnerAccount.objects.update(partner_id="somebody else")
    before = stored()
    answer = send_key(admin, NEW_KEY, upstream.address)
    assert answer.context["forms"]["referral"].errors == {
        "key": [
            "This key belongs to another partner (Sandbox Referrals ApS). Its figures must not replace those of this account: "
            "it needs an account of its own."
        ]
    }
    assert (answer.status_code, stored(), trail(), started) == (400, before, [], [])


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "Paste the new key."),
        ("  ", "Paste the new key."),
        ("two\nlines", "The API key holds control characters"),
        ("nul\0nul", "Null characters are not allowed."),
        ("k" * 501, "Ensure this value has at most 500 characters"),
    ],
)
def test_key_that_cannot_be_sent_is_not_sent(admin: Any, upstream: SandboxServer, key: str, reason: str) -> None:
    answer = send_key(admin, key, upstream.address)
    assert answer.context["forms"]["referral"].errors["key"][0].startswith(reason)
    assert (answer.status_code, upstream.log) == (400, [])
    assert key.strip() == "" or key not in answer.content.decode()


def test_debitura_that_is_silent_keeps_nobody_waiting(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert OF_A_PERSON.timeouts is not None
    assert OF_A_PERSON.timeouts.total <= 8
    short = Patience(Timeouts(connect=0.2, read=0.2, total=0.2), OF_A_PERSON.retry)
    monkeypatch.setattr(settings_keys, "OF_A_PERSON", short)
    with silent_server() as address:
        PartnerAccount.objects.update(base_url=address)
        answer = send_key(admin, NEW_KEY, address)
    assert "Debitura did not answer in time." in answer.context["forms"]["referral"].errors["base_url"][0]


def test_no_key_goes_to_a_new_address_unless_it_is_pasted(
    admin: Any, account: PartnerAccount, settings: Any, world: World
) -> None:
    settings.ALLOW_PRIVATE_UPSTREAM = True
    with SandboxServer(world, key=OLD_KEY) as elsewhere:
        answer = send_key(admin, "", elsewhere.address)
        [problem] = answer.context["forms"]["referral"].errors["key"]
        assert problem.startswith("Paste the key, too. The stored one was given for another address")
        assert elsewhere.log == []
        assert send_key(admin, OLD_KEY, f"{elsewhere.address}/").status_code == 302
        account.refresh_from_db()
        assert (account.base_url, elsewhere.log) == (elsewhere.address, [("GET", "/me", 200)])


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("http://127.0.0.1:6379", "The base URL leads to the machine that Feeboard runs on"),
        ("https://localhost", "The base URL leads to the machine that Feeboard runs on"),
        ("http://referral-api.debitura.com", "The base URL must start with https://"),
        ("https://169.254.169.254", "169.254.169.254 leads to a machine that is not on the public Internet"),
        ("https://user:word@debitura.com", "The base URL must be a plain address"),
        ("nonsense", "The base URL names no host"),
        ("https://[", "The base URL has no readable host"),
        ("", "This field is required."),
        ("https://" + "h" * 300, "Ensure this value has at most 300 characters"),
    ],
)
def test_key_goes_nowhere_inside(
    admin: Any, upstream: SandboxServer, caplog: pytest.LogCaptureFixture, base_url: str, reason: str
) -> None:
    before = stored()
    answer = send_key(admin, NEW_KEY, base_url)
    assert answer.context["forms"]["referral"].errors["base_url"][0].startswith(reason)
    assert (answer.status_code, stored(), upstream.log) == (400, before, [])
    assert NEW_KEY not in told_everywhere(answer, caplog)


def test_of_two_admins_the_last_one_wins_and_is_told(
    admin: Any, account: PartnerAccount, upstream: SandboxServer
) -> None:
    """Both opened the page when nothing was known of the key that is stored."""
    other = browser_of(make_user("other@example.com"))
    send_key(other, NEW_KEY, upstream.address)
    assert "Somebody else" not in words(other.get(ADDRESS))
    send_key(admin, NEW_KEY, upstream.address)
    account.refresh_from_db()
    assert "Somebody else had stored another one at" in words(admin.get(ADDRESS))
    assert [actor for _, actor, _, _ in trail()] == ["other@example.com", "admin@example.com"]
    seen = admin.get(ADDRESS).context["forms"]["referral"]["seen"].value()
    send_key(admin, NEW_KEY, upstream.address, seen=seen)
    assert "Somebody else" not in words(admin.get(ADDRESS))


def test_pull_that_runs_already_or_cannot_start_is_told(
    admin: Any,
    account: PartnerAccount,
    upstream: SandboxServer,
    started: list[PartnerAccount],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_running(account)
    with pulled_elsewhere(account):
        send_key(admin, NEW_KEY, upstream.address)
    assert "A pull that began before is still running; the one after it uses the new key." in words(admin.get(ADDRESS))
    assert started == []

    def fail(_: PartnerAccount) -> None:
        raise CannotStart("The queue does not answer.")

    monkeypatch.setattr(settings_keys, "start_pull", fail)
    send_key(admin, NEW_KEY, upstream.address)
    text = words(admin.get(ADDRESS))
    assert "The API key works and is stored." in text
    assert "The queue does not answer." in text


# --- The other API, and the webhook -------------------------------------------------------------------------


def test_collection_key_is_tried_and_stored(
    admin: Any, account: PartnerAccount, upstream: SandboxServer, settings: Any, started: list[PartnerAccount]
) -> None:
    settings.ALLOW_PRIVATE_UPSTREAM = True
    fields = {"base_url": upstream.address, "lifecycle_path": "/cases/{id}/lifecycle"}
    assert "https://collectionpartner-api.debitura.com" in admin.get(ADDRESS).content.decode()
    for key, problem in (
        ("", "Paste the new key."),
        (NEW_KEY, "Debitura rejects this key. Check that it is the whole key, and one for this API."),
    ):
        answer = send(admin, "collection", key=key, **fields)
        assert answer.context["forms"]["collection"].errors == {"key": [problem]}
        assert answer.context["forms"]["referral"].errors == {}
    assert send(admin, "collection", key=upstream.collection_key, **fields).status_code == 302
    account.refresh_from_db()
    assert account.is_collecting
    assert (account.collection_key, account.lifecycle_path) == (upstream.collection_key, fields["lifecycle_path"])
    assert (account.api_key, started) == (OLD_KEY, [])
    detail = {"host": "127.0.0.1", "lifecycle_path": "/cases/{id}/lifecycle"}
    assert trail() == [("key_changed", "admin@example.com", "key of the Collection Partner API", detail)]


def test_lifecycle_path_is_changed_without_a_key_and_without_asking(
    admin: Any, collecting: PartnerAccount, upstream: SandboxServer
) -> None:
    fields = {"base_url": collecting.collection_base_url, "lifecycle_path": ""}
    assert send(admin, "collection", key="", **fields).status_code == 302
    collecting.refresh_from_db()
    assert (collecting.lifecycle_path, collecting.collection_key) == ("", upstream.collection_key)
    assert upstream.log == []
    assert trail()[0][2:] == ("lifecycle path", {"was": "/cases/{id}/lifecycle", "now": ""})
    answer = send(admin, "collection", key="", **fields)
    assert answer.context["forms"]["collection"].errors == {"key": ["Paste the new key."]}
    answer = send(admin, "collection", key="", base_url=fields["base_url"], lifecycle_path="@evil.example/{id}")
    assert "lifecycle_path" in answer.context["forms"]["collection"].errors
    answer = send(admin, "collection", key="", base_url="https://debitura.example", lifecycle_path="/{id}")
    assert answer.context["forms"]["collection"].errors["key"][0].startswith("Paste the key, too.")


def test_webhook_secret_is_stored_where_it_can_be_one(
    admin: Any, account: PartnerAccount, upstream: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    for secret, problem in (("", "Paste the new secret."), ("not base64", "The webhook's secret is not what Debitura")):
        answer = send(admin, "webhook", key=secret)
        assert answer.context["forms"]["webhook"].errors["key"][0].startswith(problem)
    assert trail() == []
    assert send(admin, "webhook", key=SECRET).status_code == 302
    account.refresh_from_db()
    assert (account.webhook_secret, upstream.log) == (SECRET, [])
    assert trail() == [("key_changed", "admin@example.com", "webhook secret", {})]
    assert SECRET not in told_everywhere(admin.get(ADDRESS), caplog)


# --- The notice ---------------------------------------------------------------------------------------------

REJECTED = {"status": PullRun.Status.FAILED, "error_kind": "unauthorized", "as_of": None, "ties_out": None}


@pytest.mark.parametrize("has_figures", [True, False])
def test_rejected_key_is_a_notice_with_the_way_out_for_admins(
    admin: Any, account: PartnerAccount, has_figures: bool
) -> None:
    if has_figures:
        make_run(account)
    make_run(account, **REJECTED)
    finance = browser_of(make_member(account, Role.FINANCE))
    for address in ("/", "/pulls/"):
        page, others = admin.get(address), finance.get(address)
        assert page.status_code == 200
        assert ADDRESS in links(page)
        assert ("Set a new key" in words(page), "An admin must set a new key." in words(page)) == (True, False)
        assert ADDRESS not in links(others)
        assert "An admin must set a new key." in words(others)


def test_pull_that_was_rejected_leads_admins_to_the_keys(admin: Any, account: PartnerAccount) -> None:
    run = make_run(account, **REJECTED, error_message="Debitura rejected the API key.")
    assert links(admin.get(f"/pulls/{run.pk}/")).count(ADDRESS) == 2
