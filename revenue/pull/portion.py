"""Some of the rows that an account has staged."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from partners.models import PartnerAccount
from revenue.models import StagedRow

LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Portion:
    """Those whose primary key comes after the one and not after the other; keys grow as rows are staged."""

    account: PartnerAccount
    after: int = 0
    upto: int = LARGEST_KEY

    @property
    def rows(self) -> QuerySet[StagedRow]:
        return self.account.staged.filter(pk__gt=self.after, pk__lte=self.upto)

    @property
    def params(self) -> list[int]:
        """What `condition` needs."""
        return [self.account.pk, self.after, self.upto]

    @staticmethod
    def condition(name: str) -> str:
        """SQL that is true of the portion's rows, where the statement calls them so."""
        return f"{name}.account_id = %s AND {name}.id > %s AND {name}.id <= %s"
