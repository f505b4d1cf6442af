"""Making a pull visible: rows, history, proof and the run's record, all in one database transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from partners.debitura.errors import DebituraError
from partners.models import PartnerAccount
from revenue.models import PullRun, QuarantinedRow
from revenue.pull import reconcile, totals
from revenue.pull.apply import Writer, save_quarantine, unlisted
from revenue.pull.directory import save_clients
from revenue.pull.portfolio import ClientListing
from revenue.pull.staging import Staging
from revenue.pull.sweep import Listing


class EmptyAnswer(DebituraError):
    """Debitura lists nothing where there was something: taken as a fault, never as a removal of everything."""

    kind = "empty_answer"
    retryable = True


class Superseded(Exception):
    """This pull lost its lock and another one took over: it must not write any more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a pull read: clients, rows (the changed ones are staged), and the instant of the last answer (UTC)."""

    clients: ClientListing
    listing: Listing
    staging: Staging
    as_of: datetime


def publish(account: PartnerAccount, run: PullRun, reading: Reading) -> None:
    """Write what was read, prove it, and end the run; all of it or nothing. Raises EmptyAnswer, Superseded."""
    _refuse_emptiness(account, reading)
    with transaction.atomic():
        _hold(run)
        run.as_of = seen_at = _after_the_last(account, reading.as_of)
        _save_mode(account, reading.staging.mode)
        _write_clients(account, run, reading.clients, seen_at)
        _write_transactions(account, run, reading, seen_at)
        _prove(account, run, reading.listing)
        run.phase, run.finished_at = PullRun.Phase.DONE, timezone.now()
        run.save()


def _refuse_emptiness(account: PartnerAccount, reading: Reading) -> None:
    rows, clients = reading.listing, reading.clients
    if not (rows.rows or rows.unreadable) and account.transactions.filter(removed_at=None).exists():
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


def _after_the_last(account: PartnerAccount, as_of: datetime) -> datetime:
    """History must stay in order even where this machine's clock was set back."""
    last = account.pulls.exclude(as_of=None).order_by("-as_of").values_list("as_of", flat=True).first()
    return max(as_of, last + timedelta(microseconds=1)) if last else as_of


def _save_mode(account: PartnerAccount, mode: str) -> None:
    """Only where it changed: a pull without news writes nothing."""
    account.take_mode(mode)
    other = PartnerAccount.objects.filter(pk=account.pk).exclude(invoicing_trigger_mode=account.invoicing_trigger_mode)
    other.update(invoicing_trigger_mode=account.invoicing_trigger_mode)


def _write_clients(account: PartnerAccount, run: PullRun, clients: ClientListing, seen_at: datetime) -> None:
    counts = save_clients(account, clients, seen_at=seen_at)
    save_quarantine(run, QuarantinedRow.Resource.CLIENTS, clients.unreadable)
    run.clients_seen, run.clients_created = len(clients.rows), counts.created
    run.clients_updated, run.clients_archived = counts.updated, counts.archived
    run.portfolio = asdict(clients.summary) if clients.summary else None


def _write_transactions(account: PartnerAccount, run: PullRun, reading: Reading, seen_at: datetime) -> None:
    writer = Writer(account, run, reading.staging.mode, seen_at)
    writer.save_staged(reading.staging, reading.listing)
    if reading.listing.tells_what_is_gone:
        writer.remove_unlisted(reading.listing)
    save_quarantine(run, QuarantinedRow.Resource.TRANSACTIONS, reading.listing.unreadable)
    totals.rebuild(account)
    counts = writer.counts
    run.transactions_seen = len(reading.listing.rows)
    run.transactions_created, run.transactions_updated = counts.created, counts.updated
    run.transactions_unchanged = run.transactions_seen - counts.created - counts.updated
    run.transactions_removed = counts.removed
    run.quarantined = len(reading.clients.unreadable) + len(reading.listing.unreadable)


def _prove(account: PartnerAccount, run: PullRun, listing: Listing) -> None:
    """What is stored against Debitura's last word. A row that could not be read is no proof either."""
    ours = reconcile.stored_figures(account)
    found = reconcile.differences(ours, listing.summary) or reconcile.differences_outside(ours, listing.results)
    run.differences = [difference.as_text() for difference in found]
    if found:
        run.explanations = reconcile.explain(account, found, unlisted=unlisted(account, listing))
    run.ties_out = not found and not run.quarantined
    run.status = PullRun.Status.OK if run.ties_out else PullRun.Status.DIFFERS
