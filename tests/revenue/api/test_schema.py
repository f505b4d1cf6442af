import io

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

from revenue.api.docs import operations
from revenue.stages import Stage
from tests.factories import make_user

PATHS = ["/api/v1/clients", "/api/v1/clients/{creditor_id}", "/api/v1/pulls", "/api/v1/summary", "/api/v1/transactions"]


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def members(schema, path):
    [operation] = [each for each in operations(schema) if each.path == path]
    return {member.path: (member.kind, member.nullable) for member in operation.members}


def test_schema_is_valid_and_made_without_a_warning():
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=io.StringIO())


def test_schema_tells_every_address_once_and_without_a_slash(schema):
    validate_schema(schema)
    assert list(schema["paths"]) == PATHS


def test_schema_tells_the_fields_as_they_are_answered(schema):
    summary = members(schema, "/api/v1/summary")
    assert list(summary)[:5] == ["partner", "from", "to", "tz", "currency"]
    assert summary["as_of"] == ("date-time", True)
    assert summary["stages[].fee_usd"] == ("decimal", True)
    transactions = members(schema, "/api/v1/transactions")
    assert transactions["results[].fee.amount_usd"] == ("decimal", True)
    assert transactions["results[].case.client_reference"] == ("string", True)
    assert transactions["results[].case.partner_reference"] == ("string", True)
    assert transactions["results[].client"] == ("object", True)
    assert transactions["results[].statuses.unknown[]"] == ("string", False)


def test_schema_knows_the_token(schema):
    assert schema["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


def test_schema_tells_the_parameters(schema):
    [operation] = [each for each in operations(schema) if each.id == "transactions"]
    names = [parameter.name for parameter in operation.parameters]
    assert sorted(names) == sorted(
        ["client", "from", "page", "page_size", "partner", "period", "q", "sort", "stage", "to", "tz"]
    )
    [stage] = [parameter for parameter in operation.parameters if parameter.name == "stage"]
    assert set(stage.values) == set(Stage)


@pytest.mark.django_db
def test_schema_is_served():
    answer = APIClient().get("/api/v1/schema/", headers={"Accept": "application/json"})
    assert (answer.status_code, list(answer.json()["paths"])) == (200, PATHS)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "method", "status", "code"),
    [
        ({}, "post", 405, "method_not_allowed"),
        ({"Accept": "image/png"}, "get", 406, "not_acceptable"),
        ({"Authorization": "Bearer fb_wrong"}, "get", 401, "authentication_failed"),
    ],
)
def test_schema_tells_its_errors_in_json(headers, method, status, code):
    answer = getattr(APIClient(), method)("/api/v1/schema/", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
    assert answer.json()["error"]["code"] == code


@pytest.mark.django_db
def test_docs_are_a_page_without_anything_from_elsewhere():
    caller = APIClient()
    caller.force_login(make_user())
    page = caller.get("/api/v1/docs/")
    text = page.content.decode()
    assert page.status_code == 200
    assert [f"GET {path}" in text for path in PATHS] == [True] * 5
    assert ("<style" in text, "style=" in text, "cdn" in text) == (False, False, False)


@pytest.mark.django_db
def test_docs_ask_strangers_to_sign_in():
    assert APIClient().get("/api/v1/docs/").status_code == 302
