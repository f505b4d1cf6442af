"""Writing clients and cases: whom the rows belong to."""

# Statements hold no word from outside (sql.py).
# ruff: noqa: S608

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, QuerySet

from partners.debitura.records import ClientRecord
from partners.models import Case, Client, PartnerAccount
from revenue.models import StagedRow
from revenue.pull import bulk, events, sql
from revenue.pull.events import Kind
from revenue.pull.portfolio import ClientListing
from revenue.pull.portion import Portion

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
# Every control character there is (category Cc).
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
CASE_KEY = ("account_id", "case_id")
CASE_FIELDS = ("reference", "client_id", "debtor_name", "original_amount", "currency")
# What a staged row calls them. The reference was made addressable when the row was staged (staging.py).
CASE_SAYS = {
    "reference": "case_reference",
    "debtor_name": "debtor_name",
    "original_amount": "original_amount",
    "currency": "case_currency",
}


@dataclass(frozen=True, slots=True)
class _Known:
    """A stored client, as far as it tells whether a listed one is news; and whether its onboarding was open."""

    fingerprint: str
    is_archived: bool = False
    is_onboarding: bool = field(default=False, compare=False)


@dataclass(slots=True)
class ClientCounts:
    """What a pull did to the clients."""

    created: int = 0
    updated: int = 0
    archived: int = 0


def save_clients(account: PartnerAccount, listing: ClientListing, *, seen_at: datetime) -> ClientCounts:
    """Write the listed clients that are new or changed; archive the others where the listing is proven complete."""
    stored = account.clients.values_list("creditor_id", "fingerprint", "archived_at", "onboarding_done")
    known = {
        key: _Known(fingerprint, archived_at is not None, is_done is False)
        for key, fingerprint, archived_at, is_done in stored.iterator()
    }
    changed = [record for key, record in listing.rows.items() if known.get(key) != _Known(record.fingerprint.hex())]
    bulk.write(
        Client,
        [_client(account, record) for record in changed],
        identity=("account", "creditor_id"),
        update=(*CLIENT_FIELDS, "users", "fingerprint", "archived_at"),
    )
    counts = ClientCounts(updated=sum(record.creditor_id in known for record in changed))
    counts.created = len(changed) - counts.updated
    news = _news(changed, known)
    if listing.tells_who_is_gone:
        news[Kind.ARCHIVED] = gone = _gone(known, listing)
        counts.archived = account.clients.filter(creditor_id__in=gone).update(archived_at=seen_at) if gone else 0
    if known:
        events.save_of_clients(account, news, seen_at=seen_at)
    return counts


def _news(changed: Iterable[ClientRecord], known: Mapping[UUID, _Known]) -> dict[Kind, list[UUID]]:
    """What the listed clients that are new or changed have become, beside other facts."""
    news: dict[Kind, list[UUID]] = {Kind.LINKED: [], Kind.RETURNED: [], Kind.ONBOARDED: []}
    for record in changed:
        before = known.get(record.creditor_id)
        # One that only payments have named so far was never listed.
        if before is None or not before.fingerprint:
            news[Kind.LINKED].append(record.creditor_id)
            continue
        if before.is_archived:
            news[Kind.RETURNED].append(record.creditor_id)
        if before.is_onboarding and record.onboarding_done:
            news[Kind.ONBOARDED].append(record.creditor_id)
    return news


def _gone(known: Mapping[UUID, _Known], listing: ClientListing) -> list[UUID]:
    """The stored clients that are not listed any more. One that is listed but cannot be read is listed."""
    return [
        key
        for key, client in known.items()
        if not client.is_archived and key not in listing.rows and str(key) not in listing.unreadable
    ]


def _client(account: PartnerAccount, record: ClientRecord) -> Client:
    told = {name: getattr(record, name) for name in CLIENT_FIELDS}
    told["external_tenant_id"] = indexable(record.external_tenant_id)
    return Client(
        account=account,
        creditor_id=record.creditor_id,
        users=json.loads(record.users),
        fingerprint=record.fingerprint.hex(),
        **told,
    )


def addressable(reference: str) -> str:
    """A case's reference as part of an address, which can hold no line break; no control character is worth keeping."""
    return CONTROL.sub("\ufffd", indexable(reference))


def indexable(text: TextOrNone) -> TextOrNone:
    """The text, cut where no index could hold it: nobody looks for so long a one, and `raw` has all of it."""
    return text[:LONGEST_INDEXED] if text else text


def save_named_clients(account: PartnerAccount, staged: QuerySet[Any], *, seen_at: datetime) -> None:
    """Make the clients that staged rows name and GET /clients does not list: archived, as the last such row calls them."""
    known = account.clients.filter(creditor_id=OuterRef("creditor_id"))
    unknown = staged.exclude(creditor_id=None).filter(~Exists(known))
    last = unknown.values("creditor_id").annotate(last=Max("pk")).values("last")
    rows = staged.filter(pk__in=last).order_by("pk")
    named = rows.values_list("creditor_id", "external_tenant_id", "company_name")
    # The tenant's id was made indexable when the row was staged (staging.py, case_rows.py).
    made = [
        Client(account=account, creditor_id=key, external_tenant_id=tenant, company_name=name, archived_at=seen_at)
        for key, tenant, name in named.iterator()
        if key
    ]
    bulk.write(Client, made)


def save_named_cases(portion: Portion) -> None:
    """Write the cases that staged rows name where they are new or differ; the last row that names one is right.

    Their clients must be there. What else we know of a case, as the partner's own reference, no pull writes.
    """
    said = {name: f"s.{CASE_SAYS[name]}" for name in CASE_FIELDS if name != "client_id"} | {"client_id": "c.id"}
    fields = zip(CASE_FIELDS, sql.fields_of(Case, CASE_FIELDS), strict=True)
    changed = " OR ".join(sql.differs(field, f"k.{sql.column(field)}", said[name]) for name, field in fields)
    blank = [field for field in Case._meta.concrete_fields if field.attname not in (*CASE_KEY, *CASE_FIELDS, "id")]
    sql.run(
        f"INSERT INTO {sql.table(Case)} ({sql.columns(Case, (*CASE_KEY, *CASE_FIELDS, *(field.name for field in blank)))}) "
        f"SELECT s.account_id, s.case_uuid, {', '.join(said[name] for name in CASE_FIELDS)}{', %s' * len(blank)} "
        f"FROM {sql.table(StagedRow)} s "
        f"JOIN (SELECT MAX(id) AS id FROM {sql.table(StagedRow)} n "
        f"WHERE {portion.condition('n')} AND case_uuid IS NOT NULL GROUP BY case_uuid) latest ON latest.id = s.id "
        f"LEFT JOIN {sql.table(Client)} c ON c.account_id = s.account_id AND c.creditor_id = s.creditor_id "
        f"LEFT JOIN {sql.table(Case)} k ON k.account_id = s.account_id AND k.case_id = s.case_uuid "
        f"WHERE k.id IS NULL OR {changed} "
        f"ON CONFLICT ({sql.columns(Case, CASE_KEY)}) DO UPDATE SET {sql.excluded(Case, CASE_FIELDS)}",
        [*(field.get_default() for field in blank), *portion.params],
    )
