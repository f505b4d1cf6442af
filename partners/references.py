"""The partner's own reference of a case: what it may be, and the one way to set it.

The rules are Debitura's: free text of any form, at most 128 characters after trimming, cleared by white space alone, not
unique, compared exactly. No pull ever writes it; who set it, when, and what it was before is kept.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from partners.models import Case, ReferenceChange

LONGEST = 128


class InvalidReference(ValueError):
    """A text that cannot be a reference; the message says what to do."""


class ReferenceConflict(Exception):
    """Somebody else has changed the reference since it was looked at; `current` is what it is now, and stays."""

    def __init__(self, current: str) -> None:
        super().__init__("Somebody else has changed this reference in the meantime.")
        self.current = current


def cleaned(text: str | None) -> str:
    """The reference as it is stored; "" clears it. Raises InvalidReference.

    Characters are counted, not bytes. Every character is kept but the two kinds that no database and no answer can carry.
    """
    trimmed = (text or "").strip()
    if "\0" in trimmed:
        raise InvalidReference("The reference holds a NUL character; remove it.")
    if any("\ud800" <= character <= "\udfff" for character in trimmed):
        raise InvalidReference("The reference holds half of a character; type it anew.")
    if len(trimmed) > LONGEST:
        raise InvalidReference(f"The reference has {len(trimmed)} characters; use at most {LONGEST}.")
    return trimmed


def set_reference(
    case: Case, text: str | None, *, by: AbstractBaseUser, source: ReferenceChange.Source, expected: str | None = None
) -> bool:
    """Set, change or clear the reference of a case, and keep a line of history; whether anything changed.

    expected: what the reference was when the person looked at it; None: set it whatever it is. The case at hand is brought
    up to date. Raises InvalidReference; ReferenceConflict where it is neither `expected` nor already what is asked for.
    """
    new = cleaned(text)
    with transaction.atomic():
        # First of all, so that two who edit at once come one after the other, also where the database locks no rows.
        case.note_edit()
        case.refresh_from_db(fields=["partner_reference"])
        old = case.partner_reference
        if old == new:
            return False
        if expected is not None and old != expected:
            raise ReferenceConflict(old)
        case.partner_reference = new
        case.save(update_fields=["partner_reference"])
        ReferenceChange.objects.create(case=case, old=old, new=new, by_id=by.pk, source=source)
    return True
