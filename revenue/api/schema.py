"""What the OpenAPI description says beyond the views: how to sign in, the parameters, the answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from accounts.models import ApiToken
from accounts.tokens.scopes import scope_needed
from revenue import periods
from revenue.api.bodies import MOST_REFERENCES
from revenue.api.serializers import Error, Fields
from revenue.filters import CLIENT_SORTS, CLIENT_STATES, SORTS
from revenue.parameters import LARGEST_PAGE_SIZE, LAST_PAGE, LONGEST_SEARCH
from revenue.stages import Stage

SCOPE = "x-scope"


class BearerToken(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # it registers its subclasses
    """Tells the description of `Authorization: Bearer <token>`."""

    target_class = "accounts.tokens.authentication.BearerTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # the framework's signature
        scopes = " ".join(f"{scope.value}: {scope.label}." for scope in ApiToken.Scope)
        return {"type": "http", "scheme": "bearer", "description": f"A token has one or more scopes. {scopes}"}


class ScopedSchema(AutoSchema):
    """Tells the scope that a token needs for an operation; OpenAPI has a place of its own for that with OAuth alone."""

    def get_extensions(self) -> dict[str, str]:
        return {SCOPE: scope_needed(self.view, self.method).value}


def as_it_is_read(result: dict[str, Any], **about: Any) -> dict[str, Any]:
    """What the framework cannot say: an empty parameter is none, and a body holds no keys besides those that it tells."""
    for methods in result["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query" and not parameter.get("required"):
                    parameter["allowEmptyValue"] = True
            for content in operation.get("requestBody", {}).get("content", {}).values():
                name = content["schema"]["$ref"].rpartition("/")[2]
                result["components"]["schemas"][name]["additionalProperties"] = False
    return result


def _signed(keys: Any) -> list[str]:
    return [sign + key for key in keys for sign in ("", "-")]


def _parameter(name: str, description: str, kind: Any = OpenApiTypes.STR, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **options)


def _whole_number(most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most}


_SEARCH = {"type": "string", "maxLength": LONGEST_SEARCH}
PARTNER = _parameter("partner", "Slug of the partner account; default: the one connected first.")
PAGING = [
    _parameter("page", "Counted from 1.", _whole_number(LAST_PAGE)),
    _parameter("page_size", f"Up to {LARGEST_PAGE_SIZE}; default 50.", _whole_number(LARGEST_PAGE_SIZE)),
]
FILTERS = [
    PARTNER,
    _parameter("from", "First local day of payment, inclusive.", OpenApiTypes.DATE),
    _parameter("to", "Last local day of payment, inclusive.", OpenApiTypes.DATE),
    _parameter(
        "period",
        "A period by name, where from and to are not given; default: all time.",
        enum=[preset.key for preset in periods.PRESETS],
    ),
    _parameter("tz", "IANA name of the time zone of these days; default: your own."),
    _parameter("client", "creditorId or externalTenantId of a client."),
    _parameter(
        "q",
        "Part of a case reference, client, debtor, client's or partner's reference; or how a transaction id begins, from "
        "6 digits on.",
        _SEARCH,
    ),
]
STAGE = _parameter("stage", "May be repeated.", many=True, enum=[stage.value for stage in Stage])
SORT = _parameter("sort", "Default: -payment_date.", enum=_signed(SORTS))
CLIENT_FILTERS = [
    PARTNER,
    _parameter("q", "Part of the company name or externalTenantId, or the creditorId.", _SEARCH),
    _parameter("state", "Default: active, which Debitura still lists.", enum=CLIENT_STATES),
    _parameter("sort", "Default: name.", enum=_signed(CLIENT_SORTS)),
]


REFERENCE_PATH = OpenApiParameter(
    "reference", OpenApiTypes.STR, OpenApiParameter.PATH, description="The Debitura reference, percent-encoded."
)
PARTNER_REFERENCE_PATH = OpenApiParameter(
    "partner_reference",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description=(
        "The partner reference, percent-encoded: found exactly as it is written, in its large and small letters. A slash at "
        "the end is part of it. One that is . or .. alone is for the list of references, as clients drop it from an address."
    ),
)
REFERENCES = _parameter(
    "references",
    f"Partner references with commas between them, 1 to {MOST_REFERENCES}; repeated ones count once, and nothing between "
    "two commas is none. POST a list where one holds a comma, or where the address would be too long.",
    required=True,
)


# Of what takes a body: it is too large, or no JSON.
OF_BODIES = (413, 415)


def answers(success: Any, *others: int) -> dict[int, Any]:
    """The answers of a view that succeeds with `success`; `others` are further statuses of its errors."""
    return {200: success} | dict.fromkeys((400, 401, 403, 404, *others, 429), Error)


def page_of(row: type[Fields], name: str) -> Any:
    """The serializer of one page of `row`."""
    return inline_serializer(
        name,
        {
            "count": serializers.IntegerField(help_text="Rows of the whole filter."),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": row(many=True),
        },
    )


def lists_of(row: type[Fields]) -> dict[str, Any]:
    """The answer that holds lists of `row` under keys of any name; another answer has to tell what `row` is."""
    item = {"$ref": f"#/components/schemas/{row.__name__}"}
    return {"type": "object", "additionalProperties": {"type": "array", "items": item}}
