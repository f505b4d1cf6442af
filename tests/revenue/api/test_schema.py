import io

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

from revenue.api.docs import operations
from revenue.stages import Stage
from tests.factories import make_user, sign_in_now

METHODS = {
    "/api/v1/cases/{reference}": ["get", "patch"],
    "/api/v1/cases/{reference}/activate": ["post"],
    "/api/v1/cases/by-partner-reference": ["get", "post"],
    "/api/v1/cases/by-partner-reference/{partner_reference}": ["get"],
    "/api/v1/clients": ["get"],
    "/api/v1/clients/{creditor_id}": ["get"],
    "/api/v1/pulls": ["get"],
    "/api/v1/summary": ["get"],
    "/api/v1/transactions": ["get"],
}


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def operation_of(schema, operation_id):
    [operation] = [each for each in operations(schema) if each.id == operation_id]
    return operation


def kinds(members):
    return {member.path: (member.kind, member.nullable) for member in members}


def test_schema_is_valid_and_made_without_a_warning():
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=io.StringIO())


def test_schema_tells_every_address_once_and_without_a_slash(schema):
    validate_schema(schema)
    assert {path: list(methods) for path, methods in schema["paths"].items()} == METHODS


def test_schema_tells_the_fields_as_they_are_answered(schema):
    summary = kinds(operation_of(schema, "summary").members)
    assert list(summary)[:5] == ["partner", "from", "to", "tz", "currency"]
    assert summary["as_of"] == ("date-time", True)
    assert summary["stages[].fee_usd"] == ("decimal", True)
    transactions = kinds(operation_of(schema, "transactions").members)
    assert transactions["results[].fee.amount_usd"] == ("decimal", True)
    assert transactions["results[].case.client_reference"] == ("string", True)
    assert transactions["results[].case.partner_reference"] == ("string", True)
    assert transactions["results[].client"] == ("object", True)
    assert transactions["results[].statuses.unknown[]"] == ("string", False)


def test_schema_tells_cases_under_the_references_they_are_found_by(schema):
    case = kinds(operation_of(schema, "case").members)
    assert (case["partner_reference"], case["client"]) == (("string", True), ("object", True))
    assert (case["original_amount"], case["fee_usd"]) == (("decimal", True), ("decimal", False))
    for operation_id in ("cases_by_partner_references", "post_cases_by_partner_references"):
        found = kinds(operation_of(schema, operation_id).members)
        assert found == {f"*[].{name}": kind for name, kind in case.items()} | {"*[].client": ("object", True)}


def test_schema_tells_what_is_sent(schema):
    assert kinds(operation_of(schema, "set_partner_reference").body) == {"collectionPartnerReference": ("string", True)}
    assert kinds(operation_of(schema, "post_cases_by_partner_references").body) == {"references[]": ("string", False)}
    assert kinds(operation_of(schema, "activate_case").body) == {
        "welcomeMessage": ("string", False),
        "userEmail": ("string", False),
        "collectionPartnerReference": ("string", True),
        "assignedUserEmail": ("string", True),
        "interestFees": ("decimal", True),
        "reminderFees": ("decimal", True),
        "collectionFees": ("decimal", True),
    }
    bodies = [
        method["requestBody"]
        for path in schema["paths"].values()
        for method in path.values()
        if "requestBody" in method
    ]
    assert [list(body["content"]) for body in bodies] == [["application/json"]] * 3
    names = [body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2] for body in bodies]
    components = schema["components"]["schemas"]
    assert [components[name]["additionalProperties"] for name in names] == [False] * 3
    assert {name: components[name]["required"] for name in names} == {
        "ReferenceBody": ["collectionPartnerReference"],
        "ReferencesBody": ["references"],
        "ActivationBody": ["welcomeMessage"],
    }


def test_schema_tells_the_errors_of_an_activation(schema):
    answers = schema["paths"]["/api/v1/cases/{reference}/activate"]["post"]["responses"]
    assert set(answers) == {"200", "400", "401", "403", "404", "409", "413", "415", "429", "502", "503"}


def test_schema_knows_the_token_and_its_scopes(schema):
    assert schema["components"]["securitySchemes"]["token"] == {
        "type": "http",
        "scheme": "bearer",
        "description": "A token has one or more scopes. read: Read figures, payments, clients and cases. "
        "references: Set partner references and activate cases.",
    }


def test_schema_tells_the_scope_of_every_operation(schema):
    needs = {operation.id: operation.scope for operation in operations(schema)}
    changing = {"set_partner_reference", "activate_case"}
    assert needs == {name: "references" if name in changing else "read" for name in needs}
    assert len(needs) == sum(len(methods) for methods in METHODS.values())


def test_schema_tells_what_any_token_may_be_refused_for(schema):
    told = [set(method["responses"]) for path in schema["paths"].values() for method in path.values()]
    assert [answers for answers in told if not {"401", "403", "429"} <= answers] == []


def test_schema_tells_the_parameters(schema):
    operation = operation_of(schema, "transactions")
    names = [parameter.name for parameter in operation.parameters]
    assert sorted(names) == sorted(
        ["client", "from", "page", "page_size", "partner", "period", "q", "sort", "stage", "to", "tz"]
    )
    [stage] = [parameter for parameter in operation.parameters if parameter.name == "stage"]
    assert set(stage.values) == set(Stage)
    told = {each["name"]: each for each in schema["paths"]["/api/v1/transactions"]["get"]["parameters"]}
    assert told["page_size"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 200}
    assert told["q"]["schema"] == {"type": "string", "maxLength": 200}
    [references] = schema["paths"]["/api/v1/cases/by-partner-reference"]["get"]["parameters"][1:]
    assert [each for each in told.values() if not each["allowEmptyValue"]] == []
    assert "allowEmptyValue" not in references


@pytest.mark.django_db
def test_schema_is_served():
    answer = APIClient().get("/api/v1/schema/", headers={"Accept": "application/json"})
    assert (answer.status_code, list(answer.json()["paths"])) == (200, list(METHODS))


@pytest.mark.django_db
def test_schema_is_the_same_for_any_version_that_is_asked_for():
    answers = [APIClient().get("/api/v1/schema/", query) for query in ({}, {"version": "2\r\nX: y"})]
    assert (
        answers[0]["Content-Disposition"] == answers[1]["Content-Disposition"] == 'inline; filename="Feeboard API.yaml"'
    )
    assert answers[0].content == answers[1].content


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
    sign_in_now(caller, make_user())
    page = caller.get("/api/v1/docs/")
    text = page.content.decode()
    assert page.status_code == 200
    listed = [f"{method.upper()} {path}" for path, methods in METHODS.items() for method in methods]
    assert [line for line in listed if f"<code>{line}</code>" not in text] == []
    assert ("<style" in text, "style=" in text, "cdn" in text) == (False, False, False)


@pytest.mark.django_db
def test_docs_ask_strangers_to_sign_in():
    assert APIClient().get("/api/v1/docs/").status_code == 302
