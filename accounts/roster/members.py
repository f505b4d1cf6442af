"""Who belongs to a partner account, for its admins: people, owners of everything, invitations, and the clients to assign."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q, QuerySet, Value, Window
from django.db.models.functions import Coalesce, Lower, NullIf, RowNumber

from accounts.models import Invitation, Membership, Role, User
from accounts.roster.joining import OPEN
from accounts.roster.membership import WITH_CLIENTS
from accounts.signing_in.second_factors import Type
from partners.containing import containing
from partners.models import BY_NAME, Client, PartnerAccount

PAGE_SIZE = 50
# Owners and invitations stand on one page. More than this of them are found by a search.
SHOWN = 100
# Names of clients beside a person; the rest is a number.
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Member:
    """A line of the list of people."""

    membership: Membership
    clients: int
    client_names: list[str]
    has_second_factor: bool

    @property
    def has_clients(self) -> bool:
        """Whether clients mean anything to the role."""
        return self.membership.role in WITH_CLIENTS

    @property
    def role(self) -> Role:
        return Role(self.membership.role)

    @property
    def more_clients(self) -> int:
        """How many there are beside those that are named."""
        return self.clients - len(self.client_names)


def members(account: PartnerAccount, *, q: str = "", page: str | None = None) -> tuple[list[Member], Page[Membership]]:
    """One page of the people of an account, by name; five queries, however many there are. q: a part of a name or an address."""
    found = Membership.objects.filter(_named(q, "user__"), account=account).select_related("user", "account")
    shown = Paginator(found.order_by(_name("user__"), "user__email"), PAGE_SIZE).get_page(page)
    memberships = list(shown.object_list)
    return _lines(memberships), shown


def member(account: PartnerAccount, pk: int) -> Member:
    """One of the people of an account. Raises Membership.DoesNotExist, also for one of another account."""
    return _lines([Membership.objects.select_related("user", "account").get(account=account, pk=pk)])[0]


def owners(q: str = "") -> list[User]:
    """Those who are admins of every account."""
    found = User.objects.filter(_named(q), is_superuser=True)
    return list(found.order_by(_name(), "email")[:SHOWN])


def open_invitations(account: PartnerAccount, *, q: str = "") -> list[Invitation]:
    """Those that nobody has used or withdrawn, the latest first; also those that have expired."""
    found = Invitation.objects.filter(_part(q, "email"), account=account, **OPEN).select_related("invited_by")
    return list(found.annotate(client_count=Count("clients")).order_by("-created_at", "-pk")[:SHOWN])


def invitation_of(account: PartnerAccount, pk: int) -> Invitation:
    """An open invitation. Raises Invitation.DoesNotExist, also for one of another account."""
    return Invitation.objects.select_related("account").get(account=account, pk=pk, **OPEN)


def clients_named(account: PartnerAccount, q: str) -> QuerySet[Client]:
    """The clients of an account whose company name or id holds `q`, by name."""
    named = _part(q, "company_name") | (Q(external_tenant_id=q) if q else Q())
    return (
        account.clients.filter(named)
        .order_by(BY_NAME, "pk")
        .only("account", "creditor_id", "company_name", "archived_at")
    )


def clients_chosen(account: PartnerAccount, creditor_ids: Iterable[UUID]) -> QuerySet[Client]:
    """The clients of an account with these creditorIds; those of another account are not among them."""
    return account.clients.filter(creditor_id__in=set(creditor_ids)).order_by(BY_NAME, "pk")


def assigned(membership: Membership, *, q: str = "", page: str | None = None) -> Page[Client]:
    """One page of the clients of somebody."""
    return Paginator(clients_named(membership.account, q).filter(memberships=membership), PAGE_SIZE).get_page(page)


def assignable(membership: Membership, *, q: str = "", page: str | None = None) -> Page[Client]:
    """One page of the clients that somebody does not have."""
    own = membership.clients.through.objects.filter(membership=membership).values("client")
    return Paginator(clients_named(membership.account, q).exclude(pk__in=own), PAGE_SIZE).get_page(page)


def _lines(memberships: list[Membership]) -> list[Member]:
    """In three queries at most."""
    keys = [each.pk for each in memberships if each.role in WITH_CLIENTS]
    through = Membership.clients.through.objects.filter(membership__in=keys)
    counts = dict(through.values_list("membership").annotate(Count("pk"))) if keys else {}
    names = _first_names(keys)
    protected = _with_second_factor([each.user_id for each in memberships])
    return [
        Member(
            each,
            counts.get(each.pk, 0),
            names[each.pk],
            each.user_id in protected,
        )
        for each in memberships
    ]


def _first_names(keys: list[int]) -> dict[int, list[str]]:
    """The first names of clients of each membership, in the order in which they were assigned."""
    found: dict[int, list[str]] = defaultdict(list)
    if keys:
        place = Window(RowNumber(), partition_by=F("membership"), order_by="pk")
        first: QuerySet[Any] = Membership.clients.through.objects.filter(membership__in=keys).annotate(place=place)
        rows = first.filter(place__lte=NAMES_SHOWN).order_by("membership", "place")
        for key, name, creditor_id in rows.values_list("membership", "client__company_name", "client__creditor_id"):
            found[key].append(name or str(creditor_id))
    return found


def _with_second_factor(users: list[int]) -> set[int]:
    """Who of `users` (primary keys) signs in with more than a password."""
    factors = Authenticator.objects.filter(user__in=users, type__in=(Type.TOTP, Type.WEBAUTHN))
    return set(factors.values_list("user", flat=True))


def _name(of: str = "") -> Lower:
    """How a person is called in a list."""
    return Lower(Coalesce(NullIf(f"{of}name", Value("")), f"{of}email"))


def _named(q: str, of: str = "") -> Q:
    return _part(q, f"{of}name") | _part(q, f"{of}email")


def _part(q: str, field: str) -> Q:
    return containing(field, q) if q else Q()
