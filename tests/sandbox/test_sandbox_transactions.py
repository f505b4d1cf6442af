"""GET /reporting/transactions against the contract, over HTTP."""

import calendar
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.rules import COMMISSION, PLATFORM, REFERRAL, STAGES, stage_of
from sandbox.world import World

NOON = datetime(2026, 2, 10, 12, tzinfo=UTC)


def status_of(row):
    status = row["status"]
    return tuple(status[f"{name}Status"] for name in ("commissionPayment", "platformInvoicing", "referralInvoicing"))


def folded(rows, mode="PayWhenPaid"):
    """The summary that these rows make, computed apart from the sandbox's own."""
    fees: Counter[int | None] = Counter()
    counts: Counter[int | None] = Counter()
    for row in rows:
        stage = stage_of(*status_of(row), mode)
        counts[stage] += 1
        fees[stage] += row["earnings"]["referralFeeAmountUsd"]
    revenue = {}
    for number, name in enumerate(STAGES):
        revenue[f"{name}ReferralFeeUsd"] = cents(fees[number])
        revenue[f"{name}Count"] = counts[number]
    total = sum((row["earnings"]["debituraRevenueUsd"] for row in rows), Decimal(0))
    return {"revenue": revenue, "totalDebituraRevenueUsd": cents(total)}


def cents(amount):
    return Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def test_row_has_every_field_of_the_contract(serve):
    world = World.empty()
    client = world.add_client(company_name="Größe & Søn", external_tenant_id=None)
    payment = world.add_payment(client, commission="Paid", paid_at=NOON, referral=None, rate=Decimal("1.1234567"))
    row = serve(world).transactions().json["data"][0]
    assert datetime.fromisoformat(row["date"]).replace(tzinfo=UTC).date() == NOON.date()
    assert row == {
        "transactionId": str(payment.id),
        "date": row["payment"]["paymentDate"],
        "client": {"externalTenantId": None, "creditorId": str(client.id), "companyName": "Größe & Søn"},
        "case": {
            "invoiceId": str(payment.case.id),
            "caseReference": payment.case.reference,
            "debtorName": "Debtor 1",
            "originalAmount": Decimal("1000.00"),
            "currency": "EUR",
        },
        "payment": {"amount": Decimal("1000.00"), "currency": "EUR", "paymentDate": row["date"]},
        "earnings": {
            "currency": "EUR",
            "debituraRevenue": Decimal(60),
            "debituraRevenueUsd": Decimal("67.407402"),
            "referralFeePercentage": 50,
            "referralFeeAmount": Decimal(30),
            "referralFeeAmountUsd": Decimal("33.703701"),
            "isEstimate": False,
        },
        "recognition": {"isRecognized": True, "referralFeeRecognizedUsd": Decimal("33.703701")},
        "status": {
            "commissionPaymentStatus": "Paid",
            "platformInvoicingStatus": "NotInvoiced",
            "referralInvoicingStatus": None,
        },
    }


@pytest.mark.parametrize("commission", ["Unpaid", "Credited"])
def test_row_with_commission_not_paid_is_an_estimate_and_not_recognised(serve, commission):
    world = World.empty()
    world.add_payment(commission=commission, platform="InvoiceIssued")
    row = serve(world).transactions().json["data"][0]
    assert row["earnings"]["isEstimate"] is True
    assert row["recognition"] == {"isRecognized": False, "referralFeeRecognizedUsd": 0}


def test_amounts_come_digit_by_digit(serve):
    world = World.empty()
    world.add_payment(fee_usd=Decimal("0.1000000000000000055"))
    assert b'"referralFeeAmountUsd":0.1000000000000000055,' in serve(world).transactions().body


BAD = [
    {"FromDate": "yesterday"},
    {"FromDate": "2026-02-30"},
    {"ToDate": "2026-1-5"},
    {"ToDate": "20260105"},
    {"ToDate": "2026-01-05T25:00:00Z"},
    {"ToDate": "2026-01-05T10:00:00.12345678Z"},
    {"PageSize": "101"},
    {"PageSize": "0"},
    {"PageSize": "ten"},
    {"Page": "0"},
    {"Page": "-1"},
    {"Page": "99999999999"},
    {"Sort": "fee:asc"},
    {"Sort": "amount:up"},
    {"Sort": "amount:"},
    {"ReferralInvoicingStatuses": "Paid"},
    {"ReferralInvoicingStatuses": "4"},
    {"CommissionPaymentStatuses": "3"},
    {"PlatformInvoicingStatuses": "4"},
    {"RevenueStages": "7"},
    {"RevenueStages": ["1", "x"]},
    {"HasRecognizedRevenue": "maybe"},
    {"Search": "x"},
    {"CountryIds": "DK"},
    {"CollectionPartnerIds": "-1"},
]


@pytest.mark.parametrize("params", BAD, ids=str)
def test_bad_parameter_answers_400_with_an_error_body(generated, params):
    answer = generated.transactions(**params)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json.keys() == {"error", "message", "businessErrors"}
    assert next(iter(params)) in answer.json["message"]


def test_query_names_are_read_in_any_case(generated):
    plain = generated.get("/reporting/transactions", {"PageSize": 3, "RevenueStages": 5})
    assert generated.get("/Reporting/Transactions/", {"pagesize": 3, "REVENUESTAGES": 5}).body == plain.body


def test_unknown_parameters_and_empty_values_are_ignored(generated):
    assert generated.get("/reporting/transactions?Foo=1&Search=&FromDate=").body == generated.transactions().body


DAY_31 = datetime(2025, 12, 31, tzinfo=UTC)
WINDOWS = [
    # FromDate, ToDate -> found hours of 31 December 2025 (0, 10:30, last tick before midnight)
    ("2025-12-31", None, {"first", "middle", "last"}),
    (None, "2025-12-31", {"first"}),
    (None, "2025-12-31T23:59:59.9999999Z", {"first", "middle", "last"}),
    (None, "2025-12-31T23:59:59.999998Z", {"first", "middle"}),
    ("2025-12-31T10:30:00Z", "2025-12-31T10:30:00Z", {"middle"}),
    ("2025-12-31T12:30:00+02:00", "2025-12-31T10:30:00", {"middle"}),
    ("2025-12-31T10:30:00.0000001Z", None, {"last"}),
    ("2026-01-01", "2025-12-30", set()),
]


@pytest.mark.parametrize(("first", "last", "expected"), WINDOWS)
def test_date_bounds_are_inclusive_moments_in_utc(serve, first, last, expected):
    world = World.empty()
    ids = {
        str(world.add_payment(paid_at=DAY_31).id): "first",
        str(world.add_payment(paid_at=DAY_31 + timedelta(hours=10.5)).id): "middle",
        str(world.add_payment(paid_at=DAY_31 + timedelta(days=1, microseconds=-1)).id): "last",
    }
    bounds = {name: value for name, value in (("FromDate", first), ("ToDate", last)) if value}
    assert {ids[found] for found in serve(world).transactions(**bounds).ids} == expected


def test_date_bound_tells_the_seventh_digit_apart(serve):
    world = World.empty()
    payment = world.add_payment(paid_at=DAY_31)
    world.edit(payment.id, moment=payment.moment + 5)
    caller = serve(world)
    ends = ["2025-12-31T00:00:00.0000004Z", "2025-12-31T00:00:00.0000005Z"]
    assert [len(caller.transactions(ToDate=end).ids) for end in ends] == [0, 1]
    assert caller.transactions(FromDate="2025-12-31T00:00:00.1Z").ids == []


FILTERS = [
    ({"ExternalTenantId": "Acme"}, "tenant"),
    ({"ExternalTenantId": "acme"}, ""),
    ({"HasRecognizedRevenue": "true"}, "paid settled"),
    ({"HasRecognizedRevenue": "False"}, "tenant credited null"),
    ({"ReferralInvoicingStatuses": 0}, "tenant credited null paid"),
    ({"ReferralInvoicingStatuses": [2, 3]}, "settled"),
    ({"CommissionPaymentStatuses": 2}, "credited"),
    ({"CommissionPaymentStatuses": [0, 2]}, "tenant credited null"),
    ({"PlatformInvoicingStatuses": [1, 3]}, "null credited"),
    ({"RevenueStages": [1, 5]}, "paid settled"),
    ({"RevenueStages": 0}, "tenant"),
    ({"Search": "CME HOLD"}, "tenant"),
    ({"Search": "8oaxf"}, "null"),
    ({"Search": "no such thing"}, ""),
    ({"CountryIds": 7}, "paid"),
    ({"CollectionPartnerIds": [4, 5]}, "settled"),
    ({"RevenueStages": [1, 5], "CountryIds": 7}, "paid"),
]


@pytest.mark.parametrize(("params", "expected"), FILTERS, ids=str)
def test_filter_finds_exactly_its_rows(serve, params, expected):
    world = World.empty()
    other = world.add_client()
    acme = world.add_client(company_name="Acme Holding", external_tenant_id="Acme")
    rows = {
        "tenant": world.add_payment(acme),
        "paid": world.add_payment(other, commission="Paid", debtor_country="JP"),
        "null": world.add_payment(other, platform="InvoiceIssued", referral=None, reference="Q8OAXF3W"),
        "credited": world.add_payment(other, commission="Credited", platform="InvoiceCredited"),
        "settled": world.add_payment(other, commission="Paid", referral="Paid", collection_partner_id=4),
    }
    names = {str(row.id): name for name, row in rows.items()}
    answer = serve(world).transactions(**params)
    assert {names[found] for found in answer.ids} == set(expected.split())
    assert answer.json["page"]["totalResults"] == len(expected.split())


def test_revenue_stages_narrow_data_and_page_but_not_the_summary(generated):
    narrowed, whole = generated.transactions(RevenueStages=6).json, generated.transactions().json
    assert narrowed["summary"] == whole["summary"]
    assert narrowed["page"]["totalResults"] == whole["summary"]["revenue"]["disputedCount"]


@pytest.mark.parametrize(
    ("total", "size", "counts"), [(0, 10, [0]), (7, 3, [3, 3, 1, 0]), (6, 3, [3, 3, 0]), (1, 100, [1, 0])]
)
def test_pages_hold_what_their_totals_say(serve, total, size, counts):
    world = World.empty()
    for _ in range(total):
        world.add_payment()
    caller = serve(world)
    for number, count in enumerate(counts, start=1):
        answer = caller.transactions(Page=number, PageSize=size).json
        assert len(answer["data"]) == count
        assert answer["page"] == {
            "totalResults": total,
            "pageSize": size,
            "currentPage": number,
            "responseCount": count,
            "totalPages": -(-total // size),
        }


def test_page_size_is_ten_unless_asked_for(generated):
    assert generated.transactions().json["page"]["pageSize"] == 10


@pytest.mark.parametrize("field", ["collectionDate", "amount"])
def test_sort_orders_all_pages_and_descending_is_the_reverse(generated, field):
    world = generated.server.world
    value = {"collectionDate": lambda p: p.moment, "amount": lambda p: p.amount}[field]
    expected = [str(p.id) for p in sorted(world.payments, key=lambda p: (value(p), p.id.int))]
    up = [row["transactionId"] for row in generated.all_rows(Sort=f"{field}:asc")]
    down = [row["transactionId"] for row in generated.all_rows(Sort=f"{field}:desc")]
    assert (up, down[::-1]) == (expected, expected)


def test_default_order_is_the_latest_payment_first(generated):
    assert generated.transactions().body == generated.transactions(Sort="collectionDate:desc").body


statuses = st.lists(st.integers(0, 2), unique=True, max_size=2)
dates = st.datetimes(datetime(2023, 1, 1), datetime(2026, 6, 1)).map(lambda when: f"{when.isoformat()}Z")  # noqa: DTZ001
random_filters = st.fixed_dictionaries(
    {},
    optional={
        "FromDate": dates,
        "ToDate": dates,
        "HasRecognizedRevenue": st.sampled_from(["true", "false"]),
        "CommissionPaymentStatuses": statuses,
        "PlatformInvoicingStatuses": statuses,
        "ReferralInvoicingStatuses": statuses,
        "Search": st.sampled_from(["an", "GmbH", "<b>", "Q8"]),
        "CountryIds": st.lists(st.integers(1, 9), max_size=3),
    },
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(params=random_filters)
def test_summary_equals_the_fold_over_all_pages_for_any_filter(generated, params):
    rows = generated.all_rows(**params)
    assert generated.summary(**params, PageSize=1) == folded(rows)


def test_summary_in_confirmed_pipeline_folds_early_stages_into_ready(serve):
    world = World.empty(mode="ConfirmedPipeline")
    for platform, commission in [("NotInvoiced", "Paid"), ("InvoiceIssued", "Paid"), ("InvoiceIssued", "Unpaid")]:
        world.add_payment(platform=platform, commission=commission)
    caller = serve(world)
    counts = {name: n for name, n in caller.summary()["revenue"].items() if name.endswith("Count") and n}
    assert counts == {"readyToInvoiceDebituraCount": 2, "awaitingCollectionPartnerPaymentCount": 1}
    world.mode = "PayWhenPaid"
    assert caller.summary() == folded(caller.all_rows())


def test_summary_rounds_only_the_sum(serve):
    world = World.empty()
    for _ in range(3):
        world.add_payment(fee_usd=Decimal("0.004"))
    assert serve(world).summary()["revenue"]["pendingReferralFeeUsd"] == Decimal("0.01")


def test_month_windows_partition_the_whole(generated):
    whole = generated.summary()["revenue"]
    counts = {name: 0 for name in whole if name.endswith("Count")}
    for month in range(2023 * 12, 2026 * 12 + 4):
        year, month = month // 12, month % 12 + 1
        last = calendar.monthrange(year, month)[1]
        window = {
            "FromDate": f"{year}-{month:02d}-01",
            "ToDate": f"{year}-{month:02d}-{last}T23:59:59.9999999Z",
        }
        found = generated.summary(**window)["revenue"]
        counts = {name: count + found[name] for name, count in counts.items()}
    assert counts == {name: whole[name] for name in counts}


def test_row_outside_every_bucket_is_in_data_and_in_no_count(serve):
    world = World.empty()
    world.add_payment(platform="InvoiceCredited", referral=None)
    answer = serve(world).transactions().json
    assert len(answer["data"]) == 1
    assert {n for name, n in answer["summary"]["revenue"].items() if name.endswith("Count")} == {0}
    assert answer["summary"]["totalDebituraRevenueUsd"] == Decimal("64.99")


@pytest.mark.parametrize(
    ("parameter", "names"),
    [
        ("CommissionPaymentStatuses", COMMISSION),
        ("PlatformInvoicingStatuses", PLATFORM),
        ("ReferralInvoicingStatuses", REFERRAL),
    ],
)
def test_status_numbers_together_cover_every_row_once(generated, parameter, names):
    totals = [generated.transactions(**{parameter: n}).json["page"]["totalResults"] for n in range(len(names))]
    assert sum(totals) == generated.transactions().json["page"]["totalResults"]


class TestAfterAChange:
    """What was cached must not outlive the change."""

    @pytest.fixture
    def caller(self, serve):
        world = World.empty()
        world.add_payment(fee_usd=Decimal("1.00"), paid_at=NOON)
        caller = serve(world)
        caller.transactions()
        return caller

    def test_rate_tick_moves_estimates_in_rows_and_summary(self, caller):
        caller.server.world.tick_rates(Decimal("1.25"))
        answer = caller.transactions().json
        assert answer["data"][0]["earnings"]["referralFeeAmountUsd"] == Decimal("1.25")
        assert answer["summary"]["revenue"]["pendingReferralFeeUsd"] == Decimal("1.25")

    def test_rate_tick_leaves_paid_rows_alone(self, caller):
        world = caller.server.world
        world.edit(world.payments[0].id, commission="Paid")
        before = caller.transactions().body
        world.tick_rates(Decimal("1.25"))
        assert caller.transactions().body == before

    def test_edit_of_the_amount_runs_down_the_fee_chain(self, caller):
        world = caller.server.world
        world.edit(world.payments[0].id, amount=Decimal("2000.00"), rate=Decimal(2))
        earnings = caller.transactions().json["data"][0]["earnings"]
        assert (earnings["referralFeeAmount"], earnings["referralFeeAmountUsd"]) == (60, 120)

    def test_edit_of_the_date_moves_the_row_between_windows(self, caller):
        world = caller.server.world
        world.edit(world.payments[0].id, paid_at=NOON + timedelta(days=60))
        assert caller.transactions(ToDate="2026-02-28").ids == []

    def test_deleted_row_is_gone_and_restored_row_is_as_it_was(self, caller):
        world = caller.server.world
        before = caller.transactions().body
        identity = world.payments[0].id
        world.delete(identity)
        assert caller.transactions().json["page"]["totalResults"] == 0
        world.restore(identity)
        assert caller.transactions().body == before

    def test_archived_client_keeps_its_rows(self, caller):
        before = caller.transactions().body
        caller.server.world.archive_client(caller.server.world.clients[0].id)
        assert caller.transactions().body == before

    def test_renamed_client_is_found_under_its_new_name(self, caller):
        caller.server.world.edit_client(caller.server.world.clients[0].id, company_name="Renamed")
        answer = caller.transactions(Search="renamed").json
        assert [row["client"]["companyName"] for row in answer["data"]] == ["Renamed"]
