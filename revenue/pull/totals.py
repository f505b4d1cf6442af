"""Kept totals: sums that are adjusted in the transaction that writes the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partners.models import PartnerAccount


def add(account: PartnerAccount, rows_sql: str, params: Sequence[Any]) -> None:
    """Count rows in that appear."""


def take_away(account: PartnerAccount, rows_sql: str, params: Sequence[Any]) -> None:
    """Count rows out that disappear."""


def rebuild(account: PartnerAccount) -> None:
    """Count anew."""


def check(account: PartnerAccount) -> list[object]:
    """The lines that are not what the rows make them."""
    return []
