"""`manage.py check_totals`: are the kept totals what the rows say?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from partners.models import PartnerAccount
from revenue.models import KeptTotal
from revenue.pull.lock import pull_lock
from revenue.pull.totals import Figures, Wrong, check, rebuild
from revenue.selectors.snapshot import consistent_read

WRONG = 1
MOST_SHOWN = 50


class Command(BaseCommand):
    help = (
        "Compares the kept totals with the rows. Exit 0: all right, or repaired; 1: wrong ones are left, or there is no "
        "such account. No figure that Debitura sent is touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--partner", metavar="SLUG", help="only this account (default: all of them)")
        parser.add_argument("--repair", action="store_true", help="count the rows of an account with wrong totals anew")

    def handle(self, *, partner: str | None, repair: bool, **options: Any) -> None:
        accounts = PartnerAccount.objects.order_by("slug")
        chosen = list(accounts if partner is None else accounts.filter(slug=partner))
        if partner is not None and not chosen:
            self.stderr.write(f"No account {partner!r}.")
            sys.exit(WRONG)
        right = [self._is_right(account, repair=repair) for account in chosen]
        sys.exit(0 if all(right) else WRONG)

    def _is_right(self, account: PartnerAccount, *, repair: bool) -> bool:
        with consistent_read():
            wrong, compared = check(account), account.kept_totals.count()
        self.stdout.write(
            f"{account.slug}: {compared:,} lines compared, {f'{len(wrong):,} wrong:' if wrong else 'all right.'}"
        )
        for line in wrong[:MOST_SHOWN]:
            self.stdout.write(f"  {_told(line)}")
        if len(wrong) > MOST_SHOWN:
            self.stdout.write(f"  and {len(wrong) - MOST_SHOWN:,} more")
        return not wrong or (repair and self._repair(account))

    def _repair(self, account: PartnerAccount) -> bool:
        """Under the lock of pulls: one that published meanwhile would count its rows twice."""
        with pull_lock(account) as taken:
            if not taken:
                self.stderr.write(
                    f"{account.slug}: a pull is running; nothing was repaired. Try again when it has ended."
                )
                return False
            with transaction.atomic():
                # Pages that show the wrong figures must not be served again.
                account.note_edit()
                rebuild(account)
        self.stdout.write(f"{account.slug}: repaired.")
        return True


def _told(line: Wrong) -> str:
    names = {KeptTotal.EVERY_OWNER: "all rows", KeptTotal.NO_OWNER: "rows without a client"}
    whose = names.get(line.owner, f"client {line.owner}")
    flags = f"{'estimate' if line.is_estimate else 'firm'}, {'settled' if line.is_settled else 'not settled'}"
    return (
        f"{line.grain} {line.start:%Y-%m-%d %H:%M} of {whose}, {line.stage}, {flags}: "
        f"kept {_figures(line.kept)}, true {_figures(line.true)}"
    )


def _figures(figures: Figures | None) -> str:
    if figures is None:
        return "nothing"
    return f"{figures.fee_usd:f} USD (revenue {figures.revenue_usd:f}) in {figures.rows} rows"
