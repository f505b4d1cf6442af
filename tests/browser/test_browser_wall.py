"""A screen in an office, from its code to its end: what stands on it whatever happens to what it shows.

The server's clock stands where the test puts it; the screen's own is years behind and goes as fast as the test says.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from accounts.models import User
from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.stages import Stage
from sandbox.server import SandboxServer
from sandbox.world import World
from tests import environment
from tests.browser.conftest import PASSWORD, PATIENCE, QUIET, sign_in, watch
from tests.browser.screen_memory import growth_of, put_in_a_hurry
from tests.browser.stoppable import StoppableSite
from tests.browser.test_browser_pages import THEMES
from tests.factories import NOW, make_account, make_client, make_run, make_transaction, make_user
from tests.revenue.pull.support import pull_now
from tests.walls.builders import make_screen
from walls import credentials, pairing
from walls.models import BoardKey, Privacy, Screen
from walls.views import wall as wall_views

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

# What the clock of a screen says when it was never set.
UNSET = "1999-12-31T23:00:00Z"
# Milliseconds after which any refresh is due, be it the first, the next, or one after an outage.
A_MINUTE = 60_000
A_WHILE = 130_000
BOARD = re.compile("/wall/board/")
LOST = "Feeboard cannot be reached since 13:00; it tries again by itself"
REFRESHES = 20_000
NAME = "Zebrawood Trading"
FEE = "7,654.32"

NewBrowser = Callable[..., BrowserContext]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The server's clock: noon in UTC, 13:00 on the screens; it stands until it is moved."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def place(transactional_db: None, clock: time_machine.Traveller) -> Iterator[StoppableSite]:
    site = StoppableSite()
    yield site
    site.stop()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What browsers complained about; nothing, at the end of a test, and no page but those of screens."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def new_browser(browser: Browser, place: StoppableSite, complaints: list[str]) -> Iterator[NewBrowser]:
    """A browser that has seen nothing yet; keyword arguments go to Playwright's new_context."""
    contexts: list[BrowserContext] = []

    def start(**options) -> BrowserContext:
        context = browser.new_context(base_url=place.address, **options)
        context.set_default_timeout(PATIENCE)
        context.on("page", lambda page: watch(page, place.address.removeprefix("http://"), complaints))
        contexts.append(context)
        return context

    yield start
    for context in contexts:
        context.close()


def switch_on(context: BrowserContext) -> Page:
    """A screen's browser opens its one page. It never leaves it: least of all for one that asks who is there."""
    page = context.new_page()
    page.clock.install(time=UNSET)
    page.goto("/wall/", wait_until="load")
    return page


def screen_of(context: BrowserContext, place: StoppableSite, screen: Screen) -> Page:
    """The browser of a paired screen, switched on."""
    give_credential(context, place, screen)
    return switch_on(context)


def give_credential(context: BrowserContext, place: StoppableSite, screen: Screen) -> None:
    value = credentials.issue(screen, NOW)
    context.add_cookies([{"name": credentials.cookie_name(), "value": value, "url": place.address}])


def refresh(page: Page) -> None:
    """The next refresh, whose time has come; its answer may be about to be shown."""
    with page.expect_response(BOARD):
        page.clock.fast_forward(A_MINUTE)


def miss(page: Page) -> None:
    """A refresh that nobody answers."""
    with page.expect_event("requestfailed"):
        page.clock.fast_forward(A_WHILE)


def reloads(page: Page, milliseconds: int = A_MINUTE) -> None:
    """The page loads itself anew by what the next refresh is told."""
    with page.expect_event("load"):
        page.clock.fast_forward(milliseconds)


def expect_standing(page: Page, words: str) -> None:
    """What stands below the figures, now or with the answer that is under way."""
    expect(page.locator(".standing")).to_have_text(words)


def are_hatched(page: Page) -> bool:
    """Whether the figures are drawn as stripes, of which the lighter ones are hardly seen."""
    found: list[bool] = page.locator(".tile__value").evaluate_all(
        """(figures) => figures.map((figure) => {
            const style = getComputedStyle(figure);
            const isStriped = style.backgroundImage.includes("repeating-linear-gradient");
            return isStriped && style.backgroundClip === "text" && style.color === "rgba(0, 0, 0, 0)";
        })"""
    )
    assert len(set(found)) == 1, "some figures are, and some are not"
    return found[0]


def addresses_of(page: Page) -> Callable[[], list[str]]:
    """Which pages have been shown from now on, whatever their parameters were; for the end of a test."""
    shown = [page.url]
    page.on("framenavigated", lambda frame: shown.append(frame.url.partition("?")[0]))
    return lambda: sorted(set(shown))


def forget_silence(complaints: list[str]) -> None:
    """Chromium reports a server that does not answer as an error; it was stopped on purpose."""
    left = [line for line in complaints if "ERR_CONNECTION_REFUSED" not in line]
    assert left != complaints, "the server was not missed"
    complaints[:] = left


@pytest.fixture
def known(transactional_db: None, clock: time_machine.Traveller) -> PartnerAccount:
    """An account whose figures are known, without an upstream."""
    account = make_account(name="Acme Referrals")
    for stage in Stage:
        make_transaction(
            client=make_client(account, company_name=f"{NAME} {stage}"), stage=stage, fee_usd=Decimal("7654.32")
        )
    make_run(account)
    return account


@pytest.fixture
def connected(account: PartnerAccount, world: World, clock: time_machine.Traveller) -> PartnerAccount:
    """An account that has pulled one payment and ties out."""
    world.add_payment(amount=Decimal("1000.00"))
    assert pull_now(account).status == PullRun.Status.OK
    return account


def test_screen_is_paired_by_its_code_and_stays_paired(
    place: StoppableSite, known: PartnerAccount, new_browser: NewBrowser
) -> None:
    screen = switch_on(new_browser(viewport={"width": 1920, "height": 1080}))
    places = addresses_of(screen)
    code = screen.locator("#code").inner_text()
    User.objects.create_superuser("finance@example.com", PASSWORD, name="Fina Nance", time_zone="Europe/Copenhagen")
    admin = sign_in(new_browser().new_page())
    # The square on the screen leads a telephone here.
    admin.goto(f"/settings/screens/claim/?code={pairing.typed(code)}")
    admin.get_by_role("textbox", name="Name").fill("Sales, window side")
    admin.get_by_label("Everything: amounts, counts").check()
    admin.get_by_role("main").get_by_role("button", name="Pair").click()
    expect(admin.get_by_text("is paired. It shows its boards within seconds.")).to_be_visible()
    # Nobody touches the screen.
    reloads(screen)
    expect(screen.locator("main")).to_have_attribute("data-boards", "4")
    expect_standing(screen, "Agrees with Debitura, 13:00")
    assert screen.locator(".board--cash").inner_text().count(FEE) > 0
    refresh(screen)
    screen.reload()
    expect(screen.locator(".standing")).to_be_visible()
    admin.reload()
    expect(admin.get_by_role("row", name="Sales, window side")).to_contain_text("1920 × 1080")
    again = switch_on(new_browser(storage_state=screen.context.storage_state()))
    expect_standing(again, "Agrees with Debitura, 13:00")
    refresh(again)
    assert places() == [f"{place.address}/wall/"]
    assert [cookie["name"] for cookie in screen.context.cookies() if cookie["name"] == "sessionid"] == []


def test_screen_tells_that_its_server_is_gone_and_comes_back_by_itself(
    place: StoppableSite,
    clock: time_machine.Traveller,
    known: PartnerAccount,
    new_browser: NewBrowser,
    complaints: list[str],
) -> None:
    page = screen_of(new_browser(), place, make_screen(known))
    places = addresses_of(page)
    refresh(page)
    figures = page.locator(".tile__value").all_text_contents()
    lost = page.locator(".lost")
    place.stop()
    miss(page)
    # One lost answer is no news.
    expect(lost).to_be_hidden()
    miss(page)
    expect(lost).to_have_text(LOST)
    expect(page.locator(".standing")).to_be_hidden()
    assert not are_hatched(page)
    clock.shift(timedelta(minutes=16))
    page.clock.fast_forward(16 * A_MINUTE)
    expect(lost).to_have_text(LOST)
    expect(page.locator("main.is-old")).to_be_visible()
    assert are_hatched(page)
    # The last good figures stay, with their time.
    assert page.locator(".tile__value").all_text_contents() == figures
    expect(page.locator(".data")).to_contain_text("Data 13:00")
    later = NOW + timedelta(minutes=16)
    make_run(known, started_at=later, as_of=later)
    make_transaction(known, fee_usd=Decimal("4321.00"))
    place.start()
    page.clock.fast_forward(A_WHILE)
    expect(lost).to_be_hidden()
    expect_standing(page, "Agrees with Debitura, 13:16")
    assert not are_hatched(page)
    expect(page.locator("#picture")).to_contain_text("11,975.32")
    expect(page.locator("#clock")).to_contain_text("13:16")
    assert places() == [f"{place.address}/wall/"]
    forget_silence(complaints)


def test_screen_tells_apart_what_is_wrong_with_its_data(
    place: StoppableSite,
    clock: time_machine.Traveller,
    connected: PartnerAccount,
    upstream: SandboxServer,
    new_browser: NewBrowser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = screen_of(new_browser(), place, make_screen(connected))
    places = addresses_of(page)
    figures = page.locator(".board--cash .tile__value").all_text_contents()

    def after_a_pull(words: str) -> None:
        clock.shift(timedelta(minutes=1))
        pull_now(connected)
        refresh(page)
        expect_standing(page, words)
        assert page.locator(".board--cash .tile__value").all_text_contents() == figures

    expect_standing(page, "Agrees with Debitura, 13:00")
    with monkeypatch.context() as another_sum:
        told = upstream.api.transactions._summary
        another_sum.setattr(upstream.api.transactions, "_summary", lambda filters: one_paid_more(told(filters)))
        after_a_pull("Does not agree with Debitura; last proven 13:00")
    after_a_pull("Agrees with Debitura, 13:02")
    key, upstream.api.key = upstream.api.key, "another"
    after_a_pull("Data from 13:02: Debitura rejects the API key")
    upstream.api.key = key
    after_a_pull("Agrees with Debitura, 13:04")
    upstream.stop()
    after_a_pull("Data from 13:04: Debitura is not answering")
    assert not are_hatched(page)
    clock.shift(timedelta(minutes=15))
    refresh(page)
    expect_standing(page, "Data from 13:04: Debitura is not answering")
    assert are_hatched(page)
    PullRun.objects.filter(status=PullRun.Status.FAILED).delete()
    refresh(page)
    expect_standing(page, "Data from 13:04: nothing new since: no pull has finished")
    assert are_hatched(page)
    with SandboxServer(upstream.world, port=upstream.port) as back:
        assert back.address == connected.base_url
        after_a_pull("Agrees with Debitura, 13:21")
    assert not are_hatched(page)
    assert places() == [f"{place.address}/wall/"]


def one_paid_more(told: dict[str, Any]) -> dict[str, Any]:
    """The summary of a Debitura that counts a payment which it does not list."""
    return told | {"revenue": told["revenue"] | {"paidCount": told["revenue"]["paidCount"] + 1}}


def test_screen_shows_a_new_build_by_itself_and_a_code_once_it_is_revoked(
    place: StoppableSite, clock: time_machine.Traveller, known: PartnerAccount, new_browser: NewBrowser, settings
) -> None:
    screen = make_screen(known)
    page = screen_of(new_browser(), place, screen)
    places = addresses_of(page)
    refresh(page)
    settings.WALL_BUILD = "next"
    reloads(page)
    expect(page.locator("main")).to_have_attribute("data-build", "next")
    # In the small hours, whatever minute of it this screen has drawn, for whatever a browser gathers in a day.
    clock.move_to(NOW + timedelta(hours=14, minutes=59, seconds=59))
    reloads(page, 14 * 60 * A_MINUTE)
    refresh(page)
    Screen.objects.filter(pk=screen.pk).update(revoked_at=NOW)
    reloads(page)
    expect(page.locator("#code")).to_have_text(re.compile(r"^\w{4}-\w{4}$"))
    # A code whose time is over is followed by another one.
    first = page.locator("#code").inner_text()
    clock.shift(timedelta(minutes=16))
    reloads(page)
    expect(page.locator("#code")).not_to_have_text(first)
    assert places() == [f"{place.address}/wall/"]


def test_screen_without_a_script_goes_on_by_itself(
    place: StoppableSite,
    known: PartnerAccount,
    new_browser: NewBrowser,
    settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wall_views, "POLL_SECONDS", 1)
    page = new_browser(java_script_enabled=False).new_page()
    page.goto("/wall/")
    code = pairing.typed(page.locator("#code").inner_text())
    screen = make_screen(known, boards=["cash", "health"], rotation_seconds=1)
    pairing.claim(code, make_user(), NOW, lambda: screen)
    for board, other in (("cash", "health"), ("health", "cash"), ("cash", "health")):
        expect(page.locator(f".board--{board}")).to_be_visible()
        expect(page.locator(f".board--{other}")).to_be_hidden()
    Screen.objects.filter(pk=screen.pk).update(revoked_at=NOW)
    expect(page.locator("#code")).to_be_visible()
    assert page.locator("#code").inner_text() != pairing.shown(code)


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (Privacy.FULL, [True, True, True]),
        (Privacy.NO_NAMES, [False, True, True]),
        (Privacy.AMOUNTS_ONLY, [False, True, False]),
        (Privacy.INDEX, [False, False, True]),
    ],
)
def test_browser_of_a_screen_is_sent_nothing_that_its_level_forbids(
    place: StoppableSite, known: PartnerAccount, new_browser: NewBrowser, level: Privacy, told: list[bool]
) -> None:
    context = new_browser()
    fetched: list[Response] = []
    context.on("response", lambda answer: fetched.append(answer))
    page = screen_of(context, place, make_screen(known, privacy=level))
    refresh(page)
    make_transaction(known, fee_usd=Decimal("7654.32"))
    make_run(known, started_at=NOW + timedelta(seconds=1))
    refresh(page)
    assert [answer.status for answer in fetched if BOARD.search(answer.url)] == [304, 200]
    everything = "\n".join(f"{answer.url} {answer.all_headers()} {text_of(answer)}" for answer in fetched)
    everything += page.content() + page.locator("body").aria_snapshot()
    assert [part in everything for part in (NAME, FEE, "In onboarding")] == told
    assert not any(plain in everything for plain in ("7654.32", "765432")), "an amount in another dress"
    asked = {urlsplit(answer.url).path.split("/")[1] for answer in fetched}
    assert asked == {"wall", "static"}


def text_of(answer: Response) -> str:
    return "" if answer.status == 304 else answer.text()


def test_axe_finds_nothing_on_screens_and_their_settings_in_either_theme(
    place: StoppableSite, clock: time_machine.Traveller, known: PartnerAccount, new_browser: NewBrowser
) -> None:
    waiting = switch_on(new_browser(reduced_motion="reduce"))
    found = violations(waiting)
    for theme in Screen.Theme.values:
        page = screen_of(new_browser(reduced_motion="reduce"), place, make_screen(known, theme=theme))
        for number in range(len(BoardKey)):
            page.locator("main").evaluate("(main, number) => { main.dataset.shown = number; }", number)
            found += violations(page)
    User.objects.create_superuser("finance@example.com", PASSWORD, name="Fina Nance")
    admin = sign_in(new_browser(reduced_motion="reduce").new_page())
    one = Screen.objects.earliest("pk").pk
    for address in ("/settings/screens/", "/settings/screens/claim/", f"/settings/screens/{one}/"):
        admin.goto(address)
        for scheme in THEMES:
            admin.emulate_media(color_scheme=scheme)
            found += violations(admin)
    assert found == []


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page as it stands: the rule and where."""
    said = Axe().run(page).response["violations"]
    return [f"{page.url} {one['id']}: {[node['html'][:120] for node in one['nodes']][:3]}" for one in said]


@pytest.fixture
def lean_browser(browser: Browser) -> Iterator[Browser]:
    """A Chromium that compiles nothing while it runs: its heap holds what a page keeps, and no machine code of warm loops."""
    flags = "--js-flags=--no-opt,--no-maglev,--no-sparkplug"
    lean = browser.browser_type.launch(executable_path=environment.chromium(), args=[*QUIET, flags])
    yield lean
    lean.close()


def test_screen_holds_no_more_after_a_week_of_refreshes(
    lean_browser: Browser, place: StoppableSite, known: PartnerAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    page = lean_browser.new_page(base_url=place.address)
    give_credential(page.context, place, make_screen(known, boards=["revenue", "clients"]))
    put_in_a_hurry(page)
    page.goto("/wall/", wait_until="load")
    page.evaluate("keepPicture('/wall/board/')")
    make_transaction(known, fee_usd=Decimal("7654.32"))
    make_run(known, started_at=NOW + timedelta(seconds=1))
    page.evaluate("keepPicture('/wall/board/')")
    growth = growth_of(page, REFRESHES, realEvery=100, failEvery=1_009)
    with capsys.disabled():
        sys.stdout.write(f"\n{growth}\n")
    assert growth.days > 7
    assert growth.worst < 1.1


def test_screens_do_not_come_back_in_one_second_after_an_outage(
    place: StoppableSite, known: PartnerAccount, new_browser: NewBrowser
) -> None:
    context = new_browser()
    give_credential(context, place, make_screen(known))
    page = context.new_page()
    put_in_a_hurry(page)
    page.goto("/wall/", wait_until="load")
    # The seconds at which a page asks while nobody answers, as so many screens would one after the other.
    asked: list[float] = page.evaluate(
        """async () => {
            const times = [];
            while (times.length < 500) times.push(await hurry({ refreshes: 1, failEvery: 1, step: 1_000 }) / 1_000);
            return times;
        }"""
    )
    waits = [after - before for before, after in pairwise(asked)]
    assert (10 < waits[0] <= 61, max(waits[10:]) <= 121, min(waits[10:]) >= 60) == (True, True, True)
    crowds = Counter(int(wait) for wait in waits[10:])
    # Of 489 screens 8 are expected in each of 60 seconds.
    assert max(crowds.values()) < 30
