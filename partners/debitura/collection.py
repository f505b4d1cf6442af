"""Typed calls to Debitura's Collection Partner API: activate a case, find cases by the partner's own reference.

It has an address and a key of its own. No answer carries the partner's reference, except that of an activation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

from .address import checked_case_path
from .answers import decode
from .calls import ApiClient
from .errors import RETRY_LATER, Malformed, NotFound
from .fields import BadField
from .parsing import as_json
from .reader import Reader
from .records import waits_for_activation
from .retry import RetryPolicy
from .transport import Request, Timeouts

MOST_AT_ONCE = 100
LOOK_UP = "/cases/by-partner-reference"
NO_SUCH_CASE = (
    "Debitura knows no such case among those you collect, or no such address. "
    "Check the base URL of the Collection Partner API."
)
# What an update answers when it is done; its body, if any, tells nothing but that it is no proxy's web page.
_UPDATED = frozenset({200, 202, 204})


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What an activation sends. Fees are in the currency of the case; "" and None are not sent."""

    welcome_message: str
    user_email: str
    reference: str = ""
    assigned_email: str = ""
    interest_fees: Decimal | None = None
    reminder_fees: Decimal | None = None
    collection_fees: Decimal | None = None

    def as_json(self) -> str:
        """The body of the request; amounts keep every digit."""
        members = {
            "welcomeMessage": self.welcome_message,
            "userEmail": self.user_email,
            "collectionPartnerReference": self.reference or None,
            "assignedUserEmail": self.assigned_email or None,
            "interestFees": self.interest_fees,
            "reminderFees": self.reminder_fees,
            "collectionFees": self.collection_fees,
        }
        return as_json({name: value for name, value in members.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Started:
    """A case was activated: its state now, and the partner reference that Debitura stored, "" for none."""

    case_id: UUID
    lifecycle: str
    partner_reference: str


@dataclass(frozen=True, slots=True)
class CaseFound:
    """A case found by the partner's own reference; `lifecycle` is "" where the answer does not tell it."""

    case_id: UUID
    reference: str
    lifecycle: str


class CollectionClient(ApiClient):
    """The cases that the partner collects itself.

    What changes something is sent once and never again: where the error is `unclear`, it may have been carried out.
    """

    # Somebody waits for the answer, behind a proxy that gives up after 60 seconds.
    TIMEOUTS = Timeouts(connect=5.0, read=45.0, total=45.0)
    RETRY = RetryPolicy(tries=2, base=0.5, cap=1.0, rate_limit_waits=1, longest_wait=5.0, overall=20.0)

    def start(self, case_id: UUID, welcome: Welcome) -> Started:
        """POST /cases/{id}/start: activate a case that waits for it."""
        body = welcome.as_json().encode()
        request = Request(f"/cases/{case_id}/start", method="POST", body=body, unknown=NO_SUCH_CASE)
        return self._call(request, lambda answer: _started(answer, case_id))

    def by_reference(self, reference: str) -> CaseFound | None:
        """One of the cases with exactly this reference, whatever it holds; None where there is none."""
        if not reference.strip("."):
            # As part of a path these would be taken for folders.
            return self.by_references([reference]).get(reference) if reference else None
        try:
            return self._call(Request(f"{LOOK_UP}/{quote(reference, safe='')}"), _found)
        except NotFound:
            return None

    def by_references(self, references: Sequence[str]) -> dict[str, CaseFound]:
        """One case for each of 1 to 100 references that has any. Raises ValueError for other numbers, and for one with a
        comma, which only by_reference() can ask for."""
        if not 1 <= len(references) <= MOST_AT_ONCE or any("," in each or not each for each in references):
            raise ValueError(f"Ask for 1 to {MOST_AT_ONCE} references at once, and for one with a comma alone.")
        return self._call(Request(LOOK_UP, [("references", ",".join(references))]), _found_by_reference)

    def update_lifecycle(self, path: str, case_id: UUID, *, lifecycle: str, reference: str) -> None:
        """Tell Debitura a case's state and reference ("" clears it) at `path`, such as /cases/{id}/lifecycle.

        The published description has no such address: where there is one, it is the account's to say.
        """
        body = as_json({"lifecycle": lifecycle, "collectionPartnerReference": reference}).encode()
        address = checked_case_path(path).replace("{id}", str(case_id))
        request = Request(address, method="PUT", body=body, fine=_UPDATED, unknown=NO_SUCH_CASE)
        self._call(request, lambda answer: decode(answer) if answer.strip() else None)


def _started(body: bytes, case_id: UUID) -> Started:
    try:
        row = Reader(decode(body))
        started = Started(row.identifier("caseId"), row.text("status"), row.text("collectionPartnerReference"))
    except BadField as problem:
        raise Malformed(f"Debitura's answer about the activation is unusable: {problem}", status=200) from None
    if started.case_id != case_id or not started.lifecycle or waits_for_activation(started.lifecycle):
        raise Malformed(f"Debitura's answer does not say that this case was activated. {RETRY_LATER}", status=200)
    return started


def _found(body: bytes) -> CaseFound:
    return _case(decode(body))


def _found_by_reference(body: bytes) -> dict[str, CaseFound]:
    return {reference: _case(row) for reference, row in decode(body).items() if row is not None}


def _case(row: Any) -> CaseFound:
    """The provider's two APIs name the same things differently."""
    case = Reader(row if isinstance(row, Mapping) else {})
    try:
        return CaseFound(
            case_id=case.identifier_or_none("id") or case.identifier("caseId"),
            reference=case.first_text("reference", "caseReference"),
            lifecycle=case.first_text("lifecycle", "status"),
        )
    except BadField as problem:
        raise Malformed(f"Debitura's answer about a case is unusable: {problem}", status=200) from None
