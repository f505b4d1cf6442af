"""What is told of pulls beside their figures: that Debitura rejects an account's key, to its admins, once.

The pages tell it as long as it lasts. When it begins there is one line in the audit trail and one mail to each admin; a pull
that succeeds, or a new key, ends it. Nothing here can make a pull fail, or keep the next one waiting: the pull is over.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.access import admins_of
from accounts.audit.record import Action, record
from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.selectors.pulls import KEY_ERRORS

log = logging.getLogger(__name__)

SUCCESS = frozenset({PullRun.Status.OK, PullRun.Status.DIFFERS})


def note_outcome(run: PullRun, account: PartnerAccount) -> None:
    """Call it after a pull, and outside of any transaction; `account` as it was when the pull began."""
    if run.status in SUCCESS:
        _note_accepted(account)
    elif run.status == PullRun.Status.FAILED and run.error_kind in KEY_ERRORS:
        _note_rejected(account)
        _tell_admins(account)


def _note_accepted(account: PartnerAccount) -> None:
    rejected = PartnerAccount.objects.filter(pk=account.pk, key_rejected_at__isnull=False)
    # On SQLite even an UPDATE of nothing waits for its turn to write.
    if rejected.exists():
        rejected.update(key_rejected_at=None, key_rejection_told_at=None)


def _note_rejected(account: PartnerAccount) -> None:
    with transaction.atomic():
        if _with_same_key(account).filter(key_rejected_at=None).update(key_rejected_at=timezone.now()):
            record(Action.KEY_REJECTED, account=account, subject=account.SEALED["sealed_api_key"])


def _tell_admins(account: PartnerAccount) -> None:
    """Of several processes one tells it. Where no mail could be sent, the next pull that is rejected tries again."""
    untold = _with_same_key(account).filter(key_rejected_at__isnull=False, key_rejection_told_at=None)
    now = timezone.now()
    if not untold.update(key_rejection_told_at=now):
        return
    mails = [_mail_to(email, account) for email in admins_of(account).values_list("email", flat=True)]
    if mails and not _sent(mails):
        PartnerAccount.objects.filter(pk=account.pk, key_rejection_told_at=now).update(key_rejection_told_at=None)


def _with_same_key(account: PartnerAccount) -> QuerySet[PartnerAccount]:
    """The account, unless somebody has set another key since the pull began: of that one nothing is known yet."""
    return PartnerAccount.objects.filter(pk=account.pk, sealed_api_key=account.sealed_api_key)


def _mail_to(email: str, account: PartnerAccount) -> EmailMessage:
    """The first line of the template is the subject, which must not have a second one."""
    context = {"name": " ".join(account.name.split()), "slug": account.slug}
    subject, _, text = render_to_string("revenue/mail/key_rejected.txt", context).strip().partition("\n")
    return EmailMessage(subject, text.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [email])


def _sent(mails: Sequence[EmailMessage]) -> int:
    """How many mails a server has taken. That one was not taken is written to the log, without saying to whom."""
    taken = 0
    try:
        with get_connection() as server:
            for mail in mails:
                try:
                    taken += server.send_messages([mail]) or 0
                except (SMTPRecipientsRefused, ValueError):
                    log.error("An admin could not be told that a key is rejected: their address is not taken.")
    except OSError as error:  # every error of SMTP is one
        log.error("The admins could not be told that a key is rejected (%s): look at EMAIL_URL.", type(error).__name__)
    return taken
