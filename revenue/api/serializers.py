"""What the API answers, field by field; the schema is made from the same classes.

Money is a decimal string, times are ISO 8601 in UTC with Z. A sum is rounded to the cent; the amounts of a single row are
exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from rest_framework import serializers

from revenue.filters import RevenueFilter
from revenue.models import PullRun
from revenue.money import cents
from revenue.selectors.clients import ClientRow
from revenue.selectors.totals import StageTotal, Totals
from revenue.stages import STAGES, TEXTS, Stage


# No docstring: the schema would show it wherever a class below has none.
class Fields(serializers.Serializer[Any]):
    # A name with an underscore at its end is one that Python or the framework needs itself.

    def get_fields(self) -> dict[str, Any]:
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}


class Amount(serializers.DecimalField):
    """An exact decimal as a string."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=None, decimal_places=None, coerce_to_string=True, **options)


class Moment(serializers.DateTimeField):
    """An instant in UTC, whatever zone the reader lives in."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)


class KnownText(serializers.CharField):
    """A text, or null where it is not known."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override]  # null is why it exists
        return super().to_representation(value) or None


class ErrorDetail(Fields):
    code = serializers.CharField()
    message = serializers.CharField()
    fields_ = serializers.DictField(child=serializers.CharField(), required=False)


class Error(Fields):
    error = ErrorDetail()


class StageSums(Fields):
    """A stage: all its fees in USD and the number of its rows, and the part of both that is estimated."""

    stage = serializers.ChoiceField(choices=[stage.value for stage in STAGES])
    label_ = serializers.CharField()
    fee_usd = Amount(allow_null=True)
    count = serializers.IntegerField(allow_null=True)
    estimate_fee_usd = Amount(allow_null=True)
    estimate_count = serializers.IntegerField(allow_null=True)


class OutsideSums(Fields):
    """The rows outside every stage."""

    fee_usd = Amount(allow_null=True)
    count = serializers.IntegerField(allow_null=True)
    estimate_fee_usd = Amount(allow_null=True)
    estimate_count = serializers.IntegerField(allow_null=True)


class Summary(Fields):
    """The stages over everything that matches; every figure is null before the first pull."""

    partner = serializers.CharField()
    from_ = serializers.DateField(allow_null=True)
    to = serializers.DateField(allow_null=True)
    tz = serializers.CharField()
    currency = serializers.CharField()
    as_of = Moment(allow_null=True)
    ties_out = serializers.BooleanField(allow_null=True)
    total_debitura_revenue_usd = Amount(allow_null=True)
    stages = StageSums(many=True)
    outside_every_stage = OutsideSums()


def summary_of(f: RevenueFilter, run: PullRun | None, totals: Totals) -> dict[str, Any]:
    """The data of a Summary. Without a published pull nothing is known, and nothing is not 0.00."""
    return {
        "partner": f.account.slug,
        "from": f.period.first,
        "to": f.period.last,
        "tz": f.period.zone.key,
        "currency": "USD",
        "as_of": run and run.as_of,
        "ties_out": run and run.ties_out,
        "total_debitura_revenue_usd": cents(totals.total_debitura_revenue_usd) if run else None,
        "stages": stage_sums(totals.stages, known=run is not None),
        "outside_every_stage": _sums(totals.outside, known=run is not None),
    }


def stage_sums(stages: Sequence[StageTotal], *, known: bool = True) -> list[dict[str, Any]]:
    """The data of StageSums."""
    return [
        {"stage": total.stage.value, "label": TEXTS[total.stage].label, **_sums(total, known=known)} for total in stages
    ]


def _sums(total: StageTotal, *, known: bool) -> dict[str, Any]:
    return {
        "fee_usd": cents(total.fee_usd) if known else None,
        "count": total.count if known else None,
        "estimate_fee_usd": cents(total.estimate_fee_usd) if known else None,
        "estimate_count": total.estimate_count if known else None,
    }


class ClientName(Fields):
    creditor_id = serializers.UUIDField()
    external_tenant_id = serializers.CharField(allow_null=True)
    company_name = serializers.CharField()


class CaseName(Fields):
    reference = serializers.CharField()
    client_reference = KnownText()
    partner_reference = KnownText()
    debtor_name = serializers.CharField()


class Payment(Fields):
    amount = Amount(source="payment_amount", allow_null=True)
    currency = serializers.CharField(source="payment_currency")


class Fee(Fields):
    amount = Amount(source="fee", allow_null=True)
    currency = serializers.CharField(source="earnings_currency")
    amount_usd = Amount(source="fee_usd", allow_null=True)
    percentage = Amount(source="fee_percentage", allow_null=True)
    is_estimate = serializers.BooleanField()


class Statuses(Fields):
    """The three statuses as Debitura sent them, and the names of those that hold a value unknown to Feeboard."""

    commission = serializers.CharField(source="commission_status")
    platform = serializers.CharField(source="platform_status")
    referral = serializers.CharField(source="referral_status")
    unknown = serializers.ListField(source="unknown_statuses", child=serializers.CharField())


class Entry(Fields):
    """A payment by a debtor and the fee it earns."""

    transaction_id = serializers.UUIDField()
    payment_date = Moment()
    client = ClientName(allow_null=True)
    case = CaseName(allow_null=True)
    payment = Payment(source="*")
    fee = Fee(source="*")
    debitura_revenue_usd = Amount(source="revenue_usd", allow_null=True)
    stage = serializers.ChoiceField(choices=[stage.value for stage in Stage])
    statuses = Statuses(source="*")
    first_seen_at = Moment()
    stage_since = Moment()


class ClientFields(ClientName):
    """A client and what it earned since ever (USD). `difference_usd`: Debitura's own figure less ours."""

    country = serializers.CharField()
    registration_number = serializers.CharField()
    is_attributed = serializers.BooleanField(allow_null=True)
    onboarding_done = serializers.BooleanField(allow_null=True)
    kyc_status = serializers.CharField()
    date_linked = Moment(allow_null=True)
    archived_at = Moment(allow_null=True)
    cases_total = serializers.IntegerField(allow_null=True)
    cases_closed = serializers.IntegerField(allow_null=True)
    fee_percentage = Amount(allow_null=True)
    fee_usd = Amount()
    count = serializers.IntegerField()
    estimate_fee_usd = Amount()
    estimate_count = serializers.IntegerField()
    earnings_usd = Amount(allow_null=True)
    difference_usd = Amount(allow_null=True)


class ClientDetail(ClientFields):
    """A client with its stages."""

    stages = StageSums(many=True)
    outside_every_stage = OutsideSums()


_OF_CLIENT = (
    *("creditor_id", "external_tenant_id", "company_name", "country", "registration_number", "is_attributed"),
    *("onboarding_done", "kyc_status", "date_linked", "archived_at", "cases_total", "cases_closed", "fee_percentage"),
    "earnings_usd",
)


def client_of(row: ClientRow) -> dict[str, Any]:
    """The data of ClientFields and of ClientDetail."""
    return {
        **{name: getattr(row.client, name) for name in _OF_CLIENT},
        "fee_usd": cents(row.totals.fee_usd),
        "count": row.totals.count,
        "estimate_fee_usd": cents(row.totals.estimate_fee_usd),
        "estimate_count": row.totals.estimate_count,
        "difference_usd": row.difference_usd,
        "stages": stage_sums(row.totals.stages),
        "outside_every_stage": _sums(row.totals.outside, known=True),
    }


class TransactionCounts(Fields):
    seen = serializers.IntegerField(source="transactions_seen")
    created = serializers.IntegerField(source="transactions_created")
    updated = serializers.IntegerField(source="transactions_updated")
    unchanged = serializers.IntegerField(source="transactions_unchanged")
    removed = serializers.IntegerField(source="transactions_removed")


class ClientCounts(Fields):
    seen = serializers.IntegerField(source="clients_seen")
    created = serializers.IntegerField(source="clients_created")
    updated = serializers.IntegerField(source="clients_updated")
    archived = serializers.IntegerField(source="clients_archived")


class CaseCounts(Fields):
    """Cases that this pull read, seldom all; `as_of`: every case has been read since, null before the first time."""

    seen = serializers.IntegerField(source="cases_seen")
    created = serializers.IntegerField(source="cases_created")
    updated = serializers.IntegerField(source="cases_updated")
    left = serializers.IntegerField(source="cases_left")
    as_of = Moment(source="cases_as_of", allow_null=True)
    trouble = serializers.CharField(source="cases_trouble", allow_blank=True)


class Difference(Fields):
    """A stage whose figures are not Debitura's own; null where Debitura said nothing."""

    stage = serializers.CharField()
    ours_usd = serializers.CharField(allow_null=True)
    theirs_usd = serializers.CharField(allow_null=True)
    ours_count = serializers.IntegerField(allow_null=True)
    theirs_count = serializers.IntegerField(allow_null=True)


class PullError(Fields):
    kind = serializers.CharField(source="error_kind")
    message = serializers.CharField(source="error_message")
    retryable = serializers.BooleanField(source="error_retryable")


class LeftForLater(Fields):
    """Rows that the budget of requests did not reach: settled ones that changed, new ones, or estimates."""

    what = serializers.ChoiceField(choices=["settled", "new", "estimates"])
    rows = serializers.IntegerField()


class Pull(Fields):
    """One pull; `as_of` is null for one that published nothing, and `fallback` says why a pull had to read everything."""

    id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=PullRun.Status.values)
    trigger = serializers.ChoiceField(choices=PullRun.Trigger.values)
    phase = serializers.ChoiceField(choices=PullRun.Phase.values)
    reach = serializers.ChoiceField(choices=PullRun.Reach.values)
    started_at = Moment()
    finished_at = Moment(allow_null=True)
    as_of = Moment(allow_null=True)
    pages_done = serializers.IntegerField()
    pages_total = serializers.IntegerField(allow_null=True)
    requests = serializers.IntegerField()
    retries = serializers.IntegerField()
    transactions = TransactionCounts(source="*")
    clients = ClientCounts(source="*")
    cases = CaseCounts(source="*")
    quarantined = serializers.IntegerField()
    ties_out = serializers.BooleanField(allow_null=True)
    differences = Difference(many=True)
    left_for_later = LeftForLater(many=True)
    fallback = serializers.CharField(allow_blank=True)
    error = serializers.SerializerMethodField()

    def get_error(self, run: PullRun) -> dict[str, Any] | None:
        return dict(PullError(run).data) if run.error_kind else None
