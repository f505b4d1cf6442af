"""`manage.py sync`: one pull, now."""

import json
import logging
import sys
from contextlib import redirect_stdout
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.notices import note_outcome
from revenue.pull.report import CaseFigures, Report, not_pulled, report
from revenue.pull.runner import AlreadyRunning, pull
from revenue.selectors.pulls import left_in_words

log = logging.getLogger(__name__)

DIFFERS = 3
FAILED = 1


class Command(BaseCommand):
    help = "Pulls from Debitura now. Exit 0: pulled and ties out; 3: pulled, does not tie out; 1: failed, nothing lost."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--partner", metavar="SLUG", help="only this account (default: all of them)")
        parser.add_argument(
            "--full", action="store_true", help="read and compare every row, not only what seems to have changed"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object (a list for several accounts)")

    def handle(self, *, partner: str | None, **options: Any) -> None:
        accounts = list(PartnerAccount.objects.order_by("slug"))
        chosen = [account for account in accounts if partner in (None, account.slug)]
        reports = [self._pull(account, full=options["full"], quiet=options["json"]) for account in chosen]
        if not chosen:
            kind, message = _why_nothing(partner, accounts)
            self.stderr.write(message)
            reports = [not_pulled(partner or "", kind=kind, message=message)]
        if options["json"]:
            self.stdout.write(json.dumps(reports[0] if len(reports) == 1 else reports))
        sys.exit(_exit_code(reports))

    def _pull(self, account: PartnerAccount, *, full: bool, quiet: bool) -> Report:
        watch = self._show_progress if sys.stderr.isatty() else None
        try:
            run = pull(account, full=full, watch=watch)
            found = report(run)
            # Where mail goes to the console, it must not get among the JSON.
            with redirect_stdout(sys.stderr):
                note_outcome(run, account)
        except AlreadyRunning as error:
            found = not_pulled(account.slug, kind="already_running", message=str(error), retryable=True)
        except Exception as error:  # a defect met by one account must not keep the others from being pulled
            log.exception("The pull of %s met an error that nobody foresaw", account.slug)
            message = f"{type(error).__name__} stopped the pull; the log has the details."
            found = not_pulled(account.slug, kind="internal_error", message=message)
        if not quiet:
            self._tell(found)
        return found

    def _show_progress(self, run: PullRun) -> None:
        of = f" of {run.pages_total}" if run.pages_total else ""
        self.stderr.write(f"\r\033[K{run.get_phase_display()}: page {run.pages_done}{of}", ending="")
        if run.phase == PullRun.Phase.WRITING:
            self.stderr.write("\r\033[K", ending="")

    def _tell(self, found: Report) -> None:
        rows, error = found["transactions"], found["error"]
        if error:
            self.stderr.write(f"{found['partner']}: failed. {error['message']}")
            return
        self.stdout.write(
            f"{found['partner']}: {rows['seen']} transactions ({rows['created']} new, {rows['updated']} changed, "
            f"{rows['removed']} removed) in {found['requests']} requests, {found['seconds']:.1f} s"
        )
        if found["quarantined"]:
            self.stdout.write(f"Rows that could not be read: {found['quarantined']}; the pull's page shows them.")
        if found["fallback"]:
            self.stdout.write(f"Everything had to be read: {found['fallback']}")
        if left := left_in_words(found["left_for_later"]):
            self.stdout.write(f"Left for later, because the budget of requests was used up: {left}.")
        self._tell_of_cases(found["cases"])
        if found["ties_out"]:
            self.stdout.write("Agrees with Debitura to the cent.")
            return
        if found["differences"]:
            self.stdout.write("Does not agree with Debitura; the pull's page shows the rows behind it:")
        for line in found["differences"]:
            self.stdout.write(
                f"  {line['stage']}: ours {line['ours_usd']} USD in {line['ours_count']} rows, "
                f"theirs {line['theirs_usd'] or 'unknown'} USD in {_or_unknown(line['theirs_count'])} rows"
            )

    def _tell_of_cases(self, cases: CaseFigures) -> None:
        if cases["trouble"]:
            self.stdout.write(f"The list of cases was not read as far as it was due: {cases['trouble']}")
        elif cases["left"]:
            self.stdout.write(f"Cases left for the next pulls: {cases['left']:,}.")


def _or_unknown(count: int | None) -> str:
    return "unknown" if count is None else str(count)


def _why_nothing(slug: str | None, accounts: list[PartnerAccount]) -> tuple[str, str]:
    """The kind of the error, and a sentence."""
    if not accounts:
        return "no_account", "No partner account is connected yet. Connect one with: manage.py connect_partner"
    return "unknown_partner", f"No account {slug!r}; there is {', '.join(account.slug for account in accounts)}."


def _exit_code(reports: list[Report]) -> int:
    statuses = {found["status"] for found in reports}
    return FAILED if "failed" in statuses else DIFFERS if "differs" in statuses else 0
