import pytest

from accounts.access import Sight
from accounts.models import Role
from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.selectors.proof import Proof, proof_of
from revenue.stages import STAGES
from tests.factories import NOW

ESTIMATES_LEFT = [{"what": "estimates", "rows": 5}]
SUMS = {"stage": "pending", "ours_usd": "1.00", "theirs_usd": "1.01", "ours_count": 1, "theirs_count": 1}
OUTSIDE = {"stage": "outside_every_stage", "ours_usd": "0", "theirs_usd": None, "ours_count": 1, "theirs_count": 2}
DISAGREES = Proof("bad", "Does not agree with Debitura")
UNSAID = {"stage": "paid", "ours_usd": "1.00", "theirs_usd": None, "ours_count": 1, "theirs_count": None}


def run(*differences, **fields):
    return PullRun(**{"as_of": NOW, "ties_out": False, "differences": list(differences)} | fields)


@pytest.mark.parametrize(
    ("published", "proof"),
    [
        (run(ties_out=True), Proof("good", "Agrees with Debitura")),
        (run(UNSAID | {"theirs_usd": "2.00"}), Proof("bad", "Does not agree with Debitura")),
        (run(UNSAID | {"theirs_count": 2}), Proof("bad", "Does not agree with Debitura")),
        (run(*[UNSAID] * 6, UNSAID | {"theirs_count": 0}), Proof("bad", "Does not agree with Debitura")),
        (run(*[UNSAID] * len(STAGES)), Proof("warn", "Debitura gave no summary: not proven")),
        (run(*[UNSAID] * len(STAGES), quarantined=3), Proof("warn", "Debitura gave no summary: not proven")),
        (run(UNSAID), Proof("warn", "Debitura's summary is incomplete: not proven")),
        (run(quarantined=1), Proof("warn", "1 row could not be read")),
        (run(quarantined=1284), Proof("warn", "1,284 rows could not be read")),
        (run(), Proof("warn", "Not proven")),
        (run(as_of=None, ties_out=None), None),
        (None, None),
    ],
)
def test_proof_tells_disagreement_from_what_nobody_said(published, proof):
    assert proof_of(published) == proof


@pytest.mark.parametrize(
    ("published", "proof"),
    [
        (run(SUMS, left_for_later=ESTIMATES_LEFT), Proof("warn", "Firm figures agree", is_of_firm=True)),
        (run(SUMS | {"theirs_count": 2}, left_for_later=ESTIMATES_LEFT), DISAGREES),
        (run(SUMS, OUTSIDE, left_for_later=ESTIMATES_LEFT), DISAGREES),
        (run(SUMS, SUMS | {"stage": "confirmed_pending_invoice"}, left_for_later=ESTIMATES_LEFT), DISAGREES),
        (run(SUMS, left_for_later=[*ESTIMATES_LEFT, {"what": "settled", "rows": 1}]), DISAGREES),
        (run(SUMS, left_for_later=ESTIMATES_LEFT, quarantined=1), DISAGREES),
        (run(SUMS), DISAGREES),
        (run(left_for_later=ESTIMATES_LEFT), Proof("warn", "Not proven")),
        (run(left_for_later=ESTIMATES_LEFT, ties_out=True), Proof("good", "Agrees with Debitura")),
    ],
)
def test_proof_of_firm_figures_stands_where_nothing_but_estimates_was_left_for_later(published, proof):
    assert proof_of(published) == proof


def test_who_sees_some_clients_is_not_told_how_many_rows_of_all_could_not_be_read():
    sight = Sight(account=PartnerAccount(), role=Role.MANAGER, clients=(1,), sees_totals=True)
    assert proof_of(run(quarantined=1284), sight) == Proof("warn", "Not proven")
    assert proof_of(run(ties_out=True), sight) == Proof("good", "Agrees with Debitura")
