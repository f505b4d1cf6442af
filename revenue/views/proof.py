"""What a published pull proves about our copy, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from revenue.models import PullRun
from revenue.stages import STAGES


@dataclass(frozen=True, slots=True)
class Proof:
    """look: "good", "warn" or "bad", as badges and banners have it. text: a sentence without its full stop."""

    look: str
    text: str


def proof_of(run: PullRun | None) -> Proof | None:
    """How far the figures that a pull published are proven; None where it published none.

    What Debitura did not say is no disagreement, and neither is a row that nobody could read: both leave the copy unproven.
    """
    if run is None or run.as_of is None:
        return None
    if run.ties_out:
        return Proof("good", "Agrees with Debitura")
    if not run.differences:
        return Proof("warn", _unreadable(run.quarantined)) if run.quarantined else Proof("warn", "Not proven")
    if any(_is_said(line) for line in run.differences):
        return Proof("bad", "Does not agree with Debitura")
    if len(run.differences) < len(STAGES):
        return Proof("warn", "Debitura's summary is incomplete: not proven")
    return Proof("warn", "Debitura gave no summary: not proven")


def _is_said(line: Mapping[str, Any]) -> bool:
    return line["theirs_usd"] is not None or line["theirs_count"] is not None


def _unreadable(rows: int) -> str:
    return "1 row could not be read" if rows == 1 else f"{rows:,} rows could not be read"
