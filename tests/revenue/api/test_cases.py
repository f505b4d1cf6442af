"""Cases by the API: read, given a reference, found by it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from partners.models import Case, ReferenceChange
from partners.references import cleaned
from revenue.api.bodies import LONGEST_BODY
from revenue.stages import Stage
from tests.factories import (
    make_account,
    make_case,
    make_client,
    make_creditor,
    make_transaction,
    make_user,
    sign_in_now,
)

pytestmark = pytest.mark.django_db
API = "/api/v1/cases"
LOOK_UP = f"{API}/by-partner-reference"
KEY = "collectionPartnerReference"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=140)


@pytest.fixture
def partner():
    return make_account(slug="acme")


@pytest.fixture
def person():
    return make_user("anna@example.com")


@pytest.fixture
def api(person):
    caller = APIClient()
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiToken.issue(person)}")
    return caller


@pytest.fixture
def case(partner):
    return make_case(make_client(partner), reference="Q8OAXF3W")


def send(api, method, address, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return getattr(api, method)(address, content, content_type="application/json")


def error(answer):
    return answer.status_code, answer.json()["error"]["code"], answer.json()["error"].get("fields")


def stored(case):
    return Case.objects.get(pk=case.pk).partner_reference


# --- One case ---------------------------------------------------------------------------------------


def test_case_is_told_with_its_references_and_its_fees(api, partner):
    client = make_client(partner, creditor_id=UUID(int=7), external_tenant_id="t7", company_name="Ærø A/S")
    case = make_case(
        client,
        case_id=UUID(int=1),
        reference="Q8OAXF3W",
        client_reference="INV-1",
        partner_reference="112179442 & 112179443",
        lifecycle="Active",
        debtor_name="Ågård",
        collection_partner="Collectia",
        date_created=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        original_amount=Decimal("1000.123456789"),
    )
    make_transaction(case=case, stage=Stage.READY, fee_usd=Decimal("30.004"))
    make_transaction(case=case, stage=Stage.PENDING, fee_usd=Decimal("0.002"))
    make_transaction(case=case, fee_usd=Decimal(500), removed_at=datetime(2026, 3, 1, tzinfo=UTC))
    answer = api.get(f"{API}/Q8OAXF3W")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "reference": "Q8OAXF3W",
            "client_reference": "INV-1",
            "partner_reference": "112179442 & 112179443",
            "debtor_name": "Ågård",
            "case_id": "00000000-0000-0000-0000-000000000001",
            "lifecycle": "Active",
            "client": {
                "creditor_id": "00000000-0000-0000-0000-000000000007",
                "external_tenant_id": "t7",
                "company_name": "Ærø A/S",
            },
            "managed_by": "Collectia",
            "original_amount": "1000.123456789",
            "currency": "EUR",
            "date_created": "2026-01-02T03:04:00Z",
            "fee_usd": "30.01",
            "payments": 2,
            "estimate_fee_usd": "0.00",
            "estimate_payments": 1,
        },
    )


def test_what_is_not_known_of_a_case_is_null(api, partner):
    make_case(make_client(partner), reference="Q1", debtor_name="", original_amount=None, currency="")
    Case.objects.update(client=None)
    told = api.get(f"{API}/Q1").json()
    assert {name for name, value in told.items() if value is None} == {
        *("client_reference", "partner_reference", "debtor_name", "lifecycle", "client", "managed_by"),
        *("original_amount", "currency", "date_created"),
    }
    assert (told["fee_usd"], told["payments"]) == ("0.00", 0)


@pytest.mark.parametrize(
    "reference", ["A/B", "/A/", "50%", "two words", "A?b=c#d", "🦊", "end.", "a+b&c", "a\nb", "x;y"]
)
def test_case_is_reached_whatever_its_debitura_reference_holds(api, partner, reference):
    make_case(make_client(partner), reference=reference)
    assert api.get(f"{API}/{quoted(reference)}").json()["reference"] == reference


def test_slash_at_the_end_of_a_case_makes_no_difference_unless_it_is_called_so(api, case):
    assert api.get(f"{API}/Q8OAXF3W/").json()["reference"] == "Q8OAXF3W"
    make_case(case.client, reference="Q8OAXF3W/")
    assert api.get(f"{API}/Q8OAXF3W/").json()["reference"] == "Q8OAXF3W/"


@pytest.mark.parametrize("address", ["unknown", "%00", "Q8OAXF3W%00", "q8oaxf3w", "Q8OAXF3W//"])
def test_unknown_case_is_not_found(api, case, address):
    assert error(api.get(f"{API}/{address}")) == (404, "not_found", None)
    assert error(send(api, "patch", f"{API}/{address}", {KEY: "x"})) == (404, "not_found", None)


def test_case_of_another_account_is_not_found_without_naming_it(api, case):
    make_case(make_client(make_account(slug="zebra")), reference="QZ")
    assert api.get(f"{API}/QZ").status_code == 404
    assert api.get(f"{API}/QZ?partner=zebra").json()["reference"] == "QZ"


# --- Its reference ----------------------------------------------------------------------------------


def test_reference_is_set_changed_and_cleared(api, case, person):
    for sent, kept in [
        ("  112179442 & 112179443\n", "112179442 & 112179443"),
        ("A/B, ä 🧾", "A/B, ä 🧾"),
        (None, None),
    ]:
        answer = send(api, "patch", f"{API}/Q8OAXF3W", {KEY: sent})
        assert (answer.status_code, answer.json()["partner_reference"]) == (200, kept)
        assert answer.json() == api.get(f"{API}/Q8OAXF3W").json()
    changes = case.reference_changes.order_by("pk").values_list("old", "new", "source", "by")
    assert list(changes) == [
        ("", "112179442 & 112179443", "api", person.pk),
        ("112179442 & 112179443", "A/B, ä 🧾", "api", person.pk),
        ("A/B, ä 🧾", "", "api", person.pk),
    ]


def test_same_reference_again_is_no_change(api, case):
    for _ in range(2):
        assert send(api, "patch", f"{API}/Q8OAXF3W", {KEY: "X"}).status_code == 200
    assert ReferenceChange.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({KEY: "x" * 129}, {KEY: "The reference has 129 characters; use at most 128."}),
        ({KEY: "a\0b"}, {KEY: "The reference holds a NUL character; remove it."}),
        ({KEY: 7}, {KEY: "Send a text, or null."}),
        ({KEY: ["x"]}, {KEY: "Send a text, or null."}),
        ({}, {KEY: "This key is missing; send a text, or null to clear the reference."}),
        ({KEY: "x", "reference": "y"}, {"reference": f"reference is no key here; there is {KEY}."}),
        ([], None),
        ("x", None),
        (None, None),
    ],
)
def test_body_that_cannot_be_used_changes_nothing(api, case, body, fields):
    Case.objects.update(partner_reference="kept")
    assert error(send(api, "patch", f"{API}/Q8OAXF3W", body)) == (400, "invalid_body", fields)
    assert stored(case) == "kept"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe\xfa",
        b'{"' + KEY.encode() + b'": "\\ud83e"}',
        b"[" * 100_000,
        b'{"a": NaN}',
        b'{"a": 1' + b"0" * 5000 + b"}",
    ],
    ids=["cut", "no UTF-8", "half a character", "deep", "NaN", "long number"],
)
def test_body_that_is_no_json_is_refused(api, case, body):
    assert error(send(api, "patch", f"{API}/Q8OAXF3W", body)) == (400, "parse_error", None)


def test_body_without_end_is_refused(api, case):
    body = json.dumps({KEY: "x" * LONGEST_BODY}).encode()
    assert error(send(api, "patch", f"{API}/Q8OAXF3W", body)) == (413, "body_too_large", None)


def test_other_kinds_of_body_are_refused(api, case):
    answer = api.patch(f"{API}/Q8OAXF3W", f"{KEY}=x", content_type="application/x-www-form-urlencoded")
    assert error(answer) == (415, "unsupported_media_type", None)


def test_session_needs_the_secret_of_its_forms_to_change_anything(case, person):
    browser = APIClient(enforce_csrf_checks=True)
    sign_in_now(browser, person)
    assert error(send(browser, "patch", f"{API}/Q8OAXF3W", {KEY: "x"}))[:2] == (403, "permission_denied")
    assert error(send(browser, "post", LOOK_UP, {"references": ["x"]}))[:2] == (403, "permission_denied")
    browser.get("/profile/")
    token = browser.cookies["csrftoken"].value
    answer = browser.patch(
        f"{API}/Q8OAXF3W", json.dumps({KEY: "x"}), content_type="application/json", HTTP_X_CSRFTOKEN=token
    )
    assert (answer.status_code, stored(case)) == (200, "x")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_any_text_comes_back_trimmed_and_is_found_as_it_came(api, case, text):
    answer = send(api, "patch", f"{API}/Q8OAXF3W", {KEY: text})
    if len(text.strip()) > 128:
        assert error(answer)[:2] == (400, "invalid_body")
        return
    kept = answer.json()["partner_reference"]
    assert kept == (cleaned(text) or None)
    if kept:
        assert send(api, "post", LOOK_UP, {"references": [kept]}).json() == {kept: [answer.json()]}
        if kept.strip(".") != "":
            assert api.get(f"{LOOK_UP}/{quoted(kept)}").json() == {"cases": [answer.json()]}


# --- Found by it ------------------------------------------------------------------------------------


def quoted(text):
    """Percent-encoded, every character of it."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


@pytest.fixture
def shared(partner):
    """Three cases, of which the first and the last share a reference."""
    client = make_client(partner)
    return [
        make_case(client, reference=name, partner_reference=ours)
        for name, ours in (("Q1", "Ref-1"), ("Q2", "Ref, 2"), ("Q3", "Ref-1"), ("Q4", ""))
    ]


def test_single_look_up_finds_every_case_that_shares_the_reference(api, shared):
    answer = api.get(f"{LOOK_UP}/Ref-1")
    assert [case["reference"] for case in answer.json()["cases"]] == ["Q3", "Q1"]
    assert answer.json()["cases"][0] == api.get(f"{API}/Q3").json()


@pytest.mark.parametrize("query", ["", "?references=", "?references=,,"])
def test_batch_without_a_reference_is_refused(api, partner, query):
    assert error(api.get(f"{LOOK_UP}{query}"))[:2] == (400, "invalid_parameters")


@pytest.mark.parametrize(
    "body", [{}, {"references": "a"}, {"references": [1]}, {"references": None}, ["a"], {"refs": []}]
)
def test_batch_of_anything_but_texts_is_refused(api, partner, body):
    assert error(send(api, "post", LOOK_UP, body))[:2] == (400, "invalid_body")


@pytest.mark.parametrize("count", [1, 3])
def test_look_ups_ask_equally_often_for_any_number(api, partner, count, django_assert_num_queries):
    client = make_client(partner)
    for number in range(count):
        for name in (f"R{number}", "shared"):
            make_transaction(case=make_case(client, partner_reference=name))
    names = ",".join(f"R{number}" for number in range(count))
    # The token, that it is used, the accounts, the cases, their sums.
    with django_assert_num_queries(5):
        assert len(api.get(f"{LOOK_UP}?references={names}").json()) == count
    with django_assert_num_queries(4):
        assert len(api.get(f"{LOOK_UP}/shared").json()["cases"]) == count


def test_reference_that_no_case_can_have_asks_for_no_case(api, partner, django_assert_num_queries):
    with django_assert_num_queries(3):
        assert api.get(f"{LOOK_UP}/%00").status_code == 404


# --- Who sees it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("get", f"{API}/Q8OAXF3W", None),
        ("patch", f"{API}/Q8OAXF3W", {KEY: "mine"}),
        ("patch", f"{API}/Q8OAXF3W", {KEY: 7}),
        ("get", f"{LOOK_UP}/SECRET-REF", None),
        ("get", f"{LOOK_UP}?references=SECRET-REF", None),
        ("post", LOOK_UP, {"references": ["SECRET-REF"]}),
        ("post", f"{API}/Q8OAXF3W/activate", {"welcomeMessage": "Hello"}),
    ],
)
def test_who_works_for_a_client_and_who_is_nobody_learn_nothing(case, method, address, body):
    Case.objects.update(partner_reference="SECRET-REF")
    creditor = make_user()
    make_creditor(creditor, case.client)
    caller = APIClient()
    for headers, expected in (({}, (401, "not_authenticated")), (bearer(creditor), (404, "no_account"))):
        caller.credentials(**headers)
        answer = caller.get(address) if body is None else send(caller, method, address, body)
        assert error(answer)[:2] == expected
        assert ("SECRET-REF" in answer.content.decode(), answer["Cache-Control"]) == (False, "private, no-store")
    assert (stored(case), ReferenceChange.objects.count()) == ("SECRET-REF", 0)


def bearer(user: User):
    return {"HTTP_AUTHORIZATION": f"Bearer {ApiToken.issue(user)}"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", [f"{API}/Q1", f"{LOOK_UP}/Ref-1", f"{LOOK_UP}?references=Ref-1"])
def test_answers_are_read_in_one_state_of_the_database(api, shared, django_assert_max_num_queries, address):
    with django_assert_max_num_queries(10) as captured:
        assert api.get(address).status_code == 200
    statements = [query["sql"] for query in captured.captured_queries]
    outside = statements[: statements.index("BEGIN")] + statements[statements.index("COMMIT") :]
    assert [sql for sql in outside if "partners_" in sql or "revenue_" in sql] == []
