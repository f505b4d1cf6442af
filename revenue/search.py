"""The one search box: a part of a reference, a name or an id, whatever the case of its letters."""

from __future__ import annotations

import re
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Replace
from django.db.models.lookups import IContains

from partners.models import Case, Client, PartnerAccount

# A part of a transaction id shorter than this would be found in ids by chance.
SHORTEST_ID_PART = 6


def containing(field: str, text: str) -> Q:
    """`field` holds `text` somewhere, case-insensitively; every character of `text` stands for itself.

    SQLite's LIKE folds only ASCII, so a text with other letters goes through its regular expressions there.
    """
    if connection.vendor == "sqlite" and not text.isascii():
        return Q((f"{field}__iregex", re.escape(text)))
    return Q((f"{field}__icontains", text))


def matching_transactions(account: PartnerAccount, text: str) -> Q:
    """Transactions of `account` whose case reference, client, debtor, client's or partner's reference or id holds `text`."""
    found = Q(client__in=matching_clients(account, text)) | Q(case__in=_matching_cases(account, text))
    return found | _id_containing(text)


def matching_clients(account: PartnerAccount, text: str) -> QuerySet[Client]:
    """Clients of `account` whose company name holds `text`."""
    return Client.objects.filter(containing("company_name", text), account=account)


def _matching_cases(account: PartnerAccount, text: str) -> QuerySet[Case]:
    fields = ("reference", "debtor_name", "client_reference", "partner_reference")
    anywhere = Q()
    for field in fields:
        anywhere |= containing(field, text)
    return Case.objects.filter(anywhere, account=account)


def _id_containing(text: str) -> Q:
    try:
        return Q(transaction_id=UUID(text))
    except ValueError:
        part = text.replace("-", "").lower()
    if not re.fullmatch(f"[0-9a-f]{{{SHORTEST_ID_PART},32}}", part):
        return Q()
    # Without hyphens on both sides: SQLite stores ids that way, PostgreSQL does not.
    digits = Replace(Cast("transaction_id", TextField()), Value("-"), Value(""), output_field=TextField())
    return Q(IContains(digits, part))
