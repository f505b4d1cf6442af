"""Rows for tests: each builder saves one, with sensible values that keyword arguments override.

Ids count up from 1, so that a failing test prints the same ones every time. `make_transaction` takes its account from
the client or case it is given, and its three statuses and estimate flag from the stage.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client as Browser

from accounts.models import Membership, Role, User
from partners.models import Case, Client, PartnerAccount
from revenue.models import PullRun, Transaction
from revenue.pull import totals
from revenue.stages import Stage

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)

# One set of statuses (commission, platform, referral) that makes each stage for a partner paid when Debitura is paid.
STATUSES: dict[Stage, tuple[str, str, str]] = {
    Stage.PENDING: ("Unpaid", "NotInvoiced", "Pending"),
    Stage.CONFIRMED: ("Paid", "NotInvoiced", "Pending"),
    Stage.AWAITING_PARTNER: ("Paid", "InvoiceIssued", "Pending"),
    Stage.READY: ("Paid", "PaymentReceived", "Pending"),
    Stage.AWAITING_DEBITURA: ("Paid", "PaymentReceived", "Invoiced"),
    Stage.PAID: ("Paid", "PaymentReceived", "Paid"),
    Stage.DISPUTED: ("Paid", "PaymentReceived", "Disputed"),
    Stage.OUTSIDE: ("Credited", "InvoiceCredited", "Pending"),
}

_numbers = itertools.count(1)


def make_user(email: str | None = None, *, password: str = "a long enough pass phrase", **fields: Any) -> User:
    """A person who may sign in, and is admin of every account; reads dates in Europe/Copenhagen."""
    fields = {"time_zone": "Europe/Copenhagen", "is_superuser": True} | fields
    email = email or f"person{next(_numbers)}@example.com"
    return User.objects.create(email=email, password=_hashed(password, settings.PASSWORD_HASHERS[0]), **fields)


def make_member(
    account: PartnerAccount, role: Role, *, clients: Iterable[Client] = (), sees_totals: bool = False, **fields: Any
) -> User:
    """A person who has nothing but this role, at this account."""
    user = make_user(**{"is_superuser": False} | fields)
    membership = Membership.objects.create(user=user, account=account, role=role, sees_totals=sees_totals)
    membership.clients.set(clients)
    return user


def make_creditor(user: User, client: Client) -> None:
    """Make somebody a person of `client`, and nothing else."""
    User.objects.filter(pk=user.pk).update(is_superuser=False)
    membership = Membership.objects.create(user=user, account=client.account, role=Role.CLIENT)
    membership.clients.add(client)
    user.refresh_from_db()


def make_app(user: User) -> str:
    """An authenticator app of somebody; its secret."""
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def app_code(secret: str, at: float | None = None) -> str:
    """What an authenticator app shows at a time (seconds since 1970; now), by RFC 6238 and not by the code under test."""
    counter = int(time.time() if at is None else at) // 30
    mac = hmac.new(base64.b32decode(secret), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def sign_in_now(browser: Browser, user: User) -> None:
    """As `force_login`, with the proof of a moment ago that grave things ask for (accounts.signing_in.reauthentication)."""
    browser.force_login(user)
    session = browser.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


@cache
def _hashed(password: str, hasher: str) -> str:
    """Slow by design, so once a password; `hasher` is the one that make_password takes just now."""
    return make_password(password)


def make_account(**fields: Any) -> PartnerAccount:
    number = next(_numbers)
    defaults = {
        "slug": f"partner-{number}",
        "name": f"Partner {number}",
        "base_url": "http://127.0.0.1:9",
        "sealed_api_key": "",
        "created_at": datetime(2025, 1, 1, tzinfo=UTC),
    }
    return PartnerAccount.objects.create(**defaults | fields)


def make_client(account: PartnerAccount | None = None, **fields: Any) -> Client:
    number = next(_numbers)
    defaults = {
        "creditor_id": UUID(int=0xC0000000 + number),
        "external_tenant_id": f"tenant-{number}",
        "company_name": f"Client {number}",
        "country": "Denmark",
        "is_attributed": True,
        "onboarding_done": True,
        "date_linked": datetime(2025, 2, 1, tzinfo=UTC),
        "cases_total": 3,
        "cases_closed": 1,
        "fee_percentage": Decimal(50),
    }
    return Client.objects.create(account=account or make_account(), **defaults | fields)


def make_case(client: Client | None = None, **fields: Any) -> Case:
    """A case of `client`; of a new client, where none is given (of `account`, where that is given)."""
    number = next(_numbers)
    client = client or make_client(fields.get("account"))
    defaults = {
        "account": client.account,
        "client": client,
        "case_id": UUID(int=0xCA5E0000 + number),
        "reference": f"Q{number:07d}",
        "debtor_name": f"Debtor {number}",
        "original_amount": Decimal("1000.00"),
        "currency": "EUR",
    }
    return Case.objects.create(**defaults | fields)


def make_transaction(
    account: PartnerAccount | None = None,
    *,
    stage: Stage = Stage.READY,
    client: Client | None = None,
    case: Case | None = None,
    **fields: Any,
) -> Transaction:
    """A row of `stage` with a fee of 30 USD, counted while present, on a client and a case of its own where none is given."""
    number = next(_numbers)
    if case is None and "case_id" not in fields:
        client = client or make_client(account)
        case = make_case(client)
    if client is None and case is not None and "client_id" not in fields:
        client = case.client
    owner = account or (client or case or make_client()).account
    commission, platform, referral = STATUSES[stage]
    defaults = {
        "transaction_id": UUID(int=0x7A000000 + number),
        "payment_date": datetime(2026, 3, 5, 9, 30, tzinfo=UTC),
        "payment_amount": Decimal("1000.00"),
        "payment_currency": "EUR",
        "earnings_currency": "EUR",
        "revenue": Decimal("60.00"),
        "revenue_usd": Decimal("60.00"),
        "fee_percentage": Decimal(50),
        "fee": Decimal("30.00"),
        "fee_usd": Decimal("30.00"),
        "is_estimate": commission != "Paid",
        "is_recognized": commission == "Paid",
        "recognized_usd": Decimal(0),
        "commission_status": commission,
        "platform_status": platform,
        "referral_status": referral,
        "raw": "{}",
        "fingerprint": f"{number:032x}",
        "first_seen_at": datetime(2026, 3, 6, 8, 0, tzinfo=UTC),
        "stage_since": datetime(2026, 3, 6, 8, 0, tzinfo=UTC),
    }
    given = {"account": owner, "stage": stage.value, "client": client, "case": case}
    if "client_id" in fields:
        del given["client"]
    if "case_id" in fields:
        del given["case"]
    row = Transaction.objects.create(**defaults | given | fields)
    totals.add(row.account, f"{totals.PRESENT} AND id = %s", [row.account_id, row.pk])
    return row


def make_run(account: PartnerAccount | None = None, **fields: Any) -> PullRun:
    """A pull that was published at NOW and ties out; say `as_of=None, ties_out=None` for one that was not."""
    defaults = {
        "trigger": PullRun.Trigger.SCHEDULE,
        "status": PullRun.Status.OK,
        "phase": PullRun.Phase.DONE,
        "started_at": NOW,
        "heartbeat_at": NOW,
        "finished_at": NOW,
        "as_of": NOW,
        "ties_out": True,
    }
    return PullRun.objects.create(account=account or make_account(), **defaults | fields)
