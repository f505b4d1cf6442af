"""Who sees a partner reference: the partner's people, and never anybody who works for a client; nor a fee or another client.

Every address of the site is walked, as the resolver knows them: one that is added later is walked as well, or fails the
test until it has arguments here. The same person walks with the same browser before working for a client: then the
references are found, and what is kept for that browser must not be handed out any more.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client

from accounts.models import ApiToken, Membership, User
from partners.models import Activation, Case, PartnerAccount, ReferenceChange, ReferenceImport
from partners.models import Client as PartnerClient
from partners.reference_imports import look_through
from partners.references import set_reference
from revenue.models import PullRun
from revenue.views.columns import BALANCE, TRANSACTIONS
from tests.addresses import addresses, every_route
from tests.factories import (
    make_account,
    make_case,
    make_client,
    make_creditor,
    make_run,
    make_transaction,
    make_user,
    sign_in_now,
)
from tests.partners.hostile import HOSTILE

pytestmark = pytest.mark.django_db

# In every reference, in letters that stand alike in HTML, JSON, CSV, addresses and the names of folders.
MARK = "hushhush"
REFERENCES = [f"{text[:50]}{MARK}{text[:50]}" for text in HOSTILE]
# As they stand in an answer without its capitals and without the commas of its thousands.
SECRETS = {"reference": MARK.encode(), "fee": b"7654.32", "client": b"zebrawood", "debtor": b"magnus ek"}
FEE = Decimal("7654.32")
# What is searched for is part of the mark, which does not give it away.
QUERIES = (
    *(f"?q={MARK[1:-1]}&partner=acme", "?folders=partner", "?from=nonsense&sort=nonsense"),
    *("?sort=reference&page_size=1", "?state=pendingverification&page_size=200", "?q=Q&sort=-reference"),
)
FORM = {
    "was": "",
    "reference": "mine",
    "welcomeMessage": "Welcome!",
    "userEmail": "anna@partner.example",
    "text": "QTHEIRS0,mine",
    "ask_again": "",
    "name": "mine",
    "scopes": "read",
    "lifetime": "never",
}
BODIES: tuple[Mapping[str, object], ...] = (
    {"references": REFERENCES},
    {"collectionPartnerReference": "mine"},
    {"welcomeMessage": "Welcome!"},
)


class Walker:
    """Somebody who asks for every address, by a session or with a token. values: what the parameters of routes become."""

    def __init__(self, person: User, values: Mapping[str, Sequence[object]], *, by_token: bool) -> None:
        self.person, self.values, self.by_token = person, values, by_token
        self.browser = Client(headers={"Authorization": f"Bearer {ApiToken.issue(person)}"} if by_token else {})

    def sign_in(self) -> None:
        """Once more where the last address was the one to sign out."""
        if not self.by_token and SESSION_KEY not in self.browser.session:
            sign_in_now(self.browser, self.person)

    def reads(self, route: str, *queries: str) -> Iterator[bytes]:
        """The answers to GET: as it is, and with each of the queries."""
        batch = f"?references={','.join(quote(text, safe='') for text in REFERENCES)}"
        asked = ("", *queries, *([batch] if "by-partner-reference" in route else []))
        self.sign_in()
        for address in addresses(route, self.values):
            yield from (everything(self.browser.get(address + query)) for query in asked)

    def writes(self, route: str) -> Iterator[bytes]:
        """The answers to POST, and to PATCH, which is the API's alone; and what the next page says of it."""
        self.sign_in()
        for address in addresses(route, self.values):
            if not route.startswith("api/"):
                yield everything(self.browser.post(address, FORM))
                yield everything(self.browser.get("/"))
                continue
            for send in (self.browser.post, self.browser.patch):
                yield from (everything(send(address, body, content_type="application/json")) for body in BODIES)


def everything(answer: Any) -> bytes:
    """Every byte of an answer: its headers, its cookies, what is streamed, and what is packed in it."""
    assert answer.status_code < 500
    body: bytes = answer.getvalue()
    said = [str(answer.headers), str(answer.cookies)]
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            said += archive.namelist()
            body = b"".join(archive.read(name) for name in archive.namelist())
    return "\n".join(said).encode() + body


def secrets_in(answers: Iterator[bytes]) -> set[str]:
    """Which of SECRETS stand in answers."""
    plain = [answer.lower().replace(b",", b"") for answer in answers]
    return {name for name, secret in SECRETS.items() if any(secret in answer for answer in plain)}


# --- What there is to see -----------------------------------------------------------------------------


@pytest.fixture
def account() -> PartnerAccount:
    """Connected to both APIs of a Debitura that nobody reaches."""
    account = make_account(slug="acme", name="Acme Referrals", collection_base_url="http://127.0.0.1:9")
    account.collection_key = "key"
    account.save()
    return account


@pytest.fixture
def client(account: PartnerAccount) -> PartnerClient:
    return make_client(account, company_name="Own A/S")


@pytest.fixture
def person(account: PartnerAccount, client: PartnerClient) -> User:
    """Shows every column. There are cases of `client` and of another one."""
    columns = {table.key: [column.key for column in table.columns] for table in (TRANSACTIONS, BALANCE)}
    user = make_user(columns=columns)
    other = make_client(account, company_name="Zebrawood Ltd")
    for number, text in enumerate(REFERENCES):
        owner, name = ((client, "QOWN"), (other, "QTHEIRS"))[number % 2]
        debtor = "Ida Own" if owner == client else "Magnus Ek"
        case = make_case(owner, reference=f"{name}{number // 2}", debtor_name=debtor, lifecycle="PendingVerification")
        set_reference(case, text, by=user, source=ReferenceChange.Source.PAGE)
        make_transaction(case=case, fee_usd=FEE if number == 0 else Decimal(0))
        Activation.objects.create(case=case, by=user, state="refused", request=f'{{"welcomeMessage":"{MARK}"}}')
    return user


@pytest.fixture
def walker(request: pytest.FixtureRequest, account: PartnerAccount, person: User, settings: Any) -> Walker:
    """`person`, with an example or more of every parameter that an address may have."""
    settings.API_REQUESTS_PER_MINUTE = 100_000  # whoever is told to come back later sees nothing
    difference = {"stage": "paid", "ours_usd": str(FEE), "theirs_usd": "0.00", "ours_count": 1, "theirs_count": 0}
    run = make_run(account, ties_out=False, differences=[difference])
    looked_through = look_through(
        Case.objects.all(), f"QTHEIRS1,{MARK} new\nunknown,{MARK}", account=account, by=person
    )
    values: dict[str, Sequence[object]] = {
        "creditor_id": list(account.clients.values_list("creditor_id", flat=True)),
        "reference": ["QOWN0", "QTHEIRS0", "unknown"],
        "partner_reference": [*REFERENCES[:2], "unknown"],
        "pk": [run.pk, looked_through.pk],
        "slug": ["acme", "unknown"],
        "uidb64": ["MQ"],
        "token": ["unknown"],
    }
    return Walker(person, values, by_token=request.param == "token")


# --- The walk -----------------------------------------------------------------------------------------

# Where the partner's people find a reference; the pages, without those of the API.
PAGES = {
    "transactions/",
    "transactions/export.csv",
    "transactions/export.xlsx",
    "transactions/export.zip",
    "balance/",
    "clients/<uuid:creditor_id>/",
    "cases/",
    "cases/<path:reference>/reference/",
    "cases/<path:reference>/activate/",
    "cases/<path:reference>/",
    "references/export.csv",
    "references/<int:pk>/",
    "references/<int:pk>/mend.csv",
}
API = {
    "api/v1/transactions",
    "api/v1/transactions/",
    "api/v1/cases/by-partner-reference",
    "api/v1/cases/by-partner-reference/",
    "api/v1/cases/by-partner-reference/<anything:partner_reference>",
    "api/v1/cases/<anything:reference>",
}
# Where the people of clients find what is theirs.
OWN = {"my/", "my/export.csv", "my/cases/<path:reference>/"}
# And where the partner's people find a reference in the answer to what they send.
WRITTEN = ["cases/<path:reference>/reference/", "api/v1/cases/by-partner-reference"]


@pytest.mark.either
@pytest.mark.parametrize("walker", ["session", "token"], indirect=True)
def test_who_sees_it_is_the_partner_and_never_a_client_user(walker: Walker, client: PartnerClient) -> None:
    seen = {route: secrets_in(walker.reads(route)) for route in every_route()}
    assert {route for route, secrets in seen.items() if "reference" in secrets} == (
        API if walker.by_token else API | PAGES
    )
    assert set.union(*seen.values()) == set(SECRETS)

    before = everything_kept()
    make_creditor(walker.person, client)
    # To sign out would end what is kept for the browser: first everything is read.
    told = {route: secrets_in(walker.reads(route, *QUERIES)) for route in every_route()}
    assert {route: secrets for route, secrets in told.items() if secrets} == {}
    told = {route: secrets_in(walker.writes(route)) for route in every_route()}
    assert {route: secrets for route, secrets in told.items() if secrets} == {}
    own = {route for route in every_route() if any(b"ida own" in answer.lower() for answer in walker.reads(route))}
    assert own == (set() if walker.by_token else OWN)
    assert (everything_kept(), mail.outbox) == (before, [])

    Membership.objects.all().delete()
    User.objects.update(is_superuser=True)
    told_to_staff = {route for route in WRITTEN if "reference" in secrets_in(walker.writes(route))}
    assert told_to_staff == {route for route in WRITTEN if not walker.by_token or route.startswith("api/")}


def everything_kept() -> list[object]:
    """What nobody who works for a client may change."""
    return [
        list(Case.objects.order_by("pk").values()),
        list(ReferenceImport.objects.order_by("pk").values()),
        *(model.objects.count() for model in (ReferenceChange, Activation, PullRun)),
    ]
