"""What a token may be used for, at every address of the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiToken
from partners.models import Case
from tests.factories import make_account, make_case, make_client, make_user, sign_in_now

pytestmark = pytest.mark.django_db

API = "/api/v1"
LOOK_UP = f"{API}/cases/by-partner-reference"
READS = [
    ("get", f"{API}/summary"),
    ("get", f"{API}/transactions"),
    ("get", f"{API}/clients"),
    ("get", f"{API}/clients/00000000-0000-0000-0000-000000000007"),
    ("get", f"{API}/pulls"),
    ("get", f"{API}/cases/Q1"),
    ("get", f"{LOOK_UP}?references=x"),
    ("get", f"{LOOK_UP}/x"),
    ("post", LOOK_UP),
    ("options", f"{API}/summary"),
]
CHANGES = [("patch", f"{API}/cases/Q1"), ("post", f"{API}/cases/Q1/activate")]
BODY = {"collectionPartnerReference": "mine", "references": ["x"], "welcomeMessage": "Hello"}
ABSENT = [("post", f"{API}/summary"), ("delete", f"{API}/cases/Q1"), ("patch", f"{API}/nothing")]


@pytest.fixture
def case() -> Case:
    return make_case(make_client(make_account(slug="acme")), reference="Q1")


def ask(method: str, address: str, *scopes: str) -> Any:
    token = ApiToken.issue(make_user(), scopes=scopes)
    caller = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
    return caller.generic(method.upper(), address, json.dumps(BODY), content_type="application/json")


def lacks(answer: Any, scope: str) -> bool:
    """Whether an answer says so, wherever it has to."""
    if answer.status_code != 403:
        return False
    message = f"This token lacks the scope {scope}. Make one that has it in Feeboard: Profile, API tokens."
    assert answer.json() == {"error": {"code": "insufficient_scope", "message": message}}
    assert answer["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'
    return True


@pytest.mark.usefixtures("case")
@pytest.mark.parametrize(("method", "address"), READS)
def test_what_reads_needs_the_scope_to_read(method: str, address: str) -> None:
    assert lacks(ask(method, address, "references"), "read")
    assert not lacks(ask(method, address, "read"), "read")


@pytest.mark.parametrize(("method", "address"), CHANGES)
def test_what_changes_something_needs_the_scope_of_references(case: Case, method: str, address: str) -> None:
    assert lacks(ask(method, address, "read"), "references")
    case.refresh_from_db()
    assert case.partner_reference == ""
    assert not lacks(ask(method, address, "references"), "references")


@pytest.mark.usefixtures("case")
def test_reference_is_set_with_its_scope_alone() -> None:
    caller = APIClient(HTTP_AUTHORIZATION=f"Bearer {ApiToken.issue(make_user(), scopes=['references'])}")
    answer = caller.patch(f"{API}/cases/Q1", {"collectionPartnerReference": "mine"}, format="json")
    assert (answer.status_code, Case.objects.get().partner_reference) == (200, "mine")


@pytest.mark.usefixtures("case")
@pytest.mark.parametrize(("method", "address"), ABSENT)
def test_what_there_is_not_is_told_whatever_the_scope(method: str, address: str) -> None:
    assert {ask(method, address, scope).status_code for scope in ApiToken.Scope} <= {404, 405}


@pytest.mark.usefixtures("case")
def test_session_needs_no_scope() -> None:
    caller = APIClient()
    sign_in_now(caller, make_user())
    answer = caller.patch(f"{API}/cases/Q1", {"collectionPartnerReference": "mine"}, format="json")
    assert (answer.status_code, answer.json()["partner_reference"]) == (200, "mine")
