"""The list of cases: new ones at once, the others in turn, none of them at the cost of a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import time_machine

from partners.debitura.records import CaseRecord, Page
from partners.models import Activation, Case, PartnerAccount, ReferenceChange
from partners.references import set_reference
from revenue.models import PullRun, PullState, QuarantinedRow, StagedCase
from revenue.pull import case_list, publish
from revenue.pull.runner import pull
from sandbox import rendering
from sandbox.directory import Directory
from sandbox.limits import RateLimits
from sandbox.query import Query
from sandbox.records import SandboxCase
from sandbox.replies import Listing, bad_request, paged
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.factories import make_user
from tests.revenue.pull.support import QuickClient, everything, limit_requests, rows_stored, rows_upstream

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
SIZE = 10
# The partner, a page of clients, everything together, five looks closer… and never more than one page of cases.
MOST_WITHOUT_NEWS = 8


class SmallPages(QuickClient):
    """Reads ten cases at a time, so that a few make many pages."""

    def case_page(self, number: int = 1, *, page_size: int = SIZE) -> Page[CaseRecord]:
        return super().case_page(number, page_size=page_size)


@pytest.fixture(autouse=True)
def _now(upstream: SandboxServer) -> Iterator[time_machine.Traveller]:
    upstream.api.limits = RateLimits.none()
    with time_machine.travel(NOW, tick=True) as clock:
        yield clock


def _pull(account: PartnerAccount, **options: Any) -> PullRun:
    account.refresh_from_db()
    return pull(account, make_client=SmallPages, **options)


def _fill(world: World, cases: int) -> None:
    """Cases without payments, a day apart, the first one the oldest; and one payment, so that there are figures."""
    world.add_payment(date_created=NOW - timedelta(days=1000))
    for number in range(cases - 1):
        world.add_case(date_created=NOW - timedelta(days=cases - number))


def _by_age(world: World) -> list[SandboxCase]:
    """The newest first."""
    return sorted(world.cases, key=lambda case: case.date_created, reverse=True)


def _asked(upstream: SandboxServer) -> list[int]:
    """The pages of cases asked for since the last time."""
    queries = [urlsplit(target) for _, target, _ in upstream.log]
    upstream.log.clear()
    return [int(parse_qs(query.query)["Page"][0]) for query in queries if query.path == "/cases"]


def _lifecycles(account: PartnerAccount) -> dict[UUID, str]:
    return dict(account.cases.values_list("case_id", "lifecycle"))


def _upstream(world: World) -> dict[UUID, str]:
    return {case.id: case.lifecycle for case in world.cases}


def _run_until_told(account: PartnerAccount, world: World, most: int) -> int:
    """Pulls until every case is as it is upstream; how many it took."""
    for number in range(1, most + 1):
        _pull(account)
        if _lifecycles(account) == _upstream(world):
            return number
    raise AssertionError(f"Some case is still not told after {most} pulls.")


# --- What is written ---------------------------------------------------------------------------------


def test_case_without_payments_is_kept_with_all_that_the_list_tells(account: PartnerAccount, world: World) -> None:
    client = world.add_client(company_name="Client A/S")
    case = world.add_case(
        client,
        reference="Q8OAXF3W",
        creditor_reference="INV-1/<b>",
        debtor_name="Debtor A/S",
        gross_amount=Decimal("1234.56"),
        remainder=Decimal("1000.5"),
        lifecycle="PendingVerification",
        close_code="None yet",
        phase="PreLegal",
        collection_partner="Collectors Ltd",
        date_created=NOW - timedelta(hours=1),
    )
    run = _pull(account)
    kept = Case.objects.select_related("client").get()
    assert kept.client is not None
    assert (kept.case_id, kept.reference, kept.client.creditor_id) == (case.id, "Q8OAXF3W", client.id)
    assert (kept.debtor_name, kept.original_amount, kept.currency) == ("Debtor A/S", Decimal("1234.56"), case.currency)
    assert (kept.client_reference, kept.lifecycle, kept.is_pending_verification) == (
        "INV-1/<b>",
        "PendingVerification",
        True,
    )
    assert (kept.close_code, kept.engagement_phase) == ("None yet", "PreLegal")
    assert (kept.collection_partner, kept.date_created) == ("Collectors Ltd", NOW - timedelta(hours=1))
    assert (kept.remainder, kept.partner_reference) == (Decimal("1000.5"), "")
    assert (run.cases_seen, run.cases_created, run.cases_updated) == (1, 1, 0)
    assert not StagedCase.objects.exists()


def test_payments_have_the_last_word_about_what_both_tell(
    account: PartnerAccount, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = world.add_payment(debtor_name="Debtor of payments", gross_amount=Decimal(500)).case
    unpaid = world.add_case(debtor_name="Debtor of nobody")
    _say(monkeypatch, b'"debtor":{"name":"Debtor', b'"debtor":{"name":"Listed debtor')
    for _ in range(3):
        assert _pull(account).status == PullRun.Status.OK
    names = dict(Case.objects.values_list("case_id", "debtor_name"))
    assert names == {paid.id: "Debtor of payments", unpaid.id: "Listed debtor of nobody"}
    assert Case.objects.get(case_id=paid.id).client_reference == paid.creditor_reference
    world.add_payment(case=unpaid)
    _pull(account)
    assert Case.objects.get(case_id=unpaid.id).debtor_name == "Debtor of nobody"


def _say(monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes) -> None:
    """The list writes something else than the payments do."""
    as_it_is = rendering.case
    monkeypatch.setattr(rendering, "case", lambda case: as_it_is(case).replace(old, new))


def test_case_of_a_client_that_is_not_listed_names_an_archived_one_until_it_is(
    account: PartnerAccount, world: World
) -> None:
    client = world.add_client(company_name="Hidden GmbH", external_tenant_id="tenant-x", archived=True)
    world.add_case(client)
    world.add_client()
    run = _pull(account)
    named = account.clients.get(creditor_id=client.id)
    assert (named.company_name, named.external_tenant_id, named.archived_at) == ("Hidden GmbH", "tenant-x", run.as_of)
    assert Case.objects.get().client == named
    world.edit_client(client.id, archived=False)
    _pull(account)
    named.refresh_from_db()
    assert (named.archived_at, named.country) == (None, "Germany")


def test_pull_without_news_writes_no_case(account: PartnerAccount, world: World) -> None:
    _fill(world, 35)
    first = _pull(account)
    before = everything()
    runs = [_pull(account) for _ in range(6)]
    assert (first.cases_created + first.cases_updated, first.cases_as_of is None) == (35, False)
    assert {(run.cases_created, run.cases_updated, run.status) for run in runs} == {(0, 0, PullRun.Status.OK)}
    assert everything() == before


def test_case_that_is_not_listed_any_more_stays(account: PartnerAccount, world: World, upstream: SandboxServer) -> None:
    _fill(world, 12)
    _pull(account)
    before = everything()
    upstream.faults = "cases/empty"
    assert _pull(account, full=True).status == PullRun.Status.OK
    assert everything() == before


def test_case_listed_twice_is_kept_once(account: PartnerAccount, world: World, upstream: SandboxServer) -> None:
    _fill(world, 25)
    upstream.faults = "cases/dup"
    run = _pull(account)
    # The last of each page gave way to the first; that of the last page is known by its payment.
    assert (run.status, run.cases_seen, account.cases.count()) == (PullRun.Status.OK, 25, 23)
    upstream.faults = ""
    _pull(account, full=True)
    assert account.cases.count() == 25


def test_case_activated_while_its_page_is_read_does_not_fall_back(account: PartnerAccount, world: World) -> None:
    pending = world.add_case(lifecycle="PendingVerification")
    _pull(account)
    kept = account.cases.get()
    # Something else about it is new, so that the page is worth writing.
    world.edit_case(pending.id, creditor_reference="INV-2")
    person = make_user()

    def activate(run: PullRun) -> None:
        """By somebody, between what the pull reads and what it writes."""
        if run.phase == PullRun.Phase.WRITING:
            Activation.objects.create(case=kept, by=person, state="done", request="{}", ended_at=datetime.now(UTC))
            Case.objects.update(lifecycle="Active")

    assert _pull(account, watch=activate).cases_updated == 0
    assert Case.objects.get().lifecycle == "Active"
    world.edit_case(pending.id, lifecycle="Active")
    _pull(account)
    kept.refresh_from_db()
    assert (kept.lifecycle, kept.client_reference) == ("Active", "INV-2")


@pytest.mark.parametrize("seed", range(4))
def test_no_history_of_pulls_ever_writes_the_partners_own_reference(
    account: PartnerAccount, world: World, upstream: SandboxServer, seed: int
) -> None:
    rng, person = Random(seed), make_user()
    told: dict[int, str] = {}
    changes = 0
    for number in range(8):
        for _ in range(rng.randrange(1, 8)):
            world.add_case() if rng.random() < 0.6 else world.add_payment()
            world.edit_case(rng.choice(world.cases).id, lifecycle=rng.choice(("Active", "Closed")))
        upstream.faults = rng.choice(("", "", "cases/badrow", "cases/dup", "cases/500:0.3"))
        _pull(account, full=rng.random() < 0.3)
        assert {pk: text for pk, text in account.cases.values_list("pk", "partner_reference") if text} == told
        for kept in rng.sample(list(account.cases.order_by("pk")), 1):
            told[kept.pk] = f"own/{number} {kept.reference}"
            set_reference(kept, told[kept.pk], by=person, source=ReferenceChange.Source.PAGE)
            changes += 1
    assert ReferenceChange.objects.count() == changes == 8


# --- Order and cost ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cases", [1, 9, 10, 11, 95])
def test_first_pull_reads_every_case_once(
    account: PartnerAccount, world: World, upstream: SandboxServer, cases: int
) -> None:
    _fill(world, cases)
    run = _pull(account)
    assert sorted(_asked(upstream)) == list(range(1, -(-cases // SIZE) + 1))
    assert (run.cases_seen, run.cases_left, run.cases_trouble) == (cases, 0, "")
    assert _lifecycles(account) == _upstream(world)


@pytest.mark.parametrize("transactions", [100, 1000])
def test_pull_without_news_costs_eight_requests_with_the_cases(account: PartnerAccount, transactions: int) -> None:
    with SandboxServer(World.generate(seed=5, transactions=transactions, clients=12, end=NOW.date())) as server:
        PartnerAccount.objects.filter(pk=account.pk).update(base_url=server.address)
        first = _pull(account)
        assert (first.status, first.cases_as_of is None) == (PullRun.Status.OK, False)
        server.log.clear()
        for _ in range(6):
            run = _pull(account)
            assert run.requests <= MOST_WITHOUT_NEWS
            assert len(_asked(server)) == 1


def test_pulls_take_turns_between_the_newest_page_and_the_next_of_the_round(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    _fill(world, 35)
    _pull(account)
    _asked(upstream)
    asked = []
    for _ in range(10):
        _pull(account)
        asked += _asked(upstream)
    newest, turn = asked[::2], asked[1::2]
    if set(newest) != {1}:
        newest, turn = turn, newest
    assert newest == [1] * 5
    # The page of the newest is read in its turn by any look at it.
    assert turn == [2, 3, 4, 2, 3] or turn == [1, 2, 3, 4, 2]


def test_change_anywhere_is_found_within_twice_as_many_pulls_as_there_are_pages(
    account: PartnerAccount, world: World
) -> None:
    _fill(world, 60)
    _pull(account)
    for case in world.cases[::7]:
        world.edit_case(case.id, lifecycle="Closed")
    assert _run_until_told(account, world, most=2 * 6) > 1


def test_new_case_is_found_by_the_very_next_pull(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    _fill(world, 60)
    _pull(account)
    for number in range(4):
        _asked(upstream)
        world.add_case(date_created=NOW + timedelta(seconds=number), lifecycle="PendingVerification")
        run, asked = _pull(account), _asked(upstream)
        # The page behind the newest tells that there are no more; every other time, the round goes on, too.
        assert (run.cases_created, asked[:2], len(asked) - 2) == (1, [1, 2], number % 2)
    assert _lifecycles(account) == _upstream(world)


def test_new_cases_are_followed_until_a_page_has_none(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    _fill(world, 60)
    _pull(account)
    _asked(upstream)
    for number in range(25):
        world.add_case(date_created=NOW + timedelta(seconds=number))
    run = _pull(account)
    assert (run.cases_created, run.cases_as_of is None, _asked(upstream)[:4]) == (25, False, [1, 2, 3, 4])


def test_more_new_cases_than_are_followed_make_a_new_round(
    account: PartnerAccount, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_list, "MOST_NEW_PAGES", 2)
    _fill(world, 30)
    _pull(account)
    for number in range(45):
        world.add_case(date_created=NOW + timedelta(seconds=number))
    run = _pull(account)
    assert (run.cases_created, run.cases_as_of) == (20, None)
    run = _pull(account)
    assert (run.cases_created, run.cases_as_of is None) == (25, False)
    assert _lifecycles(account) == _upstream(world)


def test_payment_on_a_case_that_nobody_described_is_described_soon(account: PartnerAccount, world: World) -> None:
    _fill(world, 60)
    _pull(account)
    # As old as it is, it lies deep in the list.
    case = world.add_payment(date_created=NOW - timedelta(days=40, hours=1)).case
    _pull(account)
    assert account.cases.filter(case_id=case.id).exists()
    assert _run_until_told(account, world, most=2 * 7) >= 1


def test_new_cases_at_every_pull_do_not_keep_the_others_from_their_turn(account: PartnerAccount, world: World) -> None:
    _fill(world, 60)
    _pull(account)
    for case in world.cases[::7]:
        world.edit_case(case.id, lifecycle="Being closed")
    for number in range(2 * 7):
        world.add_case(date_created=NOW + timedelta(seconds=number))
        _pull(account)
    assert _lifecycles(account) == _upstream(world)


# --- All of them -------------------------------------------------------------------------------------


def test_full_pull_reads_every_case_at_once(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(world, 60)
    _pull(account)
    monkeypatch.setattr(case_list, "MOST_PAGES", 2)
    for case in world.cases:
        world.edit_case(case.id, lifecycle="Being closed")
    _asked(upstream)
    run = _pull(account, full=True)
    assert (sorted(_asked(upstream)), run.cases_updated, run.cases_left) == ([1, 2, 3, 4, 5, 6], 60, 0)


def test_full_pull_in_the_middle_of_the_first_round_reads_also_what_that_has_read(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_list, "MOST_PAGES", 2)
    _fill(world, 60)
    assert _pull(account).cases_left == 40
    for case in world.cases:
        world.edit_case(case.id, lifecycle="Being closed")
    assert _pull(account, full=True).cases_left == 0
    assert _lifecycles(account) == _upstream(world)


def test_night_reads_every_case_in_portions(
    account: PartnerAccount,
    world: World,
    upstream: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
    _now: time_machine.Traveller,
) -> None:
    _fill(world, 60)
    scheduled = {"trigger": PullRun.Trigger.SCHEDULE}
    _pull(account, full=True)
    monkeypatch.setattr(case_list, "MOST_PAGES", 3)
    for case in world.cases:
        world.edit_case(case.id, lifecycle="Closed")
    _now.shift(timedelta(days=1))
    _asked(upstream)
    runs = [_pull(account, **scheduled) for _ in range(4)]
    asked = _asked(upstream)
    assert [run.cases_left for run in runs] == [30, 10, 0, 0]
    assert sorted(asked[:3]) == [1, 2, 3]
    assert _lifecycles(account) == _upstream(world)
    assert runs[2].cases_as_of == runs[3].cases_as_of
    assert len(asked) == 3 + 3 + 2 + 1


def test_person_who_pulls_does_not_wait_for_the_night(
    account: PartnerAccount, world: World, upstream: SandboxServer, _now: time_machine.Traveller
) -> None:
    _fill(world, 60)
    _pull(account)
    _now.shift(timedelta(days=1))
    _asked(upstream)
    assert (_pull(account).cases_seen, len(_asked(upstream))) == (10, 1)


# --- A round that is cut off -------------------------------------------------------------------------


def test_first_round_goes_on_where_the_last_pull_ended(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_list, "MOST_PAGES", 3)
    _fill(world, 75)
    runs, asked = [], []
    for _ in range(4):
        runs.append(_pull(account))
        asked.append(sorted(_asked(upstream)))
    # The newest come first, whatever the turn.
    assert asked[:3] == [[1, 2, 3], [1, 4, 5], [1, 6, 7]]
    assert [run.cases_left for run in runs] == [45, 25, 5, 0]
    assert [run.cases_as_of is None for run in runs] == [True, True, True, False]
    assert {run.status for run in runs} == {PullRun.Status.OK}
    assert _lifecycles(account) == _upstream(world)


def test_round_of_a_pull_that_dies_is_taken_up_again(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_list, "MOST_PAGES", 3)
    _fill(world, 55)
    _pull(account)
    for case in world.cases:
        world.edit_case(case.id, creditor_reference="changed since")

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(publish, "_prove", die)
        with pytest.raises(Killed):
            _pull(account)
    assert StagedCase.objects.exists()
    assert PullState.objects.get().cases_page == 4
    _asked(upstream)
    _pull(account)
    assert sorted(_asked(upstream)) == [1, 4, 5]
    while PullState.objects.get().cases_as_of is None:
        _pull(account)
    told = dict(Case.objects.values_list("case_id", "client_reference"))
    newest_and_later = [case.id for case in (*_by_age(world)[:10], *_by_age(world)[30:])]
    assert {told[key] for key in newest_and_later} == {"changed since"}
    assert len(told) == 55


@pytest.mark.parametrize("left", [3, 4, 5, 7])
def test_budget_that_ends_at_the_cases_costs_no_figure(
    account: PartnerAccount, world: World, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    _fill(world, 75)
    with monkeypatch.context() as patch:
        limit_requests(patch, left)
        run = _pull(account)
    assert (run.status, run.left_for_later, run.requests) == (PullRun.Status.OK, [], left)
    assert run.cases_trouble.startswith("The budget of requests is used up until ")
    assert (run.cases_seen, run.cases_as_of) == ((left - 3) * SIZE, None)
    run = _pull(account)
    assert (run.cases_left, run.cases_trouble) == (0, "")
    assert _lifecycles(account) == _upstream(world)


# --- What goes wrong ---------------------------------------------------------------------------------

TROUBLE = {
    "404": "Debitura knows no such address.",
    "403": "Debitura does not allow this API key to do this.",
    "401": "Debitura rejected the API key.",
    "500": "Debitura's server failed with status 500.",
    "503": "Debitura's server failed with status 503.",
    "429=0": "Debitura's rate limit is used up",
    "429=3600": "Debitura's rate limit is used up and asks to wait 3600 seconds.",
    "reset": "",
    "truncate": "",
    "html": "Debitura answered with a web page instead of JSON",
    "garbage": "Debitura's answer is not readable JSON.",
    "short": "Page ",
}


@pytest.mark.parametrize("fault", TROUBLE)
def test_list_that_cannot_be_read_costs_no_figure_and_no_case(
    account: PartnerAccount, world: World, upstream: SandboxServer, fault: str
) -> None:
    _fill(world, 25)
    _pull(account)
    before = _lifecycles(account)
    upstream.faults = f"cases/{fault}"
    world.add_payment()
    run = _pull(account)
    assert (run.status, run.ties_out, run.error_kind) == (PullRun.Status.OK, True, "")
    assert rows_stored(account) == rows_upstream(world)
    assert run.cases_trouble.startswith(TROUBLE[fault])
    assert (run.cases_seen, run.cases_trouble != "") == (0, True)
    assert before.items() <= _lifecycles(account).items()
    upstream.faults = ""
    assert _pull(account, full=True).cases_trouble == ""
    assert _lifecycles(account) == _upstream(world)


def test_list_that_fails_half_way_keeps_what_was_read(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    _fill(world, 75)
    upstream.faults = "cases/404:@3-"
    run = _pull(account)
    assert (run.status, run.cases_as_of) == (PullRun.Status.OK, None)
    assert account.cases.exclude(fingerprint="").count() == run.cases_seen > 0
    assert run.cases_left > 0
    upstream.faults = ""
    assert _pull(account).cases_left == 0
    assert _lifecycles(account) == _upstream(world)


def test_case_that_cannot_be_read_is_kept_aside_and_doubts_no_figure(
    account: PartnerAccount, world: World, upstream: SandboxServer
) -> None:
    _fill(world, 25)
    upstream.faults = "cases/nan:@1"
    run = _pull(account)
    [kept] = account.quarantine.all()
    newest = _by_age(world)[0]
    assert (run.status, run.ties_out, run.quarantined) == (PullRun.Status.OK, True, 0)
    assert (run.cases_unreadable, run.cases_seen) == (1, 24)
    assert (kept.resource, kept.identity) == (QuarantinedRow.Resource.CASES, str(newest.id))
    assert kept.reason.startswith("grossAmount is ")
    upstream.faults = ""
    _pull(account, full=True)
    assert _lifecycles(account) == _upstream(world)


# --- Other deployments -------------------------------------------------------------------------------

Answer = Callable[[Directory, Query], Listing]


def _answer(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    monkeypatch.setattr(Directory, "cases", answer)


def _listing(directory: Directory, query: Query, cases: list[SandboxCase], *, size: int, number: int) -> Listing:
    shown = cases[(number - 1) * size : number * size]
    return paged("cases", map(rendering.case, shown), {}, len(cases), number, size)


def _ascending(directory: Directory, query: Query) -> Listing:
    cases = sorted(directory.world.cases, key=lambda case: case.date_created)
    return _listing(directory, query, cases, size=query.whole("PageSize", 10), number=query.whole("Page", 1))


def _by_amount(directory: Directory, query: Query) -> Listing:
    """In no order of time."""
    cases = sorted(directory.world.cases, key=lambda case: case.id.int)
    return _listing(directory, query, cases, size=query.whole("PageSize", 10), number=query.whole("Page", 1))


def _without_sort(directory: Directory, query: Query) -> Listing:
    if query.text("Sort") is not None:
        raise bad_request("Sort is not supported.")
    cases = sorted(directory.world.cases, key=lambda case: case.date_created, reverse=True)
    return _listing(directory, query, cases, size=query.whole("PageSize", 10), number=query.whole("Page", 1))


def _with_its_own_size(directory: Directory, query: Query) -> Listing:
    cases = sorted(directory.world.cases, key=lambda case: case.date_created, reverse=True)
    return _listing(directory, query, cases, size=7, number=query.whole("Page", 1))


def _without_page(directory: Directory, query: Query) -> Listing:
    listing = _without_sort(directory, query)
    listing.page = listing.summary = None
    return listing


@pytest.mark.parametrize(
    ("answer", "cases"),
    [
        (_ascending, 1),
        (_ascending, 42),
        (_by_amount, 42),
        (_without_sort, 42),
        (_with_its_own_size, 42),
        (_without_page, 10),
        (_without_page, 42),
    ],
)
def test_deployment_of_another_kind_is_read_whole_and_costs_as_little(
    account: PartnerAccount,
    world: World,
    upstream: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    cases: int,
) -> None:
    _answer(monkeypatch, answer)
    _fill(world, cases)
    run = _pull(account)
    assert (run.status, run.cases_trouble, run.cases_as_of is None) == (PullRun.Status.OK, "", False)
    assert _lifecycles(account) == _upstream(world)
    for case in world.cases:
        world.edit_case(case.id, lifecycle="Closed")
    costs = set()
    for _ in range(2 * 6):
        _asked(upstream)
        assert _pull(account).requests <= MOST_WITHOUT_NEWS
        costs.add(len(_asked(upstream)))
    assert costs == {1}
    assert _lifecycles(account) == _upstream(world)


@pytest.mark.parametrize("answer", [_ascending, _without_sort, _with_its_own_size, _without_page])
def test_new_case_is_found_at_once_where_the_list_is_in_any_order_of_time(
    account: PartnerAccount, world: World, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    _answer(monkeypatch, answer)
    _fill(world, 38)
    _pull(account)
    for number in range(5):
        world.add_case(date_created=NOW + timedelta(seconds=number))
        pulls = 1 if answer is not _without_page else 2
        assert sum(_pull(account).cases_created for _ in range(pulls)) == 1
    assert _lifecycles(account) == _upstream(world)


def test_list_that_is_the_same_on_every_page_is_said_and_read_no_further(
    account: PartnerAccount, world: World, upstream: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_page(directory: Directory, query: Query) -> Listing:
        return _listing(directory, query, directory.world.cases, size=SIZE, number=1)

    _answer(monkeypatch, first_page)
    _fill(world, 200)
    run = _pull(account)
    assert (run.status, run.cases_trouble) == (PullRun.Status.OK, case_list.REPEATING)
    assert (run.cases_seen, len(_asked(upstream)) < 10) == (SIZE, True)
    assert _pull(account).requests <= MOST_WITHOUT_NEWS
