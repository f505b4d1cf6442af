"""How far a screen may be believed: the state of the data in words, and since when the figures are not to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import Max

from partners.models import PartnerAccount
from revenue.selectors.proof import proof_of
from revenue.selectors.pulls import STALE_AFTER_PULLS, Freshness, State, freshness

Look = Literal["good", "warn", "bad"]

# What is wrong, said behind the time of the last good figures; and where there are none yet.
_TROUBLE: dict[State, str] = {
    "stale": "nothing new since: no pull has finished",
    "not_answering": "Debitura is not answering",
    "key_rejected": "Debitura rejects the API key",
    "failed": "the last pull failed",
    "never": "no pull has run",
    "first_pull_running": "the first pull is running",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a screen says about its figures.

    state: a key for styles and tests: that of Freshness, or "differs". words: what is right or wrong, without a time.
    as_of: for when the figures speak (UTC), None for no figures. is_old: past the threshold, so that the figures themselves
    are shown dimmed and hatched. until: when the passing of time alone changes any of this.
    """

    state: str
    look: Look
    words: str
    as_of: datetime | None
    proven_at: datetime | None
    is_old: bool
    until: datetime | None


def patience() -> timedelta:
    """How old figures may be: as many pulls as every page allows."""
    return timedelta(seconds=settings.PULL_EVERY_SECONDS * STALE_AFTER_PULLS)


def standing_of(account: PartnerAccount, now: datetime) -> tuple[Standing, Freshness]:
    """How the figures of an account stand at `now`. One query; two where they do not tie out."""
    fresh = freshness(account, now)
    proof = proof_of(fresh.run)
    if fresh.state == "fresh" and proof is not None and proof.look == "bad":
        return _differing(account, fresh, now, proof.text), fresh
    if fresh.state == "fresh" and proof is not None:
        look: Look = "good" if proof.look == "good" or proof.is_of_firm else "warn"
        return Standing("fresh", look, proof.text, fresh.as_of, fresh.as_of, False, fresh.turns_at), fresh
    return _troubled(fresh, now), fresh


def _troubled(fresh: Freshness, now: datetime) -> Standing:
    """Figures of a pull that was not followed by another good one, or none."""
    look: Look = "warn" if fresh.state in ("stale", "never", "first_pull_running") else "bad"
    words = _TROUBLE[fresh.state]
    if fresh.as_of is None:
        return Standing(fresh.state, look, words, None, None, False, fresh.turns_at)
    turns = fresh.as_of + patience()
    is_old = now > turns
    until = fresh.turns_at if is_old else min(filter(None, (turns, fresh.turns_at)))
    return Standing(fresh.state, look, words, fresh.as_of, None, is_old, until)


def _differing(account: PartnerAccount, fresh: Freshness, now: datetime, words: str) -> Standing:
    """Figures that arrive and are not what Debitura says: old as soon as the last proof of them is."""
    proven = account.pulls.filter(ties_out=True).aggregate(at=Max("as_of"))["at"]
    turns = None if proven is None else proven + patience()
    is_old = turns is None or now > turns
    until = fresh.turns_at if is_old else min(filter(None, (turns, fresh.turns_at)))
    return Standing("differs", "bad", words, fresh.as_of, proven, is_old, until)
