"""What the API tells Debitura: the activation of a case, and a reference that changed; against the sandbox."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken
from partners import activation as domain
from partners.models import Activation, Case
from tests.factories import make_case, make_client, make_user

pytestmark = pytest.mark.django_db
API = "/api/v1/cases/Q8OAXF3W"
WELCOME = {"welcomeMessage": "Welcome!"}
UNCLEAR = "start/500!:@1"


@pytest.fixture
def theirs(world):
    """A case that waits at Debitura."""
    return world.add_case(lifecycle="PendingVerification", reference="Q8OAXF3W")


@pytest.fixture
def case(collecting, theirs):
    """The same case here."""
    client = make_client(collecting)
    return make_case(client, case_id=theirs.id, reference=theirs.reference, lifecycle=theirs.lifecycle)


@pytest.fixture
def api():
    caller = APIClient()
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {ApiToken.issue(make_user('anna@partner.example'))}")
    return caller


def activate(api, body, address=f"{API}/activate"):
    content = body if isinstance(body, str) else json.dumps(body)
    return api.post(address, content, content_type="application/json")


def set_reference(api, reference):
    return api.patch(API, json.dumps({"collectionPartnerReference": reference}), content_type="application/json")


def error(answer):
    return answer.status_code, answer.json()["error"]["code"]


def starts(upstream):
    return sum(path.endswith("/start") for _, path, _ in upstream.log)


@pytest.mark.parametrize("slash", ["", "/"])
def test_activation_answers_with_what_debitura_stored(api, case, theirs, slash):
    answer = activate(api, WELCOME | {"collectionPartnerReference": " 112179442, ä 🧾 "}, f"{API}/activate{slash}")
    told = answer.json()
    assert (answer.status_code, told.pop("case")) == (200, api.get(API).json())
    [ended_at] = Activation.objects.values_list("ended_at", flat=True)
    assert ended_at is not None
    assert told == {
        "case_id": str(case.case_id),
        "case_reference": "Q8OAXF3W",
        "status": "Active",
        "activated_at": ended_at.isoformat().replace("+00:00", "Z"),
        "collection_partner_reference": "112179442, ä 🧾",
    }
    assert (theirs.lifecycle, theirs.partner_reference) == ("Active", "112179442, ä 🧾")


def test_activation_sends_every_digit_and_who_acts(api, case):
    fees = '"interestFees": 0.1000000000000000055511151231, "reminderFees": 12, "collectionFees": "3.10"'
    body = f'{{"welcomeMessage": "Hi", {fees}}}'
    assert activate(api, body).status_code == 200
    assert Activation.objects.get().request == (
        '{"welcomeMessage":"Hi","userEmail":"anna@partner.example",'
        '"interestFees":0.1000000000000000055511151231,"reminderFees":12,"collectionFees":3.10}'
    )


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ({}, ["welcomeMessage"]),
        (
            {"welcomeMessage": " ", "userEmail": "nobody", "interestFees": -1},
            ["welcomeMessage", "userEmail", "interestFees"],
        ),
        ({"welcomeMessage": 7}, ["welcomeMessage"]),
        (WELCOME | {"interestFees": True}, ["interestFees"]),
        (WELCOME | {"reminderFees": []}, ["reminderFees"]),
        (WELCOME | {"collectionPartnerReference": "x" * 129}, ["collectionPartnerReference"]),
        (WELCOME | {"fees": 1}, ["fees"]),
        ('{"welcomeMessage": "Hi", "interestFees": 1e999999999}', ["interestFees"]),
    ],
)
def test_activation_tells_what_is_wrong_with_its_body_and_sends_nothing(api, case, upstream, body, keys):
    answer = activate(api, body)
    assert (error(answer), list(answer.json()["error"]["fields"])) == ((400, "invalid_body"), keys)
    assert (starts(upstream), Activation.objects.count()) == (0, 0)


def test_activation_without_a_key_says_what_is_missing(api, case, collecting):
    collecting.sealed_collection_key = ""
    collecting.save()
    answer = activate(api, WELCOME)
    assert error(answer) == (409, "not_connected")
    assert "manage.py connect_collection_partner" in answer.json()["error"]["message"]


def test_activation_of_a_case_that_does_not_wait_is_refused(api, case, upstream):
    Case.objects.update(lifecycle="Active")
    assert error(activate(api, WELCOME)) == (409, "not_pending")
    assert starts(upstream) == 0


def test_activation_while_another_one_runs_is_refused(api, case, upstream):
    Activation.objects.create(case=case, by=make_user(), request="{}", started_at=timezone.now())
    assert error(activate(api, WELCOME)) == (409, "activation_running")
    assert starts(upstream) == 0


def test_refusal_of_debitura_is_told_in_its_words(api, case, world):
    world.edit_case(case.case_id, lifecycle="Closed")
    answer = activate(api, WELCOME)
    assert error(answer) == (502, "refused")
    assert answer.json()["error"]["message"].startswith("The case was not activated.")


def test_unclear_outcome_is_looked_up_by_the_same_request_and_never_sent_again(api, case, upstream, theirs):
    upstream.faults = UNCLEAR
    assert error(activate(api, WELCOME)) == (503, "unclear")
    Activation.objects.update(started_at=timezone.now() - 2 * domain.OVER_AFTER)
    answer = activate(api, WELCOME)
    assert (answer.status_code, answer.json()["status"], starts(upstream)) == (200, "Active", 1)
    assert (theirs.lifecycle, answer.json()["case"]["lifecycle"]) == ("Active", "Active")


def test_activation_is_a_post_to_a_case_there_is(api, case):
    assert error(api.get(f"{API}/activate")) == (405, "method_not_allowed")
    assert error(activate(api, WELCOME, "/api/v1/cases/unknown/activate")) == (404, "not_found")


def test_changed_reference_is_told_to_debitura_once(api, case, theirs, upstream):
    for _ in range(2):
        answer = set_reference(api, "A/B")
        assert (answer.status_code, "notice" in answer.json()) == (200, False)
    assert theirs.partner_reference == "A/B"
    assert [path for method, path, _ in upstream.log if method == "PUT"] == [f"/cases/{case.case_id}/lifecycle"]


def test_reference_that_debitura_could_not_be_told_is_saved_with_a_notice(api, case, theirs, upstream):
    upstream.faults = "lifecycle/500"
    answer = set_reference(api, "A/B")
    assert (answer.status_code, answer.json()["partner_reference"]) == (200, "A/B")
    assert answer.json()["notice"].startswith("The reference is saved here, but Debitura may not know it.")
    assert theirs.partner_reference == ""
