"""What people change, by a page or by the API, each with its line in the audit trail.

partners knows the rules of what may be changed and keeps its history; who asked for it, and from where, only the faces know.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.audit.record import Action, record
from accounts.models import User
from partners import activation, connecting, reference_imports, references
from partners.activation import Welcome
from partners.connecting import host_of
from partners.debitura.records import Me
from partners.models import Activation, Case, PartnerAccount, ReferenceChange, ReferenceImport

Asked = HttpRequest | Request
# What people call the columns of an account that they may change.
SETTINGS = {"name": "name", "requires_second_factor": "second factor required"}


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


def change_account(request: Asked, account: PartnerAccount, changes: Mapping[str, str | bool]) -> None:
    """Set the columns `name` and `requires_second_factor`, those that are given; each that changes is a line."""
    with transaction.atomic():
        account.note_edit()
        account.refresh_from_db(fields=list(changes))
        for column, value in changes.items():
            was = getattr(account, column)
            setattr(account, column, value)
            if was != value:
                _record_setting(request, account, SETTINGS[column], _in_words(was), _in_words(value))
        account.save(update_fields=list(changes))


def set_key(request: Asked, account: PartnerAccount, *, base_url: str, key: str, me: Me) -> datetime | None:
    """As partners.connecting.keep_key."""
    with transaction.atomic():
        before = connecting.keep_key(account, base_url=base_url, key=key, me=me)
        _record_key(request, account, "sealed_api_key", host=host_of(base_url))
    return before


def set_collection_key(
    request: Asked, account: PartnerAccount, *, base_url: str, key: str, lifecycle_path: str
) -> datetime | None:
    """As partners.connecting.keep_collection_key."""
    with transaction.atomic():
        before = connecting.keep_collection_key(account, base_url=base_url, key=key, lifecycle_path=lifecycle_path)
        _record_key(request, account, "sealed_collection_key", host=host_of(base_url), lifecycle_path=lifecycle_path)
    return before


def set_lifecycle_path(request: Asked, account: PartnerAccount, path: str) -> None:
    """As partners.connecting.keep_lifecycle_path."""
    was = account.lifecycle_path
    with transaction.atomic():
        connecting.keep_lifecycle_path(account, path)
        _record_setting(request, account, "lifecycle path", was, path)


def set_webhook_secret(request: Asked, account: PartnerAccount, secret: str) -> datetime | None:
    """As partners.connecting.keep_webhook_secret."""
    with transaction.atomic():
        before = connecting.keep_webhook_secret(account, secret)
        _record_key(request, account, "sealed_webhook_secret")
    return before


def _record_setting(request: Asked, account: PartnerAccount, subject: str, was: str, now: str) -> None:
    record(Action.ACCOUNT_CHANGED, request=request, account=account, subject=subject, was=was, now=now)


def _record_key(
    request: Asked, account: PartnerAccount, column: str, *, host: str | None = None, lifecycle_path: str | None = None
) -> None:
    """Which secret it is; nothing of it, be it the last characters."""
    record(
        Action.KEY_CHANGED,
        request=request,
        account=account,
        subject=account.SEALED[column],
        host=host,
        lifecycle_path=lifecycle_path,
    )


def _in_words(value: str | bool) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else value


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
