"""How fresh the figures are, and what each pull did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Literal, cast

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet

from accounts.access import Sight
from partners.models import PartnerAccount
from revenue.models import PullRun, QuarantinedRow
from revenue.selectors.paging import Paged, Window

State = Literal["never", "first_pull_running", "fresh", "stale", "not_answering", "key_rejected", "failed"]

# A running pull shows a sign of life at every request and page. Between two of them it may wait for a rate limit (two
# minutes) and for a slow answer (one); while it writes it is silent until it is done.
DEAD_AFTER = timedelta(minutes=5)
# Figures older than this many pulls are stale even though no pull is known to have failed.
STALE_AFTER_PULLS = 3
KEY_ERRORS = frozenset({"unauthorized", "unusable_key"})
# No failure: the pulls after it go on with what it read.
OUT_OF_BUDGET = "budget_spent"
SILENCE_ERRORS = frozenset({"unreachable", "server_error", "rate_limited", "malformed"})
_RECENT = 5
_LEFT = {
    "settled": ("settled row", "settled rows"),
    "new": ("new row", "new rows"),
    "estimates": ("estimate", "estimates"),
}

SENTENCES: dict[State, str] = {
    "never": "No pull has run yet: there are no figures to show.",
    "first_pull_running": "The first pull is running; figures appear when it is done.",
    "fresh": "The figures are up to date.",
    "stale": "The figures are older than they should be: no pull has finished since.",
    "not_answering": "Debitura is not answering; these are the last good figures.",
    "key_rejected": "Debitura rejects the API key; these are the last good figures.",
    "failed": "The last pull failed; these are the last good figures.",
}
_NOTHING_YET: dict[State, str] = {
    "not_answering": "Debitura is not answering, and no pull has succeeded yet: there are no figures to show.",
    "key_rejected": "Debitura rejects the API key: there are no figures to show.",
    "failed": "No pull has succeeded yet: there are no figures to show.",
}


@dataclass(frozen=True, slots=True)
class Freshness:
    """How the copy of an account stands.

    as_of: the instant (UTC) for which the figures speak, None before the first success. estimates_as_of: the earlier one
    for which the estimates among them speak, where the budget of requests ran out; else None. ties_out: whether they
    agreed with Debitura's own summary then. run: the pull that published them. last: the last pull that ended, in whatever
    way. running: the one that runs now. sentence: the state in words.
    """

    state: State
    as_of: datetime | None
    estimates_as_of: datetime | None
    ties_out: bool | None
    run: PullRun | None
    last: PullRun | None
    running: PullRun | None

    @property
    def sentence(self) -> str:
        return SENTENCES[self.state] if self.as_of else _NOTHING_YET.get(self.state, SENTENCES[self.state])

    @property
    def turns_at(self) -> datetime | None:
        """When the passing of time alone changes it: fresh figures become stale, a silent pull counts as dead."""
        turns = [self.as_of + fresh_for()] if self.as_of and self.state == "fresh" else []
        if self.running is not None:
            turns.append(self.running.heartbeat_at + _patience(self.running))
        return min(turns, default=None)


@dataclass(frozen=True)
class RunPage(Paged):
    """One page of pulls, the latest first."""

    rows: list[PullRun]


def freshness(account: PartnerAccount, now: datetime) -> Freshness:
    """How fresh the figures of an account are at `now`. One query; two where the latest pulls have published nothing."""
    # The state comes with the runs: this is asked for every page.
    with_state = account.pulls.annotate(estimates_as_of=F("account__pull_state__estimates_as_of"))
    recent = list(with_state.order_by("-started_at", "-pk")[:_RECENT])
    among_them = max((run for run in recent if run.as_of), key=attrgetter("as_of", "pk"), default=None)
    published = among_them or _published(with_state).first()
    running = next((run for run in recent if is_running(run, now)), None)
    last = next((run for run in recent if run != running), None)
    return Freshness(
        state=_state(published, last, running, now),
        as_of=published.as_of if published else None,
        estimates_as_of=_of_older_estimates(published),
        ties_out=published.ties_out if published else None,
        run=published,
        last=last,
        running=running,
    )


def published_run(account: PartnerAccount) -> PullRun | None:
    """The pull whose figures are shown; None before the first success."""
    return _published(account.pulls.all()).first()


def is_running(run: PullRun, now: datetime) -> bool:
    """Whether a pull runs and has shown a sign of life lately, or is writing and within its time limit."""
    return run.status == PullRun.Status.RUNNING and now - run.heartbeat_at < _patience(run)


def runs(sight: Sight, *, page: int = 1, page_size: int = 50) -> RunPage:
    """The pulls of an account, the latest first. Two queries.

    Raises PageNotFound behind the last page, and PermissionDenied as `run_of`.
    """
    pulls = _pulls_of(sight)
    window = Window(number=page, size=page_size, count=pulls.count())
    return RunPage(rows=list(pulls.order_by("-started_at", "-pk")[window.slice]), window=window)


def run_of(sight: Sight, pk: int) -> PullRun:
    """One pull of an account. Raises PullRun.DoesNotExist; PermissionDenied for who does not see the whole portfolio."""
    return _pulls_of(sight).get(pk=pk)


def _pulls_of(sight: Sight) -> QuerySet[PullRun]:
    if not sight.may_pull:
        raise PermissionDenied("What a pull did speaks of the whole portfolio, of which you see only your clients.")
    return PullRun.objects.filter(account=sight.account)


def quarantined(run: PullRun) -> Sequence[QuarantinedRow]:
    """The rows that could not be read and that were listed before or in this pull and in it or after; none where it met none."""
    if not (run.quarantined or run.cases_unreadable):
        return []
    rows = QuarantinedRow.objects.filter(account=run.account_id, first_run__lte=run.pk, last_run__gte=run.pk)
    return list(rows.order_by("resource", "pk"))


def left_in_words(left_for_later: Iterable[Mapping[str, Any]]) -> str:
    """What a pull left for later, what matters most first: "3 settled rows, 12 new rows and 1,284 estimates"; or nothing."""
    rows = {part["what"]: part["rows"] for part in left_for_later}
    parts = [
        f"{rows[what]:,} {one if rows[what] == 1 else many}" for what, (one, many) in _LEFT.items() if what in rows
    ]
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _published(runs: QuerySet[Any]) -> QuerySet[Any]:
    return runs.filter(as_of__isnull=False).order_by("-as_of", "-pk")


def _of_older_estimates(published: Any) -> datetime | None:
    if published is None or published.estimates_as_of is None or published.estimates_as_of >= published.as_of:
        return None
    return cast(datetime, published.estimates_as_of)


def _state(published: PullRun | None, last: PullRun | None, running: PullRun | None, now: datetime) -> State:
    if last is not None and last.status == PullRun.Status.FAILED and last.error_kind != OUT_OF_BUDGET:
        return _failure(last.error_kind)
    if published is not None and published.as_of is not None:
        return "stale" if now - published.as_of > fresh_for() else "fresh"
    if running is not None:
        return "first_pull_running"
    return "never" if last is None else "failed"


def fresh_for() -> timedelta:
    """How old figures may be before that is worth a word."""
    return timedelta(seconds=settings.PULL_EVERY_SECONDS * STALE_AFTER_PULLS)


def _patience(run: PullRun) -> timedelta:
    is_writing = run.phase == PullRun.Phase.WRITING
    return timedelta(seconds=settings.PULL_TIME_LIMIT_SECONDS) if is_writing else DEAD_AFTER


def _failure(kind: str) -> State:
    if kind in KEY_ERRORS:
        return "key_rejected"
    return "not_answering" if kind in SILENCE_ERRORS else "failed"
