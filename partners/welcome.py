"""What a person types to activate a case, checked before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from partners.activation_errors import InvalidActivation
from partners.debitura.collection import Welcome
from partners.references import cleaned

Checked = TypeVar("Checked")
LONGEST_MESSAGE = 5000

_AMOUNT = re.compile(r"\d{1,15}(\.\d{1,28})?", re.ASCII)
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")


def checked(values: Mapping[str, str | None]) -> Welcome:
    """What to send, from the texts typed; the names are those of the Collection Partner API. Raises InvalidActivation.

    welcomeMessage and userEmail are needed; collectionPartnerReference, assignedUserEmail, interestFees, reminderFees and
    collectionFees (each 0 or more, in the currency of the case) may be missing, None or blank.
    """
    form = _Form(values)
    welcome = Welcome(
        welcome_message=form.read("welcomeMessage", _message, ""),
        user_email=form.read("userEmail", _needed_email, ""),
        reference=form.read("collectionPartnerReference", cleaned, ""),
        assigned_email=form.read("assignedUserEmail", _email, ""),
        interest_fees=form.read("interestFees", _amount, None),
        reminder_fees=form.read("reminderFees", _amount, None),
        collection_fees=form.read("collectionFees", _amount, None),
    )
    if form.problems:
        raise InvalidActivation(form.problems)
    return welcome


class _Form:
    """Texts by name, and what is wrong with them."""

    def __init__(self, values: Mapping[str, str | None]) -> None:
        self._values = values
        self.problems: dict[str, str] = {}

    def read(self, name: str, check: Callable[[str], Checked], instead: Checked) -> Checked:
        try:
            return check((self._values.get(name) or "").strip())
        except ValueError as problem:
            self.problems[name] = str(problem)
            return instead


def _message(text: str) -> str:
    """Lines end as people count them: a browser sends two characters for the end of one."""
    message = text.replace("\r\n", "\n")
    if not message:
        raise ValueError("Write a welcome message; Debitura needs one.")
    if _UNSENDABLE.search(message):
        raise ValueError("The welcome message holds a character that cannot be sent; type it anew.")
    if len(message) > LONGEST_MESSAGE:
        raise ValueError(f"The welcome message has {len(message):,} characters; use at most {LONGEST_MESSAGE:,}.")
    return message


def _needed_email(text: str) -> str:
    if not text:
        raise ValueError("Give the e-mail address of the team member who activates the case.")
    return _email(text)


def _email(text: str) -> str:
    try:
        if text:
            validate_email(text)
    except ValidationError:
        raise ValueError("This is not an e-mail address; write it as name@example.com.") from None
    return text


def _amount(text: str) -> Decimal | None:
    if not text:
        return None
    if not _AMOUNT.fullmatch(text):
        raise ValueError("Write an amount such as 12.50: 0 or more, with a point and without spaces.")
    return Decimal(text)
