"""How the connections to Debitura end when nobody waits for them any more."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pytest

from partners.debitura.client import DebituraClient
from partners.models import PartnerAccount
from revenue.pull.budget import Budget
from revenue.pull.theirs import Connections
from sandbox.limits import RateLimits
from sandbox.server import SandboxServer
from tests.revenue.pull.support import QuickClient

MANY = 3000


@dataclass(frozen=True)
class AskOften:
    cost: int = 1

    def do(self, api: DebituraClient) -> None:
        for _ in range(MANY):
            api.me()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_who_stops_a_pull_waits_for_a_request_and_not_for_a_window(
    account: PartnerAccount, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    upstream.api.limits = RateLimits.none()
    monkeypatch.setattr("revenue.pull.theirs.BEAT", 0.01)

    def stop() -> None:
        if theirs.requests:
            raise error

    def connect() -> DebituraClient:
        return QuickClient(account.base_url, account.api_key)

    theirs = Connections(connect, Budget.of(account), stop, most=2)
    with pytest.raises(error), theirs:
        list(theirs.run(deque([AskOften(), AskOften()]), AskOften.do))
    assert 0 < theirs.requests < MANY
