"""`manage.py sync` and `manage.py schedule`, as scripts see them."""

from __future__ import annotations

import json
import signal
from decimal import Decimal
from io import StringIO
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from partners.models import PartnerAccount
from revenue import tasks
from revenue.management.commands import sync
from revenue.management.commands.schedule import start_round
from revenue.models import PullRun
from revenue.pull.lock import pull_lock
from revenue.pull.runner import pull
from revenue.tasks import Crew
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.processes import PATIENCE_SECONDS, kill, silent_server, start, wait_until

NOTHING = {"seen": 0, "created": 0, "updated": 0, "unchanged": 0, "removed": 0}


class Ran:
    """What a command printed and how it ended."""

    def __init__(self, *words: str) -> None:
        out, err = StringIO(), StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command(*words, stdout=out, stderr=err)
        self.code, self.out, self.err = ended.value.code, out.getvalue(), err.getvalue()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def _second_account(address: str, key: str) -> PartnerAccount:
    account = PartnerAccount(slug="zeta", name="Zeta", base_url=address)
    account.api_key = key
    account.save()
    return account


@pytest.mark.django_db
def test_sync_prints_one_object_and_ends_with_0_when_it_ties_out(account: PartnerAccount, world: World) -> None:
    world.add_payment()
    ran = Ran("sync", "--json")
    said = ran.json
    assert (ran.code, ran.out.count("\n")) == (0, 1)
    assert said.pop("seconds") > 0
    assert said == {
        "partner": "acme",
        "status": "ok",
        "requests": 4,
        "transactions": NOTHING | {"seen": 1, "created": 1},
        "clients": {"seen": 1, "created": 1, "updated": 0, "archived": 0},
        "cases": {"seen": 1, "created": 0, "updated": 1, "left": 0, "trouble": ""},
        "quarantined": 0,
        "ties_out": True,
        "differences": [],
        "reach": "everything",
        "left_for_later": [],
        "fallback": "",
        "error": None,
    }


@pytest.mark.django_db
def test_sync_counts_what_it_did(account: PartnerAccount, world: World) -> None:
    rows = [world.add_payment() for _ in range(5)]
    Ran("sync", "--json")
    world.edit(rows[0].id, commission="Paid")
    world.delete(rows[1].id)
    world.add_payment()
    said = Ran("sync", "--json", "--full", "--partner", "acme").json
    assert said["transactions"] == {"seen": 5, "created": 1, "updated": 1, "unchanged": 3, "removed": 1}


@pytest.mark.django_db
@pytest.mark.parametrize(("words", "full"), [(("--full",), True), ((), False)])
def test_sync_reads_everything_where_it_is_told_to(
    account: PartnerAccount, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], full: bool
) -> None:
    asked: list[bool] = []

    def noted(account: PartnerAccount, *, full: bool, **options: Any) -> PullRun:
        asked.append(full)
        return pull(account, full=full, **options)

    monkeypatch.setattr(sync, "pull", noted)
    Ran("sync", "--json", *words)
    assert asked == [full]


@pytest.mark.django_db
def test_sync_ends_with_3_and_says_where_when_it_does_not_tie_out(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_payment(commission="Paid", fee_usd=Decimal("30.005"))
    answer = upstream.api.transactions._summary

    def lie(filters: Any) -> dict[str, Any]:
        told = answer(filters)
        return told | {"revenue": told["revenue"] | {"paidReferralFeeUsd": Decimal("1.50"), "paidCount": 2}}

    monkeypatch.setattr(upstream.api.transactions, "_summary", lie)
    ran = Ran("sync", "--json")
    assert (ran.code, ran.json["status"], ran.json["ties_out"], ran.json["error"]) == (3, "differs", False, None)
    assert ran.json["differences"] == [
        {"stage": "paid", "ours_usd": "0.00", "theirs_usd": "1.50", "ours_count": 0, "theirs_count": 2}
    ]
    told = Ran("sync")
    assert told.code == 3
    assert "  paid: ours 0.00 USD in 0 rows, theirs 1.50 USD in 2 rows\n" in told.out


@pytest.mark.django_db
def test_sync_ends_with_3_when_a_row_cannot_be_read(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    world.add_payment()
    upstream.faults = "transactions/nan"
    ran = Ran("sync", "--json")
    assert (ran.code, ran.json["status"], ran.json["ties_out"]) == (3, "differs", False)
    assert ran.json["quarantined"] == 1
    told = Ran("sync")
    assert told.out.splitlines()[1] == "Rows that could not be read: 1; the pull's page shows them."


@pytest.mark.django_db
def test_sync_ends_with_1_and_says_why_when_the_key_is_rejected(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    world.add_payment()
    Ran("sync", "--json")
    upstream.faults = "401"
    ran = Ran("sync", "--json")
    assert (ran.code, ran.json["status"], ran.json["ties_out"], ran.json["transactions"]) == (
        1,
        "failed",
        False,
        NOTHING,
    )
    assert (ran.json["error"]["kind"], ran.json["error"]["retryable"]) == ("unauthorized", False)
    assert "key" in ran.json["error"]["message"]
    assert (ran.json["differences"], ran.json["requests"]) == ([], 1)


@pytest.mark.django_db
def test_sync_prints_a_list_and_the_worst_end_when_there_are_several_accounts(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    world.add_payment()
    _second_account(upstream.address, "a wrong key")
    ran = Ran("sync", "--json")
    assert ran.code == 1
    assert [(said["partner"], said["status"]) for said in ran.json] == [("acme", "ok"), ("zeta", "failed")]
    ran = Ran("sync", "--json", "--partner", "acme")
    assert (ran.code, ran.json["partner"]) == (0, "acme")


@pytest.mark.django_db
def test_sync_for_people_says_the_same_in_words(account: PartnerAccount, world: World, upstream: SandboxServer) -> None:
    world.add_payment()
    ran = Ran("sync")
    assert (ran.code, ran.err) == (0, "")
    first, second = ran.out.splitlines()
    assert first.startswith("acme: 1 transactions (1 new, 0 changed, 0 removed) in 4 requests, ")
    assert second == "Agrees with Debitura to the cent."
    upstream.faults = "404"
    ran = Ran("sync")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("acme: failed. Debitura knows no such address.")


@pytest.mark.django_db
def test_sync_says_what_it_left_for_later_and_why_it_read_everything(
    account: PartnerAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [{"what": "estimates", "rows": 1284}]

    def pulled(account: PartnerAccount, **options: Any) -> PullRun:
        run = pull(account, **options)
        run.reach, run.left_for_later, run.fallback = "everything", left, "The summary of 2026 contradicts its rows."
        return run

    monkeypatch.setattr(sync, "pull", pulled)
    said = Ran("sync", "--json").json
    assert (said["reach"], said["left_for_later"], said["fallback"]) == (
        "everything",
        left,
        "The summary of 2026 contradicts its rows.",
    )
    assert Ran("sync").out.splitlines()[1:] == [
        "Everything had to be read: The summary of 2026 contradicts its rows.",
        "Left for later, because the budget of requests was used up: 1,284 estimates.",
        "Agrees with Debitura to the cent.",
    ]


@pytest.mark.django_db
def test_sync_names_the_accounts_there_are_when_it_does_not_know_one(account: PartnerAccount) -> None:
    message = "No account 'nobody'; there is acme."
    ran = Ran("sync", "--partner", "nobody")
    assert (ran.code, ran.out, ran.err) == (1, "", f"{message}\n")
    ran = Ran("sync", "--partner", "nobody", "--json")
    assert (ran.code, ran.err, ran.json["partner"], ran.json["status"]) == (1, f"{message}\n", "nobody", "failed")
    assert ran.json["error"] == {"kind": "unknown_partner", "message": message, "retryable": False}


@pytest.mark.django_db
def test_sync_says_how_to_connect_when_there_is_no_account() -> None:
    ran = Ran("sync", "--json")
    assert (ran.code, ran.json["partner"], ran.json["status"]) == (1, "", "failed")
    assert (ran.json["error"]["kind"], ran.json["transactions"]) == ("no_account", NOTHING)
    assert ran.err == "No partner account is connected yet. Connect one with: manage.py connect_partner\n"


@pytest.mark.django_db(transaction=True)
def test_sync_says_that_another_pull_is_running(account: PartnerAccount, world: World) -> None:
    taken, over = Event(), Event()
    holder = Thread(target=_hold, args=(account, taken, over))
    holder.start()
    assert taken.wait(PATIENCE_SECONDS)
    ran = Ran("sync", "--json")
    over.set()
    holder.join(PATIENCE_SECONDS)
    assert (ran.code, ran.json["status"], ran.json["requests"]) == (1, "failed", 0)
    assert (ran.json["error"]["kind"], ran.json["error"]["retryable"]) == ("already_running", True)
    assert not PullRun.objects.exists()


def _hold(account: PartnerAccount, taken: Event, over: Event) -> None:
    try:
        with pull_lock(account):
            taken.set()
            over.wait(PATIENCE_SECONDS)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_sync_as_a_process_keeps_its_log_off_standard_output(account: PartnerAccount, world: World) -> None:
    world.add_payment()
    process = start("manage.py", "sync", "--json")
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, json.loads(out)["status"]) == (0, "ok")
    assert "INFO revenue.pull.runner" in err
    assert "sandbox-key-for-tests" not in out + err


# --- Errors that nobody foresaw ----------------------------------------------------------------------


@pytest.mark.django_db
def test_sync_reports_an_account_whose_key_cannot_be_opened(account: PartnerAccount, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["another key"]
    ran = Ran("sync", "--json")
    assert (ran.code, ran.json["error"]["kind"], ran.json["requests"]) == (1, "unreadable_secret", 0)


@pytest.mark.django_db
def test_sync_goes_on_to_the_next_account_after_an_error_that_nobody_foresaw(
    account: PartnerAccount, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _second_account(upstream.address, upstream.key)

    def pull_or_break(account: PartnerAccount, **options: Any) -> PullRun:
        if account.slug == "acme":
            raise RuntimeError("a defect")
        return pull(account, **options)

    monkeypatch.setattr(sync, "pull", pull_or_break)
    ran = Ran("sync", "--json")
    assert (ran.code, [(said["partner"], said["status"]) for said in ran.json]) == (
        1,
        [("acme", "failed"), ("zeta", "ok")],
    )
    assert (ran.json[0]["error"]["kind"], ran.json[0]["error"]["retryable"]) == ("internal_error", False)
    assert "RuntimeError: a defect" in caplog.text


# --- The schedule without Redis ----------------------------------------------------------------------


class Gate:
    """Holds back every answer until it is opened."""

    def __init__(self, upstream: SandboxServer) -> None:
        self._open = Event()
        upstream.on_request = self._wait

    def open(self) -> None:
        self._open.set()

    def _wait(self, server: SandboxServer, number: int, target: str) -> None:
        self._open.wait(PATIENCE_SECONDS)


def _accounts(upstream: SandboxServer, count: int) -> list[int]:
    """The keys of accounts that are all connected to `upstream`."""
    made = [PartnerAccount(slug=f"p{number}", name="P", base_url=upstream.address) for number in range(count)]
    for account in made:
        account.api_key = upstream.key
        account.save()
    return [account.pk for account in made]


def _wait_for_the_end(crew: Crew) -> None:
    wait_until(lambda: not crew.at_work and not _threads(), "the pulls to end")


def _threads() -> list[Thread]:
    return [thread for thread in enumerate_threads() if thread.name.startswith("pull-")]


@pytest.mark.django_db(transaction=True)
def test_rounds_ask_for_no_second_pull_of_an_account_that_is_at_work(upstream: SandboxServer) -> None:
    keys = _accounts(upstream, 2)
    gate, crew = Gate(upstream), Crew(8)
    start_round(crew)
    start_round(crew)
    assert (crew.at_work, crew.waiting) == (set(keys), [])
    wait_until(lambda: PullRun.objects.count() == 2, "both pulls")
    gate.open()
    _wait_for_the_end(crew)
    start_round(crew)
    _wait_for_the_end(crew)
    assert list(PullRun.objects.values_list("status", "trigger").distinct()) == [("ok", "schedule")]
    assert PullRun.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_many_accounts_take_turns_in_few_threads(upstream: SandboxServer) -> None:
    keys = _accounts(upstream, 20)
    gate, crew = Gate(upstream), Crew(3)
    start_round(crew)
    start_round(crew)
    assert (crew.at_work, crew.waiting, len(_threads())) == (set(keys[:3]), keys[3:], 3)
    gate.open()
    wait_until(lambda: not crew.waiting, "everybody's turn")
    _wait_for_the_end(crew)
    assert sorted(PullRun.objects.filter(status="ok").values_list("account", flat=True)) == keys


@pytest.mark.django_db(transaction=True)
def test_account_that_does_not_answer_holds_up_nobody_in_the_schedule(upstream: SandboxServer) -> None:
    healthy = _accounts(upstream, 3)
    crew = Crew(2)
    with silent_server() as silent:
        slow = _second_account(silent, upstream.key)
        for rounds in range(1, 4):
            start_round(crew)
            # A pull is published a moment before its thread is free for the next round.
            wait_until(lambda: (crew.at_work, crew.waiting) == ({slow.pk}, []), f"the end of round {rounds}")
            assert _pulled(healthy) == [rounds] * 3
        assert PullRun.objects.filter(account__slug="zeta").count() == 1
    _wait_for_the_end(crew)


def _pulled(keys: list[int]) -> list[int]:
    return [PullRun.objects.filter(account=key, status="ok").count() for key in keys]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.django_db(transaction=True)
def test_pull_that_meets_an_error_that_nobody_foresaw_makes_room_for_the_next(
    upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def break_down(account_id: int, trigger: str) -> None:
        asked.append(account_id)
        raise RuntimeError("a defect")

    monkeypatch.setattr(tasks, "pull_unless_running", break_down)
    keys, crew = _accounts(upstream, 3), Crew(2)
    for _ in range(2):
        start_round(crew)
        _wait_for_the_end(crew)
    assert sorted(asked) == sorted(keys * 2)


@pytest.mark.django_db(transaction=True)
def test_round_without_its_database_is_logged_and_the_next_one_pulls(
    account: PartnerAccount, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_: Any) -> None:
        raise OperationalError("the database went away")

    crew = Crew(2)
    with connection.execute_wrapper(gone):
        start_round(crew)
    assert (crew.at_work, "OperationalError: the database went away" in caplog.text) == (set(), True)
    start_round(crew)
    _wait_for_the_end(crew)
    assert list(PullRun.objects.values_list("status", flat=True)) == ["ok"]


@pytest.mark.parametrize("number", ["1", "0", "-1", "x", "²"])
def test_schedule_wants_two_threads_or_more(number: str) -> None:
    with pytest.raises(CommandError, match="write a whole number, 2 or more"):
        call_command("schedule", "--at-once", number)


@pytest.mark.django_db(transaction=True)
def test_schedule_pulls_until_it_is_told_to_stop(account: PartnerAccount, world: World) -> None:
    world.add_payment()
    process = start("manage.py", "schedule", PULL_EVERY_SECONDS="5")
    try:
        wait_until(lambda: PullRun.objects.filter(status="ok").exists(), "the first scheduled pull")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        kill(process)
