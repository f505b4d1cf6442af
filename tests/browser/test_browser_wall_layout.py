"""A screen is legible and whole at every size, whatever the amounts and names: pages made of the largest of them.

No site is needed: the pages come from the templates, and their files from static/.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from playwright.sync_api import Browser, Page, Route

from revenue.stages import PIPELINE, TEXTS, Stage
from walls.boards import Amount, Base, Board, Count, Figure, Since
from walls.models import BoardKey, Privacy, WatchedScreen
from walls.picture import Picture
from walls.privacy import allowed
from walls.standing import Standing
from walls.tiles import sheet_of
from walls.views.wall import board_page

pytestmark = pytest.mark.chromium
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
SIZES = [(1280, 720), (1920, 1080), (3840, 2160), (1080, 1920)]
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LARGE = Amount(Decimal("123456789.01"), Decimal("98765432.10"))
SMALL = Amount(Decimal("1234.50"))
# 190 characters each.
NAMES = [
    ("Aktieselskabet Dansk Inkasso og Ejendomsforvaltning ved Internationale Sammenslutninger " * 3)[:190],
    ("株式会社国際債権回収管理機構東日本支社" * 11)[:190],
    ("شركة التحصيل الدولية المحدودة للخدمات المالية " * 6)[:190],
]
FAULTS = (Path(__file__).parent / "wall_faults.js").read_text()


def boards(amount: Amount, names: list[str]) -> list[Board]:
    """All boards, with one amount in all places and as large a change as it may be."""
    before = Since(replace(amount, value=-8 * amount.value), "1–14 Feb 2026")
    stages = [Figure(label=TEXTS[stage].label, stage=stage, amount=amount) for stage in PIPELINE]
    month = Figure(label="Fees this month, 1–14 Mar 2026", amount=amount, since=before)
    ages = [f"Still to come, debtor paid {age} days ago" for age in ("up to 30", "31–90", "over 90")]
    paid = Figure(label="Paid this month", stage=Stage.PAID, amount=amount, note="as seen by the pulls")
    moved = [
        Figure(label=f"No. {place}", name=name, amount=amount, since=before, is_change=True)
        for place, name in enumerate(names, start=1)
    ]
    clients = [Figure(label=label, count=Count(1_234_567, "clients")) for label in ("In onboarding", "Onboarding done")]
    words = Figure(
        label="Copy of Debitura’s figures", words="Debitura’s summary is incomplete: not proven", look="warn"
    )
    last = Figure(label="Last pull", words="Does not tie out", look="bad", note="14 Mar 12:00")
    pulls = [Figure(label=label, count=Count(17_280, "pulls")) for label in ("Pulls today", "Failed today")]
    rest = [Figure(label=label, amount=amount) for label in ("Difference to Debitura", "Fees in all stages")]
    payments = Figure(label="Payments", count=Count(123_456_789, "payments"))
    return [
        Board(BoardKey.REVENUE, "Revenue", (month, *stages)),
        Board(BoardKey.CASH, "Cash", (*stages[2:5], paid, *(Figure(label=age, amount=amount) for age in ages))),
        Board(BoardKey.CLIENTS, "Clients", (*moved, *clients, clients[0]), "this month", "1–14 Feb 2026"),
        Board(BoardKey.HEALTH, "Health", (words, last, *pulls, *rest, payments)),
    ]


def page_of(shown: list[Board], *, is_old: bool, privacy: Privacy = Privacy.FULL, **fields: object) -> bytes:
    """The page of a screen with these boards."""
    given = {"boards": [board.key for board in shown], "time_zone": "Europe/Copenhagen", "rotation_seconds": 3600}
    screen = WatchedScreen(name="x", place="Second floor, beside the kitchen, left", **given | fields)
    screen.account_name = "Demo Referrals and Sons Limited of Copenhagen"
    base = Base(date(2026, 2, 1), Decimal(1000)) if privacy == Privacy.INDEX else None
    words = "nothing new since: no pull has finished" if is_old else "Agrees with Debitura"
    standing = Standing("stale" if is_old else "fresh", "warn" if is_old else "good", words, NOW, NOW, is_old, None)
    context = {
        "sheets": [sheet_of(board, screen.numbers) for board in allowed(shown, privacy, base)],
        "standing": standing,
        "unit": "Feb 2026 = 100" if privacy == Privacy.INDEX else "USD",
        "data_time": "13 Mar 13:00" if is_old else "13:00",
        "proven_time": "13:00",
    }
    picture = Picture(render_to_string("walls/picture.html", context).encode(), '"tag"', NOW)
    return board_page(screen, picture, NOW, is_preview=True).content


def open_at(browser: Browser, size: tuple[int, int], content: bytes) -> Page:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path.startswith("/static/"):
            file = Path(settings.BASE_DIR) / path[1:]
            route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])
        else:
            route.fulfill(body=content, content_type="text/html; charset=utf-8")

    page.route("**/*", answer)
    page.goto("http://wall.example/")
    return page


def faults_of(page: Page) -> list[str]:
    found = []
    for number in range(len(BoardKey)):
        page.evaluate(f"document.querySelector('main').dataset.shown = '{number}'")
        found += [f"board {number + 1}: {fault}" for fault in page.evaluate(FAULTS)]
    return found


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_largest_figures_and_longest_names_are_whole_and_legible(browser, size):
    for is_old, names in ((False, NAMES), (True, NAMES[::-1])):
        page = open_at(browser, size, page_of(boards(LARGE, names), is_old=is_old))
        assert faults_of(page) == []
        page.close()


@pytest.mark.parametrize("size", [SIZES[0], SIZES[-1]], ids=lambda size: f"{size[0]}x{size[1]}")
def test_other_settings_are_whole_and_legible(browser, size):
    for privacy, numbers, zoom in (
        (Privacy.FULL, "sv", 120),
        (Privacy.NO_NAMES, "en", 110),
        (Privacy.AMOUNTS_ONLY, "ch", 100),
        (Privacy.INDEX, "da", 100),
    ):
        shown = boards(LARGE, NAMES)
        page = open_at(browser, size, page_of(shown, is_old=False, privacy=privacy, numbers=numbers, zoom=zoom))
        assert (privacy, faults_of(page)) == (privacy, [])
        page.close()


@pytest.mark.parametrize("privacy", [Privacy.FULL, Privacy.INDEX])
def test_short_names_and_none_leave_room_for_the_counts_of_an_upright_screen(browser, privacy):
    for is_old in (False, True):
        shown = boards(SMALL, ["Hanse Logistik GmbH"] * 3)
        page = open_at(browser, SIZES[-1], page_of(shown, is_old=is_old, privacy=privacy))
        assert (is_old, faults_of(page)) == (is_old, [])
        page.close()


def test_figures_of_a_screen_grow_with_it(browser):
    heights = []
    for size in SIZES[:3]:
        page = open_at(browser, size, page_of(boards(SMALL, ["Hanse Logistik GmbH"]), is_old=False))
        box = page.locator(".tile__value").first.bounding_box()
        assert box is not None
        heights.append(box["height"] / size[1])
        page.close()
    assert heights == pytest.approx([heights[0]] * 3, rel=0.02)
    # A figure is read from five metres: no less than a twelfth of the screen.
    assert heights[0] > 1 / 12
