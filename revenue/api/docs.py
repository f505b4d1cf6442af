"""The API's documentation as a page: made from the schema, so that it cannot say anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from revenue.api.schema import SCOPE

Schema = dict[str, Any]


class Parameter(NamedTuple):
    """A query or path parameter; `values` are the only ones allowed, where there are such."""

    name: str
    place: str
    kind: str
    required: bool
    description: str
    values: list[str]


class Member(NamedTuple):
    """A field of an answer or of a body: "results[].fee.amount_usd"; "*" stands for any key."""

    path: str
    kind: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """A method on an address."""

    id: str
    method: str
    path: str
    description: str
    scope: str
    parameters: list[Parameter]
    body: list[Member]
    members: list[Member]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every operation with its parameters and the fields of its answer."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return render(request, "api/docs.html", {"title": "API", "operations": list(operations(schema))})


def operations(schema: Schema) -> Iterator[Operation]:
    """The operations of an OpenAPI description, in its order."""
    for path, methods in schema["paths"].items():
        for method, described in methods.items():
            yield Operation(
                id=described["operationId"],
                method=method.upper(),
                path=path,
                description=described.get("description", ""),
                scope=described[SCOPE],
                parameters=[_parameter(each) for each in described.get("parameters", [])],
                body=_json(described.get("requestBody", {}), schema),
                members=_json(described["responses"].get("200", {}), schema),
            )


def _json(described: Schema, schema: Schema) -> list[Member]:
    """The fields of a body or an answer, none where there is no JSON."""
    content = described.get("content", {}).get("application/json", {})
    return list(_members(content.get("schema", {}), schema, ""))


def _parameter(described: Schema) -> Parameter:
    kind = described["schema"]
    return Parameter(
        name=described["name"],
        place=described["in"],
        kind=_kind(kind),
        required=described.get("required", False),
        description=described.get("description", ""),
        values=kind.get("enum") or kind.get("items", {}).get("enum", []),
    )


def _members(described: Schema, schema: Schema, path: str) -> Iterator[Member]:
    nullable = described.get("nullable", False)
    found = _resolved(described, schema)
    nullable = nullable or found.get("nullable", False)
    if found.get("type") == "array":
        yield from _members(found["items"], schema, f"{path}[]")
    elif isinstance(found.get("additionalProperties"), dict):
        yield from _members(found["additionalProperties"], schema, f"{path}.*" if path else "*")
    elif "properties" in found:
        if path and nullable:
            yield Member(path, "object", nullable)
        for name, member in found["properties"].items():
            yield from _members(member, schema, f"{path}.{name}" if path else name)
    elif path:
        yield Member(path, _kind(found), nullable)


def _resolved(described: Schema, schema: Schema) -> Schema:
    """What a reference refers to."""
    for part in described.get("allOf", []):
        described = described | part
    if "$ref" not in described:
        return described
    name = described["$ref"].rsplit("/", 1)[-1]
    found: Schema = schema["components"]["schemas"][name]
    return found


def _kind(described: Schema) -> str:
    return described.get("format") or described.get("type") or "any"
