"""What a pull stages while others write, and what of it is more than a database takes in one statement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models import F

from partners.models import PartnerAccount
from revenue.models import PullRun, PullState
from revenue.pull.ours import Ours
from revenue.pull.windows import EVERYTHING, Kind
from sandbox.world import World
from tests.factories import make_account
from tests.revenue.pull.support import pull_now, rows_stored, rows_upstream

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def _somebody_writes() -> None:
    """Over a connection of its own, as the pull of another account."""

    def write() -> None:
        PullState.objects.update(looks=F("looks") + 1)
        connection.close()

    writer = Thread(target=write)
    writer.start()
    writer.join()


@pytest.mark.django_db(transaction=True)
def test_what_another_pull_writes_between_our_look_and_our_staging_stops_nothing(
    account: PartnerAccount, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(30):
        world.add_payment(amount=Decimal(1000), paid_at=NOON - timedelta(days=place))
    PullState.objects.create(account=make_account())
    looked: list[str] = []

    def followed_by_a_write(name: str) -> None:
        ask = getattr(Ours, name)

        def answer(self: Ours, *given: Any) -> Any:
            found = ask(self, *given)
            looked.append(name)
            _somebody_writes()
            return found

        monkeypatch.setattr(Ours, name, answer)

    with time_machine.travel(NOON, tick=True):
        pull_now(account)
        for name in ("_prints", "_stored", "_marked_as_gone"):
            followed_by_a_write(name)
        world.edit(world.payments[3].id, amount=Decimal(7))
        world.delete(world.payments[5].id)
        run = pull_now(account)
    assert (run.status, run.error_message) == (PullRun.Status.OK, "")
    assert set(looked) == {"_prints", "_stored", "_marked_as_gone"}
    assert rows_stored(account) == rows_upstream(world)


def test_rows_that_vanish_are_marked_in_as_many_batches_as_it_takes(
    account: PartnerAccount, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("revenue.pull.ours.BATCH", 4)
    for place in range(30):
        world.add_payment(amount=Decimal(1000 + place), paid_at=NOON - timedelta(days=place))
    with time_machine.travel(NOON, tick=True):
        pull_now(account)
        for row in world.payments[10:24]:
            world.delete(row.id)
        run = pull_now(account)
    assert (run.status, run.transactions_removed) == (PullRun.Status.OK, 14)
    assert Ours(account, world.mode).count(EVERYTHING, Kind.EVERY) == 16
