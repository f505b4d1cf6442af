"""One pull of one account, from start to end. Commands, tasks and the demo all run this one.

Reading takes as long as it takes and shows nothing to anybody; publish.py then shows all of it at once. Whatever dies at
whatever moment, readers have what they had, and the next pull goes on from what was staged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from partners.debitura.client import DebituraClient
from partners.debitura.errors import DebituraError
from partners.models import PartnerAccount
from partners.secrets import UnreadableSecret
from revenue.models import PullRun
from revenue.pull.ahead import Ahead
from revenue.pull.budget import Budget, BudgetSpent
from revenue.pull.case_list import CaseReading, case_list
from revenue.pull.lock import pull_lock
from revenue.pull.portfolio import read_clients
from revenue.pull.progress import Progress
from revenue.pull.publish import Reading, refresh_statistics
from revenue.pull.reading import Reader
from revenue.pull.theirs import Connections

log = logging.getLogger(__name__)

MakeClient = Callable[..., DebituraClient]


class AlreadyRunning(Exception):
    """Another pull of this account is at work; `run` is its record, where it has written one already."""

    def __init__(self, account: PartnerAccount, run: PullRun | None) -> None:
        since = f" since {run.started_at:%H:%M:%S} UTC" if run else ""
        super().__init__(f"Another pull of {account.slug} has been running{since}. Try again when it has ended.")
        self.run = run


class WrongPartner(DebituraError):
    """The key belongs to somebody else than the figures we hold; theirs must not replace ours."""

    kind = "wrong_partner"

    def __init__(self) -> None:
        super().__init__(
            "The API key belongs to another partner than the figures of this account; nothing was changed. Connect the "
            "account again with its own key, and the other partner under a slug of its own."
        )


def pull(
    account: PartnerAccount,
    *,
    trigger: PullRun.Trigger = PullRun.Trigger.COMMAND,
    full: bool = False,
    watch: Callable[[PullRun], None] | None = None,
    make_client: MakeClient = DebituraClient,
) -> PullRun:
    """Pull one account now and return the run's record: ok, differs or failed. `full`: list every row, changed or not.

    `watch` is called with the record whenever it moved on. Raises AlreadyRunning; an error that nobody foresaw passes
    through after the run was noted as interrupted.
    """
    with pull_lock(account) as taken:
        if not taken:
            raise AlreadyRunning(account, _running(account).first())
        _bury_the_dead(account)
        now = timezone.now()
        run = PullRun.objects.create(account=account, trigger=trigger, started_at=now, heartbeat_at=now)
        progress = Progress(run, watch)
        try:
            with Ahead(account, run) as ahead:
                ahead.publish(*_read(account, run, progress, make_client, ahead, full=full))
            refresh_statistics(run)
        except (DebituraError, UnreadableSecret) as error:
            _fail(progress, error)
        except BudgetSpent as error:
            _end(progress, PullRun.Status.FAILED, kind=error.kind, message=str(error), retryable=True)
        except BaseException as error:
            _end(
                progress,
                PullRun.Status.INTERRUPTED,
                kind="interrupted",
                message=f"{type(error).__name__} stopped the pull.",
            )
            raise
        run.refresh_from_db()
        log.info("Pull %s of %s: %s after %s requests", run.pk, account.slug, run.status, run.requests)
        return run


def _read(
    account: PartnerAccount, run: PullRun, progress: Progress, make_client: MakeClient, ahead: Ahead, *, full: bool
) -> tuple[Reading, CaseReading]:
    """Clients, then the transactions, with whose last answer comes the proof, then what there is room for of the cases."""
    key = account.api_key

    def connect() -> DebituraClient:
        return make_client(account.base_url, key, allow_private=settings.ALLOW_PRIVATE_UPSTREAM)

    with Connections(connect, Budget.of(account), progress.beat) as theirs:
        progress.follow(theirs)
        me = theirs.ask(lambda api: api.me())
        if account.is_of_another(me.id):
            raise WrongPartner()
        mode = me.invoicing_trigger_mode
        clients = read_clients(lambda: theirs.pages(lambda api: api.client_pages()))
        ahead.begin(clients)
        progress.enter(PullRun.Phase.TRANSACTIONS)
        is_scheduled = run.trigger == PullRun.Trigger.SCHEDULE
        reader = Reader(
            account, theirs, clients, mode, full=full, is_scheduled=is_scheduled, expect=progress.expect, ahead=ahead
        )
        reading = reader.read()
        progress.enter(PullRun.Phase.CASES)
        cases = case_list(account, run, theirs, clients, full=full, expect=progress.expect).read()
        progress.enter(PullRun.Phase.WRITING)
    return reading, cases


def _running(account: PartnerAccount) -> QuerySet[PullRun]:
    return account.pulls.filter(status=PullRun.Status.RUNNING).order_by("-pk")


def _bury_the_dead(account: PartnerAccount) -> None:
    """We hold the lock, so a run that still says it is running has died with its process."""
    _running(account).update(
        status=PullRun.Status.INTERRUPTED,
        finished_at=timezone.now(),
        error_kind="interrupted",
        error_message="The process that ran this pull ended before it was done; nothing of it was published.",
        error_retryable=True,
    )


def _fail(progress: Progress, error: DebituraError | UnreadableSecret) -> None:
    _end(progress, PullRun.Status.FAILED, kind=error.kind, message=str(error), retryable=error.retryable)


def _end(progress: Progress, status: PullRun.Status, *, kind: str, message: str, retryable: bool = False) -> None:
    """Note how a run ended without having published anything: only these columns, the rest was rolled back."""
    progress.save()
    PullRun.objects.filter(pk=progress.run.pk, status=PullRun.Status.RUNNING).update(
        status=status,
        finished_at=timezone.now(),
        error_kind=kind,
        error_message=message,
        error_retryable=retryable,
    )
