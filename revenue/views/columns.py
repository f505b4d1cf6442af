"""The columns of the list of transactions: which there are, which a person shows, and how their headers sort."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import User
from revenue.filters import RevenueFilter

TABLE = "transactions"


@dataclass(frozen=True, slots=True)
class Column:
    """sort: its key of revenue.filters.SORTS, empty where nothing sorts by it. default: shown to who has not chosen."""

    key: str
    label: str
    sort: str = ""
    is_number: bool = False
    default: bool = True


COLUMNS = (
    Column("payment_date", "Payment date", sort="payment_date"),
    Column("client", "Client", sort="client"),
    Column("case", "Case", sort="case"),
    Column("debtor", "Debtor"),
    Column("client_reference", "Client reference", default=False),
    Column("partner_reference", "Partner reference", default=False),
    Column("stage", "Stage", sort="stage"),
    Column("payment", "Payment", sort="amount", is_number=True),
    Column("percentage", "Fee share", is_number=True),
    Column("fee", "Fee, own currency", is_number=True, default=False),
    Column("fee_usd", "Fee (USD)", sort="fee", is_number=True),
    Column("revenue_usd", "Debitura's revenue (USD)", is_number=True, default=False),
    Column("statuses", "Statuses", default=False),
    Column("stage_since", "In this stage since", default=False),
    Column("first_seen", "First seen", sort="first_seen", default=False),
    Column("transaction_id", "Transaction id", default=False),
)
# A list without its amount answers no question.
ALWAYS = "fee_usd"


@dataclass(frozen=True, slots=True)
class Header:
    """A column as it stands in the table; `query` sorts by it, `direction` is "ascending", "descending" or empty."""

    column: Column
    query: str
    direction: str


def shown_columns(user: User) -> tuple[Column, ...]:
    """The columns that a person has chosen, in the table's order; the default ones before the first choice."""
    chosen = user.columns.get(TABLE)
    return tuple(
        column
        for column in COLUMNS
        if (column.default if chosen is None else column.key in chosen or column.key == ALWAYS)
    )


def choose(user: User, keys: Iterable[str]) -> None:
    """Remember the columns a person wants; unknown keys are dropped, none at all means the default ones."""
    known = [column.key for column in COLUMNS if column.key in set(keys)]
    others = {table: chosen for table, chosen in user.columns.items() if table != TABLE}
    user.columns = others | ({TABLE: known} if known else {})
    user.save(update_fields=["columns"])


def headers(f: RevenueFilter, columns: Iterable[Column]) -> list[Header]:
    """The headers of the table, each with the sort that a click on it asks for."""
    return [Header(column, _sort_query(f, column), direction(f.sort, column.sort)) for column in columns]


def direction(sort: str, key: str) -> str:
    """How a list sorted by `sort` is sorted by `key`, in the words of aria-sort; empty where it is not."""
    if not key or sort.removeprefix("-") != key:
        return ""
    return "descending" if sort.startswith("-") else "ascending"


def turned(sort: str, key: str, *, largest_first: bool) -> str:
    """The sort that a click on the header of `key` asks for: the other way round, or the useful way at first."""
    if sort.removeprefix("-") == key:
        return key if sort.startswith("-") else f"-{key}"
    return f"-{key}" if largest_first else key


def _sort_query(f: RevenueFilter, column: Column) -> str:
    largest_first = column.is_number or column.key in ("payment_date", "first_seen")
    return f.query(sort=turned(f.sort, column.sort, largest_first=largest_first)) if column.sort else ""
