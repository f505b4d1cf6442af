"""Mail to people, sent beside the answer: a slow mail server must neither hold up a page nor tell who has an account."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)

# One after the other; what waits is kept by a bound of how often anybody may ask for mail.
_postman = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
_under_way: set[Future[None]] = set()


def write_mail(template: str, to: str, context: dict[str, Any]) -> EmailMessage:
    """A mail of plain text; the first line of `template` is its subject."""
    subject, _, body = render_to_string(f"accounts/mail/{template}.txt", context).strip().partition("\n")
    return EmailMessage(subject, body.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [to])


def send_later(mail: EmailMessage) -> None:
    """Send `mail` in a moment. That it cannot be sent is written to the log, without saying to whom."""
    sending = _postman.submit(_send, mail)
    _under_way.add(sending)
    sending.add_done_callback(_under_way.discard)


def wait_for_mail() -> None:
    """Return when all that was sent so far by this process is away."""
    wait(list(_under_way), timeout=settings.EMAIL_TIMEOUT)


def _send(mail: EmailMessage) -> None:
    try:
        mail.send()
    except (OSError, SMTPException) as error:
        logger.error("A mail could not be sent (%s): look at EMAIL_URL.", type(error).__name__)
