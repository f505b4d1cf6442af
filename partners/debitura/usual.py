"""Transactions in their usual shape, read several times faster than by `parsing`, which knows every other shape as well.

Whatever is not as usual, be it valid or not, is None here: what is accepted, how it is normalised and why a row is
refused is for `parsing` alone to say. What is read here becomes the same record as there.
"""

import re
from datetime import UTC, datetime
from decimal import Clamped, Context, Decimal, Inexact, InvalidOperation, Overflow, Rounded
from itertools import product
from typing import Any
from uuid import UUID

import msgspec

from .fields import MAX_DECIMALS, MAX_INTEGER_DIGITS
from .parsing import digest, unknown_statuses
from .records import CaseRef, ClientRef, CommissionStatus, PlatformStatus, ReferralStatus, TransactionRecord

LIMIT = 10**MAX_INTEGER_DIGITS
# Takes a number to the digit, and raises for one beyond the limits of an amount: the smallest exponent it knows is
# Emin − prec + 1. One of more digits than this goes to `parsing`, which may well take it.
_AMOUNTS = Context(
    prec=MAX_DECIMALS + 1,
    Emin=0,
    Emax=MAX_INTEGER_DIGITS - 1,
    clamp=0,
    traps=[Clamped, Inexact, InvalidOperation, Overflow, Rounded],
)
UUID_LENGTH = 36
NO_UUID = "00000000-0000-0000-0000-000000000000"
_KNOWN = frozenset(product(CommissionStatus, PlatformStatus, ReferralStatus))
_PAID, _PENDING = CommissionStatus.PAID.value, ReferralStatus.PENDING.value

# Dates that fromisoformat() reads as fields.moment() does, or refuses.
_DATE = re.compile(r"(?:19|20|21)\d\d-\d\d-\d\dT[0-2]\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:[0-5]\d)?", re.ASCII)
_is_date = _DATE.fullmatch


class _Unusual(ValueError):
    """The row is for `parsing` to judge."""


# The names below are the provider's. Any stands for an amount, since a Decimal would be taken from a text in any form.


class _Client(msgspec.Struct, gc=False):
    creditorId: str
    externalTenantId: str | None = None
    companyName: str | None = None


class _Case(msgspec.Struct, gc=False):
    invoiceId: str
    caseReference: str | None = None
    debtorName: str | None = None
    originalAmount: Any = None
    currency: str | None = None


class _Payment(msgspec.Struct, gc=False):
    paymentDate: str
    amount: Any = None
    currency: str | None = None


class _Earnings(msgspec.Struct, gc=False):
    currency: str | None = None
    debituraRevenue: Any = None
    debituraRevenueUsd: Any = None
    referralFeePercentage: Any = None
    referralFeeAmount: Any = None
    referralFeeAmountUsd: Any = None
    isEstimate: bool | None = None


class _Recognition(msgspec.Struct, gc=False):
    isRecognized: bool | None = None
    referralFeeRecognizedUsd: Any = None


class _Status(msgspec.Struct, gc=False):
    commissionPaymentStatus: str
    platformInvoicingStatus: str
    referralInvoicingStatus: str | None = None


class _Transaction(msgspec.Struct, gc=False):
    transactionId: str
    payment: _Payment
    earnings: _Earnings
    recognition: _Recognition
    status: _Status
    client: _Client | None = None
    case: _Case | None = None


def transaction(raw: bytes) -> TransactionRecord | None:
    """The record of a row of GET /reporting/transactions, which is UTF-8; None where `parsing` has to read it."""
    text = str(raw, "utf-8")
    if "\\" in text and "\\u0000" in text:  # an escape is the only way to a NUL; lone surrogates the decoder refuses
        return None
    try:
        return _record(_DECODER.decode(raw), raw, text)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def _record(row: _Transaction, raw: bytes, text: str) -> TransactionRecord:
    payment, earnings, recognition, status = row.payment, row.earnings, row.recognition, row.status
    client, case = row.client, row.case
    commission, platform = status.commissionPaymentStatus, status.platformInvoicingStatus
    referral = status.referralInvoicingStatus or _PENDING
    # By position: naming the fields costs as much again as making the record.
    return TransactionRecord(
        _identifier(row.transactionId),
        _moment(payment.paymentDate),
        None if client is None else _client_ref(client),
        None if case is None else _case_ref(case),
        _amount(payment.amount),
        payment.currency or "",
        earnings.currency or "",
        _amount(earnings.debituraRevenue),
        _amount(earnings.debituraRevenueUsd),
        _amount(earnings.referralFeePercentage),
        _amount(earnings.referralFeeAmount),
        _amount(earnings.referralFeeAmountUsd),
        commission != _PAID if earnings.isEstimate is None else earnings.isEstimate,
        bool(recognition.isRecognized),
        _amount(recognition.referralFeeRecognizedUsd),
        commission,
        platform,
        referral,
        () if (commission, platform, referral) in _KNOWN else unknown_statuses(commission, platform, referral),
        text,
        digest(raw),
    )


def _client_ref(client: _Client) -> ClientRef:
    return ClientRef(_identifier(client.creditorId), client.externalTenantId, client.companyName or "")


def _case_ref(case: _Case) -> CaseRef:
    return CaseRef(
        _identifier(case.invoiceId),
        case.caseReference or "",
        case.debtorName or "",
        _amount(case.originalAmount),
        case.currency or "",
    )


def _identifier(written: str) -> UUID:
    if len(written) != UUID_LENGTH or written == NO_UUID:
        raise _Unusual
    return msgspec.convert(written, UUID)


def _moment(written: str) -> datetime:
    if not _is_date(written):
        raise _Unusual
    found = datetime.fromisoformat(written)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _amount(value: Any) -> Decimal | None:
    if value is None or type(value) is Decimal:
        return value
    if type(value) is not int or not -LIMIT < value < LIMIT:
        raise _Unusual
    return Decimal(value)


_DECODER = msgspec.json.Decoder(_Transaction, float_hook=_AMOUNTS.create_decimal)
