"""Why a case was not activated: `code` is for programs, the text for people, and says what to do."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.utils import timezone

from partners.models import Activation, Case, PartnerAccount


class ActivationError(Exception):
    """The root of what can keep a case from being activated."""

    code: ClassVar[str]


class InvalidActivation(ActivationError):
    """What was typed cannot be sent: `fields` says what to do about each, by the names of the Collection Partner API."""

    code = "invalid_activation"

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


class NotConnected(ActivationError):
    """The account has no key of the Collection Partner API, or none that can be used; `problem` says which, as a sentence."""

    code = "not_connected"

    def __init__(self, account: PartnerAccount, problem: str = "") -> None:
        missing = problem or f"No key of Debitura's Collection Partner API is connected to {account.name}."
        super().__init__(
            f"{missing} Ask your administrator to run: manage.py connect_collection_partner --partner {account.slug}"
        )


class NotPending(ActivationError):
    """The case is in another state than the one in which it can be activated."""

    code = "not_pending"

    def __init__(self, case: Case) -> None:
        state = (
            f"This case is “{case.lifecycle}”."
            if case.lifecycle
            else "Debitura has not told the state of this case yet."
        )
        super().__init__(f"{state} Only a case in “Pending Verification” can be activated.")


class AlreadyOpen(ActivationError):
    """Another attempt is under way: by whom (an e-mail address) and since when, None where it has ended just now."""

    code = "activation_running"

    def __init__(self, running: Activation | None) -> None:
        self.by: str | None = running.by.get_username() if running else None
        self.since: datetime | None = running.started_at if running else None
        who = f"{self.by} has been" if self.by else "Somebody else was"
        since = f" since {timezone.localtime(self.since):%H:%M %Z}" if self.since else " just now"
        super().__init__(f"{who} activating this case{since}. Load the page again in a moment to see what came of it.")


class Refused(ActivationError):
    """Debitura said no, or nothing reached it: the case was certainly not activated."""

    code = "refused"


class OutcomeUnclear(ActivationError):
    """The case may have been activated: it has to be looked up before anything is sent again."""

    code = "unclear"
