"""What becomes of clients and their cases, written down for those who look after them, when a pull is published.

The first list of an account is no news, and neither is a state that was only not known before.
"""

# Statements hold no word from outside (sql.py).
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from partners.models import Case, ClientEvent, PartnerAccount
from revenue.models import PullRun, StagedCase
from revenue.pull import sql

Kind = ClientEvent.Kind
_COLUMNS = ("client_id", "case_id", "kind", "old", "new", "at")


def save_of_clients(account: PartnerAccount, found: Mapping[Kind, Collection[UUID]], *, seen_at: datetime) -> None:
    """One line for each of these clients, which are stored."""
    for kind, creditors in found.items():
        if creditors:
            keys = account.clients.filter(creditor_id__in=creditors).order_by("pk").values_list("pk", flat=True)
            ClientEvent.objects.bulk_create(ClientEvent(client_id=key, kind=kind, at=seen_at) for key in keys)


def has_seen_every_case(account: PartnerAccount) -> bool:
    """Whether every listed case had been read before this pull, so that one which nobody had described is a new one."""
    return account.pulls.exclude(cases_as_of=None).exists()


def last_case() -> int:
    """The primary key after which those of cases that are not stored yet come, as long as the account is held."""
    return Case.objects.aggregate(last=Max("pk"))["last"] or 0


def save_of_described_cases(described: str, params: list[object], run: PullRun, *, are_new: bool) -> None:
    """For stored cases that are about to become what was staged: `described` is the query of these (case_rows.py).

    are_new: whether one that only payments have told of so far is news.
    """
    client = "CASE WHEN n.is_paid THEN k.client_id ELSE n.client_id END"
    is_new = "k.fingerprint = ''"
    moved = "k.fingerprint <> '' AND k.lifecycle <> '' AND n.lifecycle <> '' AND k.lifecycle <> n.lifecycle"
    sql.run(
        f"INSERT INTO {sql.table(ClientEvent)} ({sql.columns(ClientEvent, _COLUMNS)}) "
        f"SELECT {client}, k.id, CASE WHEN {is_new} THEN '{Kind.CASE_NEW.value}' ELSE '{Kind.CASE_STATE.value}' END, "
        f"CASE WHEN {is_new} THEN '' ELSE k.lifecycle END, n.lifecycle, %s "
        f"FROM ({described}) n JOIN {sql.table(Case)} k ON k.id = n.held "
        f"WHERE {client} IS NOT NULL AND (({moved}){f' OR {is_new}' if are_new else ''})",
        [sql.instant(_seen_at(run)), *params],
    )


def save_of_new_cases(account: PartnerAccount, run: PullRun, *, after: int) -> None:
    """For the cases that were just stored: those staged ones whose primary key comes `after` this one."""
    sql.run(
        f"INSERT INTO {sql.table(ClientEvent)} ({sql.columns(ClientEvent, _COLUMNS)}) "
        f"SELECT k.client_id, k.id, '{Kind.CASE_NEW.value}', '', k.lifecycle, %s FROM {sql.table(StagedCase)} s "
        f"JOIN {sql.table(Case)} k ON k.account_id = s.account_id AND k.case_id = s.case_id "
        "WHERE s.account_id = %s AND k.id > %s AND k.client_id IS NOT NULL ORDER BY k.id",
        [sql.instant(_seen_at(run)), account.pk, after],
    )


def _seen_at(run: PullRun) -> datetime:
    return run.as_of or run.started_at
