"""The stage of a row, written from the API's contract alone and from nothing else in the project."""

from functools import lru_cache

PAY_WHEN_PAID = "PayWhenPaid"
CONFIRMED_PIPELINE = "ConfirmedPipeline"
MODES = (PAY_WHEN_PAID, CONFIRMED_PIPELINE)

# The position of a name is the number that the query parameters use.
COMMISSION = ("Unpaid", "Paid", "Credited")
PLATFORM = ("NotInvoiced", "InvoiceIssued", "PaymentReceived", "InvoiceCredited")
REFERRAL = ("Pending", "Invoiced", "Paid", "Disputed")
STAGES = (
    "pending",
    "confirmedPendingInvoice",
    "awaitingCollectionPartnerPayment",
    "readyToInvoiceDebitura",
    "awaitingDebituraPayment",
    "paid",
    "disputed",
)

_BY_REFERRAL = {"Disputed": 6, "Paid": 5, "Invoiced": 4}
_BY_PLATFORM = {"PaymentReceived": 3, "InvoiceIssued": 2}


@lru_cache(maxsize=256)
def stage_of(commission: str, platform: str, referral: str | None, mode: str) -> int | None:
    """The stage's number (an index into STAGES), or None for a row outside every bucket."""
    if referral in _BY_REFERRAL:
        return _BY_REFERRAL[referral]
    if platform == "InvoiceCredited":
        return None
    stage = _BY_PLATFORM.get(platform, 1 if commission == "Paid" else 0)
    may_invoice_early = mode == CONFIRMED_PIPELINE and commission == "Paid"
    return 3 if may_invoice_early and stage in (1, 2) else stage
