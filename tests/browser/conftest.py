"""A real site, a real browser: Chromium from the distribution, driven by Playwright.

Every page that is opened is watched: a request that leaves the host, an error on the console or an exception in a script
fails the test it happened in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from accounts.models import User
from partners.models import Case, PartnerAccount
from revenue.models import PullRun
from revenue.pull.runner import pull
from sandbox.server import SandboxServer
from sandbox.world import World
from tests import environment

PASSWORD = "a long enough pass phrase"
# Milliseconds that something may take on a busy machine.
PATIENCE = 15_000
expect.set_options(timeout=PATIENCE)
# Headless Chromium asks its makers for news unless it is told not to.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=environment.chromium(), args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def generated_world() -> World:
    """Three years of data, the same at every run."""
    return World.generate(seed=7, transactions=400, clients=20, end=date(2026, 3, 31))


@pytest.fixture
def upstream(generated_world: World) -> Iterator[SandboxServer]:
    with SandboxServer(generated_world) as server:
        yield server


@pytest.fixture
def site(transactional_db: None, account: PartnerAccount, live_server) -> str:
    """The address of a site that has pulled `generated_world` and ties out."""
    assert pull(account).status == PullRun.Status.OK
    User.objects.create_superuser("finance@example.com", PASSWORD, name="Fina Nance")
    return str(live_server.url)


@pytest.fixture
def waiting(site: str, account: PartnerAccount, upstream: SandboxServer) -> Case:
    """A case with payments that can be activated."""
    account.collection_base_url, account.collection_key = upstream.address, upstream.collection_key
    account.save()
    case = some_case()
    upstream.world.edit_case(case.case_id, lifecycle="PendingVerification")
    Case.objects.filter(pk=case.pk).update(lifecycle="PendingVerification")
    return case


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complained about; nothing, at the end of a test."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_page(browser: Browser, site: str, complaints: list[str]) -> Iterator[OpenPage]:
    """Opens a watched page in a browser of its own; keyword arguments go to Playwright's new_context."""
    contexts: list[BrowserContext] = []

    def open_it(**options) -> Page:
        context = browser.new_context(base_url=site, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        watch(page, urlsplit(site).netloc, complaints)
        return page

    yield open_it
    for context in contexts:
        context.close()


def watch(page: Page, own: str, complaints: list[str]) -> None:
    """Write down everything that must not happen."""

    def asked(url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc != own:
            complaints.append(f"a request left the host: {url}")

    page.on("request", lambda request: asked(request.url))
    page.on("console", lambda line: complaints.append(f"console: {line.text}") if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(f"script: {error}"))


def sign_in(page: Page, *, email: str = "Finance@Example.com", title: str = "Overview") -> Page:
    """Sign in as a person would, on the page that the site sends us to; `title` is that of the page they come to."""
    page.goto("/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name=title, level=1).wait_for()
    # A page listens to keys and clicks from then on.
    page.wait_for_load_state("load")
    return page


def some_case() -> Case:
    case = Case.objects.exclude(transactions=None).order_by("pk").first()
    assert case is not None
    return case
