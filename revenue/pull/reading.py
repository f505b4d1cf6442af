"""Reading the transactions of one pull: what changed, or everything; by windows, or where these cannot be trusted, plainly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from partners.models import PartnerAccount
from revenue.models import PullRun, PullState
from revenue.pull.ahead import Ahead
from revenue.pull.budget import HOUR
from revenue.pull.changes import Changes
from revenue.pull.ours import Ours
from revenue.pull.portfolio import ClientListing
from revenue.pull.publish import Reading
from revenue.pull.staging import reading_rules
from revenue.pull.sweep import TransactionPage, sweep
from revenue.pull.theirs import Connections
from revenue.pull.windows import Untrustworthy

# What a pull of the schedule spends on sweeping (requests): the others must not wait, nor news of the account itself.
MOST_SWEPT_AT_ONCE = 1000
# Of the hour's budget: the rest is for news, or every pull after the sweep's would fail until the hour ends.
SHARE_FOR_SWEEPS = 0.5

# Pulls after which windows that were not to be trusted are tried again: a deployment may be mended, or was misheard.
TRUST_AGAIN_EVERY = 12


@dataclass(slots=True)
class Reader:
    """Reads the transactions of an account; `full`: all of them."""

    account: PartnerAccount
    theirs: Connections
    clients: ClientListing
    mode: str
    full: bool
    is_scheduled: bool
    expect: Callable[[int], None]
    ahead: Ahead | None = None

    def read(self) -> Reading:
        """Raises DebituraError; BudgetSpent where there is nothing to show for what was spent."""
        state, _ = PullState.objects.get_or_create(account=self.account)
        rules_changed = self._follow_the_rules(state)
        if state.distrust and not self.full and state.looks % TRUST_AGAIN_EVERY:
            return self._read_plainly(state, state.distrust)
        try:
            return self._read_by_windows(state, rules_changed=rules_changed)
        except Untrustworthy as error:
            return self._read_plainly(state, str(error))

    def _follow_the_rules(self, state: PullState) -> bool:
        """Whether stored rows were read otherwise than they would be now. What was staged otherwise does not count any more."""
        rules = reading_rules(self.mode)
        if state.staged_under != rules:
            self.account.staged.all().delete()
            self.account.staged_removals.all().delete()
            state.staged_under, state.sweep_from = rules, None
            if state.read_under != rules:
                # From here on some rows may be published as read under these: going back is a change, too.
                state.read_under = ""
            state.save(update_fields=["staged_under", "read_under", "sweep_from"])
        return state.read_under != rules

    def _read_by_windows(self, state: PullState, *, rules_changed: bool) -> Reading:
        ours = Ours(self.account, self.mode, self.ahead)
        last = self.account.pulls.filter(as_of__isnull=False).order_by("-as_of").first()
        is_first = last is None
        changes = Changes(ours, self.theirs, self.expect, differed_before=last is not None and not last.ties_out)
        everything = rules_changed and not is_first
        # What an earlier pull staged before it died was read then, not now.
        swept = is_first and not ours.count()
        if not everything:
            changes.find(looks=state.looks)
        if is_first and changes.spent:
            # A part of the rows would be no figures at all; it stays staged, and the next pull goes on with it.
            raise changes.spent
        if (self.full and not swept) or everything:
            swept = self._sweep(changes, state, most=None if everything or not self.is_scheduled else swept_at_once())
        if is_first:
            # All that there is was staged, be it by an earlier pull, under the rules of today.
            state.read_under = state.staged_under
        if changes.is_unexplained:
            # The next pull of the schedule begins to sweep.
            state.swept_at = None
        state.looks += 1
        state.save(update_fields=["looks", "read_under", "swept_at"])
        found = changes.gap
        return Reading(
            clients=self.clients,
            mode=self.mode,
            summary=changes.summary,
            results=None if changes.unreadable else changes.whole.told.rows,
            seen=ours.count(),
            proven=changes.is_proven,
            unreadable=changes.unreadable,
            reach=PullRun.Reach.EVERYTHING if swept else PullRun.Reach.CHANGES,
            fallback="",
            left_for_later=changes.left.as_list(),
            estimates_current=not found,
            as_of=changes.as_of,
        )

    def _sweep(self, changes: Changes, state: PullState, *, most: int | None) -> bool:
        def note(go_on: datetime | None) -> None:
            PullState.objects.filter(pk=state.pk).update(sweep_from=go_on)

        # Who asks for everything by hand means all of it, now.
        start = state.sweep_from if self.is_scheduled else None
        return changes.sweep(start=start, most=most, note=note)

    def _read_plainly(self, state: PullState, why: str) -> Reading:
        """Every page of everything, believed only when it is proven complete (sweep.py)."""
        PullState.objects.filter(pk=state.pk).update(looks=state.looks + 1)
        ours = Ours(self.account, self.mode, self.ahead)

        def keep(page: TransactionPage) -> None:
            self.expect(page.total_results or 0)
            ours.keep(page.rows)

        listing = sweep(lambda: self.theirs.pages(lambda api: api.transaction_pages()), mode=self.mode, keep=keep)
        ours.lose_unlisted(listing)
        return Reading(
            clients=self.clients,
            mode=self.mode,
            summary=listing.summary,
            results=listing.results,
            seen=len(listing.rows),
            proven=listing.tells_what_is_gone,
            unreadable=listing.unreadable,
            reach=PullRun.Reach.EVERYTHING,
            fallback=why,
            left_for_later=[],
            estimates_current=True,
            as_of=timezone.now(),
        )


def swept_at_once() -> int:
    """Requests that one scheduled pull may spend on the nightly sweep, so that all pulls of an hour leave room for news."""
    share = SHARE_FOR_SWEEPS * settings.REQUESTS_PER_HOUR * settings.PULL_EVERY_SECONDS / HOUR
    return min(MOST_SWEPT_AT_ONCE, int(share))
