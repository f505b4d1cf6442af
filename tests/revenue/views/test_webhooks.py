"""Deliveries of Debitura's webhooks: only signed ones, each once, and no more than a pull a minute."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from partners.models import PartnerAccount, WebhookDelivery
from revenue.models import PullRun
from revenue.tasks import CannotStart
from revenue.views import webhooks
from tests.factories import make_account
from tests.processes import wait_until

SECRET = bytes(range(32))
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def connected(account: PartnerAccount) -> PartnerAccount:
    account.webhook_secret = base64.b64encode(SECRET).decode()
    account.save(update_fields=["sealed_webhook_secret"])
    return account


def signature(body: bytes, secret: bytes = SECRET) -> str:
    stamp = int(datetime.now(UTC).timestamp())
    return f"t={stamp},v1={hmac.new(secret, f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


def deliver(number: int = 1, *, slug: str = "acme", body: bytes | None = None, signed: str | None = None) -> Any:
    if body is None:
        body = json.dumps({"id": f"evt-{number}", "event": "case.updated", "data": {"caseId": "x"}}).encode()
    headers = {"X-Debitura-Signature": signature(body) if signed is None else signed}
    client = Client(enforce_csrf_checks=True)
    return client.post(f"/webhooks/{slug}/", body, content_type="application/json", headers=headers)


@pytest.fixture
def _acme(db: None) -> None:
    connected(make_account(slug="acme"))


@pytest.fixture
def hastened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The accounts of which a pull was asked, and why; nothing is pulled."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(webhooks, "start_pull", lambda account, trigger: found.append((account.slug, trigger)))
    return found


@pytest.mark.usefixtures("_acme")
def test_signed_delivery_hastens_the_scheduled_pull(hastened: list[tuple[str, str]]) -> None:
    answer = deliver()
    assert (answer.status_code, answer.json(), hastened) == (200, {"received": True}, [("acme", "schedule")])


@pytest.mark.usefixtures("_acme")
def test_delivery_that_comes_again_is_answered_and_not_heeded(hastened: list[tuple[str, str]]) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        assert deliver(1).status_code == 200
        clock.shift(timedelta(minutes=2))
        assert deliver(1).json() == {"received": True}
        assert len(hastened) == 1
        assert deliver(2).status_code == 200
    assert len(hastened) == 2


@pytest.mark.usefixtures("_acme")
def test_captured_delivery_is_refused_when_it_is_sent_again_later(hastened: list[tuple[str, str]]) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        body = b'{"id": "evt-1"}'
        captured = signature(body)
        assert deliver(body=body, signed=captured).status_code == 200
        clock.shift(timedelta(minutes=5, seconds=1))
        assert deliver(body=body, signed=captured).status_code == 401
    assert len(hastened) == 1


@pytest.mark.usefixtures("_acme")
def test_deliveries_hasten_no_more_than_a_pull_a_minute(hastened: list[tuple[str, str]]) -> None:
    connected(make_account(slug="zeta"))
    with time_machine.travel(NOW, tick=False) as clock:
        assert [deliver(number).status_code for number in range(5)] == [200] * 5
        deliver(slug="zeta")
        clock.shift(timedelta(seconds=59))
        deliver(5)
        assert hastened == [("acme", "schedule"), ("zeta", "schedule")]
        clock.shift(timedelta(seconds=1))
        deliver(6)
    assert hastened == [("acme", "schedule"), ("zeta", "schedule"), ("acme", "schedule")]


@pytest.mark.usefixtures("_acme")
def test_ids_are_forgotten_after_a_day(hastened: list[tuple[str, str]]) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        deliver(1)
        clock.shift(timedelta(hours=24, seconds=1))
        deliver(2)
    assert list(WebhookDelivery.objects.values_list("delivery_id", flat=True)) == ["evt-2"]


@pytest.mark.usefixtures("_acme")
def test_unknown_account_and_wrong_signature_are_refused_alike(hastened: list[tuple[str, str]]) -> None:
    make_account(slug="not-connected")
    make_account(slug="unreadable", sealed_webhook_secret="sealed with another key")
    unusable = make_account(slug="unusable")
    unusable.webhook_secret = "not what Debitura shows"
    unusable.save()
    forged = signature(b"another body")
    answers = [
        deliver(slug=slug, signed=forged) for slug in ("acme", "nobody", "not-connected", "unreadable", "unusable")
    ]
    answers += [deliver(slug="nobody"), deliver(slug="not-connected"), deliver(signed="")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert answers[0].json()["error"]["code"] == "not_signed"
    assert (hastened, WebhookDelivery.objects.count()) == ([], 0)


@pytest.mark.usefixtures("_acme")
def test_secret_of_another_account_is_of_no_use() -> None:
    other = make_account(slug="other")
    other.webhook_secret = base64.b64encode(bytes(32)).decode()
    other.save()
    assert deliver(slug="other").status_code == 401


@pytest.mark.usefixtures("_acme")
@pytest.mark.parametrize(("body", "status"), [(b"[]", 400), (b'{"id": 1}', 400), (b"x" * (256 * 1024 + 1), 413)])
def test_delivery_that_cannot_be_read_is_refused(body: bytes, status: int, hastened: list[tuple[str, str]]) -> None:
    answer = deliver(body=body)
    assert (answer.status_code, hastened) == (status, [])
    assert answer.json()["error"]["message"].startswith("A delivery ")


@pytest.mark.usefixtures("_acme")
def test_address_takes_deliveries_only() -> None:
    assert {Client().get(f"/webhooks/{slug}/").status_code for slug in ("acme", "nobody")} == {405}


@pytest.mark.usefixtures("_acme")
def test_queue_that_does_not_answer_is_no_error_of_the_delivery(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(account: PartnerAccount, trigger: str) -> None:
        raise CannotStart("The queue does not answer.")

    monkeypatch.setattr(webhooks, "start_pull", fail)
    assert deliver().status_code == 200
    assert "A webhook of acme hastened no pull: The queue does not answer." in caplog.text


@pytest.mark.django_db(transaction=True)
def test_delivery_leads_to_a_pull_that_ties_out(account: PartnerAccount) -> None:
    connected(account)
    assert deliver().status_code == 200
    wait_until(lambda: PullRun.objects.filter(status=PullRun.Status.OK).exists(), "the pull")
    assert PullRun.objects.get().trigger == PullRun.Trigger.SCHEDULE


@pytest.mark.django_db(transaction=True)
def test_delivery_that_comes_many_times_at_once_hastens_one_pull(hastened: list[tuple[str, str]]) -> None:
    connected(make_account(slug="acme"))
    ready = Barrier(4)

    def deliver_once(_: int) -> int:
        ready.wait(timeout=30)
        try:
            return int(deliver().status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(deliver_once, range(4))) == [200] * 4
    assert (len(hastened), WebhookDelivery.objects.count()) == (1, 1)
