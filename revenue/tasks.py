"""The pulls as background work. Thin: an account's key comes in, the same `pull` as everywhere runs."""

from __future__ import annotations

import logging
from threading import Thread

from celery import Task, shared_task
from django.conf import settings
from django.db import connection
from kombu.exceptions import OperationalError

from partners.models import PartnerAccount
from revenue.models import PullRun
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
    if run is not None and run.status == PullRun.Status.FAILED and run.error_retryable:
        raise self.retry(countdown=RETRY_AFTER_SECONDS * 2**self.request.retries)


def pull_unless_running(account_id: int, trigger: str = PullRun.Trigger.SCHEDULE) -> PullRun | None:
    """The pull's record, or None where another pull of the account is at work."""
    try:
        return pull(PartnerAccount.objects.get(pk=account_id), trigger=PullRun.Trigger(trigger))
    except AlreadyRunning as error:
        log.info("%s", error)
        return None


def start_pull(account: PartnerAccount, trigger: str = PullRun.Trigger.PERSON) -> None:
    """Begin a pull in the background: by a worker where there is Redis, else in a thread of this process.

    A message that no worker took before the next round is dropped: that round pulls the account anyway. Raises
    CannotStart where the broker does not answer.
    """
    if not settings.REDIS_URL:
        start_in_thread(account.pk, trigger)
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


def start_in_thread(account_id: int, trigger: str = PullRun.Trigger.SCHEDULE) -> Thread:
    """A pull in a thread that does not keep the process alive: a pull may die at any moment without harm."""

    def work() -> None:
        try:
            pull_unless_running(account_id, trigger)
        finally:
            connection.close()

    thread = Thread(target=work, name=f"pull-{account_id}", daemon=True)
    thread.start()
    return thread
