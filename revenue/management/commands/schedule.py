"""`manage.py schedule`: the periodic pulls without Redis, for an installation on one machine."""

import logging
import signal
from argparse import ArgumentTypeError
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection
from django.utils.module_loading import import_string

from partners.models import PartnerAccount
from revenue.tasks import Crew

log = logging.getLogger(__name__)

AT_ONCE = 8


class Command(BaseCommand):
    help = "Pulls every account now and every PULL_EVERY_SECONDS, in this process, until it is told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at-once",
            type=_at_least_two,
            default=AT_ONCE,
            metavar="N",
            help=f"the most accounts that are pulled at the same time, each with a connection to the database "
            f"(default: {AT_ONCE}; at least 2, so that a slow one holds up nobody)",
        )

    def handle(self, *, at_once: int, **options: Any) -> None:
        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        crew = Crew(at_once)
        while not stop.is_set():
            start_round(crew)
            do_chores()
            stop.wait(settings.PULL_EVERY_SECONDS)


def start_round(crew: Crew) -> None:
    """Ask for a pull of every account. Where the database does not answer, the next round tries again."""
    try:
        for key in PartnerAccount.objects.order_by("pk").values_list("pk", flat=True):
            crew.ask_for(key)
    except Error:
        log.exception("This round of pulls was not started")
    finally:
        # Between two rounds nothing is asked; a connection kept open that long may be cut meanwhile.
        connection.close()


def do_chores() -> None:
    """Do what else is to be done now and then (settings.CHORES): one after the other, however often they are due."""
    for path in settings.CHORES:
        try:
            import_string(path)()
        except Error:
            log.exception("%s was not done", path)
        finally:
            connection.close()


def _at_least_two(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 2:
        raise ArgumentTypeError("write a whole number, 2 or more")
    return int(text)
