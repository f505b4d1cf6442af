"""Cases: reading one, setting its partner reference, finding it by that, and activating it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Sight, sight_of
from accounts.people import person
from partners.activation import checked, send_reference
from partners.models import Case, ReferenceChange
from partners.references import InvalidReference
from revenue.api import schema
from revenue.api.bodies import MOST_REFERENCES, REFERENCE, InvalidBody, reference_of, references_of, welcome_of
from revenue.api.case_fields import (
    ActivatedCase,
    ActivationBody,
    CaseFields,
    ChangedCase,
    FoundCases,
    ReferenceBody,
    ReferencesBody,
    activation_data,
    case_data,
)
from revenue.api.views import Answer
from revenue.edits import activate, set_reference
from revenue.filters import FilterError
from revenue.selectors.cases import case_of, case_total
from revenue.selectors.references import by_partner_reference
from revenue.selectors.snapshot import consistent


class CaseView(Answer):
    """One case."""

    parameters: ClassVar = [schema.PARTNER]

    @extend_schema(
        operation_id="case", parameters=[schema.REFERENCE_PATH, *parameters], responses=schema.answers(CaseFields)
    )
    @consistent
    def get(self, request: Request, reference: str) -> Response:
        """A case, its three references, and what its payments earned."""
        sight = _sight(request)
        case = _case(sight, reference)
        return Response(CaseFields(case_data(case, case_total(sight, case))).data)

    @extend_schema(
        operation_id="set_partner_reference",
        parameters=[schema.REFERENCE_PATH, *parameters],
        request=ReferenceBody,
        responses=schema.answers(ChangedCase, *schema.OF_BODIES),
    )
    def patch(self, request: Request, reference: str) -> Response:
        """Set, change or clear the partner reference. A change is told to Debitura where the account is connected to that."""
        sight, editor = _sight(request), person(request)
        case = _case(sight, reference)
        wanted = reference_of(request.data)
        try:
            has_changed = set_reference(request, case, wanted, by=editor, source=ReferenceChange.Source.API)
        except InvalidReference as error:
            raise InvalidBody(fields={REFERENCE: str(error)}) from error
        notice = send_reference(case) if has_changed else ""
        answer = case_data(case, case_total(sight, case)) | ({"notice": notice} if notice else {})
        return Response(ChangedCase(answer).data)


class PartnerReferenceView(Answer):
    """The cases of one partner reference."""

    parameters: ClassVar = [schema.PARTNER]

    @extend_schema(
        operation_id="cases_by_partner_reference",
        parameters=[schema.PARTNER_REFERENCE_PATH, *parameters],
        responses=schema.answers(FoundCases),
    )
    @consistent
    def get(self, request: Request, partner_reference: str) -> Response:
        """The cases that have this partner reference. Several may share it."""
        found = _found(_sight(request), [partner_reference])
        if not found:
            raise Http404("There is no case with this partner reference.")
        return Response({"cases": found[partner_reference]})


class PartnerReferencesView(Answer):
    """The cases of many partner references."""

    parameters: ClassVar = [schema.REFERENCES, schema.PARTNER]
    reading_methods: ClassVar = {"POST"}

    @extend_schema(
        operation_id="cases_by_partner_references",
        parameters=parameters,
        responses=schema.answers(schema.lists_of(CaseFields)),
    )
    @consistent
    def get(self, request: Request) -> Response:
        """The cases of up to 100 partner references, by reference; one that no case has is left out."""
        sight = _sight(request)
        references = _distinct(",".join(request.query_params.getlist("references")).split(","))
        if not 1 <= len(references) <= MOST_REFERENCES:
            raise FilterError({"references": _too_few_or_many(references)})
        return Response(_found(sight, references))

    @extend_schema(
        operation_id="post_cases_by_partner_references",
        parameters=[schema.PARTNER],
        request=ReferencesBody,
        responses=schema.answers(schema.lists_of(CaseFields), *schema.OF_BODIES),
    )
    @consistent
    def post(self, request: Request) -> Response:
        """The same for references that hold commas, or that are too long for an address."""
        sight = _sight(request)
        references = _distinct(references_of(request.data))
        if not 1 <= len(references) <= MOST_REFERENCES:
            raise InvalidBody(fields={"references": _too_few_or_many(references)})
        return Response(_found(sight, references))


class ActivationView(Answer):
    """The activation of a case that waits for it."""

    parameters: ClassVar = [schema.PARTNER]

    @extend_schema(
        operation_id="activate_case",
        parameters=[schema.REFERENCE_PATH, *parameters],
        request=ActivationBody,
        responses=schema.answers(ActivatedCase, 409, *schema.OF_BODIES, 502, 503),
    )
    def post(self, request: Request, reference: str) -> Response:
        """Activate a case that is in Pending Verification, at Debitura. Amounts are numbers, or texts that hold one.

        409: it cannot be activated as things stand (not_connected, not_pending, activation_running). 502 (refused): Debitura
        said no, in the words of the message. 503 (unclear): it may be active; the same request again looks that up at
        Debitura first, and never sends it twice blindly.
        """
        sight, editor = _sight(request), person(request)
        case = _case(sight, reference)
        welcome = checked(welcome_of(request.data, email=editor.email))
        activation = activate(request, case, welcome, by=editor)
        activation.case.refresh_from_db(fields=["lifecycle", "partner_reference"])
        return Response(ActivatedCase(activation_data(activation, case_total(sight, case))).data)


def _sight(request: Request) -> Sight:
    return sight_of(request.query_params, asker=request.user)[0]


def _case(sight: Sight, reference: str) -> Case:
    """The case with Debitura's reference; a slash behind it is none of it, unless there is a case that is called so."""
    for name in dict.fromkeys((reference, reference.removesuffix("/"))):
        try:
            return case_of(sight, name)
        except Case.DoesNotExist:
            continue
    raise Http404("There is no such case.")


def _distinct(references: Iterable[str]) -> list[str]:
    return [reference for reference in dict.fromkeys(references) if reference]


def _too_few_or_many(references: list[str]) -> str:
    if not references:
        return "Name at least one reference."
    return f"These are {len(references)} references; ask for at most {MOST_REFERENCES} at once."


def _found(sight: Sight, references: list[str]) -> dict[str, Any]:
    """The data of cases by partner reference, in the order of the question."""
    found = by_partner_reference(sight, references)
    return {
        reference: CaseFields([case_data(case, total) for case, total in found[reference]], many=True).data
        for reference in references
        if reference in found
    }
