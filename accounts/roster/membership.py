"""What somebody is at a partner account, and how that changes: their role, their clients, and that they leave.

Every change is asked for by an admin, which is looked at once more behind a lock that all of them wait for; there a change that
would leave an account without an admin is refused, and its line is written into the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.access import sights_of
from accounts.audit.record import Action, record
from accounts.models import ApiToken, Invitation, Membership, Role, User
from accounts.signing_in.sessions import end_sessions
from partners.models import Client, PartnerAccount

# Whose clients say what they see.
WITH_CLIENTS = (Role.MANAGER, Role.CLIENT)
# Names of clients in a line of the audit trail; their number is told as well.
NAMES_TOLD = 20
_NAMED = ("company_name", "creditor_id")
# "memb" in ASCII: an advisory lock of this purpose alone.
_LOCK = (0x6D656D62, 0)


class MembershipError(Exception):
    """A change that cannot be made; the message says why, and what to do instead."""


class NoAdminAnyMore(MembershipError):
    """Whoever asks has meanwhile lost the right to."""


class LastAdmin(MembershipError):
    """Nobody would be left who could let anybody in."""


class NotTheirs(MembershipError):
    """Somebody whom the admin of one account cannot switch off: others rely on them, too."""


@contextmanager
def administering(account: PartnerAccount, *, by: User) -> Iterator[None]:
    """A transaction in which nobody else changes who administers an account, and `by` does administer `account`.

    Raises NoAdminAnyMore.
    """
    with transaction.atomic():
        _wait_for_others()
        if not administers(User.objects.get(pk=by.pk), account):
            raise NoAdminAnyMore("You are no admin of this account any more.")
        yield


def administers(person: User, account: PartnerAccount) -> bool:
    """Whether somebody is an admin of an account."""
    return any(sight.account == account and sight.may_administer for sight in sights_of(person))


def change_role(
    membership: Membership,
    *,
    role: Role,
    sees_totals: bool,
    by: User,
    request: HttpRequest | None = None,
) -> bool:
    """Make somebody another thing at their account; whether anything changed. It holds from their very next request on.

    Clients are not carried over: what an account manager looks after is not what a client's own person may see. Raises
    NoAdminAnyMore and LastAdmin.
    """
    with administering(membership.account, by=by):
        membership = _now(membership)
        old, sees_totals = Role(membership.role), sees_totals and role == Role.MANAGER
        if (old, membership.sees_totals) == (role, sees_totals):
            return False
        if role != Role.ADMIN:
            _keep_an_admin(membership)
        withdrawn = _withdraw_invitations_of(membership) if role != Role.ADMIN else 0
        taken = _take_clients(membership) if role != old else 0
        membership.role, membership.sees_totals = role, sees_totals
        membership.save(update_fields=["role", "sees_totals"])
        record(
            Action.ROLE_CHANGED,
            request=request,
            actor=by,
            account=membership.account,
            subject=membership.user.email,
            was=old.label,
            now=role.label,
            sees_totals=_yes_or_no(sees_totals) if role == Role.MANAGER else None,
            clients_removed=taken or None,
            invitations_withdrawn=withdrawn or None,
        )
    return True


def assign(membership: Membership, clients: QuerySet[Client], *, by: User, request: HttpRequest | None = None) -> int:
    """Add clients of the account to those of somebody; how many are new. Raises NoAdminAnyMore and MembershipError."""
    with administering(membership.account, by=by):
        membership = _now(membership)
        if membership.role not in WITH_CLIENTS:
            raise MembershipError("Only account managers and people of clients have clients assigned to them.")
        own = membership.clients.through.objects.filter(membership=membership).values("client")
        added = list(clients.filter(account=membership.account).exclude(pk__in=own).order_by("pk").only(*_NAMED))
        membership.clients.add(*added)
        _record_clients(membership, added=added, by=by, request=request)
    return len(added)


def unassign(membership: Membership, clients: QuerySet[Client], *, by: User, request: HttpRequest | None = None) -> int:
    """Take clients away from somebody; how many were theirs. Raises NoAdminAnyMore."""
    with administering(membership.account, by=by):
        membership = _now(membership)
        removed = list(clients.filter(memberships=membership).order_by("pk").only(*_NAMED))
        membership.clients.remove(*removed)
        _record_clients(membership, removed=removed, by=by, request=request)
    return len(removed)


def remove(membership: Membership, *, by: User, request: HttpRequest | None = None) -> None:
    """End somebody's role at an account. They stay who they are, and what they are at others.

    Raises NoAdminAnyMore and LastAdmin.
    """
    with administering(membership.account, by=by):
        membership = _now(membership)
        _keep_an_admin(membership)
        withdrawn = _withdraw_invitations_of(membership)
        membership.delete()
        record(
            Action.REMOVED_FROM_ACCOUNT,
            request=request,
            actor=by,
            account=membership.account,
            subject=membership.user.email,
            was=Role(membership.role).label,
            invitations_withdrawn=withdrawn or None,
        )


def may_deactivate(person: User, *, by: User) -> bool:
    """Whether `by` may switch `person` off, and on again: not where anybody else relies on them."""
    if by.is_superuser:
        return True
    administered = {sight.account.pk for sight in sights_of(by) if sight.may_administer}
    return not person.is_superuser and set(person.memberships.values_list("account", flat=True)) <= administered


def deactivate(person: User, *, account: PartnerAccount, by: User, request: HttpRequest | None = None) -> None:
    """Switch a person off: their sessions and tokens end at once, everywhere, and do not come back with them.

    Raises NoAdminAnyMore, NotTheirs, LastAdmin, and MembershipError for oneself.
    """
    with administering(account, by=by):
        person = User.objects.get(pk=person.pk)
        _check_theirs(person, by)
        if not person.is_active:
            return
        if person == by:
            raise MembershipError("You cannot deactivate yourself. Ask another admin.")
        _keep_admins_without(person)
        person.is_active = False
        person.save(update_fields=["is_active"])
        tokens, _ = ApiToken.objects.filter(user=person).delete()
        withdrawn = sum(map(_withdraw_invitations_of, person.memberships.all()))
        record(
            Action.DEACTIVATED,
            request=request,
            actor=by,
            account=account,
            subject=person.email,
            sessions_ended=end_sessions(person),
            tokens_revoked=tokens,
            invitations_withdrawn=withdrawn or None,
        )


def reactivate(person: User, *, account: PartnerAccount, by: User, request: HttpRequest | None = None) -> None:
    """Let somebody in again, as what they were. Raises NoAdminAnyMore and NotTheirs."""
    with administering(account, by=by):
        person = User.objects.get(pk=person.pk)
        _check_theirs(person, by)
        if person.is_active:
            return
        person.is_active = True
        person.save(update_fields=["is_active"])
        record(Action.REACTIVATED, request=request, actor=by, account=account, subject=person.email)


def _wait_for_others() -> None:
    """Go on when nobody else is changing who may administer; until the end of the transaction, nobody does.

    One lock for all accounts: a person may be an admin of several.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _LOCK)
        return
    # SQLite lets who begins by writing wait for its turn, and fails who has read before. This changes nothing.
    Membership.objects.filter(pk=0).update(role="")


def _now(membership: Membership) -> Membership:
    """The membership as it is behind the lock. Raises MembershipError where it has ended meanwhile."""
    found = Membership.objects.select_related("account", "user").filter(pk=membership.pk).first()
    if found is None:
        raise MembershipError("This person has left the account meanwhile.")
    return found


def _keep_an_admin(membership: Membership) -> None:
    """Raise LastAdmin where this is the last one that lets somebody administer its account."""
    if (
        membership.role == Role.ADMIN
        and membership.user.is_active
        and not _has_admin(membership.account_id, membership.user)
    ):
        raise LastAdmin("This is the last admin of the account. Make somebody else an admin first.")


def _keep_admins_without(person: User) -> None:
    """Raise LastAdmin where an account would have none, or Feeboard no owner, without `person`."""
    if not person.is_active:
        return
    if person.is_superuser and not _owners().exclude(pk=person.pk).exists():
        raise LastAdmin("This is the last owner of Feeboard. Make another one first: manage.py createsuperuser")
    for account in person.memberships.filter(role=Role.ADMIN).values_list("account", flat=True):
        if not _has_admin(account, person):
            raise LastAdmin("This is the last admin of an account. Make somebody else an admin first.")


def _has_admin(account: int, without: User) -> bool:
    """Whether somebody who can sign in administers the account, be it by a role there or as an owner of everything."""
    admins = Membership.objects.filter(account=account, role=Role.ADMIN, user__is_active=True)
    return admins.exclude(user=without).exists() or _owners().exclude(pk=without.pk).exists()


def _owners() -> QuerySet[User]:
    return User.objects.filter(is_superuser=True, is_active=True)


def _take_clients(membership: Membership) -> int:
    """Leave somebody without clients; how many there were."""
    taken = membership.clients.count()
    membership.clients.clear()
    return taken


def _withdraw_invitations_of(membership: Membership) -> int:
    """End what somebody has invited to their account, and how many invitations that were.

    They have seen the links, and could come back by one of them as somebody else.
    """
    theirs = Invitation.objects.filter(invited_by=membership.user_id, account=membership.account_id)
    return theirs.filter(accepted_at=None, withdrawn_at=None).update(withdrawn_at=timezone.now())


def _check_theirs(person: User, by: User) -> None:
    if not may_deactivate(person, by=by):
        raise NotTheirs("Only an owner of Feeboard can do this. Remove the person from the account instead.")


def _record_clients(
    membership: Membership,
    *,
    added: Sequence[Client] = (),
    removed: Sequence[Client] = (),
    by: User,
    request: HttpRequest | None,
) -> None:
    """Nothing where no client was added or removed."""
    if added or removed:
        record(
            Action.ROLE_CHANGED,
            request=request,
            actor=by,
            account=membership.account,
            subject=membership.user.email,
            now=Role(membership.role).label,
            clients_added=len(added) or None,
            clients_removed=len(removed) or None,
            clients=[str(client) for client in (*added, *removed)[:NAMES_TOLD]],
        )


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
