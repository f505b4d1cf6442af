"""Who may see and do what: the one place that decides.

A Sight is what somebody may see of one partner account. Nothing is asked of the figures without one: filters and selectors take
it, and add nothing to it. What each role is for stands in docs/access.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import Http404, QueryDict

from accounts.models import Membership, Role, User
from accounts.signing_in.second_factors import second_factors_of
from partners.models import BY_NAME, Client, PartnerAccount

Asker = User | AnonymousUser
# Who works for the partner. A client's own people see pages of their own, and nothing of what the partner's people see.
STAFF = (Role.ADMIN, Role.FINANCE, Role.MANAGER)
# No primary key of a person.
_ANYBODY = -1
# What of a membership decides what its person sees, as a text; none for superusers. Who is looked after is never changed in
# place, and its ids never come again, so that their number and the last of them tell of every change.
_STANDING = """coalesce((SELECT role || CAST(sees_totals AS text) || coalesce(CAST(looked_at AS text), '') || (
        SELECT count(*) || '/' || coalesce(max(id), 0) FROM accounts_membership_clients
        WHERE membership_id = accounts_membership.id)
    FROM accounts_membership WHERE account_id = partners_partneraccount.id AND user_id = %s), '')"""


class UnknownAccount(Http404):
    """The account named by `partner` does not exist, or the asker may not see it: nobody learns which."""


class NoAccount(Exception):
    """No partner account is connected yet, or none that the asker may see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What somebody who works for the partner may see of `account`, and do there.

    clients: the primary keys of the only clients whose rows they may see, sorted; None: every client, and the rows that name
    none. sees_totals: whether they may see sums over the whole portfolio, too.
    """

    account: PartnerAccount
    role: Role
    clients: tuple[int, ...] | None
    sees_totals: bool

    @classmethod
    def of_everything(cls, account: PartnerAccount) -> Sight:
        """All figures of an account: what finance staff sees. For what asks on nobody's behalf, such as a command."""
        return cls(account=account, role=Role.FINANCE, clients=None, sees_totals=True)

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the account's figures is hidden."""
        return self.clients is None

    @property
    def may_pull(self) -> bool:
        """Whether to start pulls, and to see what each of them did: that speaks of the whole portfolio."""
        return self.is_whole

    @property
    def may_administer(self) -> bool:
        """Whether to change who sees the account, its keys and its screens, and to read its audit trail."""
        return self.role == Role.ADMIN

    def covers(self, client_id: int | None) -> bool:
        """Whether the rows of a client (primary key; None: of no client) may be seen."""
        return self.clients is None or client_id in self.clients

    def of_clients(self, column: str = "client") -> Q:
        """The condition that a row is of a client that may be seen; `column` leads from the row to its client."""
        return Q() if self.clients is None else Q((f"{column}__in", self.clients))


def sights_of(asker: Asker) -> list[Sight]:
    """What the asker may see of each partner account for which they work. Two queries at most, three for account managers.

    The first one is the one that a link without `partner` means; connecting another account never changes which one that is.
    """
    accounts = list(visible_accounts(asker).order_by("created_at", "pk"))
    if not accounts or not isinstance(asker, User):
        return []
    roles = {} if asker.is_superuser else {each.account_id: each for each in _memberships_of(asker)}
    clients = _clients_of([each for each in roles.values() if each.role == Role.MANAGER])
    return [_sight(account, roles.get(account.pk), clients) for account in accounts]


Sights = Sequence[Sight] | None


def sight_of(params: QueryDict, *, asker: Asker, seen: Sights = None) -> tuple[Sight, bool]:
    """What the asker sees of the account that `partner` names, or of the first one; and whether it is that one.

    seen: what they see of every account (accounts.access.sights_of), where somebody has asked for that already. Raises
    UnknownAccount and NoAccount.
    """
    seen = sights_of(asker) if seen is None else seen
    if not seen:
        raise NoAccount(_nothing_seen_by(asker))
    slug = params.get("partner", "")
    sight = next((sight for sight in seen if sight.account.slug == slug), None) if slug else seen[0]
    if sight is None:
        raise UnknownAccount("There is no such partner account.")
    return sight, sight is seen[0]


def _nothing_seen_by(asker: Asker) -> str:
    if lacks_second_factor(asker):
        return "You have to set up a second factor first. Do so in Feeboard: Profile, Security."
    if isinstance(asker, User) and asker.is_superuser:
        return "No partner account is connected yet. Connect one with: manage.py connect_partner"
    return "You see no partner account. An admin of one can invite you."


def admins_of(account: PartnerAccount) -> QuerySet[User]:
    """Who administers an account and can sign in: its own admins, and superusers."""
    own = Membership.objects.filter(account=account, role=Role.ADMIN).values("user")
    return User.objects.filter(Q(pk__in=own) | Q(is_superuser=True), is_active=True).order_by("pk")


def without_second_factor(account: PartnerAccount) -> QuerySet[User]:
    """Who would see nothing of an account any more, until they have set up a second factor, if it asked for one."""
    own = Membership.objects.filter(account=account).values("user")
    people = User.objects.filter(Q(pk__in=own) | Q(is_superuser=True), is_active=True)
    return people.exclude(Exists(second_factors_of(OuterRef("pk")))).order_by("email")


def own_clients(asker: Asker) -> QuerySet[Client]:
    """The clients, the creditors, whose own person the asker is."""
    if not isinstance(asker, User) or not asker.is_active:
        return Client.objects.none()
    return Client.objects.filter(
        _proven_enough(asker, "account__"),
        memberships__user=asker,
        memberships__role=Role.CLIENT,
        memberships__account=F("account"),
    )


class Seat(NamedTuple):
    """A client whose own person somebody is: its primary key and that of its account, its creditorId, and its name."""

    client: int
    account: int
    creditor_id: UUID
    company: str


def seats_of(asker: Asker) -> tuple[Seat, ...]:
    """The clients whose own person the asker is, by name. One query.

    What is asked for such a person is asked of these clients (revenue.selectors.own), never of an account.
    """
    found = own_clients(asker).order_by(BY_NAME, "pk")
    return tuple(
        Seat(client, account, creditor_id, name or str(creditor_id))
        for client, account, creditor_id, name in found.values_list("pk", "account", "creditor_id", "company_name")
    )


class Seen(NamedTuple):
    """The SQL that finds the primary keys of `visible_accounts`; a text of what the asker may see of each, beside the account's
    row, which changes with it; and the parameters of both, those of the text first."""

    keys: str
    standing: str
    params: tuple[Any, ...]


def visible_accounts(asker: Asker) -> QuerySet[PartnerAccount]:
    """The partner accounts of which `asker` may see something as somebody who works for the partner."""
    if not isinstance(asker, User) or not asker.is_active:
        return PartnerAccount.objects.none()
    open_to_them = PartnerAccount.objects.filter(_proven_enough(asker))
    if asker.is_superuser:
        return open_to_them
    return open_to_them.filter(pk__in=_memberships_of(asker).values("account"))


def _proven_enough(asker: User, account: str = "") -> Q:
    """The condition that an account asks for no more than `asker` proves at each sign-in; `account` leads to its columns."""
    return Q((f"{account}requires_second_factor", False)) | Q(Exists(second_factors_of(asker)))


def lacks_second_factor(asker: Asker) -> bool:
    """Whether `asker` would see an account, or clients of one, if they had a second factor."""
    if not isinstance(asker, User) or not asker.is_active or second_factors_of(asker).exists():
        return False
    asking = PartnerAccount.objects.filter(requires_second_factor=True)
    return (asking if asker.is_superuser else asking.filter(memberships__user=asker)).exists()


def seen_by(asker: Asker) -> Seen | None:
    """What the asker sees, in SQL; None for who sees nothing in any case.

    For what is asked at every look at a page: the ORM would think about it for longer than the database.
    """
    if not isinstance(asker, User) or not asker.is_active:
        return None
    keys, params = _keys_for_anybody(is_superuser=asker.is_superuser)
    return Seen(keys, _STANDING, (asker.pk, *(asker.pk if param == _ANYBODY else param for param in params)))


@cache
def _keys_for_anybody(*, is_superuser: bool) -> tuple[str, tuple[Any, ...]]:
    """With _ANYBODY among the parameters in the place of who asks."""
    anybody = User(pk=_ANYBODY, is_superuser=is_superuser)
    return visible_accounts(anybody).order_by().values("pk").query.sql_with_params()


def _memberships_of(person: User) -> QuerySet[Membership]:
    """The roles of a person at the accounts for which they work."""
    return Membership.objects.filter(user=person, role__in=STAFF)


def _clients_of(managers: list[Membership]) -> dict[int, list[int]]:
    """The primary keys of the clients that each account manager looks after, by membership; of its own account alone."""
    found: dict[int, list[int]] = defaultdict(list)
    if managers:
        assigned = Client.objects.filter(memberships__in=managers).order_by("pk")
        accounts = {manager.pk: manager.account_id for manager in managers}
        for key, account, manager in assigned.values_list("pk", "account", "memberships"):
            if accounts.get(manager) == account:
                found[manager].append(key)
    return found


def _sight(account: PartnerAccount, membership: Membership | None, clients: dict[int, list[int]]) -> Sight:
    """Without a membership: that of a superuser."""
    role = Role.ADMIN if membership is None else Role(membership.role)
    if membership is None or role != Role.MANAGER:
        return Sight(account=account, role=role, clients=None, sees_totals=True)
    return Sight(account=account, role=role, clients=tuple(clients[membership.pk]), sees_totals=membership.sees_totals)
