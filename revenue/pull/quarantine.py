"""Rows that cannot be read: kept aside as they came, with the reason, for as long as they may be listed."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from partners.debitura.fields import BadField, identifier
from partners.debitura.parsing import digest
from partners.debitura.records import Unreadable
from partners.models import PartnerAccount
from revenue.models import PullRun, QuarantinedRow
from revenue.pull.sweep import is_named

# An update of many rows at once is one statement whose cost grows with the square of their number.
BATCH = 200


def save(run: PullRun, resource: QuarantinedRow.Resource, broken: Mapping[str, Unreadable]) -> None:
    """Keep what could not be read, once a row: a broken estimate has another text at every pull, and the last one is kept.

    `broken` by its key (sweep.key_of). Where a row does not say which one it is, every text of it is a row of its own.
    """
    rows = list(broken.values())
    for start in range(0, len(rows), BATCH):
        _save(run, resource, rows[start : start + BATCH])


def unheard_of(account: PartnerAccount, before: PullRun) -> list[int]:
    """Primary keys of the unreadable transactions that the run `before` still had and that were not come across since.

    To be asked when this run's own are kept and its rows, which may be the same ones healed, are still staged.
    """
    kept = account.quarantine.filter(resource=QuarantinedRow.Resource.TRANSACTIONS, last_run=before)
    named = {key: pk for pk, key in kept.values_list("pk", "identity")}
    staged = account.staged.filter(transaction_id__in=[key for key in map(_identifier, named) if key])
    healed = set(staged.values_list("transaction_id", flat=True))
    return [pk for key, pk in named.items() if _identifier(key) not in healed]


def _identifier(identity: str) -> UUID | None:
    try:
        return identifier(identity, "id")
    except BadField:
        return None


def keep(rows: list[int], run: PullRun) -> int:
    """They count as listed by this run too; how many."""
    return QuarantinedRow.objects.filter(pk__in=rows).update(last_run=run) if rows else 0


def _save(run: PullRun, resource: QuarantinedRow.Resource, rows: list[Unreadable]) -> None:
    named = [row.identity for row in rows if is_named(row)]
    known = {row.identity: row for row in run.account.quarantine.filter(resource=resource, identity__in=named)}
    kept = [_quarantined(run, resource, row, known.get(row.identity)) for row in rows]
    QuarantinedRow.objects.bulk_update((row for row in kept if row.pk), ["digest", "reason", "raw", "last_run"])
    QuarantinedRow.objects.bulk_create(
        (row for row in kept if not row.pk),
        update_conflicts=True,
        unique_fields=["account", "resource", "digest"],
        update_fields=["reason", "last_run"],
    )


def _quarantined(
    run: PullRun, resource: QuarantinedRow.Resource, row: Unreadable, known: QuarantinedRow | None
) -> QuarantinedRow:
    kept = known or QuarantinedRow(account_id=run.account_id, resource=resource, identity=row.identity, first_run=run)
    kept.digest, kept.raw, kept.reason, kept.last_run = digest(row.raw).hex(), row.raw, row.reason, run
    return kept
