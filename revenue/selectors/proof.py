"""What a published pull proves about our copy, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.access import Sight
from revenue.models import PullRun
from revenue.stages import STAGES, Stage

# The commission of its rows is Paid, so that none of them is an estimate.
ALWAYS_FIRM = frozenset({Stage.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Proof:
    """look: "good", "warn" or "bad", as badges and banners have it. text: a sentence without its full stop.

    is_of_firm: the firm figures are proven, and the estimates are older than they (Freshness.estimates_as_of).
    """

    look: str
    text: str
    is_of_firm: bool = False


def proof_of(run: PullRun | None, sight: Sight | None = None) -> Proof | None:
    """How far the figures that a pull published are proven; None where it published none.

    Who sees some clients alone is not told how many rows of everybody's could not be read.

    What Debitura did not say is no disagreement, and neither is a row that nobody could read: both leave the copy unproven.
    """
    if run is None or run.as_of is None:
        return None
    if run.ties_out:
        return Proof("good", "Agrees with Debitura")
    if not run.differences:
        counts = run.quarantined and (sight is None or sight.is_whole)
        return Proof("warn", _unreadable(run.quarantined) if counts else "Not proven")
    if _only_estimates_differ(run):
        return Proof("warn", "Firm figures agree", is_of_firm=True)
    if any(_is_said(line) for line in run.differences):
        return Proof("bad", "Does not agree with Debitura")
    if len(run.differences) < len(STAGES):
        return Proof("warn", "Debitura's summary is incomplete: not proven")
    return Proof("warn", "Debitura gave no summary: not proven")


def _only_estimates_differ(run: PullRun) -> bool:
    """The budget of requests left estimates for later, and nothing else; and nothing but their sums differs."""
    left = {part["what"] for part in run.left_for_later}
    differ = bool(run.differences) and all(_may_be_of_estimates(line) for line in run.differences)
    return differ and left == {"estimates"} and not run.quarantined


def _may_be_of_estimates(line: Mapping[str, Any]) -> bool:
    counts_agree = line["ours_count"] == line["theirs_count"]
    return line["stage"] not in ALWAYS_FIRM and line["theirs_usd"] is not None and counts_agree


def _is_said(line: Mapping[str, Any]) -> bool:
    return line["theirs_usd"] is not None or line["theirs_count"] is not None


def _unreadable(rows: int) -> str:
    return "1 row could not be read" if rows == 1 else f"{rows:,} rows could not be read"
