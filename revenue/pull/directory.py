"""Writing clients and cases: whom the rows belong to."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from unicodedata import category
from uuid import UUID

from partners.debitura.records import CaseRef, ClientRecord, ClientRef, TransactionRecord
from partners.models import Case, Client, PartnerAccount
from revenue.pull import bulk
from revenue.pull.portfolio import ClientListing

TextOrNone = TypeVar("TextOrNone", str, str | None)

CLIENT_FIELDS = (
    "external_tenant_id",
    "company_name",
    "registration_number",
    "country",
    "address",
    "email",
    "phone",
    "onboarding_done",
    "onboarding_url",
    "is_attributed",
    "date_linked",
    "cases_total",
    "cases_closed",
    "earnings_usd",
    "kyc_status",
    "fee_percentage",
    "raw",
)
# An entry of an index must fit a third of a page of PostgreSQL (2704 bytes); a character takes up to four.
LONGEST_INDEXED = 500
CASE_FIELDS = ("reference", "client_id", "debtor_name", "original_amount", "currency")


@dataclass(slots=True)
class ClientCounts:
    """What a pull did to the clients."""

    created: int = 0
    updated: int = 0
    archived: int = 0


def save_clients(account: PartnerAccount, listing: ClientListing, *, seen_at: datetime) -> ClientCounts:
    """Write the listed clients that are new or changed; archive the others where the listing is proven complete."""
    known = {client.creditor_id: client for client in account.clients.all()}
    counts = ClientCounts()
    for key, record in listing.rows.items():
        client = known.get(key)
        if client and client.fingerprint == record.fingerprint.hex() and client.archived_at is None:
            continue
        counts.updated += client is not None
        counts.created += client is None
        _fill_client(client or Client(account=account, creditor_id=key), record).save()
    if listing.tells_who_is_gone:
        counts.archived = _archive_others(account, known.values(), listing, seen_at)
    return counts


def _archive_others(account: PartnerAccount, known: Iterable[Client], listing: ClientListing, seen_at: datetime) -> int:
    """A client that is listed but cannot be read is listed."""
    gone = [
        client.pk
        for client in known
        if client.archived_at is None
        and client.creditor_id not in listing.rows
        and str(client.creditor_id) not in listing.unreadable
    ]
    return account.clients.filter(pk__in=gone).update(archived_at=seen_at)


def _fill_client(client: Client, record: ClientRecord) -> Client:
    for name in CLIENT_FIELDS:
        setattr(client, name, getattr(record, name))
    client.external_tenant_id = indexable(record.external_tenant_id)
    client.users = json.loads(record.users)
    client.fingerprint = record.fingerprint.hex()
    client.archived_at = None
    return client


def addressable(reference: str) -> str:
    """A case's reference as part of an address, which can hold no line break; no control character is worth keeping."""
    return "".join("\ufffd" if category(character) == "Cc" else character for character in indexable(reference))


def indexable(text: TextOrNone) -> TextOrNone:
    """The text, cut where no index could hold it: nobody looks for so long a one, and `raw` has all of it."""
    return text[:LONGEST_INDEXED] if text else text


def clients_of(account: PartnerAccount, rows: Iterable[TransactionRecord], *, seen_at: datetime) -> dict[UUID, int]:
    """creditorId → primary key of the clients these rows name. One that GET /clients does not list is made, archived."""
    named: dict[UUID, ClientRef] = {row.client.creditor_id: row.client for row in rows if row.client}
    known = _client_keys(account, named)
    Client.objects.bulk_create(
        Client(
            account=account,
            creditor_id=key,
            external_tenant_id=indexable(ref.external_tenant_id),
            company_name=ref.company_name,
            archived_at=seen_at,
        )
        for key, ref in named.items()
        if key not in known
    )
    return _client_keys(account, named) if named.keys() - known.keys() else known


def _client_keys(account: PartnerAccount, named: Collection[UUID]) -> dict[UUID, int]:
    return dict(account.clients.filter(creditor_id__in=named).values_list("creditor_id", "pk"))


def cases_of(
    account: PartnerAccount, rows: Iterable[TransactionRecord], clients: Mapping[UUID, int]
) -> dict[UUID, int]:
    """invoiceId → primary key of the cases these rows name, written where new or changed. Never the partner reference."""
    named = {row.case.case_id: _case(account, row.case, row.client, clients) for row in rows if row.case}
    known = {case.case_id: case for case in account.cases.filter(case_id__in=named)}
    changed = [case for key, case in named.items() if key not in known or _differs(known[key], case)]
    bulk.write(Case, changed, identity=("account", "case_id"), update=CASE_FIELDS)
    return dict(account.cases.filter(case_id__in=named).values_list("case_id", "pk"))


def _case(account: PartnerAccount, ref: CaseRef, client: ClientRef | None, clients: Mapping[UUID, int]) -> Case:
    return Case(
        account=account,
        case_id=ref.case_id,
        reference=addressable(ref.reference),
        client_id=clients[client.creditor_id] if client else None,
        debtor_name=ref.debtor_name,
        original_amount=ref.original_amount,
        currency=ref.currency,
    )


def _differs(stored: Case, latest: Case) -> bool:
    return any(getattr(stored, name) != getattr(latest, name) for name in CASE_FIELDS)
