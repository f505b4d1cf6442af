"""What people change, by a page or by the API, each with its line in the audit trail.

partners knows the rules of what may be changed and keeps its history; who asked for it, and from where, only the faces know.
"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.audit import Action, record
from accounts.models import User
from partners import activation, reference_imports, references
from partners.activation import Welcome
from partners.models import Activation, Case, ReferenceChange, ReferenceImport

Asked = HttpRequest | Request


def set_reference(
    request: Asked,
    case: Case,
    text: str | None,
    *,
    by: User,
    source: ReferenceChange.Source,
    expected: str | None = None,
) -> bool:
    """As partners.references.set_reference, which says what it takes, gives and raises."""
    with transaction.atomic():
        has_changed = references.set_reference(case, text, by=by, source=source, expected=expected)
        if has_changed:
            _record_change(request, case)
    return has_changed


def apply_import(request: Asked, found: ReferenceImport) -> None:
    """As partners.reference_imports.apply."""
    with transaction.atomic():
        reference_imports.apply(found)
        record(
            Action.REFERENCES_IMPORTED,
            request=request,
            account=found.account,
            subject=f"File {found.pk}",
            changed=found.outcome["changed"],
            conflicts=len(found.outcome["conflicts"]),
        )


def activate(request: Asked, case: Case, welcome: Welcome, *, by: User) -> Activation:
    """As partners.activation.activate. The line is written with the attempt, before anything is sent; the case's own history
    tells what came of it."""

    def note(_: Activation) -> None:
        record(
            Action.ACTIVATION_SENT,
            request=request,
            account=case.account,
            subject=_name(case),
            reference=welcome.reference or None,
        )

    return activation.activate(case, welcome, by=by, note=note)


def _record_change(request: Asked, case: Case) -> None:
    change = case.reference_changes.latest("pk")
    record(
        Action.REFERENCE_CHANGED,
        request=request,
        account=case.account,
        subject=_name(case),
        was=change.old,
        now=change.new,
    )


def _name(case: Case) -> str:
    return case.reference or str(case.case_id)
