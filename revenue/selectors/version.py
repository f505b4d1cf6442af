"""The version of what pages show: where it is the same, so is every figure, name and state that comes from the database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from django.db import connection
from django.db.models import Model

from accounts.access import Seen
from partners.models import PartnerAccount
from revenue.models import PullRun

# Every step of a pull is written into one of these; figures are published in the transaction that sets `as_of`.
_STEPS = ("id", "status", "phase", "heartbeat_at", "finished_at", "as_of")
# Another key changes no page.
_UNSHOWN = frozenset({"sealed_api_key", "sealed_collection_key"})


def data_version(seen: Seen | None, slug: str) -> str | None:
    """A text that changes with everything that pages tell about the account named `slug`; "": the first one. One query.

    It is made of the rows of all accounts that are `seen` (accounts.access.seen_by), of what the reader may see of each, and of
    the latest pull of this one, the only pull that can still change. Whoever writes what a page shows has to change one of
    these rows in the same transaction or after it: a pull does so by its end, anything else by a column of the account. None
    where `slug` is not among the accounts that are seen.
    """
    if seen is None:
        return None
    with connection.cursor() as cursor:
        # By hand: the ORM would think about it for longer than the database, and than all the rest of an unchanged page.
        cursor.execute(_states(connection.vendor).format(standing=seen.standing, keys=seen.keys), seen.params)
        rows = cursor.fetchall()
    account = next((row for row in rows if row[0] == slug), None) if slug else next(iter(rows), None)
    return None if account is None else repr((account, [own for _, *own, _ in rows]))


@cache
def _states(vendor: str) -> str:
    """SQL with gaps: of every account in {keys}, the first one first, its slug, its own row, what of it may be seen, and what
    its latest pull does."""
    account, run = _table(PartnerAccount), _table(PullRun)
    shown = [field.attname for field in PartnerAccount._meta.concrete_fields if field.attname not in _UNSHOWN]
    doing = (
        f"SELECT {_as_text(vendor, run, _STEPS)} FROM {run} "  # noqa: S608  # names of our own, here and below
        f"WHERE account_id = {account}.id ORDER BY started_at DESC, id DESC LIMIT 1"
    )
    return (
        f"SELECT slug, {_as_text(vendor, account, shown)}, {{standing}}, ({doing}) FROM {account} "  # noqa: S608
        f"WHERE id IN ({{keys}}) ORDER BY created_at, id"
    )


def _as_text(vendor: str, table: str, columns: Sequence[str]) -> str:
    named = [f"{table}.{column}" for column in columns]
    if vendor == "postgresql":
        return f"ROW({', '.join(named)})::text"
    return " || ',' || ".join(f"coalesce(CAST({name} AS text), '')" for name in named)


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
