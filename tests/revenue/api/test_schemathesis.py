"""The API against its own description: whatever Schemathesis thinks of, no answer is a defect of ours or one that is not told.

Each operation of the schema gets what the schema allows and what it does not: its edges one by one, then what hypothesis makes
up. An operation that is added later is among them by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import given

from accounts.models import ApiToken, Role
from partners.models import Client as PartnerClient
from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.stages import Stage
from sandbox.world import World
from tests.factories import make_account, make_case, make_client, make_member, make_run, make_transaction
from tests.fuzzing import tries, undone

if TYPE_CHECKING:
    # It takes a second to load, which every run of any test would wait for.
    from schemathesis import Case
    from schemathesis.schemas import APIOperation, BaseSchema

pytestmark = pytest.mark.django_db

# What there is, and what is nearly right, often in the place of what is made up, of which nothing is ever found.
NEAR = {
    "path.reference": ["QPENDING", "QODD", "QTHEIRS", "QODD/"],
    "path.partner_reference": ["a/b", "🧾 ref", "none"],
    "path.creditor_id": [str(UUID(int=number)) for number in (0xC1, 0xC2, 0xC3)],
    "query.references": ["a/b,🧾 ref,none", "a/b", ",", "\0"],
    "query.client": [str(UUID(int=0xC1)), str(UUID(int=0xC3)), "tenant", "{%s}", "\0"],
    "query.partner": ["acme", "acme", "acme", "other"],
    "query.tz": ["Europe/Copenhagen", "Pacific/Apia", "../../etc/passwd", "localtime"],
    "query.from": ["1900-01-01", "2026-03-01", "2200-12-31", "0001-01-01", "9999-12-31"],
    "query.to": ["1900-01-01", "2026-03-31", "2200-12-31", "0001-01-01", "9999-12-31"],
    "query.page": [1, 2, 10**9, 0, -1],
    "query.page_size": [1, 200, 201],
}
CONFIG = {
    "dictionaries": {name.replace(".", "_"): {"values": values} for name, values in NEAR.items()},
    "parameters": {name: {"dictionary": name.replace(".", "_"), "probability": 0.7} for name in NEAR},
    "generation": {"with-security-parameters": False},
    # What Debitura's answer decides is told with these; where another operation answers so, it is one that is not told.
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "502", "503"]}},
}
# What no schema can say of a value: that there is such a zone or client, that the first day is not after the last one, that
# something is left of a text without its white space, and what Debitura takes for an e-mail address or an amount.
BEYOND_WORDS = {
    *("tz", "client", "from", "to", "references"),
    *("welcomeMessage", "userEmail", "assignedUserEmail", "interestFees", "reminderFees", "collectionFees"),
}


@pytest.fixture
def described(db: None, settings: Any) -> Iterator[BaseSchema]:
    """The schema as it is served, and the site behind it, whose defects come up here."""
    import schemathesis

    settings.DEBUG_PROPAGATE_EXCEPTIONS = True
    settings.API_REQUESTS_PER_MINUTE = 10**6
    config = schemathesis.Config.from_dict(CONFIG)
    # As in Django's own client: the end of a request is not that of the connection, which the test goes on with.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/schema/", WSGIHandler(), config=config)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def client(collecting: PartnerAccount, world: World) -> PartnerClient:
    """A client of an account that holds what is odd, and of which QPENDING waits at Debitura to be activated."""
    theirs = world.add_case(lifecycle="PendingVerification", reference="QPENDING")
    client = make_client(collecting, creditor_id=UUID(int=0xC1), external_tenant_id="tenant", company_name="Own A/S")
    pending = {"case_id": theirs.id, "reference": theirs.reference, "lifecycle": theirs.lifecycle}
    make_case(client, **pending, partner_reference="a/b")
    odd = make_case(client, reference="QODD", partner_reference="🧾 ref", debtor_name="\u202eEda", currency="")
    for stage in Stage:
        make_transaction(case=odd, stage=stage, fee_usd=Decimal("-0.00000000000001"))
    nothing: dict[str, Any] = dict.fromkeys(("fee", "fee_usd", "fee_percentage", "revenue_usd", "payment_amount"))
    make_transaction(case=odd, **nothing, payment_currency="")
    make_transaction(case=odd, fee_usd=Decimal("1e20"), payment_date=datetime(1900, 1, 1, tzinfo=UTC))
    make_transaction(collecting, client=None, case_id=None, commission_status='Half "paid"')
    make_client(collecting, creditor_id=UUID(int=0xC2), archived_at=datetime(2026, 1, 1, tzinfo=UTC), date_linked=None)
    difference = {"stage": "paid", "ours_usd": None, "theirs_usd": "0.00", "ours_count": 1, "theirs_count": None}
    make_run(collecting, ties_out=False, differences=[difference])
    make_run(collecting, status=PullRun.Status.FAILED, as_of=None, ties_out=None, error_kind="timeout")
    other = make_account(slug="other", name="Other")
    make_transaction(case=make_case(make_client(other, creditor_id=UUID(int=0xC3)), reference="QTHEIRS"))
    return client


@pytest.fixture
def headers(request: pytest.FixtureRequest, client: PartnerClient) -> dict[str, str]:
    """Those of somebody who is the parameter of the test."""
    if request.param is None:
        return {}
    clients = [client] if request.param in (Role.MANAGER, Role.CLIENT) else []
    person = make_member(client.account, request.param, clients=clients, email="anna@partner.example")
    return {"Authorization": f"Bearer {ApiToken.issue(person)}"}


@pytest.mark.either
@pytest.mark.parametrize("headers", [Role.ADMIN, Role.MANAGER], indirect=True)
def test_answers_are_what_the_schema_tells_whatever_is_sent(
    described: BaseSchema, headers: dict[str, str], request: pytest.FixtureRequest
) -> None:
    answered = {operation.label: of_edges(operation, headers) for operation in operations(described)}
    for operation in operations(described):
        answered[operation.label] |= of_examples(operation, headers, 12)
    # Whatever was refused alone would have shown nothing. Pulls speak of the whole portfolio, which no manager sees.
    hidden = {"GET /api/v1/pulls"} if request.node.callspec.params["headers"] == Role.MANAGER else set()
    assert {label for label, statuses in answered.items() if 200 not in statuses} == hidden
    assert all(statuses & {400, 404} for statuses in answered.values())


@pytest.mark.either
@pytest.mark.parametrize("headers", [Role.CLIENT, None], indirect=True)
def test_answers_to_who_sees_nothing_are_what_the_schema_tells(
    described: BaseSchema, headers: dict[str, str], request: pytest.FixtureRequest
) -> None:
    statuses = set.union(*(of_examples(operation, headers, 4) for operation in operations(described)))
    assert statuses == ({401} if request.node.callspec.params["headers"] is None else {400, 404})


def operations(described: BaseSchema) -> Iterator[APIOperation]:
    """Those of the schema, of which each has to make sense to Schemathesis."""
    for found in described.get_all_operations():
        yield found.ok()  # type: ignore[union-attr]  # what else there may be raises here


def of_edges(operation: APIOperation, headers: dict[str, str]) -> set[int]:
    """The statuses of the answers at the edges, but to OPTIONS, which tells the words of the schema."""
    answered = [(case.method, answer_to(case, headers)) for case in edges(operation)]
    return {status for method, status in answered if method != "OPTIONS"}


def of_examples(operation: APIOperation, headers: dict[str, str], examples: int) -> set[int]:
    """The statuses of the answers to what is made up: so many that the schema allows, and as many that it does not."""
    from schemathesis import GenerationMode

    statuses = set()

    def send(case: Case) -> None:
        statuses.add(answer_to(case, headers))

    for mode in GenerationMode:
        tries(examples)(given(case=operation.as_strategy(generation_mode=mode))(send))()
    return statuses


def edges(operation: Any) -> Iterator[Case]:
    """Each parameter and key at the ends of what it may be, beyond them and left out; other methods, other kinds of bodies."""
    from schemathesis import GenerationMode

    schema = operation.schema
    config = schema.config.generation_for(operation=operation, phase="coverage")
    yield from schema.iter_coverage_cases(operation, generation_modes=list(GenerationMode), generation_config=config)


def answer_to(case: Case, headers: dict[str, str]) -> int:
    """The status of the answer, which has to be as the schema tells; what is refused has to be wrong."""
    from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

    excluded = [ignored_auth]
    with undone():
        answer = case.call(headers=headers)
        if answer.status_code == 400 and set(answer.json()["error"].get("fields", ())) <= beyond_words(case):
            excluded.append(positive_data_acceptance)
        case.validate_response(answer, headers=headers, excluded_checks=excluded)
    return answer.status_code


def beyond_words(case: Case) -> set[str]:
    """The parameters and keys that may be refused although the schema allows them; a NUL makes any of them wrong."""
    body = case.body if isinstance(case.body, dict) else {}
    return BEYOND_WORDS | {name for name, value in {**case.query, **body}.items() if "\0" in str(value)}
