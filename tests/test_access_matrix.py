"""Every address, by every method, as everybody: who gets in, and what the others are told.

A line of RULES says what an address answers, by method and by who asks; a method that it does not name is not allowed (405).
An address that is not in RULES fails the test, and so does one that has gone.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.http.cookie import SimpleCookie
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access import Sight
from accounts.models import ApiToken, Invitation, Role, User
from partners.models import PartnerAccount
from partners.reference_imports import look_through
from revenue.selectors.cases import cases_seen
from tests.addresses import PARAMETER, every_route
from tests.factories import (
    make_account,
    make_case,
    make_client,
    make_member,
    make_run,
    make_transaction,
    make_user,
    sign_in_now,
)
from tests.walls.builders import browser_of, make_screen
from walls.models import Screen

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Who asks: about the account `acme`, one of its clients, and what is theirs.
SUPERUSER, ADMIN, FINANCE = "superuser", "admin", "finance"
MANAGER, OTHER_MANAGER = "manager of the client", "manager of another client"
CREDITOR, OTHER_CREDITOR = "person of the client", "person of another client"
STRANGER, ROLELESS = "admin of another account", "person without a role"
DEACTIVATED, NOBODY = "admin who was deactivated while signed in", "nobody"
DISPLAY = "display of the account on a wall"

ADMINS = (SUPERUSER, ADMIN)
MANAGERS = (MANAGER, OTHER_MANAGER)
CREDITORS = (CREDITOR, OTHER_CREDITOR)
STAFF = (*ADMINS, FINANCE, *MANAGERS)
SIGNED_IN = (*STAFF, *CREDITORS, STRANGER, ROLELESS)
OUTSIDE = (DEACTIVATED, NOBODY, DISPLAY)
EVERYBODY = (*SIGNED_IN, *OUTSIDE)

# By who asks: the status of the answer.
Answers = dict[str, int]
# By method.
Rule = dict[str, Answers]


def to(*groups: tuple[tuple[str, ...], int], others: int) -> Answers:
    """What each group is answered; `others` is for whoever else is signed in. Outside one is led to the sign-in."""
    found = dict.fromkeys(SIGNED_IN, others) | dict.fromkeys(OUTSIDE, 302)
    for people, status in groups:
        found |= dict.fromkeys(people, status)
    return found


def public(status: int = 200) -> Answers:
    return dict.fromkeys(EVERYBODY, status)


def signed_in(status: int = 200) -> Answers:
    return to(others=status)


def staff(status: int = 200, *, roleless: int = 200) -> Answers:
    """For whoever works for the partner. Who has no role anywhere is told so, on a page in its place."""
    return to((STAFF, status), ((ROLELESS,), roleless), others=404)


def file(status: int = 200) -> Answers:
    return staff(status, roleless=404)


def of_the_client(status: int = 200, *, roleless: int = 200) -> Answers:
    """For who sees the client; to others it is unknown."""
    return staff(status, roleless=roleless) | {OTHER_MANAGER: 404}


def whole(status: int = 200) -> Answers:
    """What speaks of the whole portfolio is not for account managers, who know that there is one."""
    return staff(status) | dict.fromkeys(MANAGERS, 403)


def admins(status: int = 200) -> Answers:
    return to((ADMINS, status), ((FINANCE, *MANAGERS), 403), others=404)


def own(status: int, *, roleless: int = 404) -> Answers:
    """What belongs to the person ADMIN alone."""
    return to(((ADMIN,), status), ((ROLELESS,), roleless), others=404)


def page(get: Answers, post: Answers | None = None) -> Rule:
    return {"GET": get, "HEAD": get} | ({} if post is None else {"POST": post})


def only_post(post: Answers) -> Rule:
    return {"POST": post}


def for_anybody(get: Answers | None, post: Answers | None = None) -> Rule:
    """What does not ask for a sign-in."""
    rule = dict.fromkeys(METHODS, public(405))
    if get is not None:
        rule |= {"GET": get, "HEAD": get}
    return rule if post is None else rule | {"POST": post}


def api(**methods: Answers) -> Rule:
    """What answers in JSON: 401 where nobody is signed in."""
    rule = dict.fromkeys(METHODS, signed_in(405)) | {"OPTIONS": signed_in()} | methods
    if "GET" in rule:
        rule["HEAD"] = rule["GET"]
    return {method: answers | dict.fromkeys(OUTSIDE, 401) for method, answers in rule.items()}


# To who is signed in already, the ways in lead on.
WAY_IN = signed_in(302) | dict.fromkeys(OUTSIDE, 200)
ONE_CASE = of_the_client(roleless=404)
RULES: dict[str, Rule] = {
    "healthz": for_anybody(public()),
    "readyz": for_anybody(public()),
    "webhooks/<slug:slug>/": for_anybody(None, public(401)),
    # The API.
    "api/v1/summary": api(GET=file()),
    "api/v1/transactions": api(GET=file()),
    "api/v1/clients": api(GET=file()),
    "api/v1/clients/<uuid:creditor_id>": api(GET=ONE_CASE),
    "api/v1/cases/by-partner-reference": api(GET=file(400), POST=file(400)),
    "api/v1/cases/by-partner-reference/<anything:partner_reference>": api(GET=signed_in(404)),
    "api/v1/cases/<anything:reference>/activate": api(POST=of_the_client(400, roleless=404)),
    "api/v1/cases/<anything:reference>": api(GET=ONE_CASE, PATCH=of_the_client(400, roleless=404)),
    "api/v1/pulls": api(GET=whole() | {ROLELESS: 404}),
    "api/v1/schema": for_anybody(public()) | {"OPTIONS": public()},
    "api/v1/docs": page(signed_in()),
    "api/v1/": api(**dict.fromkeys(METHODS, signed_in(404))),
    # Signing in, and what is one's own.
    "sign-in/": for_anybody(WAY_IN, WAY_IN),
    "sign-in/code/": for_anybody(public(302), public(302)),
    "sign-in/passkey/": for_anybody(WAY_IN, public(302)),
    "sign-in/again/": page(signed_in(), signed_in()),
    "sign-in/with/": for_anybody(public(404)),
    "sign-in/with/back/": for_anybody(public(404)),
    "sign-in/forgotten/": for_anybody(public(), public()),
    "sign-in/forgotten/sent/": for_anybody(public()),
    "sign-in/new/<uidb64>/<token>/": for_anybody(public(), public()),
    "sign-out/": only_post(signed_in(302)) | {"OPTIONS": signed_in()},
    "profile/": page(signed_in(), signed_in()),
    "profile/password/": page(signed_in(), signed_in()),
    "profile/tokens/": page(signed_in(), signed_in(400)),
    "profile/tokens/<int:pk>/revoke/": only_post(own(302)),
    "profile/sessions/": page(signed_in()),
    "profile/sessions/end-others/": only_post(signed_in(302)),
    "profile/sessions/<int:pk>/end/": only_post(signed_in(404)),
    "profile/security/": page(signed_in()),
    "profile/security/app/": page(signed_in(), signed_in()),
    "profile/security/app/remove/": only_post(signed_in(404)),
    "profile/security/passkeys/new/": page(signed_in(), signed_in()),
    "profile/security/passkeys/<int:pk>/rename/": only_post(signed_in(404)),
    "profile/security/passkeys/<int:pk>/remove/": only_post(signed_in(404)),
    "profile/security/recovery-codes/": only_post(signed_in(302)),
    "invitation/": for_anybody(public(404), public(404)),
    "invitation/<str:token>/": for_anybody(public(404)),
    # What admins set.
    "settings/": page(admins(), admins(400)),
    "settings/keys/": page(admins(), admins(400)),
    "settings/people/": page(admins()),
    "settings/people/invite/": page(admins(), admins(400)),
    "settings/people/invitations/<int:pk>/send/": only_post(admins()),
    "settings/people/invitations/<int:pk>/withdraw/": only_post(admins(302)),
    "settings/people/<int:pk>/": page(admins(), admins(400)),
    "settings/people/<int:pk>/clients/": page(admins(), admins(302)),
    "settings/people/<int:pk>/remove/": only_post(admins(302)),
    "settings/people/<int:pk>/deactivate/": only_post(admins(302)),
    "settings/people/<int:pk>/reactivate/": only_post(admins(302)),
    "settings/audit/": page(admins()),
    "settings/audit/export.csv": page(admins()),
    "settings/screens/": page(admins()),
    "settings/screens/claim/": page(admins(), admins(400)),
    "settings/screens/<int:pk>/": page(admins(), admins(400)),
    "settings/screens/<int:pk>/preview/": page(admins()),
    "settings/screens/<int:pk>/revoke/": only_post(admins(302)),
    # What a display shows, whoever looks at it: without a credential of its own, a code.
    "wall/": for_anybody(public()),
    "wall/board/": for_anybody(public(204) | {DISPLAY: 200}),
    # Figures.
    "": page(staff() | dict.fromkeys(CREDITORS, 302)),
    "transactions/": page(staff()),
    "transactions/columns/": only_post(staff(302)),
    "transactions/export.csv": page(file()),
    "transactions/export.xlsx": page(file()),
    "transactions/export.zip": page(file()),
    "balance/": page(staff()),
    "balance/columns/": only_post(staff(302)),
    "clients/": page(staff()),
    "clients/export.csv": page(file()),
    "clients/<uuid:creditor_id>/": page(of_the_client()),
    "clients/<uuid:creditor_id>/summary/": page(of_the_client()),
    "my-clients/": page(staff(302) | dict.fromkeys(MANAGERS, 200)),
    "my-clients/seen/": only_post(to((MANAGERS, 400), ((ROLELESS,), 200), others=404)),
    "cases/": page(staff()),
    "cases/<path:reference>/": page(of_the_client()),
    "cases/<path:reference>/reference/": page(of_the_client(), of_the_client(400)),
    "cases/<path:reference>/activate/": page(of_the_client(), of_the_client(400)),
    "references/": page(staff(), staff(400)),
    "references/export.csv": page(file()),
    "references/<int:pk>/": page(own(200, roleless=200)),
    "references/<int:pk>/apply/": only_post(own(302, roleless=200)),
    "references/<int:pk>/mend.csv": page(own(200)),
    "pulls/": page(whole()),
    "pulls/now/": only_post(whole(302) | {ROLELESS: 302}),
    "pulls/progress/": page(whole(204) | {ROLELESS: 200}),
    "pulls/news/": page(staff()),
    "pulls/<int:pk>/": page(whole()),
    # What the people of clients see.
    "my/": page(to((CREDITORS, 200), others=404)),
    "my/export.csv": page(to((CREDITORS, 200), others=404)),
    "my/cases/<path:reference>/": page(to(((CREDITOR,), 200), others=404)),
}


def known_routes() -> list[str]:
    """Every route once: the API's answer with a slash at their end, and without."""
    found = {
        route.removesuffix("/") if route.startswith("api/v1/") and route != "api/v1/" else route
        for route in every_route()
    }
    return sorted(found - {"nowhere/"})


@pytest.fixture
def account() -> PartnerAccount:
    return make_account(slug="acme", name="Acme Referrals")


@pytest.fixture
def people(account: PartnerAccount) -> dict[str, User]:
    """Everybody who is somebody."""
    own, other = make_client(account), make_client(account)
    for client, reference in ((own, "QOWN"), (other, "QOTHER")):
        make_transaction(case=make_case(client, reference=reference, lifecycle="PendingVerification"))
    return {
        SUPERUSER: make_user(),
        ADMIN: make_member(account, Role.ADMIN),
        FINANCE: make_member(account, Role.FINANCE),
        MANAGER: make_member(account, Role.MANAGER, clients=[own]),
        OTHER_MANAGER: make_member(account, Role.MANAGER, clients=[other]),
        CREDITOR: make_member(account, Role.CLIENT, clients=[own]),
        OTHER_CREDITOR: make_member(account, Role.CLIENT, clients=[other]),
        STRANGER: make_member(make_account(slug="elsewhere"), Role.ADMIN),
        ROLELESS: make_user(is_superuser=False),
        DEACTIVATED: make_member(account, Role.ADMIN),
    }


@pytest.fixture
def addresses(account: PartnerAccount, people: dict[str, User]) -> dict[str, str]:
    """An address of each route."""
    admin = people[ADMIN]
    looked_through = look_through(cases_seen(Sight.of_everything(account)), "QOWN,mine", account=account, by=admin)
    ApiToken.issue(admin)
    week = timezone.now() + timedelta(days=7)
    invitation = Invitation.objects.create(
        account=account, email="new@example.com", role=Role.FINANCE, invited_by=admin, digest="0" * 64, expires_at=week
    )
    keys = {
        "pulls/": make_run(account).pk,
        "references/": looked_through.pk,
        "profile/tokens/": ApiToken.objects.get().pk,
        "settings/screens/": make_screen(account).pk,
        "settings/people/invitations/": invitation.pk,
        "settings/people/": people[FINANCE].memberships.get().pk,
    }
    [creditor_id, _] = account.clients.order_by("pk").values_list("creditor_id", flat=True)
    values = {"creditor_id": creditor_id, "reference": "QOWN", "slug": "acme"}

    def address(route: str) -> str:
        key = next((key for start, key in keys.items() if route.startswith(start)), 1)
        path = PARAMETER.sub(lambda match: str((values | {"pk": key}).get(match.group(2), "unknown")), route)
        return f"/{path}?partner=acme"

    return {route: address(route) for route in RULES}


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    assert known_routes() == sorted(RULES)


@pytest.mark.either
@pytest.mark.parametrize("who", EVERYBODY)
def test_address_answers_as_its_rule_says(
    who: str, people: dict[str, User], addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would start a process of its own.
    monkeypatch.setattr("revenue.views.pulls.start_pull", lambda account: None)
    browser = browser_of(Screen.objects.get(), timezone.now()) if who == DISPLAY else Client()
    if who in people:
        sign_in_now(browser, people[who])
    User.objects.filter(pk=people[DEACTIVATED].pk).update(is_active=False)
    cookies = copy.deepcopy(browser.cookies)
    cells = [(route, method) for route in RULES for method in METHODS]
    wanted = {cell: wanted_status(*cell, who) for cell in cells}
    assert {cell: status_of(cookies, addresses[cell[0]], cell[1]) for cell in cells} == wanted


def test_token_that_lets_nobody_in_is_answered_alike_everywhere(
    people: dict[str, User], addresses: dict[str, str]
) -> None:
    past = timezone.now() - timedelta(seconds=1)
    tokens = [ApiToken.issue(people[ADMIN], expires_at=past), ApiToken.issue(people[DEACTIVATED]), "fb_unknown", ""]
    User.objects.filter(pk=people[DEACTIVATED].pk).update(is_active=False)
    for route, method in api_cells():
        if route != "api/v1/schema":
            answers = [answer_to(SimpleCookie(), addresses[route], method, bearer(token)) for token in tokens]
            assert [answer.status_code for answer in answers] == [401] * 4, (route, method)
            assert len({answer.content for answer in answers}) == 1, (route, method)


@pytest.mark.parametrize("who", [ADMIN, MANAGER, CREDITOR])
def test_token_that_may_read_does_no_more(who: str, people: dict[str, User], addresses: dict[str, str]) -> None:
    headers = bearer(ApiToken.issue(people[who], scopes=[ApiToken.Scope.READ]))
    changing = {("api/v1/cases/<anything:reference>", "PATCH"), ("api/v1/cases/<anything:reference>/activate", "POST")}
    told = {cell: answer_to(SimpleCookie(), addresses[cell[0]], cell[1], headers).status_code for cell in api_cells()}
    assert told == {cell: 403 if cell in changing else wanted_status(*cell, who) for cell in api_cells()}


def api_cells() -> list[tuple[str, str]]:
    """What tokens are for, by every method. The docs are a page."""
    routes = [route for route in RULES if route.startswith("api/") and route != "api/v1/docs"]
    return [(route, method) for route in routes for method in METHODS]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# What there is of somebody else, and what there is not, looked for by an admin of another account and by one of the client.
ELSEWHERE = {
    "clients/<uuid:creditor_id>/": "00000000-0000-0000-0000-000000000000",
    "clients/<uuid:creditor_id>/summary/": "00000000-0000-0000-0000-000000000000",
    "cases/<path:reference>/": "UNKNOWN",
    "cases/<path:reference>/reference/": "UNKNOWN",
    "cases/<path:reference>/activate/": "UNKNOWN",
    "references/<int:pk>/": "999999",
    "references/<int:pk>/mend.csv": "999999",
    "pulls/<int:pk>/": "999999",
    "settings/people/<int:pk>/": "999999",
    "settings/screens/<int:pk>/": "999999",
    "api/v1/clients/<uuid:creditor_id>": "00000000-0000-0000-0000-000000000000",
    "api/v1/cases/<anything:reference>": "UNKNOWN",
}


@pytest.mark.parametrize("who", [STRANGER, OTHER_MANAGER])
@pytest.mark.parametrize("route", ELSEWHERE)
def test_id_of_somebody_else_is_answered_as_an_unknown_one(
    who: str, route: str, people: dict[str, User], addresses: dict[str, str]
) -> None:
    """The same status, the same body, and the same queries: no more work is done for an id that there is."""
    browser = Client()
    sign_in_now(browser, people[who])
    # In one's own account, where one has the right to ask.
    theirs = addresses[route].replace("?partner=acme", "" if who == STRANGER else "?partner=acme")
    if RULES[route]["GET"][who] == 403:
        theirs = theirs.replace("acme", "unknown")
    unknown = PARAMETER.sub(ELSEWHERE[route], f"/{route}") + ("?" + theirs.partition("?")[2] if "?" in theirs else "")
    browser.get("/profile/")  # the first page gives the browser its secret
    told = [told_by(browser, address) for address in (theirs, unknown)]
    assert told[0] == told[1]
    assert told[0][0] == 404


def told_by(browser: Client, address: str) -> tuple[int, str, list[str]]:
    """Status, words without the mask of a form's secret, and queries without their parameters."""
    with CaptureQueriesContext(connection) as queries:
        answer = browser.get(address)
    text = re.sub(r'csrfmiddlewaretoken" value="[^"]*', "", answer.content.decode())
    shapes = [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries]
    return answer.status_code, text, shapes


def wanted_status(route: str, method: str, who: str) -> int:
    return RULES[route].get(method, signed_in(405))[who]


def status_of(cookies: SimpleCookie, address: str, method: str) -> int:
    return int(answer_to(cookies, address, method).status_code)


def answer_to(cookies: SimpleCookie, address: str, method: str, headers: Mapping[str, str] | None = None) -> Any:
    """What a browser with these cookies is answered. What it has changed is undone: it would be another answer to the next."""
    browser = Client(headers=headers)
    browser.cookies = copy.deepcopy(cookies)
    body: dict[str, Any] = {"content_type": "application/json", "data": "{}"} if address.startswith("/api/") else {}
    with transaction.atomic():
        answer = (
            browser.generic(method, address, **body)
            if method not in ("GET", "POST")
            else (browser.get(address) if method == "GET" else browser.post(address, **body))
        )
        answer.getvalue()  # what is streamed is made while it is read
        transaction.set_rollback(True)
    return answer
