"""Writing the audit trail: who did what, when, from where and by which way. A call is a line.

It is written in the transaction of what it tells, so that there is no change without its line and no line without its change:
call `record` inside the same `transaction.atomic()`, behind the first write. SQLite lets nobody wait for a write who has read
before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.audit.models import server_user
from accounts.models import AuditEvent, User
from accounts.patience import waiting_at_most
from accounts.signing_in.throttle import client_address
from partners.models import PartnerAccount

Action = AuditEvent.Action
Way = AuditEvent.Way
Detail = str | int | date | None | Sequence[str]

# Seconds.
EXPORT_PATIENCE = 10
# Characters of one text: lines are for people, and what strangers send may be of any length.
LONGEST = 500
_LONGEST_ACTOR = 254
_NUL_PICTURE = "\N{SYMBOL FOR NULL}"


def record(
    action: AuditEvent.Action,
    *,
    request: HttpRequest | Request | None = None,
    actor: User | None = None,
    account: PartnerAccount | None = None,
    subject: str = "",
    way: AuditEvent.Way | None = None,
    **detail: Detail,
) -> None:
    """Add a line. `actor` is who is signed in where it is not given; without a request it is Feeboard's own doing.

    detail: what else there is to know. Never a secret, whole or in part; None is left out.
    """
    person = actor or _signed_in(request)
    _add(
        action,
        actor=person,
        actor_text="" if person is None else person.email.lower(),
        account=account,
        subject=subject,
        detail=detail,
        address=_address(request),
        way=way or _way_of(request),
    )


def record_command(
    action: AuditEvent.Action, *, account: PartnerAccount | None = None, subject: str = "", **detail: Detail
) -> None:
    """Add a line for a command: done by who is signed in at the server."""
    _add(
        action,
        actor_text=server_user(),
        account=account,
        subject=subject,
        detail=detail,
        way=Way.COMMAND,
    )


def record_export(
    request: HttpRequest, what: str, *, account: PartnerAccount | None = None, conditions: str | None = None
) -> None:
    """Add a line for a file, before its first byte is sent: none leaves without one. A HEAD asks for none.

    conditions: the query that says what is in it, "" for everything; None where there is no choice. Raises Busy where SQLite is
    being written by a pull for longer than a person should look at an empty page; they may ask again. Not inside a transaction:
    that of a file is for reading alone.
    """
    if request.method == "HEAD":
        return
    with waiting_at_most(EXPORT_PATIENCE):
        record(Action.EXPORTED, request=request, account=account, subject=what, filter=conditions)


def record_failed_sign_in(name: str, request: HttpRequest | None) -> None:
    """Add a line for a wrong password or an unknown name.

    name: what was tried, "" for what is not to be kept. Nobody has proven to be anybody, so that there is no actor, also
    where somebody has this e-mail address.
    """
    _add(Action.SIGN_IN_FAILED, actor_text=name, address=_address(request), way=_way_of(request))


def _add(
    action: AuditEvent.Action,
    *,
    way: AuditEvent.Way,
    actor: User | None = None,
    actor_text: str = "",
    account: PartnerAccount | None = None,
    subject: str = "",
    detail: dict[str, Detail] | None = None,
    address: str = "",
) -> None:
    AuditEvent.objects.create(
        action=action,
        actor=actor,
        actor_text=_kept(actor_text)[:_LONGEST_ACTOR],
        account=account,
        subject=_kept(subject),
        detail={name: _kept_detail(value) for name, value in (detail or {}).items() if value is not None},
        address=address,
        way=way,
    )


def _kept_detail(value: Detail) -> str | int | list[str]:
    if isinstance(value, str | date):
        return _kept(str(value))
    return value if isinstance(value, int) else [_kept(item) for item in value or ()]


def _kept(text: str) -> str:
    """As both databases can hold it: cut, no NUL character, no half of a character."""
    whole = text.replace("\0", _NUL_PICTURE).encode(errors="replace").decode()
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"


def _signed_in(request: HttpRequest | Request | None) -> User | None:
    user = getattr(request, "user", None)
    return user if isinstance(user, User) else None


def _address(request: HttpRequest | Request | None) -> str:
    if request is None:
        return ""
    plain = request._request if isinstance(request, Request) else request
    return client_address(plain) or ""


def _way_of(request: HttpRequest | Request | None) -> AuditEvent.Way:
    if request is None:
        return Way.SYSTEM
    return Way.API if isinstance(request, Request) else Way.PAGE
