"""The tables of payments and their columns: which there are, which a person shows, and how their headers sort."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import User
from revenue.filters import RevenueFilter


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    key: what its cells show (templates/components/payment_table.html). sort: its key of revenue.filters.SORTS, empty where
    nothing sorts by it. default: shown to who has not chosen. meaning: a sentence, where the label does not say it all.
    """

    key: str
    label: str
    sort: str = ""
    is_number: bool = False
    default: bool = True
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of payments. key: in addresses, in the navigation, and under which people's choices are kept."""

    key: str
    title: str
    columns: tuple[Column, ...]

    @property
    def chooser(self) -> str:
        """The name of the address that remembers the chosen columns."""
        return f"{self.key}_columns"


# A list without its amount answers no question.
ALWAYS = "fee_usd"

TRANSACTIONS = Table(
    "transactions",
    "Transactions",
    (
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
    ),
)
# Debitura's own balance speaks to collection partners; these are the same columns as a referral partner sees them.
BALANCE = Table(
    "balance",
    "Partner Balance",
    (
        Column("case", "Case id", sort="case", meaning="The Debitura reference of the case."),
        Column("client_reference", "Client reference", default=False, meaning="The client's own number of the case."),
        Column("partner_reference", "Partner reference", default=False, meaning="Your own number of the case."),
        Column("client", "Client", sort="client"),
        Column("debtor", "Debtor name", default=False),
        Column("managed_by", "Managed by", meaning="The collection partner who works on the case."),
        Column("case_created", "Date created", default=False, meaning="When the case was created at Debitura."),
        Column("payment_date", "Payment date", sort="payment_date", meaning="When the debtor paid."),
        Column(
            "payment",
            "Debtor payments",
            sort="amount",
            is_number=True,
            default=False,
            meaning="What the debtor paid, in the currency of the payment.",
        ),
        Column(
            "success_fee",
            "Success fee %",
            is_number=True,
            default=False,
            meaning="Debitura does not tell referral partners the success fee of a case, so it is always a dash.",
        ),
        Column(
            "fee_usd",
            "Revenue (USD)",
            sort="fee",
            is_number=True,
            meaning="What you earn on the payment: your referral fee.",
        ),
        Column(
            "revenue_usd",
            "Debitura fee (USD)",
            is_number=True,
            meaning="What Debitura charges the collection partner for the payment; your revenue is a share of it.",
        ),
        Column(
            "category",
            "Revenue category",
            meaning="A success fee is a share of what the debtor paid. What was earned without a payment is paid by the "
            "hour, or a fixed fee.",
        ),
        Column(
            "commission_status", "Commission status", meaning="Whether the collection partner has paid the commission."
        ),
        Column(
            "platform_status",
            "Debitura invoice status",
            meaning="How far Debitura's invoice to the collection partner is.",
        ),
        Column("more", "See more"),
    ),
)


@dataclass(frozen=True, slots=True)
class Header:
    """A column as it stands in the table; `query` sorts by it, `direction` is "ascending", "descending" or empty."""

    column: Column
    query: str
    direction: str


def shown_columns(user: User, table: Table) -> tuple[Column, ...]:
    """The columns that a person has chosen, in the table's order; the default ones before the first choice."""
    chosen = user.columns.get(table.key)
    return tuple(
        column
        for column in table.columns
        if (column.default if chosen is None else column.key in chosen or column.key == ALWAYS)
    )


def choose(user: User, table: Table, keys: Iterable[str]) -> None:
    """Remember the columns a person wants; unknown keys are dropped, none at all means the default ones."""
    known = [column.key for column in table.columns if column.key in set(keys)]
    others = {name: chosen for name, chosen in user.columns.items() if name != table.key}
    user.columns = others | ({table.key: known} if known else {})
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
