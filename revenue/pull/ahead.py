"""Writing a first load while it is still being read: PostgreSQL is at work as long with the rows as we are.

The database transaction that publishes begins early, on a connection and a thread of its own, and takes in rows as they
get staged. Nobody sees any of it before it commits, and what is staged stays staged until then: whatever goes wrong, it is
rolled back, and the pull publishes as any other does, or the next one. A row that is staged already and turns out otherwise
later is such a case. SQLite lets one write at a time, and a small load needs none of this.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

from django.db import Error, connection, transaction
from django.db.models import Max
from django.utils import timezone

from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.pull import sql
from revenue.pull.apply import apply_portion
from revenue.pull.case_list import CaseReading
from revenue.pull.directory import save_clients
from revenue.pull.portfolio import ClientListing
from revenue.pull.portion import Portion
from revenue.pull.publish import Reading, Written, publish

log = logging.getLogger(__name__)

# So many rows are written at a time, or a quarter of those before them if that is more, as each time all of them are looked
# through: fewer cost too much, more leave too much to do when everything is read.
ENOUGH = 10_000
# Checked while we read, not all at the end. And of what a transaction wrote itself PostgreSQL has no statistics: it might
# take the new rows one by one and read the whole account for each.
SETTINGS = "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL enable_nestloop = off"


class Ahead:
    """The publication of a pull, some of it ahead of time. A context manager, at whose end nothing is left half done."""

    def __init__(self, account: PartnerAccount, run: PullRun) -> None:
        self._account = account
        self._run = run
        self._clients: ClientListing | None = None
        # Rows that were staged: not handed to the thread yet, and handed to it.
        self._waiting, self._sent = 0, 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._at_work: Future[None] | None = None
        # All that follows belongs to the thread. `_written` is there while its transaction is open.
        self._stack = ExitStack()
        self._written: Written | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_up()
        self._pool.shutdown()

    def begin(self, clients: ClientListing) -> None:
        """From now on rows of a first load are written as they get staged, where that can be."""
        is_possible = connection.vendor == "postgresql" and not connection.in_atomic_block
        if is_possible and not self._account.pulls.exclude(as_of=None).exists():
            self._clients = clients

    def staged(self, rows: int) -> None:
        """So many more rows are staged; in a transaction that has ended."""
        self._waiting += rows
        is_idle = self._at_work is None or self._at_work.done()
        if self._clients and is_idle and self._waiting >= max(ENOUGH, self._sent // 4):
            self._sent += self._waiting
            self._waiting = 0
            self._at_work = self._pool.submit(self._write, self._clients)

    def give_up(self) -> None:
        """Before anything that is staged changes: roll back what was written, if anything was, and write no more."""
        self._clients = None
        if self._at_work is not None:
            self._pool.submit(self._roll_back).result()

    def publish(self, reading: Reading, cases: CaseReading) -> None:
        """Publish all that was read. Raises what publish.publish does."""
        self._clients = None
        if self._at_work is not None:
            self._at_work.result()
            if self._pool.submit(self._publish, reading, cases).result():
                return
        publish(self._account, self._run, reading, cases)

    # --- In the thread ---------------------------------------------------------------------------------

    def _write(self, clients: ClientListing) -> None:
        try:
            written = self._written or self._open(clients)
            newest = self._account.staged.aggregate(newest=Max("pk"))["newest"]
            portion = Portion(self._account, written.upto, newest)
            written.rows += apply_portion(portion, self._run, seen_at=written.seen_at)
            written.upto = newest
        except Error:
            log.warning("Pull %s could not write ahead; it writes when all is read", self._run.pk, exc_info=True)
            self._clients = None
            self._roll_back()

    def _open(self, clients: ClientListing) -> Written:
        self._stack.enter_context(transaction.atomic())
        sql.run(SETTINGS)
        seen_at = timezone.now()
        self._written = Written(save_clients(self._account, clients, seen_at=seen_at), seen_at)
        return self._written

    def _publish(self, reading: Reading, cases: CaseReading) -> bool:
        """Whether there was anything to go on with."""
        written, self._written = self._written, None
        if written is None:
            return False
        with closing(connection), self._stack:
            publish(self._account, self._run, reading, cases, written)
        return True

    def _roll_back(self) -> None:
        if self._written is not None:
            transaction.set_rollback(True)
        self._written = None
        self._stack.close()
        connection.close()
