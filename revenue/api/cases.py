"""Cases: reading one, setting its partner reference, finding it by that, and activating it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import may_edit_cases
from accounts.models import User
from partners.activation import activate, checked, send_reference
from partners.models import Case, PartnerAccount, ReferenceChange
from partners.references import InvalidReference, set_reference
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
from revenue.filters import FilterError, account_of
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
        case = _case(_account(request), reference)
        return Response(CaseFields(case_data(case, case_total(case))).data)

    @extend_schema(
        operation_id="set_partner_reference",
        parameters=[schema.REFERENCE_PATH, *parameters],
        request=ReferenceBody,
        responses=schema.answers(ChangedCase),
    )
    def patch(self, request: Request, reference: str) -> Response:
        """Set, change or clear the partner reference. A change is told to Debitura where the account is connected to that."""
        case, editor = _edited_case(request, reference)
        wanted = reference_of(request.data)
        try:
            has_changed = set_reference(case, wanted, by=editor, source=ReferenceChange.Source.API)
        except InvalidReference as error:
            raise InvalidBody(fields={REFERENCE: str(error)}) from error
        notice = send_reference(case) if has_changed else ""
        answer = case_data(case, case_total(case)) | ({"notice": notice} if notice else {})
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
        found = _found(_account(request), [partner_reference])
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
        account = _account(request)
        references = _distinct(",".join(request.query_params.getlist("references")).split(","))
        if not 1 <= len(references) <= MOST_REFERENCES:
            raise FilterError({"references": _too_few_or_many(references)})
        return Response(_found(account, references))

    @extend_schema(
        operation_id="post_cases_by_partner_references",
        parameters=[schema.PARTNER],
        request=ReferencesBody,
        responses=schema.answers(schema.lists_of(CaseFields)),
    )
    @consistent
    def post(self, request: Request) -> Response:
        """The same for references that hold commas, or that are too long for an address."""
        account = _account(request)
        references = _distinct(references_of(request.data))
        if not 1 <= len(references) <= MOST_REFERENCES:
            raise InvalidBody(fields={"references": _too_few_or_many(references)})
        return Response(_found(account, references))


class ActivationView(Answer):
    """The activation of a case that waits for it."""

    parameters: ClassVar = [schema.PARTNER]

    @extend_schema(
        operation_id="activate_case",
        parameters=[schema.REFERENCE_PATH, *parameters],
        request=ActivationBody,
        responses=schema.answers(ActivatedCase, 409, 502, 503),
    )
    def post(self, request: Request, reference: str) -> Response:
        """Activate a case that is in Pending Verification, at Debitura. Amounts are numbers, or texts that hold one.

        409: it cannot be activated as things stand (not_connected, not_pending, activation_running). 502 (refused): Debitura
        said no, in the words of the message. 503 (unclear): it may be active; the same request again looks that up at
        Debitura first, and never sends it twice blindly.
        """
        case, editor = _edited_case(request, reference)
        welcome = checked(welcome_of(request.data, email=editor.email))
        activation = activate(case, welcome, by=editor)
        activation.case.refresh_from_db(fields=["lifecycle", "partner_reference"])
        return Response(ActivatedCase(activation_data(activation, case_total(case))).data)


def _account(request: Request) -> PartnerAccount:
    return account_of(request.query_params, asker=request.user)[0]


def _edited_case(request: Request, reference: str) -> tuple[Case, User]:
    """The case, and who is about to change it."""
    account, user = _account(request), request.user
    if not isinstance(user, User) or not may_edit_cases(user, account):
        raise PermissionDenied("You may read these cases, and not change them.")
    return _case(account, reference), user


def _case(account: PartnerAccount, reference: str) -> Case:
    """The case with Debitura's reference; a slash behind it is none of it, unless there is a case that is called so."""
    for name in dict.fromkeys((reference, reference.removesuffix("/"))):
        try:
            return case_of(account, name)
        except Case.DoesNotExist:
            continue
    raise Http404("There is no such case.")


def _distinct(references: Iterable[str]) -> list[str]:
    return [reference for reference in dict.fromkeys(references) if reference]


def _too_few_or_many(references: list[str]) -> str:
    if not references:
        return "Name at least one reference."
    return f"These are {len(references)} references; ask for at most {MOST_REFERENCES} at once."


def _found(account: PartnerAccount, references: list[str]) -> dict[str, Any]:
    """The data of cases by partner reference, in the order of the question."""
    found = by_partner_reference(account, references)
    return {
        reference: CaseFields([case_data(case, total) for case, total in found[reference]], many=True).data
        for reference in references
        if reference in found
    }
