"""How far a running pull is, for the person who waits and for the page that says whether it is alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from django.utils import timezone

from partners.debitura.client import DebituraClient
from partners.debitura.records import Page, RecordT
from revenue.models import PullRun

Pages = Callable[[], Iterator[Page[RecordT]]]

# A write for every page would cost more than the page.
SAVE_EVERY = timedelta(seconds=1)
SAVED = ("phase", "pages_done", "pages_total", "requests", "retries", "heartbeat_at")


class Progress:
    """Keeps the run's record current while it reads."""

    def __init__(self, run: PullRun, watch: Callable[[PullRun], None] | None = None) -> None:
        self.run = run
        self._watch = watch
        self._api: DebituraClient | None = None

    def follow(self, api: DebituraClient) -> None:
        """Count what this client asks; each request, a repeated one too, is a sign of life."""
        self._api = api
        api.before_request = self._save_now_and_then

    def enter(self, phase: PullRun.Phase) -> None:
        """A new part of the pull begins."""
        self.run.phase = phase
        self.save()

    def counting(self, pages: Pages[RecordT]) -> Pages[RecordT]:
        """The same pages, counted as they pass; every traversal counts from 0."""

        def counted() -> Iterator[Page[RecordT]]:
            self.run.pages_done, self.run.pages_total = 0, None
            for page in pages():
                self.run.pages_done += 1
                if page.total_results is not None:
                    self.run.pages_total = max(-(-page.total_results // page.page_size), 1)
                self._save_now_and_then()
                yield page

        return counted

    def save(self) -> None:
        """Write the record, so that others see it."""
        if self._api is not None:
            self.run.requests, self.run.retries = self._api.requests, self._api.retries
        self.run.heartbeat_at = timezone.now()
        PullRun.objects.filter(pk=self.run.pk).update(**{name: getattr(self.run, name) for name in SAVED})
        if self._watch is not None:
            self._watch(self.run)

    def _save_now_and_then(self) -> None:
        if timezone.now() - self.run.heartbeat_at >= SAVE_EVERY:
            self.save()
