"""How far a running pull is, for the person who waits and for the page that says whether it is alive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from django.utils import timezone

from revenue.models import PullRun
from revenue.pull.windows import PAGE

# A write for every answer would cost more than the answer.
SAVE_EVERY = timedelta(seconds=1)
SAVED = ("phase", "pages_done", "pages_total", "requests", "retries", "heartbeat_at")


class Sent(Protocol):
    @property
    def requests(self) -> int: ...

    @property
    def retries(self) -> int: ...


class Progress:
    """Keeps the run's record current while it reads."""

    def __init__(self, run: PullRun, watch: Callable[[PullRun], None] | None = None) -> None:
        self.run = run
        self._watch = watch
        self._theirs: Sent | None = None
        self._sent_before = 0

    def follow(self, theirs: Sent) -> None:
        """Count what is sent there."""
        self._theirs = theirs

    def enter(self, phase: PullRun.Phase) -> None:
        """A new part of the pull begins."""
        self.run.phase = phase
        self.run.pages_done, self.run.pages_total = 0, None
        self._sent_before = self._theirs.requests if self._theirs else 0
        self.save()

    def expect(self, rows: int) -> None:
        """So many rows are going to be listed from here on."""
        pages = max(-(-rows // PAGE), 1)
        self.run.pages_total = max(self.run.pages_total or 0, self._sent_in_phase() + pages)

    def beat(self) -> None:
        """A sign of life; written now and then."""
        if timezone.now() - self.run.heartbeat_at >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write the record, so that others see it."""
        if self._theirs is not None:
            self.run.requests, self.run.retries = self._theirs.requests, self._theirs.retries
        self.run.pages_done = self._sent_in_phase()
        self.run.heartbeat_at = timezone.now()
        PullRun.objects.filter(pk=self.run.pk).update(**{name: getattr(self.run, name) for name in SAVED})
        if self._watch is not None:
            self._watch(self.run)

    def _sent_in_phase(self) -> int:
        return (self._theirs.requests if self._theirs else 0) - self._sent_before
