"""The pulls as background work. Thin: an account's key comes in, the same `pull` as everywhere runs."""

from __future__ import annotations

import logging
from collections import deque
from threading import Lock, Thread

from celery import Task, shared_task
from django.conf import settings
from django.db import connection
from django.utils import timezone
from kombu.exceptions import OperationalError

from partners.models import PartnerAccount
from revenue.models import PullRun, PullState
from revenue.notices import note_outcome
from revenue.pull.budget import BudgetSpent
from revenue.pull.nightly import is_sweep_due
from revenue.pull.runner import AlreadyRunning, pull

log = logging.getLogger(__name__)

# The client has already tried for some minutes; a failed pull is tried again before its next turn, but not in haste.
RETRY_AFTER_SECONDS = 60
MOST_RETRIES = 2
# A person waits for the answer to "Pull now": the broker is asked twice, without a pause.
ASK_BROKER_TWICE = {"max_retries": 1, "interval_start": 0}


class CannotStart(Exception):
    """The broker does not answer, so no worker hears of the pull. Its text is a sentence for people."""


@shared_task
def pull_every_account() -> None:
    """Hand every account to a worker of its own; what nobody took before the next round is dropped."""
    for key in PartnerAccount.objects.values_list("pk", flat=True):
        pull_account.apply_async((key,), expires=settings.PULL_EVERY_SECONDS)


@shared_task(bind=True, max_retries=MOST_RETRIES)
def pull_account(self: Task, account_id: int, trigger: str = PullRun.Trigger.SCHEDULE) -> None:  # type: ignore[type-arg]
    """Pull one account; a failure that trying again can help is tried again."""
    run = pull_unless_running(account_id, trigger)
    if run is not None and _is_worth_another_try(run):
        raise self.retry(countdown=RETRY_AFTER_SECONDS * 2**self.request.retries)


def _is_worth_another_try(run: PullRun) -> bool:
    """Not where the budget of requests is used up: the next round comes before there is another one, or goes on with it."""
    return run.status == PullRun.Status.FAILED and run.error_retryable and run.error_kind != BudgetSpent.kind


def pull_unless_running(account_id: int, trigger: str = PullRun.Trigger.SCHEDULE) -> PullRun | None:
    """The pull's record, or None where another pull of the account is at work; that is known before Debitura is asked."""
    account = PartnerAccount.objects.get(pk=account_id)
    try:
        run = pull(account, trigger=PullRun.Trigger(trigger), full=_wants_everything(account, trigger))
    except AlreadyRunning as error:
        log.info("%s", error)
        return None
    note_outcome(run, account)
    return run


def _wants_everything(account: PartnerAccount, trigger: str) -> bool:
    """Nobody who waits for a pull is made to wait for the nightly sweep."""
    if trigger != PullRun.Trigger.SCHEDULE:
        return False
    state = PullState.objects.filter(account=account).first() or PullState(account=account)
    return is_sweep_due(state, timezone.now())


def start_pull(account: PartnerAccount, trigger: str = PullRun.Trigger.PERSON) -> None:
    """Begin a pull in the background: by a worker where there is Redis, else in a thread of this process.

    A message that no worker took before the next round is dropped: that round pulls the account anyway. Raises
    CannotStart where the broker does not answer.
    """
    if not settings.REDIS_URL:
        _start_in_thread(account.pk, trigger)
        return
    try:
        pull_account.apply_async(
            (account.pk, trigger), expires=settings.PULL_EVERY_SECONDS, retry_policy=ASK_BROKER_TWICE
        )
    except OperationalError as error:
        log.warning("A pull of %s could not be handed to a worker: %s", account.slug, error)
        raise CannotStart(
            "The pull could not be started: the queue of the workers does not answer. Try again in a minute."
        ) from error


class Crew:
    """Scheduled pulls in threads of this process, a bounded number at once; the others wait their turn.

    No account is at work or waits twice: one that answers slowly takes up one thread, however many rounds pass it by. The
    threads do not keep the process alive longer than a request of theirs takes: a pull may die at any moment without harm.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._waiting: deque[int] = deque()
        self._at_work: set[int] = set()

    @property
    def at_work(self) -> set[int]:
        """The accounts that are being pulled."""
        with self._lock:
            return set(self._at_work)

    @property
    def waiting(self) -> list[int]:
        """The accounts that are next."""
        with self._lock:
            return list(self._waiting)

    def ask_for(self, account_id: int) -> None:
        """Pull the account as soon as there is a thread for it."""
        with self._lock:
            if account_id not in self._at_work and account_id not in self._waiting:
                self._waiting.append(account_id)
                self._start_next()

    def _start_next(self) -> None:
        if self._waiting and len(self._at_work) < self._size:
            account_id = self._waiting.popleft()
            self._at_work.add(account_id)
            Thread(target=self._pull, args=(account_id,), name=f"pull-{account_id}", daemon=True).start()

    def _pull(self, account_id: int) -> None:
        try:
            _pull_in_thread(account_id, PullRun.Trigger.SCHEDULE)
        finally:
            with self._lock:
                self._at_work.remove(account_id)
                self._start_next()


def _start_in_thread(account_id: int, trigger: str) -> None:
    Thread(target=_pull_in_thread, args=(account_id, trigger), name=f"pull-{account_id}", daemon=True).start()


def _pull_in_thread(account_id: int, trigger: str) -> None:
    try:
        pull_unless_running(account_id, trigger)
    finally:
        connection.close()
