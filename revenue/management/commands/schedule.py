"""`manage.py schedule`: the periodic pulls without Redis, for an installation on one machine."""

import logging
import signal
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, connection

from partners.models import PartnerAccount
from revenue.tasks import start_in_thread

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Pulls every account now and every PULL_EVERY_SECONDS, in this process, until it is told to stop."

    def handle(self, **options: Any) -> None:
        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        at_work: dict[int, Thread] = {}
        while not stop.is_set():
            start_round(at_work)
            stop.wait(settings.PULL_EVERY_SECONDS)


def start_round(at_work: dict[int, Thread]) -> None:
    """Start a pull for every account whose last one has ended: a slow account holds up nobody else.

    Where the database does not answer, the next round tries again.
    """
    try:
        for key in PartnerAccount.objects.values_list("pk", flat=True):
            if key not in at_work or not at_work[key].is_alive():
                at_work[key] = start_in_thread(key)
    except Error:
        log.exception("This round of pulls was not started")
    finally:
        # Between two rounds nothing is asked; a connection kept open that long may be cut meanwhile.
        connection.close()
