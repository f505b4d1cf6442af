"""The version of what pages show: where it is the same, so is every figure, name and state that comes from the database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from django.db import connection
from django.db.models import Model, QuerySet

from partners.models import PartnerAccount
from revenue.models import PullRun, PullState

# Every step of a pull is written into one of these; figures are published in the transaction that sets `as_of`.
_STEPS = ("id", "status", "phase", "heartbeat_at", "finished_at", "as_of")
# Another key changes no page.
_UNSHOWN = frozenset({"sealed_api_key"})


def data_version(visible: QuerySet[PartnerAccount], slug: str) -> str | None:
    """A text that changes with everything that pages tell about the account named `slug`; "": the first one. One query.

    It is made of the rows of all `visible` accounts, of the latest pull of this one, the only pull that can still change,
    and of what it keeps for the next pull. Whoever writes what a page shows in any other way than by a pull has to change
    one of these rows in the same transaction. None where `slug` is not among the `visible` ones.
    """
    if visible.query.is_empty():
        return None
    seen, params = visible.order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        # By hand: the ORM would think about it for longer than the database, and than all the rest of an unchanged page.
        cursor.execute(_states(connection.vendor).replace("{seen}", seen), params)
        rows = cursor.fetchall()
    account = next((row for row in rows if row[0] == slug), None) if slug else next(iter(rows), None)
    return None if account is None else repr((account, [own for _, own, _ in rows]))


@cache
def _states(vendor: str) -> str:
    """SQL: of every account in {seen}, the first one first, its slug, its own row, and what its latest pull does."""
    account, run, state = (_table(model) for model in (PartnerAccount, PullRun, PullState))
    own = _as_text(vendor, account, _columns(PartnerAccount))
    latest = f"SELECT {_as_text(vendor, run, _STEPS)} FROM {run} WHERE account_id = {account}.id"  # noqa: S608
    kept = f"SELECT {_as_text(vendor, state, _columns(PullState))} FROM {state} WHERE account_id = {account}.id"  # noqa: S608
    doing = f"coalesce(({latest} ORDER BY started_at DESC, id DESC LIMIT 1), '') || coalesce(({kept}), '')"
    return f"SELECT slug, {own}, {doing} FROM {account} WHERE id IN ({{seen}}) ORDER BY created_at, id"  # noqa: S608


def _as_text(vendor: str, table: str, columns: Sequence[str]) -> str:
    named = [f"{table}.{column}" for column in columns]
    if vendor == "postgresql":
        return f"ROW({', '.join(named)})::text"
    return " || ',' || ".join(f"coalesce(CAST({name} AS text), '')" for name in named)


def _columns(model: type[Model]) -> list[str]:
    names = (field.column or field.attname for field in model._meta.concrete_fields)
    return [name for name in names if name not in _UNSHOWN]


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
