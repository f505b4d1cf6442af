"""Making a pull visible: rows, history, proof and the run's record, all in one database transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from partners.debitura.errors import DebituraError
from partners.debitura.records import RevenueSummary, Unreadable
from partners.models import PartnerAccount
from revenue.models import PullRun, PullState, QuarantinedRow, StagedRow, Transaction
from revenue.pull import bulk, case_rows, quarantine, reconcile, totals
from revenue.pull.apply import TransactionCounts, apply_staged
from revenue.pull.case_list import CaseReading
from revenue.pull.directory import ClientCounts, save_clients
from revenue.pull.portfolio import ClientListing
from revenue.pull.staging import reading_rules

log = logging.getLogger(__name__)


class EmptyAnswer(DebituraError):
    """Debitura lists nothing where there was something: taken as a fault, never as a removal of everything."""

    kind = "empty_answer"
    retryable = True


class Superseded(Exception):
    """This pull lost its lock and another one took over: it must not write any more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a pull read; new, changed and missing rows are staged.

    mode: the account's invoicing mode. summary: Debitura's figures as of the last answer about everything, and
    results: the rows which that answer counted; None where it did not say, or where some could not be read.
    seen: the rows that Debitura lists, as far as we know. proven: removals may be published.
    unreadable: by sweep.key_of. reach: what was asked for. fallback: why windows were not trusted, "" where they were.
    left_for_later: as PullRun has it. estimates_current: every estimate is as of `as_of`, the instant of the last
    answer (UTC).
    """

    clients: ClientListing
    mode: str
    summary: RevenueSummary | None
    results: int | None
    seen: int
    proven: bool
    unreadable: Mapping[str, Unreadable]
    reach: PullRun.Reach
    fallback: str
    left_for_later: list[dict[str, Any]]
    estimates_current: bool
    as_of: datetime

    @property
    def listed_everything(self) -> bool:
        """Whether a row that cannot be read must be among the unreadable ones."""
        return self.reach == PullRun.Reach.EVERYTHING


@dataclass(frozen=True, slots=True)
class Doubts:
    """What may explain that a pull does not tie out, by primary key.

    missing: some of the rows that were not found and still count, because that they are gone could not be proven.
    unheard: rows that an earlier pull could not read and this one did not come across.
    """

    missing: list[int]
    unheard: list[int]


@dataclass(slots=True)
class Written:
    """What the same database transaction wrote before everything was read (ahead.py), as seen at `seen_at` (UTC).

    rows: what became of those that are staged up to the primary key `upto`.
    """

    clients: ClientCounts
    seen_at: datetime
    rows: TransactionCounts = field(default_factory=TransactionCounts)
    upto: int = 0


def publish(
    account: PartnerAccount, run: PullRun, reading: Reading, cases: CaseReading, written: Written | None = None
) -> None:
    """Write what was read and not yet `written`, prove it, and end the run; all of it or nothing.

    Raises EmptyAnswer, Superseded.
    """
    _refuse_emptiness(account, reading)
    # Not within the transaction: it would keep others from doing the same until that ends.
    if written is None and account.staged.all()[bulk.MANY :].exists():
        bulk.refresh_statistics(StagedRow, "account_id", "transaction_id", "creditor_id", "case_uuid")
    with transaction.atomic():
        _hold(run)
        case_rows.hold(account)
        before = _last_published(account)
        run.as_of = seen_at = _after(before, max(reading.as_of, written.seen_at) if written else reading.as_of)
        _save_mode(account, reading.mode)
        _write_clients(account, run, reading.clients, seen_at, written)
        doubts = _write_transactions(account, run, reading, seen_at, before, written)
        _prove(account, run, reading, doubts)
        _save_state(account, run, reading, seen_at)
        case_rows.save_listed_cases(account, run, cases)
        run.phase, run.finished_at = PullRun.Phase.DONE, timezone.now()
        run.save()


def refresh_statistics(run: PullRun) -> None:
    """After a publication, not within it: tell PostgreSQL of its new rows, where they are many."""
    if run.transactions_created >= bulk.MANY:
        bulk.refresh_statistics(Transaction, "account_id", "transaction_id")


def _refuse_emptiness(account: PartnerAccount, reading: Reading) -> None:
    clients = reading.clients
    if not (reading.seen or reading.unreadable) and account.transactions.filter(removed_at=None).exists():
        raise EmptyAnswer(
            "Debitura lists no transactions at all where there were some; nothing was changed. "
            "If that stays so, ask Debitura whether the key still belongs to this partner."
        )
    if not (clients.rows or clients.unreadable) and account.clients.filter(archived_at=None).exists():
        raise EmptyAnswer(
            "Debitura lists no clients at all where there were some; nothing was changed. "
            "If that stays so, ask Debitura whether the key still belongs to this partner."
        )


def _hold(run: PullRun) -> None:
    """Begin with a write, so that SQLite gives us the write lock before we read; and make sure nobody took over."""
    if not PullRun.objects.filter(pk=run.pk, status=PullRun.Status.RUNNING).update(phase=PullRun.Phase.WRITING):
        raise Superseded(f"Pull {run.pk} was taken for dead and another one took over; it changed nothing.")


def _last_published(account: PartnerAccount) -> PullRun | None:
    return account.pulls.exclude(as_of=None).order_by("-as_of").first()


def _after(before: PullRun | None, as_of: datetime) -> datetime:
    """History must stay in order even where this machine's clock was set back."""
    last = before.as_of if before else None
    return max(as_of, last + timedelta(microseconds=1)) if last else as_of


def _save_mode(account: PartnerAccount, mode: str) -> None:
    """Only where it changed: a pull without news writes nothing."""
    account.take_mode(mode)
    other = PartnerAccount.objects.filter(pk=account.pk).exclude(invoicing_trigger_mode=account.invoicing_trigger_mode)
    other.update(invoicing_trigger_mode=account.invoicing_trigger_mode)


def _write_clients(
    account: PartnerAccount, run: PullRun, clients: ClientListing, seen_at: datetime, written: Written | None
) -> None:
    counts = written.clients if written else save_clients(account, clients, seen_at=seen_at)
    quarantine.save(run, QuarantinedRow.Resource.CLIENTS, clients.unreadable)
    run.clients_seen, run.clients_created = len(clients.rows), counts.created
    run.clients_updated, run.clients_archived = counts.updated, counts.archived
    run.portfolio = asdict(clients.summary) if clients.summary else None


def _write_transactions(
    account: PartnerAccount,
    run: PullRun,
    reading: Reading,
    seen_at: datetime,
    before: PullRun | None,
    written: Written | None,
) -> Doubts:
    """Rows, and those that could not be read."""
    quarantine.save(run, QuarantinedRow.Resource.TRANSACTIONS, reading.unreadable)
    doubts = _doubts(account, reading, before)
    after = written.upto if written else 0
    counts = apply_staged(account, run, seen_at=seen_at, with_removals=reading.proven, after=after)
    if written:
        counts += written.rows
    if reading.listed_everything and before:
        _check_totals(account)
    run.transactions_seen, run.transactions_removed = reading.seen, counts.removed
    run.transactions_created, run.transactions_updated = counts.created, counts.updated
    run.transactions_unchanged = reading.seen - counts.created - counts.updated
    run.quarantined = len(reading.clients.unreadable) + len(reading.unreadable)
    return doubts


def _doubts(account: PartnerAccount, reading: Reading, before: PullRun | None) -> Doubts:
    """To be asked while the rows are still staged."""
    missing = account.staged_removals.order_by("pk").values_list("transaction_id", flat=True)
    return Doubts(
        missing=[] if reading.proven else list(missing[: reconcile.MOST_EXPLANATIONS]),
        unheard=[] if reading.listed_everything or not before else quarantine.unheard_of(account, before),
    )


def _check_totals(account: PartnerAccount) -> None:
    """A kept total that is wrong, for whatever reason, does not outlive the sweep that lists everything."""
    if wrong := totals.check(account):
        log.error(
            "%s of %s's kept totals were wrong and are rebuilt, the first of them: %s",
            len(wrong),
            account.slug,
            wrong[0],
        )
        totals.rebuild(account)


def _prove(account: PartnerAccount, run: PullRun, reading: Reading, doubts: Doubts) -> None:
    """What is stored against Debitura's last word. A row that could not be read is no proof either.

    Where everything else ties out, what an earlier pull could not read is not there any more.
    """
    ours = reconcile.stored_figures(account)
    found = reconcile.differences(ours, reading.summary) or reconcile.differences_outside(ours, reading.results)
    run.differences = [difference.as_text() for difference in found]
    if found:
        run.explanations = reconcile.explain(account, found, unlisted=doubts.missing)
        run.quarantined += quarantine.keep(doubts.unheard, run)
    run.ties_out = not found and not run.quarantined
    run.status = PullRun.Status.OK if run.ties_out else PullRun.Status.DIFFERS


def _save_state(account: PartnerAccount, run: PullRun, reading: Reading, seen_at: datetime) -> None:
    """What the run says of itself, and what the next one has to know."""
    run.reach, run.fallback, run.left_for_later = reading.reach, reading.fallback, reading.left_for_later
    state: dict[str, Any] = {"distrust": reading.fallback}
    if reading.listed_everything:
        # Proven or not: what stays open, such as a row without an id, would be so again at every pull of this day.
        state |= {"read_under": reading_rules(reading.mode), "swept_at": seen_at, "sweep_from": None}
    if reading.estimates_current:
        state["estimates_as_of"] = seen_at
    PullState.objects.update_or_create(account=account, defaults=state)
