"""The proof against Debitura's own summary: to the cent and to the row, and never a proof that is none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.debitura.records import RevenueSummary, StageFigure
from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.pull.reconcile import NO_ROWS, Figure, agree, differences, differences_outside, stored_figures
from revenue.stages import STAGES, Stage
from sandbox.scenarios import guide_example
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.revenue.pull.support import counted, pull_now, rows_stored, rows_upstream

# --- The rule by itself ------------------------------------------------------------------------------

AGREEMENTS = [
    # ours, rows, theirs, rows: a sum may be rounded to the cent in any way that rounds at the sum.
    ("10.004", 3, "10.00", 3, True),
    ("10.005", 3, "10.00", 3, True),
    ("10.005", 3, "10.01", 3, True),
    ("10.0050001", 3, "10.00", 3, False),
    ("10.0050001", 3, "10.01", 3, True),
    ("-10.005", 3, "-10.01", 3, True),
    ("-10.005", 3, "-10.00", 3, True),
    ("-10.0051", 3, "-10.00", 3, False),
    ("10.00", 3, "10.01", 3, False),
    ("10.00", 3, "10.00", 4, False),
    ("0", 0, "0", 0, True),
    ("0", 0, "0.00", 1, False),
    ("10.123456", 1, "10.123456", 1, True),
    ("10.00", 3, None, 3, False),
    ("10.00", 3, "10.00", None, False),
    ("0", 0, None, None, False),
]


@pytest.mark.parametrize(("ours", "our_count", "theirs", "their_count", "same"), AGREEMENTS)
def test_sides_agree_to_the_cent_and_to_the_row(
    ours: str, our_count: int, theirs: str | None, their_count: int | None, same: bool
) -> None:
    said = StageFigure(None if theirs is None else Decimal(theirs), their_count)
    assert agree(Figure(Decimal(ours), our_count), said) is same


@given(st.lists(st.decimals(min_value=-100000, max_value=100000, places=8), max_size=40))
def test_any_rounding_at_the_sum_agrees_and_a_whole_cent_off_does_not(fees: list[Decimal]) -> None:
    total = sum(fees, Decimal(0))
    for mode in ("ROUND_HALF_EVEN", "ROUND_HALF_UP", "ROUND_HALF_DOWN"):
        told = total.quantize(Decimal("0.01"), mode)
        assert agree(Figure(total, len(fees)), StageFigure(told, len(fees)))
        assert not agree(Figure(total, len(fees)), StageFigure(told + Decimal("0.02"), len(fees)))
        assert not agree(Figure(total, len(fees)), StageFigure(told, len(fees) + 1))


def _said(**changes: StageFigure | None) -> RevenueSummary:
    figures: dict[str, StageFigure | None] = {stage.value: StageFigure(Decimal(0), 0) for stage in STAGES}
    return RevenueSummary({stage: figure for stage, figure in (figures | changes).items() if figure}, None)


def test_nothing_agrees_with_no_summary() -> None:
    assert [found.stage for found in differences({}, None)] == list(STAGES)


def test_missing_pair_of_the_disputed_is_no_difference() -> None:
    ours = {Stage.DISPUTED: Figure(Decimal(5), 1)}
    assert differences(ours, _said(disputed=None)) == []
    assert [found.stage for found in differences(ours, _said())] == [Stage.DISPUTED]


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_any_other_missing_pair_is_a_difference(stage: Stage) -> None:
    (found,) = differences({}, _said(**{stage.value: None}))
    assert found.as_text() == {
        "stage": stage.value,
        "ours_usd": "0.00",
        "theirs_usd": None,
        "ours_count": 0,
        "theirs_count": None,
    }


def test_rows_outside_every_stage_are_in_no_figure() -> None:
    assert differences({Stage.OUTSIDE: Figure(Decimal(99), 3)}, _said()) == []


@pytest.mark.parametrize(("results", "theirs"), [(None, []), (5, []), (6, [3]), (4, [1]), (0, [0])])
def test_rows_outside_every_stage_must_be_as_many_as_are_left_over(results: int | None, theirs: list[int]) -> None:
    ours = {Stage.PAID: Figure(Decimal(9), 3), Stage.OUTSIDE: Figure(Decimal(1), 2)}
    assert [found.theirs.count for found in differences_outside(ours, results)] == theirs


# --- Through a pull ----------------------------------------------------------------------------------


@pytest.fixture
def tell(upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the sandbox's summary say something else."""
    answer = upstream.api.transactions._summary

    def install(**lies: Any) -> None:
        def lie(filters: Any) -> dict[str, Any]:
            told = answer(filters)
            revenue = {name: value for name, value in (told["revenue"] | lies).items() if value is not ...}
            return told | {"revenue": revenue}

        monkeypatch.setattr(upstream.api.transactions, "_summary", lie)

    return install


@pytest.mark.django_db
def test_guides_own_example_ties_out() -> None:
    with SandboxServer(guide_example()) as upstream:
        account = PartnerAccount.objects.create(slug="guide", name="Guide", base_url=upstream.address)
        account.api_key = upstream.key
        account.save()
        run = pull_now(account)
    confirmed = stored_figures(account)[Stage.CONFIRMED]
    assert (run.status, run.ties_out) == (PullRun.Status.OK, True)
    assert (confirmed.count, confirmed.fee_usd.quantize(Decimal("0.01"))) == (5, Decimal("167.60"))
    revenue = sum((row.revenue_usd or Decimal(0) for row in account.transactions.all()), Decimal(0))
    assert revenue.quantize(Decimal("0.01")) == Decimal("335.21")


FRACTIONS = [
    # Rounded row by row, these are a cent or more away.
    ["0.004", "0.004", "0.004"],
    ["0.005", "0.005", "0.005", "0.005"],
    ["10.0025", "10.0025"],
    ["10.0075", "10.0075"],
    ["-0.005", "10.00"],
    ["0.333333", "0.333333", "0.333334"],
    ["0.00000001"] * 7,
]


@pytest.mark.django_db
@pytest.mark.parametrize("fees", FRACTIONS)
@pytest.mark.parametrize("rounding", ["ROUND_HALF_EVEN", "ROUND_HALF_UP"])
def test_fractions_of_a_cent_tie_out_because_only_the_sum_is_rounded(
    account: PartnerAccount, world: World, tell: Callable[..., None], fees: list[str], rounding: str
) -> None:
    for fee in fees:
        world.add_payment(commission="Paid", fee_usd=Decimal(fee))
    total = sum(map(Decimal, fees), Decimal(0))
    tell(confirmedPendingInvoiceReferralFeeUsd=total.quantize(Decimal("0.01"), rounding))
    assert pull_now(account).status == PullRun.Status.OK
    assert stored_figures(account) == {Stage.CONFIRMED: Figure(total, len(fees))}


@pytest.mark.django_db
def test_difference_names_the_stage_and_the_row_behind_it(
    account: PartnerAccount, world: World, tell: Callable[..., None]
) -> None:
    kept, surplus = (world.add_payment(commission="Paid", fee_usd=Decimal(fee)) for fee in ("30.00", "12.34"))
    tell(confirmedPendingInvoiceReferralFeeUsd=kept.fee_usd, confirmedPendingInvoiceCount=1)
    run = pull_now(account)
    assert (run.status, run.ties_out) == (PullRun.Status.DIFFERS, False)
    assert run.differences == [
        {
            "stage": "confirmed_pending_invoice",
            "ours_usd": "42.34",
            "theirs_usd": "30.00",
            "ours_count": 2,
            "theirs_count": 1,
        }
    ]
    assert run.explanations == [
        {
            "stage": "confirmed_pending_invoice",
            "transaction_id": str(surplus.id),
            "fee_usd": "12.34",
            "why": "Its fee is exactly the difference.",
        }
    ]


@pytest.mark.django_db
def test_difference_is_explained_where_debitura_says_zero(
    account: PartnerAccount, world: World, tell: Callable[..., None]
) -> None:
    payment = world.add_payment(commission="Paid", fee_usd=Decimal("12.34"))
    tell(confirmedPendingInvoiceReferralFeeUsd=Decimal("0.00"), confirmedPendingInvoiceCount=0)
    run = pull_now(account)
    assert [line["transaction_id"] for line in run.explanations] == [str(payment.id)]


@pytest.mark.django_db
def test_difference_is_explained_by_a_status_that_nobody_knows(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    first, _second = world.add_payment(commission="Paid"), world.add_payment(commission="Paid")
    upstream.faults = "transactions/unknownstatus"
    run = pull_now(account)
    assert [line["stage"] for line in run.differences] == ["confirmed_pending_invoice"]
    assert [(line["transaction_id"], line["why"]) for line in run.explanations] == [
        (str(first.id), "It has a status that Feeboard does not know: platform_status.")
    ]


@pytest.mark.django_db
def test_difference_is_explained_by_rows_that_were_not_listed(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    gone, _stays = world.add_payment(amount=Decimal(5)), world.add_payment()
    pull_now(account)
    world.delete(gone.id)
    upstream.faults = "transactions/nosummary"
    run = pull_now(account)
    assert (run.status, len(run.differences)) == (PullRun.Status.DIFFERS, 7)
    assert [(line["transaction_id"], line["why"]) for line in run.explanations] == [
        (str(gone.id), "Debitura did not list it, but the listing could not be proven complete.")
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("missing", ["paid", "pending", "readyToInvoiceDebitura"])
def test_summary_without_a_stage_is_no_proof(
    account: PartnerAccount, world: World, tell: Callable[..., None], missing: str
) -> None:
    world.add_payment()
    tell(**{f"{missing}ReferralFeeUsd": ..., f"{missing}Count": ...})
    run = pull_now(account)
    assert (run.status, [line["theirs_usd"] for line in run.differences]) == (PullRun.Status.DIFFERS, [None])


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["NaN", None, "many", -1, True, [1], Decimal("1.5")])
def test_figure_that_makes_no_sense_is_no_proof(
    account: PartnerAccount, world: World, tell: Callable[..., None], value: Any
) -> None:
    world.add_payment()
    tell(paidCount=value)
    run = pull_now(account)
    assert (run.status, [line["stage"] for line in run.differences]) == (PullRun.Status.DIFFERS, ["paid"])


@pytest.mark.django_db
def test_summary_without_the_disputed_pair_ties_out(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    world.add_payment(referral="Disputed")
    world.add_payment(platform="InvoiceCredited")
    world.add_payment()
    upstream.faults = "transactions/nodisputed"
    assert pull_now(account).status == PullRun.Status.OK
    assert rows_stored(account) == rows_upstream(world)


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["PayWhenPaid", "ConfirmedPipeline"])
def test_generated_world_ties_out_in_both_modes(account: PartnerAccount, upstream: SandboxServer, mode: str) -> None:
    world = World.generate(seed=3, transactions=400, clients=12, mode=mode)
    with SandboxServer(world) as server:
        account.base_url, account.api_key = server.address, server.key
        account.save()
        run = pull_now(account)
        assert (run.status, run.transactions_seen, run.quarantined) == (PullRun.Status.OK, 400, 0)
        truth = counted(rows_upstream(world))
        stored = stored_figures(account)
        assert {
            stage: (stored.get(stage, NO_ROWS).count, stored.get(stage, NO_ROWS).fee_usd) for stage in truth
        } == truth
        world.mode = "PayWhenPaid" if mode == "ConfirmedPipeline" else "ConfirmedPipeline"
        assert pull_now(account).status == PullRun.Status.OK
        assert rows_stored(account) == rows_upstream(world)
