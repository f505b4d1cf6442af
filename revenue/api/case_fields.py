"""What the API answers about cases, field by field, and what it takes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from partners.models import Activation, Case
from partners.references import LONGEST
from revenue.api.bodies import MOST_REFERENCES
from revenue.api.serializers import Amount, CaseName, ClientName, Fields, KnownText, Moment
from revenue.money import cents
from revenue.selectors.totals import ListTotal


class CaseFields(CaseName):
    """A case and the fees of its payments in USD, of which some may be estimates. What Debitura has not told is null."""

    debtor_name = KnownText()
    case_id = serializers.UUIDField()
    lifecycle = KnownText()
    client = ClientName(allow_null=True)
    managed_by = KnownText()
    original_amount = Amount(allow_null=True)
    currency = KnownText()
    date_created = Moment(allow_null=True)
    fee_usd = Amount()
    payments = serializers.IntegerField()
    estimate_fee_usd = Amount()
    estimate_payments = serializers.IntegerField()


class ChangedCase(CaseFields):
    """The case as it is stored; `notice` says so where Debitura could not be told."""

    notice = serializers.CharField(required=False)


class FoundCases(Fields):
    """The cases that share a partner reference, the newest first."""

    cases = CaseFields(many=True)


class ActivatedCase(Fields):
    """What Debitura made of an activation; `case` is the case as it is stored now."""

    case_id = serializers.UUIDField()
    case_reference = serializers.CharField()
    status = KnownText()
    activated_at = Moment()
    collection_partner_reference = KnownText()
    case = CaseFields()


class ReferenceBody(Fields):
    """White space around the reference is trimmed; null, or nothing else, clears it."""

    collectionPartnerReference = serializers.CharField(allow_null=True, max_length=LONGEST)


class ReferencesBody(Fields):
    # The list itself may be longer.
    __doc__ = f"1 to {MOST_REFERENCES} references. Repeated ones count once, and an empty one is none."

    references = serializers.ListField(child=serializers.CharField(), min_length=1)


@extend_schema_field({"oneOf": [{"type": "number", "minimum": 0}, {"type": "string"}], "format": "decimal"})
class TypedAmount(serializers.DecimalField):
    """An amount as somebody sends it: a number, or a text that holds one."""

    def __init__(self) -> None:
        super().__init__(None, None, required=False, allow_null=True)


class ActivationBody(Fields):
    """The keys of Debitura's own activation. userEmail: your own, where it is not given."""

    welcomeMessage = serializers.CharField(max_length=5000)
    userEmail = serializers.CharField(required=False)
    collectionPartnerReference = serializers.CharField(required=False, allow_null=True, max_length=LONGEST)
    assignedUserEmail = serializers.CharField(required=False, allow_null=True)
    interestFees = TypedAmount()
    reminderFees = TypedAmount()
    collectionFees = TypedAmount()


def case_data(case: Case, total: ListTotal) -> dict[str, Any]:
    """The data of CaseFields."""
    names = ("reference", "client_reference", "partner_reference", "debtor_name", "case_id", "lifecycle", "client")
    more = ("original_amount", "currency", "date_created")
    return {
        **{name: getattr(case, name) for name in (*names, *more)},
        "managed_by": case.collection_partner,
        "fee_usd": cents(total.fee_usd),
        "payments": total.count,
        "estimate_fee_usd": cents(total.estimate_fee_usd),
        "estimate_payments": total.estimate_count,
    }


def activation_data(activation: Activation, total: ListTotal) -> dict[str, Any]:
    """The data of ActivatedCase."""
    case = activation.case
    return {
        "case_id": case.case_id,
        "case_reference": case.reference,
        "status": case.lifecycle,
        "activated_at": activation.ended_at,
        "collection_partner_reference": case.partner_reference,
        "case": case_data(case, total),
    }
