from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiToken
from revenue.models import PullRun
from revenue.money import cents
from revenue.selectors.totals import stage_totals
from revenue.stages import STAGES, Stage
from tests.factories import (
    NOW,
    make_account,
    make_case,
    make_client,
    make_run,
    make_transaction,
    make_user,
    sign_in_now,
)
from tests.revenue.builders import all_time

pytestmark = pytest.mark.django_db
API = "/api/v1"
ADDRESSES = ["/summary", "/transactions", "/clients", f"/clients/{UUID(int=7)}", "/pulls"]


@pytest.fixture
def partner():
    return make_account(slug="acme")


@pytest.fixture
def api():
    caller = APIClient()
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiToken.issue(make_user())}")
    return caller


def test_summary_tells_the_seven_stages_in_their_order(api, partner):
    make_run(partner)
    client = make_client(partner)
    make_transaction(client=client, stage=Stage.PENDING, fee_usd=Decimal("10.004"), revenue_usd=Decimal("20.008"))
    make_transaction(client=client, stage=Stage.PENDING, fee_usd=Decimal("0.004"), is_estimate=False)
    make_transaction(client=client, stage=Stage.OUTSIDE, fee_usd=Decimal("-1.5"))
    answer = api.get(f"{API}/summary?from=2026-03-01&to=2026-03-31&tz=Asia/Kathmandu").json()
    stages = answer.pop("stages")
    assert answer == {
        "partner": "acme",
        "from": "2026-03-01",
        "to": "2026-03-31",
        "tz": "Asia/Kathmandu",
        "currency": "USD",
        "as_of": "2026-03-14T12:00:00Z",
        "ties_out": True,
        "total_debitura_revenue_usd": "140.01",
        "outside_every_stage": {"fee_usd": "-1.50", "count": 1, "estimate_fee_usd": "-1.50", "estimate_count": 1},
    }
    assert [stage["stage"] for stage in stages] == [stage.value for stage in STAGES]
    assert stages[0] == {
        "stage": "pending",
        "label": "Pending",
        "fee_usd": "10.01",
        "count": 2,
        "estimate_fee_usd": "10.00",
        "estimate_count": 1,
    }
    assert {(stage["fee_usd"], stage["count"]) for stage in stages[1:]} == {("0.00", 0)}


def test_summary_is_what_the_selectors_of_the_pages_say(api, partner):
    make_run(partner)
    for place, stage in enumerate(Stage, start=1):
        make_transaction(partner, stage=stage, fee_usd=Decimal(place) / 7)
    totals = stage_totals(all_time(partner))
    answer = api.get(f"{API}/summary").json()
    assert {each["stage"]: (Decimal(each["fee_usd"]), each["count"]) for each in answer["stages"]} == {
        total.stage: (cents(total.fee_usd), total.count) for total in totals.stages
    }
    assert Decimal(answer["outside_every_stage"]["fee_usd"]) == cents(totals.outside.fee_usd)


def test_summary_before_the_first_pull_knows_nothing(api, partner):
    make_run(partner, status=PullRun.Status.FAILED, as_of=None, ties_out=None)
    answer = api.get(f"{API}/summary").json()
    figures = ("fee_usd", "count", "estimate_fee_usd", "estimate_count")
    assert [answer[name] for name in ("as_of", "ties_out", "total_debitura_revenue_usd")] == [None] * 3
    assert {stage[name] for stage in answer["stages"] for name in figures} == {None}
    assert answer["outside_every_stage"] == dict.fromkeys(figures)
    assert len(answer["stages"]) == 7


def test_transactions_hold_every_digit(api, partner):
    client = make_client(partner, creditor_id=UUID(int=7), external_tenant_id=None, company_name="Ærø")
    case = make_case(client, reference="Q8", client_reference="INV", debtor_name="Ågård")
    make_transaction(
        case=case,
        stage=Stage.PENDING,
        transaction_id=UUID(int=1),
        payment_date=datetime(2026, 3, 5, 9, 30, 0, 120000, tzinfo=UTC),
        fee=Decimal("30.1234567"),
        fee_usd=Decimal("-0.00000012"),
        revenue_usd=None,
        platform_status="New",
        unknown_statuses=["platform_status"],
    )
    assert api.get(f"{API}/transactions").json() == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "transaction_id": "00000000-0000-0000-0000-000000000001",
                "payment_date": "2026-03-05T09:30:00.120000Z",
                "client": {
                    "creditor_id": "00000000-0000-0000-0000-000000000007",
                    "external_tenant_id": None,
                    "company_name": "Ærø",
                },
                "case": {
                    "reference": "Q8",
                    "client_reference": "INV",
                    "partner_reference": None,
                    "debtor_name": "Ågård",
                },
                "payment": {"amount": "1000.00", "currency": "EUR"},
                "fee": {
                    "amount": "30.1234567",
                    "currency": "EUR",
                    "amount_usd": "-0.00000012",
                    "percentage": "50",
                    "is_estimate": True,
                },
                "debitura_revenue_usd": None,
                "stage": "pending",
                "statuses": {
                    "commission": "Unpaid",
                    "platform": "New",
                    "referral": "Pending",
                    "unknown": ["platform_status"],
                },
                "first_seen_at": "2026-03-06T08:00:00Z",
                "stage_since": "2026-03-06T08:00:00Z",
            }
        ],
    }


def test_transactions_without_client_and_case(api, partner):
    make_transaction(partner, client_id=None, case_id=None)
    [row] = api.get(f"{API}/transactions").json()["results"]
    assert (row["client"], row["case"]) == (None, None)


def test_pages_lead_to_each_other_with_the_same_filter(api, partner):
    for day in range(1, 6):
        make_transaction(partner, stage=Stage.PAID, payment_date=datetime(2026, 3, day, 12, tzinfo=UTC))
    make_transaction(partner, stage=Stage.READY)
    address, seen = f"{API}/transactions?stage=paid&page_size=2&sort=payment_date", []
    while address:
        answer = api.get(address).json()
        seen += [row["payment_date"][:10] for row in answer["results"]]
        address = answer["next"]
    assert (answer["count"], seen) == (5, [f"2026-03-0{day}" for day in range(1, 6)])
    assert answer["previous"] == f"http://testserver{API}/transactions?stage=paid&sort=payment_date&page_size=2&page=2"


def test_page_behind_the_last_is_not_found(api, partner):
    answer = api.get(f"{API}/transactions?page=2")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": {"code": "not_found", "message": "There is no page 2; the last one is 1."}},
    )


@pytest.mark.parametrize("address", ["/transactions", "/clients", "/pulls"])
@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_the_same_number_of_queries_for_one_and_for_three(
    api, partner, django_assert_num_queries, address, count
):
    for _ in range(count):
        make_transaction(partner)
        make_run(partner)
    # The token, that it is used, the accounts; then what the list itself takes.
    with django_assert_num_queries(3 + {"/transactions": 3, "/clients": 3, "/pulls": 2}[address]):
        assert len(api.get(f"{API}{address}").json()["results"]) == count


def test_clients_hold_their_sums(api, partner):
    client = make_client(partner, creditor_id=UUID(int=7), company_name="Acme", earnings_usd=Decimal("31.5"))
    make_transaction(client=client, stage=Stage.PENDING, fee_usd=Decimal("30.004"))
    make_client(partner, archived_at=NOW)
    [row] = api.get(f"{API}/clients").json()["results"]
    assert row == {
        "creditor_id": "00000000-0000-0000-0000-000000000007",
        "external_tenant_id": client.external_tenant_id,
        "company_name": "Acme",
        "country": "Denmark",
        "registration_number": "",
        "is_attributed": True,
        "onboarding_done": True,
        "kyc_status": "",
        "date_linked": "2025-02-01T00:00:00Z",
        "archived_at": None,
        "cases_total": 3,
        "cases_closed": 1,
        "fee_percentage": "50",
        "fee_usd": "30.00",
        "count": 1,
        "estimate_fee_usd": "30.00",
        "estimate_count": 1,
        "earnings_usd": "31.5",
        "difference_usd": "1.50",
    }
    detail = api.get(f"{API}/clients/{UUID(int=7)}").json()
    stages, outside = detail.pop("stages"), detail.pop("outside_every_stage")
    assert detail == row
    assert [(each["stage"], each["fee_usd"]) for each in stages if each["count"]] == [("pending", "30.00")]
    assert (len(stages), outside["count"]) == (7, 0)


def test_client_of_another_account_is_not_found(api, partner):
    stranger = make_client(make_account(slug="zebra"))
    address = f"{API}/clients/{stranger.creditor_id}"
    answer = api.get(address)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert api.get(f"{address}?partner=zebra").status_code == 200


def test_pulls_tell_what_they_did(api, partner):
    make_run(
        partner,
        status=PullRun.Status.FAILED,
        as_of=None,
        ties_out=None,
        transactions_seen=5,
        clients_archived=2,
        error_kind="unreachable",
        error_message="No answer.",
        error_retryable=True,
    )
    difference = {"stage": "paid", "ours_usd": "1.00", "theirs_usd": None, "ours_count": 1, "theirs_count": None}
    left = [{"what": "estimates", "rows": 12}]
    make_run(
        partner,
        started_at=datetime(2026, 3, 15, tzinfo=UTC),
        ties_out=False,
        differences=[difference],
        reach=PullRun.Reach.EVERYTHING,
        left_for_later=left,
        fallback="The summary of 2026 contradicts its rows.",
    )
    latest, first = api.get(f"{API}/pulls").json()["results"]
    assert (latest["differences"], latest["ties_out"], latest["error"]) == ([difference], False, None)
    assert (latest["reach"], latest["left_for_later"], latest["fallback"]) == (
        "everything",
        left,
        "The summary of 2026 contradicts its rows.",
    )
    assert (first["reach"], first["left_for_later"], first["fallback"]) == ("changes", [], "")
    assert (first["status"], first["as_of"], first["ties_out"]) == ("failed", None, None)
    assert first["error"] == {"kind": "unreachable", "message": "No answer.", "retryable": True}
    assert first["transactions"] == {"seen": 5, "created": 0, "updated": 0, "unchanged": 0, "removed": 0}
    assert first["clients"] == {"seen": 0, "created": 0, "updated": 0, "archived": 2}


@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_in_particular_sees_nothing(partner, address):
    answer = APIClient().get(f"{API}{address}")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json() == {
        "error": {"code": "not_authenticated", "message": "Authentication credentials were not provided."}
    }


def test_wrong_token_is_refused(partner):
    answer = APIClient().get(f"{API}/summary", HTTP_AUTHORIZATION="Bearer fb_wrong")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "authentication_failed")


def test_session_works_as_well(partner):
    caller = APIClient()
    sign_in_now(caller, make_user())
    assert caller.get(f"{API}/summary").status_code == 200


def test_wrong_parameters_are_all_told(api, partner):
    answer = api.get(f"{API}/transactions?from=x&page_size=1000")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], sorted(error["fields"])) == ("invalid_parameters", ["from", "page_size"])
    assert error["fields"]["page_size"] == "Use a whole number from 1 to 200."


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("/summary", "partner, from, to, period, tz, client, q, stage"),
        ("/transactions", "partner, from, to, period, tz, client, q, stage, sort, page, page_size"),
        ("/clients", "partner, q, state, sort, page, page_size"),
        (f"/clients/{UUID(int=7)}", "partner"),
        ("/pulls", "partner, page, page_size"),
    ],
)
def test_unknown_parameters_are_refused(api, partner, address, known):
    answer = api.get(f"{API}{address}?stages=paid&partner=acme&format=json")
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"] == {"stages": f"stages is no parameter here; there is {known}."}


@pytest.mark.parametrize("address", ["/summary", "/transactions", "/clients", "/pulls"])
def test_names_that_lists_share_go_with_every_call(api, partner, address):
    shared = "from=2026-01-01&to=2026-03-31&tz=Asia/Kathmandu&page=1&page_size=5&format=json"
    assert api.get(f"{API}{address}?{shared}").status_code == 200


@pytest.mark.parametrize("address", [*ADDRESSES, "/nothing"])
@pytest.mark.parametrize("query", ["", "?stages=paid"])
def test_no_cache_keeps_an_answer(api, partner, address, query):
    assert api.get(f"{API}{address}{query}")["Cache-Control"] == "private, no-store"
    assert APIClient().get(f"{API}{address}{query}")["Cache-Control"] == "private, no-store"


def test_references_that_are_not_known_are_null(api, partner):
    make_transaction(case=make_case(make_client(partner), client_reference="", partner_reference=""))
    make_transaction(case=make_case(make_client(partner), client_reference="C", partner_reference="P"))
    cases = [row["case"] for row in api.get(f"{API}/transactions?sort=case").json()["results"]]
    assert [(case["client_reference"], case["partner_reference"]) for case in cases] == [(None, None), ("C", "P")]


def test_token_that_was_just_used_is_read_without_a_write(api, partner, django_assert_num_queries):
    api.get(f"{API}/nothing")
    with django_assert_num_queries(2) as captured:
        api.get(f"{API}/clients/{UUID(int=7)}?pages=1")
        api.get(f"{API}/nothing")
    assert {query["sql"].split()[0] for query in captured.captured_queries} == {"SELECT"}


def test_unknown_partner_is_not_found(api, partner):
    answer = api.get(f"{API}/summary?partner=zebra")
    assert answer.status_code == 404
    assert answer.json() == {"error": {"code": "not_found", "message": "There is no such partner account."}}


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_account_at_all(api, address):
    answer = api.get(f"{API}{address}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_account")


@pytest.mark.parametrize("address", ["/summary/", "/transactions/", "/clients/", "/pulls/"])
def test_slash_at_the_end_makes_no_difference(api, partner, address):
    assert api.get(f"{API}{address}").json() == api.get(f"{API}{address.rstrip('/')}").json()


@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
@pytest.mark.parametrize("address", ["", "/nothing", "/nothing/", "/clients/7", "/summary/x"])
def test_unknown_address_is_not_found_in_json(api, method, address):
    answer = getattr(api, method)(f"{API}/{address.lstrip('/')}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_other_methods_are_not_allowed(api, partner):
    answer = api.post(f"{API}/summary", {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ADDRESSES)
def test_everything_is_read_in_one_state_of_the_database(api, partner, django_assert_max_num_queries, address):
    make_client(partner, creditor_id=UUID(int=7))
    with django_assert_max_num_queries(20) as captured:
        assert api.get(f"{API}{address}").status_code == 200
    statements = [query["sql"] for query in captured.captured_queries]
    first, last = statements.index("BEGIN"), statements.index("COMMIT")
    outside = statements[:first] + statements[last:]
    assert [sql for sql in outside if "revenue_" in sql or "partners_" in sql] == []
