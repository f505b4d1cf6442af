"""GET /me, /clients and /cases against the contract, over HTTP."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sandbox.world import World


@pytest.mark.parametrize("mode", ["PayWhenPaid", "ConfirmedPipeline"])
def test_me_tells_the_invoicing_mode(serve, mode):
    me = serve(World.empty(mode=mode)).get("/me").json
    assert me["invoicingTriggerMode"] == mode
    assert me.keys() == {
        "id", "companyName", "shortName", "contactEmail", "externalSystemId", "referralFeePercentage", "isActive",
        "isPublicDemo", "logoUrl", "backgroundColorCode", "fontColor", "fontFamily", "invoicingTriggerMode",
    }  # fmt: skip


def test_client_has_every_field_of_the_contract(serve):
    world = World.empty()
    client = world.add_client(onboarding_done=False, kyc_status="pending", date_linked=datetime(2025, 5, 6, tzinfo=UTC))
    assert serve(world).get("/clients").json["clients"] == [
        {
            "externalTenantId": "tenant-1",
            "onboardingDone": False,
            "onboardingLinks": {"url": f"https://app.example/onboarding/{client.id}"},
            "client": {
                "id": str(client.id),
                "companyName": "Client 1 GmbH",
                "registrationNumber": "HRB 10001",
                "country": "Germany",
                "address": "Hauptstraße 1",
                "email": "office@client1.example",
                "phone": "+49 30 100001",
            },
            "users": [{"name": "Contact 1", "email": "contact@client1.example"}],
            "isAttributedClient": True,
            "dateLinked": "2025-05-06T00:00:00Z",
            "caseStats": {"casesTotal": 0, "casesClosed": 0, "earningsUsd": 0},
            "kycStatus": "pending",
            "referralFeePercentageSnapshot": 50,
        }
    ]


def test_client_earnings_are_the_rounded_sum_of_its_rows(generated):
    sums: Counter[str] = Counter()
    for row in generated.all_rows():
        sums[row["client"]["creditorId"]] += row["earnings"]["referralFeeAmountUsd"]
    listed = generated.get("/clients", {"PageSize": 100}).json["clients"]
    found = {row["client"]["id"]: row["caseStats"]["earningsUsd"] for row in listed}
    assert found == {identity: round(Decimal(sums[identity]), 2) for identity in found}


def test_client_earnings_can_be_overridden(serve):
    world = World.empty()
    world.add_payment(world.add_client(earnings_usd=Decimal("12.34")))
    assert serve(world).get("/clients").json["clients"][0]["caseStats"]["earningsUsd"] == Decimal("12.34")


@pytest.fixture
def three(serve):
    world = World.empty()
    start = datetime(2025, 1, 1, tzinfo=UTC)
    world.add_client(company_name="beta", external_tenant_id="T-1", date_linked=start)
    world.add_client(company_name="Alpha", onboarding_done=False, date_linked=start + timedelta(days=1))
    world.add_client(company_name="Gamma", is_attributed=False, date_linked=start + timedelta(days=2))
    return serve(world)


CLIENT_FILTERS = [
    ({}, ["Gamma", "Alpha", "beta"]),
    ({"Sort": "name:asc"}, ["Alpha", "beta", "Gamma"]),
    ({"Sort": "dateCreated:asc"}, ["beta", "Alpha", "Gamma"]),
    ({"Query": "ALPH"}, ["Alpha"]),
    ({"ExternalTenantId": "T-1"}, ["beta"]),
    ({"ExternalTenantId": "t-1"}, []),
    ({"IsAttributedClient": "false"}, ["Gamma"]),
    ({"OnboardingDone": "false"}, ["Alpha"]),
    ({"DateCreatedFrom": "2025-01-02"}, ["Gamma", "Alpha"]),
    ({"DateCreatedTo": "2025-01-02"}, ["Alpha", "beta"]),
    ({"PageSize": 2}, ["Gamma", "Alpha"]),
    ({"PageSize": 2, "Page": 2}, ["beta"]),
]


@pytest.mark.parametrize(("params", "expected"), CLIENT_FILTERS, ids=str)
def test_clients_filter_sort_and_page(three, params, expected):
    answer = three.get("/clients", params).json
    assert [row["client"]["companyName"] for row in answer["clients"]] == expected


@pytest.mark.parametrize("params", [{}, {"OnboardingDone": "true"}, {"Query": "nothing", "Page": 9}], ids=str)
def test_clients_summary_ignores_the_filters(three, params):
    assert three.get("/clients", params).json["summary"] == {
        "totalClients": 3,
        "attributedClients": 2,
        "onboardingComplete": 2,
        "onboardingPending": 1,
        "totalCases": 0,
    }


def test_archived_client_is_not_listed(three):
    world = three.server.world
    world.archive_client(world.clients[0].id)
    answer = three.get("/clients").json
    assert [row["client"]["companyName"] for row in answer["clients"]] == ["Gamma", "Alpha"]
    assert answer["summary"]["totalClients"] == 2


@pytest.mark.parametrize("params", [{"PageSize": 101}, {"Sort": "size"}, {"OnboardingDone": "1"}], ids=str)
def test_clients_bad_parameter_answers_400(three, params):
    assert three.get("/clients", params).status == 400


def test_case_has_every_field_of_the_contract(serve):
    world = World.empty()
    payment = world.add_payment(amount=Decimal("400.00"), gross_amount=Decimal("1000.00"))
    case = payment.case
    answer = serve(world).get("/cases").json
    row = answer["cases"][0]
    client = row.pop("client")
    assert client["id"] == str(case.client.id)
    assert row == {
        "id": str(case.id),
        "reference": case.reference,
        "creditorReference": "INV-000001",
        "debtor": {"name": "Debtor 1", "country": "Germany"},
        "grossAmount": Decimal("1000.00"),
        "remainder": Decimal("600.00"),
        "currency": "EUR",
        "lifecycle": "Active",
        "closeCode": None,
        "currentEngagementPhase": "PreLegal",
        "dateCreated": "2025-12-31T12:00:00Z",
        "dueDate": "2025-12-01T12:00:00Z",
        "dateCollectionStarted": "2026-01-02T12:00:00Z",
        "dateFinished": None,
        "collectionPartner": "Nordisk Inkasso A/S",
        "expectedReferralRatePercentage": 50,
    }
    assert answer["summary"] == {"totalCases": 1, "casesThisMonth": 0, "byLifecycle": {"Active": 1}}


def test_case_paid_in_full_closes_and_reopens_when_the_payment_goes(serve):
    world = World.empty()
    payment = world.add_payment()
    caller = serve(world)
    paid = caller.get("/cases").json["cases"][0]
    assert (paid["lifecycle"], paid["closeCode"], paid["remainder"]) == ("Closed", "PaidInFull", 0)
    world.delete(payment.id)
    owed = caller.get("/cases").json["cases"][0]
    assert (owed["lifecycle"], owed["closeCode"], owed["remainder"]) == ("Active", None, 1000)


@pytest.mark.parametrize(
    ("sort", "field"), [("DateCreated", "dateCreated"), ("GrossAmount", "grossAmount"), ("DueDate", "dueDate")]
)
def test_cases_are_sorted_through_all_pages(generated, sort, field):
    values = []
    for page in range(1, 4):
        rows = generated.get("/cases", {"Sort": f"{sort}:desc", "PageSize": 100, "Page": page}).json["cases"]
        values += [row[field] for row in rows]
    assert len(values) == 300
    assert values == sorted(values, reverse=True)


def test_every_transaction_has_its_case(generated):
    total = generated.get("/cases").json["page"]["totalResults"]
    known = set()
    for page in range(1, total // 100 + 2):
        known |= {row["id"] for row in generated.get("/cases", {"PageSize": 100, "Page": page}).json["cases"]}
    assert len(known) == total
    assert {row["case"]["invoiceId"] for row in generated.all_rows()} - known == set()
