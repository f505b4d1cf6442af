"""Joining a partner account: an admin invites, and who opens the link accepts, once and in time.

The link carries 256 random bits of which only the SHA-256 is kept, so that nobody who reads the database gets in by it. An
invitation that has ended, was used or withdrawn, and one that there never was, are told apart by nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.record import Action, record
from accounts.models import Invitation, Membership, Role, User
from accounts.roster.membership import WITH_CLIENTS, administering
from partners.models import Client, PartnerAccount

LIFETIME = timedelta(days=7)
LONGEST_EMAIL = 254
OPEN = {"accepted_at": None, "withdrawn_at": None}


class JoiningError(Exception):
    """Something about an invitation that cannot be done; the message says why, and what to do instead."""


class InvalidEmail(JoiningError):
    """No address that anybody could be invited at."""


class AlreadyThere(JoiningError):
    """Whoever is invited belongs to the account already, or is invited already."""


class InvalidInvitation(JoiningError):
    """There is no such invitation, or none any more: nobody learns which."""

    def __init__(self) -> None:
        super().__init__("This invitation is not valid (any more). Ask for a new one.")


class AnotherPerson(JoiningError):
    """The invitation is for another e-mail address than that of who is signed in."""


class Invited(NamedTuple):
    """An invitation, and the secret of its link, which cannot be had again."""

    invitation: Invitation
    token: str


def cleaned_email(text: str) -> str:
    """An e-mail address as it is kept, in small letters. Raises InvalidEmail.

    ASCII alone: a letter of another alphabet that looks like one of ours would be another person's address. A domain with such
    letters has an ASCII form, too, in which that shows.
    """
    email = text.strip()
    # Before its letters are made small: some foreign ones become ours by that.
    if not email.isascii():
        raise InvalidEmail(
            "Write the address in plain letters (a–z). A domain with others has a form that begins with xn--."
        )
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidEmail("This is no e-mail address. Write it as name@example.com.") from error
    if len(email) > LONGEST_EMAIL:
        raise InvalidEmail(f"The address is longer than {LONGEST_EMAIL} characters.")
    return email.lower()


def invite(
    account: PartnerAccount,
    *,
    email: str,
    role: Role,
    clients: Iterable[Client] = (),
    sees_totals: bool = False,
    by: User,
    request: HttpRequest | None = None,
) -> Invited:
    """Ask somebody to join. Clients of other accounts are left out, and so are all where the role has none.

    Raises InvalidEmail, AlreadyThere, and membership.NoAdminAnyMore.
    """
    email = cleaned_email(email)
    token = secrets.token_urlsafe(32)
    with administering(account, by=by):
        _check_newcomer(account, email)
        _open_invitations(account, email).update(withdrawn_at=timezone.now())  # those that have expired
        made = Invitation.objects.create(
            account=account,
            email=email,
            role=role,
            sees_totals=sees_totals and role == Role.MANAGER,
            digest=digest_of(token),
            invited_by=by,
            expires_at=timezone.now() + LIFETIME,
        )
        own = [client for client in clients if client.account_id == account.pk] if role in WITH_CLIENTS else []
        made.clients.set(own)
        record(
            Action.INVITED,
            request=request,
            actor=by,
            account=account,
            subject=email,
            role=role.label,
            clients=len(own) or None,
            expires=made.expires_at.date(),
        )
    return Invited(made, token)


def renew(invitation: Invitation, *, by: User, request: HttpRequest | None = None) -> Invited:
    """A new link, and as much time as at first; the old one ends. Raises InvalidInvitation and membership.NoAdminAnyMore."""
    token, now = secrets.token_urlsafe(32), timezone.now()
    with administering(invitation.account, by=by):
        changed = Invitation.objects.filter(pk=invitation.pk, **OPEN).update(
            digest=digest_of(token), expires_at=now + LIFETIME, invited_by=by
        )
        if not changed:
            raise InvalidInvitation
        invitation.refresh_from_db()
        record(
            Action.INVITED,
            request=request,
            actor=by,
            account=invitation.account,
            subject=invitation.email,
            role=Role(invitation.role).label,
            expires=invitation.expires_at.date(),
            again="yes",
        )
    return Invited(invitation, token)


def withdraw(invitation: Invitation, *, by: User, request: HttpRequest | None = None) -> None:
    """End an invitation that was not used. Raises InvalidInvitation and membership.NoAdminAnyMore."""
    with administering(invitation.account, by=by):
        if not Invitation.objects.filter(pk=invitation.pk, **OPEN).update(withdrawn_at=timezone.now()):
            raise InvalidInvitation
        record(
            Action.INVITATION_WITHDRAWN,
            request=request,
            actor=by,
            account=invitation.account,
            subject=invitation.email,
        )


def open_invitation(digest: str) -> Invitation:
    """The invitation that a link leads to. Raises InvalidInvitation: one query in every case."""
    found = (
        Invitation.objects.select_related("account", "invited_by")
        .filter(digest=digest, expires_at__gt=timezone.now(), **OPEN)
        .first()
    )
    if found is None:
        raise InvalidInvitation
    return found


def person_invited(invitation: Invitation) -> User | None:
    """Who has the address that was invited; None where nobody has yet."""
    return User.objects.filter(email__iexact=invitation.email).first()


def join_as_new(
    digest: str, *, name: str, password: str, time_zone: str = "", request: HttpRequest | None = None
) -> User:
    """Make the person who was invited, and let them join. Raises InvalidInvitation, and AlreadyThere where there is one."""
    with transaction.atomic():
        invitation = _taken(digest)
        try:
            with transaction.atomic():
                person = User.objects.create_user(invitation.email, password, name=name, time_zone=time_zone)
        except IntegrityError as error:
            raise AlreadyThere("There is an account with this address. Sign in to accept.") from error
        _become_member(invitation, person, request)
    return person


def join(digest: str, *, person: User, request: HttpRequest | None = None) -> Membership:
    """Let somebody who has an account join. Raises InvalidInvitation, AnotherPerson and AlreadyThere."""
    with transaction.atomic():
        invitation = _taken(digest)
        if person.email.lower() != invitation.email:
            raise AnotherPerson("This invitation is for another e-mail address than yours.")
        if Membership.objects.filter(account=invitation.account, user=person).exists():
            raise AlreadyThere("You belong to this account already.")
        return _become_member(invitation, person, request)


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _taken(digest: str) -> Invitation:
    """The invitation, which from now on nobody else can take. To be called first of all in its transaction.

    The write comes before anything is read: of two tabs at once one waits here, and finds that it is taken.
    """
    now = timezone.now()
    still_open = Invitation.objects.filter(digest=digest, expires_at__gt=now, **OPEN)
    if not still_open.update(accepted_at=now):
        raise InvalidInvitation
    return Invitation.objects.select_related("account").get(digest=digest)


def _become_member(invitation: Invitation, person: User, request: HttpRequest | None) -> Membership:
    membership = Membership.objects.create(
        user=person, account=invitation.account, role=invitation.role, sees_totals=invitation.sees_totals
    )
    membership.clients.set(invitation.clients.all())
    invitation.accepted_by = person
    invitation.save(update_fields=["accepted_by"])
    record(
        Action.JOINED,
        request=request,
        actor=person,
        account=invitation.account,
        subject=person.email,
        role=Role(invitation.role).label,
    )
    return membership


def _check_newcomer(account: PartnerAccount, email: str) -> None:
    """Raise AlreadyThere where somebody has nothing to be invited to."""
    person = User.objects.filter(email__iexact=email).first()
    if person is not None and person.is_superuser:
        raise AlreadyThere("This person is an owner of Feeboard, and sees every account.")
    if person is not None and Membership.objects.filter(account=account, user=person).exists():
        raise AlreadyThere("This person belongs to the account already. Look for them in the list of people.")
    if _open_invitations(account, email).filter(expires_at__gt=timezone.now()).exists():
        raise AlreadyThere("This person is invited already. Send that invitation again, or withdraw it first.")


def _open_invitations(account: PartnerAccount, email: str) -> QuerySet[Invitation]:
    return Invitation.objects.filter(account=account, email=email, **OPEN)
