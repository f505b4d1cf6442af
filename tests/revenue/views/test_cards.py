from decimal import Decimal

import pytest

from revenue.selectors.totals import StageTotal
from revenue.stages import Stage
from revenue.views.cards import BAR_WIDTH, Share, change, shares


def total(fee, *, estimates=0, stage=Stage.READY):
    return StageTotal(stage=stage, fee_usd=Decimal(fee), count=5, estimate_count=estimates)


@pytest.mark.parametrize(
    ("before", "now", "usd", "direction", "percent"),
    [
        ("200", "150", "50.00", "less", 25),
        ("200", "300", "100.00", "more", 50),
        ("200", "200.001", "0.00", "same", None),
        # No percentage on a zero, tiny or negative base.
        ("0", "300", "300.00", "more", None),
        ("99.99", "300", "200.01", "more", None),
        ("-500", "300", "800.00", "more", None),
        ("100", "-50", "150.00", "less", 150),
    ],
)
def test_change_tells_the_amount_first_and_a_percentage_on_a_sound_base(before, now, usd, direction, percent):
    found = change(total(now), total(before), since="1–14 Feb 2026")
    assert found is not None
    assert (found.usd, found.direction, found.percent, found.since) == (
        Decimal(usd),
        direction,
        percent,
        "1–14 Feb 2026",
    )


def test_change_from_nothing_to_nothing_is_none():
    assert change(total("0"), total("0.001"), since="") is None


@pytest.mark.parametrize(("now", "before", "is_estimate"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_change_is_an_estimate_where_either_side_holds_one(now, before, is_estimate):
    found = change(total("1", estimates=now), total("2", estimates=before), since="")
    assert found is not None
    assert found.is_estimate is is_estimate


def test_shares_fill_the_bar_and_leave_out_what_is_not_above_zero():
    found = shares(
        [total("1", stage=Stage.PENDING), total("-5", stage=Stage.CONFIRMED), total("0"), total("3", stage=Stage.PAID)]
    )
    assert found == [
        Share(Stage.PENDING, Decimal(0), Decimal("250.00")),
        Share(Stage.PAID, Decimal("250.00"), Decimal("750.00")),
    ]
    assert sum(share.width for share in found) == BAR_WIDTH


def test_shares_of_nothing_are_none():
    assert shares([total("0"), total("-1")]) == []
