"""What a client, a case or a payment looks like where nothing else is asked for."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.places import COLLECTION_PARTNERS, COUNTRIES
from sandbox.records import SandboxCase, SandboxClient, ticks


def client(number: int, country: str, now: datetime) -> dict[str, Any]:
    """Attributes of the `number`-th client, attributed and verified, earning 50 %."""
    return {
        "company_name": f"Client {number} GmbH",
        "external_tenant_id": f"tenant-{number}",
        "country": country,
        "currency": COUNTRIES[country][2],
        "registration_number": f"HRB {10_000 + number}",
        "address": f"Hauptstraße {number}",
        "email": f"office@client{number}.example",
        "phone": f"+49 30 {100_000 + number}",
        "users": ((f"Contact {number}", f"contact@client{number}.example"),),
        "onboarding_done": True,
        "is_attributed": True,
        "date_linked": now - timedelta(days=400),
        "kyc_status": "verified",
        "fee_percentage": Decimal(50),
    }


def case(number: int, of: SandboxClient, created: datetime) -> dict[str, Any]:
    """Attributes of the `number`-th case: 1,000.00, 15 % success fee, 40 % of it the platform's."""
    return {
        "creditor_reference": f"INV-{number:06d}",
        "client": of,
        "debtor_name": f"Debtor {number}",
        "debtor_country": of.country,
        "gross_amount": Decimal("1000.00"),
        "remainder": Decimal("1000.00"),
        "currency": of.currency,
        "date_created": created,
        "due_date": created - timedelta(days=30),
        "date_collection_started": created + timedelta(days=2),
        "collection_partner": COLLECTION_PARTNERS[1],
        "collection_partner_id": 1,
        "success_percentage": Decimal(15),
        "platform_percentage": Decimal(40),
    }


def payment(on: SandboxCase, rate: Decimal, paid_at: datetime) -> dict[str, Any]:
    """Attributes of a payment that has gone no further than being made."""
    return {
        "case": on,
        "moment": ticks(paid_at),
        "currency": on.currency,
        "fee_percentage": on.client.fee_percentage,
        "rate": rate,
        "commission": "Unpaid",
        "platform": "NotInvoiced",
        "referral": "Pending",
    }


def paid_at(number: int, now: datetime) -> datetime:
    """A month before `now`, each payment a minute after the one before."""
    return now - timedelta(days=30) + number * timedelta(minutes=1)
