"""Cases as GET /cases describes them: set aside while they are read, written when the pull is published.

A case that has payments is called what these call it, so that the two never contradict each other in turn; of the others
the list tells everything. The partner's own reference nobody writes here.
"""

# Statements hold no word from outside (sql.py).
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from partners.debitura.records import CaseRecord
from partners.models import Activation, Case, Client, PartnerAccount
from revenue.models import PullRun, PullState, QuarantinedRow, StagedCase, Transaction
from revenue.pull import bulk, events, quarantine, sql
from revenue.pull.directory import CASE_KEY, addressable, indexable, save_named_clients

if TYPE_CHECKING:
    from revenue.pull.case_list import CaseReading

# What payments say, too.
SHARED = ("reference", "debtor_name", "original_amount", "currency")
TOLD = (
    "client_reference",
    "lifecycle",
    "close_code",
    "engagement_phase",
    "collection_partner",
    "date_created",
    "remainder",
    "raw",
    "fingerprint",
)
STAGED = ("account", "case_id")


def forget(account: PartnerAccount) -> None:
    """What a pull that died has read: its pages are read again."""
    account.staged_cases.all().delete()


def stage(account: PartnerAccount, records: Iterable[CaseRecord]) -> int:
    """Set aside the cases that are new or changed; how many of all were never described to us before."""
    listed = {record.case_id: record for record in records}
    known = dict(account.cases.filter(case_id__in=listed).values_list("case_id", "fingerprint"))
    changed = [_staged(account, row) for key, row in listed.items() if known.get(key) != row.fingerprint.hex()]
    told = [field.name for field in StagedCase._meta.concrete_fields if field.name not in (*STAGED, "id")]
    # A case that moved to another page while we read comes twice; the later word counts.
    bulk.write(StagedCase, changed, identity=STAGED, update=told)
    return sum(not known.get(key) for key in listed)


def _staged(account: PartnerAccount, record: CaseRecord) -> StagedCase:
    return StagedCase(
        account=account,
        case_id=record.case_id,
        reference=addressable(record.reference),
        creditor_id=record.creditor_id,
        external_tenant_id=indexable(record.external_tenant_id),
        company_name=record.company_name,
        debtor_name=record.debtor_name,
        original_amount=record.gross_amount,
        currency=record.currency,
        client_reference=record.client_reference,
        lifecycle=indexable(record.lifecycle),
        close_code=record.close_code,
        engagement_phase=record.engagement_phase,
        collection_partner=record.collection_partner,
        date_created=record.date_created,
        remainder=record.remainder,
        raw=record.raw,
        fingerprint=record.fingerprint.hex(),
    )


def refresh_statistics(account: PartnerAccount) -> None:
    """Not within the transaction that writes: it would keep others from doing the same until that ends."""
    if account.staged_cases.all()[bulk.MANY :].exists():
        bulk.refresh_statistics(StagedCase, "account_id", "case_id", "creditor_id")


def hold(account: PartnerAccount) -> None:
    """Who edits cases holds the account first; so must a pull before it writes any, or both would wait for each other."""
    list(PartnerAccount.objects.select_for_update(no_key=True).filter(pk=account.pk).values_list("pk"))


def save_listed_cases(account: PartnerAccount, run: PullRun, found: CaseReading) -> None:
    """Write what was staged, after the rows of the same pull; note in the run and in the state what was read."""
    if account.staged_cases.exists():
        save_named_clients(account, account.staged_cases.all(), seen_at=run.as_of or run.started_at)
        _write(account, run)
        forget(account)
    quarantine.save(run, QuarantinedRow.Resource.CASES, found.unreadable)
    run.cases_seen, run.cases_unreadable = found.seen, len(found.unreadable)
    run.cases_left, run.cases_as_of, run.cases_trouble = found.left, found.rotation.as_of, found.trouble
    PullState.objects.filter(account=account).update(
        cases_page=found.rotation.page,
        cases_pages=found.rotation.pages,
        cases_newest_last=found.rotation.newest_last,
        cases_round_from=found.rotation.round_from,
        cases_as_of=found.rotation.as_of,
    )


def _write(account: PartnerAccount, run: PullRun) -> None:
    """What was staged becomes what is stored, and what is new of it is written down."""
    are_new, last = events.has_seen_every_case(account), events.last_case()
    events.save_of_described_cases(_described(), _described_params(account, run), run, are_new=are_new)
    run.cases_updated, run.cases_created = _update(account, run), _insert(account)
    if are_new and run.cases_created:
        events.save_of_new_cases(account, run, after=last)


def _update(account: PartnerAccount, run: PullRun) -> int:
    """The stored ones; how many."""
    told = [f"{column} = n.{column}" for column in map(sql.column, sql.fields_of(Case, TOLD))]
    shared = [f"{name} = CASE WHEN n.is_paid THEN k.{name} ELSE n.{name} END" for name in (*SHARED, "client_id")]
    return sql.run(
        f"UPDATE {sql.table(Case)} AS k SET {', '.join((*told, *shared))} FROM ({_described()}) n WHERE k.id = n.held",
        _described_params(account, run),
    )


def _described() -> str:
    """The query of what was staged for stored cases (`held`).

    What was read before an activation ended says nothing about it: the next time tells.
    """
    return (
        f"SELECT held.id AS held, c.id AS client_id, {sql.columns(StagedCase, (*TOLD, *SHARED), of='s')}, "
        f"EXISTS (SELECT 1 FROM {sql.table(Transaction)} t WHERE t.case_id = held.id) AS is_paid "
        f"FROM {_staged_with_client()} "
        f"JOIN {sql.table(Case)} held ON held.account_id = s.account_id AND held.case_id = s.case_id "
        f"WHERE s.account_id = %s AND NOT EXISTS (SELECT 1 FROM {sql.table(Activation)} a WHERE a.case_id = held.id "
        "AND COALESCE(a.ended_at, a.started_at) >= %s)"
    )


def _described_params(account: PartnerAccount, run: PullRun) -> list[object]:
    return [account.pk, sql.instant(run.started_at)]


def _insert(account: PartnerAccount) -> int:
    """Those that no payment has named and no list before; how many."""
    said = (*CASE_KEY, *TOLD, *SHARED)
    blank = [field for field in Case._meta.concrete_fields if field.attname not in (*said, "client_id", "id")]
    return sql.run(
        f"INSERT INTO {sql.table(Case)} ({sql.columns(Case, (*said, 'client_id', *(field.name for field in blank)))}) "
        f"SELECT {sql.columns(StagedCase, said, of='s')}, c.id{', %s' * len(blank)} "
        f"FROM {_staged_with_client()} "
        f"LEFT JOIN {sql.table(Case)} k ON k.account_id = s.account_id AND k.case_id = s.case_id "
        "WHERE s.account_id = %s AND k.id IS NULL ORDER BY s.id",
        [*(field.get_default() for field in blank), account.pk],
    )


def _staged_with_client() -> str:
    """What follows FROM: the staged cases (`s`) with their clients (`c`), which must be there."""
    return (
        f"{sql.table(StagedCase)} s "
        f"LEFT JOIN {sql.table(Client)} c ON c.account_id = s.account_id AND c.creditor_id = s.creditor_id"
    )
