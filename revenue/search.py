"""The one search box: a part of a reference or a name, or the beginning of an id, whatever the case of its letters.

What was found is reached by an index, and so are the rows of it: a search costs what it finds. Parts are found by an index
of their three-letter pieces on PostgreSQL (partners/migrations/0002); elsewhere, and where the text is shorter, every case
is looked at, but no transaction. A search that finds half of the table costs half of the table.
"""

from __future__ import annotations

import re
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.access import Sight
from partners.containing import containing
from partners.models import CASE_TEXT, Case, Client
from revenue.models import PRESENT, Transaction

# A beginning of a transaction id shorter than this would be found in ids by chance.
SHORTEST_ID_PART = 6
_LAST_ID = "f" * 32


def matching_transactions(sight: Sight, text: str) -> Q:
    """Transactions that may be seen, whose case reference, client, debtor, client's or partner's reference holds `text`.

    Or whose id begins with it, hyphens or not, where it is long enough.
    """
    rows = Transaction.objects.filter(PRESENT).order_by().values("pk")
    found = rows.filter(case__in=matching_cases(sight, text))
    others = [rows.filter(client__in=matching_clients(sight, text))]
    if (ids := _ids_beginning_with(text)) is not None:
        others.append(rows.filter(account=sight.account, transaction_id__range=ids))
    # Each by an index of its own: joined by OR they would be asked of every row.
    return Q(pk__in=found.union(*others))


def matching_clients(sight: Sight, text: str) -> QuerySet[Client]:
    """Clients that may be seen, whose company name holds `text`."""
    return Client.objects.filter(containing("company_name", text), sight.of_clients("pk"), account=sight.account)


def matching_cases(sight: Sight, text: str) -> QuerySet[Case]:
    """Cases that may be seen, whose reference, debtor, client's or partner's reference holds `text`."""
    return Case.objects.alias(text=CASE_TEXT).filter(
        containing("text", text), sight.of_clients(), account=sight.account
    )


def naming(text: str) -> Q:
    """The condition that the reference, the debtor or the client's reference of a case holds `text`.

    For the people of clients: the partner's reference is not looked at, and no index that holds it is asked, so that neither an
    answer nor the time it takes tells of one. Every case of theirs is looked at instead.
    """
    return containing("reference", text) | containing("debtor_name", text) | containing("client_reference", text)


def _ids_beginning_with(text: str) -> tuple[UUID, UUID] | None:
    """The first and the last id that begins with `text`; None where it is no beginning of an id, or too short a one."""
    part = text.replace("-", "").lower()
    if not re.fullmatch(f"[0-9a-f]{{{SHORTEST_ID_PART},32}}", part):
        return None
    return UUID(part + "0" * (32 - len(part))), UUID(part + _LAST_ID[len(part) :])
