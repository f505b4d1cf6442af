"""What an open page says when its own server has gone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenPage, sign_in

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

UNREACHABLE = "Feeboard's server cannot be reached; these figures may be out of date."
ASK_FOR_NEWS = """() => {
    const news = document.querySelector("#news");
    return htmx.ajax("GET", news.getAttribute("hx-get"), {source: news, swap: "outerHTML"}).catch(() => null);
}"""


# What the page is answered, and what it then says.
ANSWERS = [(None, UNREACHABLE), (502, UNREACHABLE), (504, UNREACHABLE), (404, ""), (200, "")]


def test_page_says_that_its_server_cannot_be_reached(open_page: OpenPage, complaints: list[str]) -> None:
    status: int | None

    def answer(route: Route) -> None:
        if status is None:
            route.abort()
        elif status == 200:
            route.continue_()
        else:
            route.fulfill(status=status, body="A proxy speaks.")

    page = sign_in(open_page())
    page.route("**/pulls/news/**", answer)
    for status, said in ANSWERS:
        page.goto("/", wait_until="load")
        page.evaluate(ASK_FOR_NEWS)
        expect(page.locator("#news"), f"answered {status}").to_have_text(said)
    # The browser and htmx both report the refusal that was asked for.
    complaints.clear()
