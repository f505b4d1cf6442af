"""What came into a stage lately: as the pulls saw it, not as anybody dated it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from accounts.access import Sight
from partners.fields import ExactSum
from revenue.models import PRESENT, TURNED, Transaction
from revenue.selectors.trends import Fee
from revenue.stages import Stage


def turned_since(sight: Sight, stage: Stage, moment: datetime) -> Fee:
    """The fees that were seen to come into `stage` at or after an instant (UTC), and are in it still. One query.

    What stood in it when it was first seen is not among them: nobody knows since when.
    """
    rows = Transaction.objects.filter(PRESENT, TURNED, sight.of_clients(), account=sight.account, stage=stage)
    found = rows.filter(stage_since__gte=moment).aggregate(
        fee=ExactSum("fee_usd"), estimate=ExactSum("fee_usd", filter=Q(is_estimate=True))
    )
    return Fee(found["fee"], found["estimate"])
