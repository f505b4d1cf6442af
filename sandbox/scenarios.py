"""Worlds with a story, small enough to check by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sandbox.world import World

# Platform revenue in USD. The exact sum is 335.2084 and the fees (50 %) are 167.6042: rounded at the sum they
# are the guide's 335.21 and 167.60, while the fees rounded row by row would make 167.59.
_GUIDE_REVENUE = ("100.0086", "80.0064", "70.0068", "50.0082", "35.1784")


def guide_example() -> World:
    """The revenue guide's own example: five confirmed transactions, 167.60 USD of fees, 335.21 of revenue."""
    world = World.empty()
    client = world.add_client(company_name="Guide Example Ltd", country="US", external_tenant_id="your-client-id")
    for number, text in enumerate(_GUIDE_REVENUE):
        revenue = Decimal(text)
        # Back up the chain: 15 % success fee, 40 % of it the platform's.
        world.add_payment(
            client,
            amount=(revenue / Decimal("0.06")).quantize(Decimal("0.01")),
            revenue=revenue,
            revenue_usd=revenue,
            fee=revenue / 2,
            fee_usd=revenue / 2,
            commission="Paid",
            paid_at=datetime(2026, 3, 3, 9, 30, tzinfo=UTC) + number * timedelta(days=2),
        )
    return world
