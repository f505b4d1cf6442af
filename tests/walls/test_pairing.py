"""Pairing: a code that a screen shows, an admin who claims it, and what guessing is worth."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import AuditEvent, Role
from tests.factories import NOW, make_account, make_member, make_user
from tests.walls.builders import make_screen
from walls import pairing
from walls.models import PairingCode, Privacy, Screen

pytestmark = pytest.mark.django_db
FORM = {
    "name": "Sales",
    "place": "Copenhagen",
    "board_1": "cash",
    "board_2": "revenue",
    "privacy": "full",
    "time_zone": "Europe/Copenhagen",
    "numbers": "da",
    "theme": "light",
    "zoom": "110",
    "rotation_seconds": "20",
    "drift": "on",
    "dark_after_minutes": "15",
}


def code_on(screen: Client) -> str:
    found = re.search(r'id="code">([A-Z0-9-]+)<', screen.get("/wall/").content.decode())
    assert found is not None
    return found[1]


def admin() -> Client:
    browser = Client()
    browser.force_login(make_user())
    return browser


def claim(browser: Client, code: str, **changes: str):
    return browser.post("/settings/screens/claim/", FORM | {"code": code} | changes)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def account():
    return make_account(name="Acme Referrals")


def test_screen_shows_the_same_code_until_it_ends_then_another_in_the_same_row(clock):
    screen = Client()
    code = code_on(screen)
    assert re.fullmatch(f"[{pairing.LETTERS}]{{4}}-[{pairing.LETTERS}]{{4}}", code)
    clock.shift(pairing.LIFETIME - timedelta(seconds=1))
    assert code_on(screen) == code
    clock.shift(timedelta(seconds=1))
    assert code_on(screen) != code
    assert PairingCode.objects.count() == 1


def test_screen_without_a_credential_is_never_sent_to_the_sign_in():
    answers = [Client().get(address) for address in ("/wall/", "/wall/board/", "/wall/?board=3")]
    assert [answer.status_code for answer in answers] == [200, 204, 200]
    assert [answer.headers.get("Location") for answer in answers] == [None, None, None]


def test_code_is_kept_nowhere():
    code = pairing.typed(code_on(Client()))
    assert [value for value in PairingCode.objects.values_list().get() if code in str(value)] == []


def test_claimed_screen_gets_its_boards_by_a_credential_of_its_own(account):
    screen, browser = Client(), admin()
    code = code_on(screen)
    waiting = screen.get("/wall/board/").headers["Wall-Page"]
    assert claim(browser, code.lower().replace("-", " ")).status_code == 302
    assert screen.get("/wall/board/").headers["Wall-Page"] != waiting
    page = screen.get("/wall/").content.decode()
    assert re.findall(r'<h1 class="board__title" id="board-(\w+)"', page) == ["cash", "revenue"]
    assert 'data-theme="light"' in page
    assert screen.get("/wall/board/").status_code == 200
    assert PairingCode.objects.count() == 0
    made = Screen.objects.get()
    assert (made.account, made.name, made.boards, made.privacy) == (account, "Sales", ["cash", "revenue"], Privacy.FULL)
    line = AuditEvent.objects.get(action="screen_paired")
    assert (line.subject, line.account, line.detail["privacy"]) == ("Sales", account, "full")


def test_credential_whose_answer_was_lost_is_issued_again():
    screen = Client()
    claim(admin(), code_on(screen))
    pairing_cookie = screen.cookies[pairing.cookie_name()].value
    lost = Client()
    for browser in (lost, screen):
        browser.cookies[pairing.cookie_name()] = pairing_cookie
        assert "board__title" in browser.get("/wall/").content.decode()
    assert screen.get("/wall/board/").status_code == 200
    # Once it has come back, the code is worth nothing any more.
    late = Client()
    late.cookies[pairing.cookie_name()] = pairing_cookie
    assert 'id="code"' in late.get("/wall/").content.decode()


@pytest.mark.parametrize("text", ["", "ACDE-FGHJ", "<script>", "²" * 8, "a" * 400])
def test_code_that_no_screen_shows_is_refused(text):
    answer = claim(admin(), text)
    assert (answer.status_code, Screen.objects.count()) == (400, 0)


def test_code_that_has_ended_is_refused(clock):
    code = code_on(Client())
    clock.shift(pairing.LIFETIME)
    assert claim(admin(), code).status_code == 400


def test_code_is_claimed_once():
    code = code_on(Client())
    assert [claim(admin(), code).status_code for _ in range(2)] == [302, 400]


def test_wrong_settings_use_up_no_code():
    browser, code = admin(), code_on(Client())
    assert claim(browser, code, board_2="cash").status_code == 400
    assert claim(browser, code, name="").status_code == 400
    assert claim(browser, code, time_zone="Mars/Base").status_code == 400
    assert claim(browser, code).status_code == 302


def test_who_guesses_waits_and_others_do_not():
    code, guesser = code_on(Client()), admin()
    for _ in range(pairing.MOST_WRONG):
        claim(guesser, "ACDEFGHJ")
    answer = claim(guesser, code)
    assert answer.status_code == 400
    assert "too many wrong codes" in answer.content.decode()
    assert claim(admin(), code).status_code == 302


@pytest.mark.parametrize("role", [Role.FINANCE, Role.MANAGER, Role.CLIENT])
def test_only_admins_claim(account, role):
    browser, code = Client(), code_on(Client())
    browser.force_login(make_member(account, role))
    assert claim(browser, code).status_code == (404 if role == Role.CLIENT else 403)
    assert Screen.objects.count() == 0


def test_nobody_claims_without_signing_in():
    assert claim(Client(), code_on(Client())).headers["Location"].startswith("/sign-in/")


def test_revoked_screen_shows_a_code_and_can_be_paired_again():
    screen, browser = Client(), admin()
    claim(browser, code_on(screen))
    screen.get("/wall/")
    screen.get("/wall/board/")
    browser.post(f"/settings/screens/{Screen.objects.get().pk}/revoke/")
    assert screen.get("/wall/board/").status_code == 204
    claim(browser, code_on(screen))
    screen.get("/wall/")
    assert screen.get("/wall/board/").status_code == 200
    assert Screen.objects.filter(revoked_at=None).count() == 1


def test_screen_that_was_revoked_before_it_came_gets_no_credential():
    screen = Client()
    claim(admin(), code_on(screen))
    Screen.objects.update(revoked_at=NOW)
    assert 'id="code"' in screen.get("/wall/").content.decode()


def test_codes_that_ended_are_gone_with_the_next_one(clock):
    for _ in range(3):
        code_on(Client())
    clock.shift(pairing.LIFETIME)
    code_on(Client())
    assert PairingCode.objects.count() == 1


def test_codes_of_one_address_and_of_all_have_a_bound(monkeypatch, clock):
    monkeypatch.setattr(pairing, "MOST_WAITING_AT_AN_ADDRESS", 2)
    monkeypatch.setattr(pairing, "MOST_WAITING", 3)

    def asked_from(address: str) -> int:
        return Client(REMOTE_ADDR=address).get("/wall/").status_code

    assert [asked_from("192.0.2.1") for _ in range(3)] == [200, 200, 503]
    assert [asked_from("192.0.2.2"), asked_from("192.0.2.3")] == [200, 503]
    clock.shift(pairing.LIFETIME)
    assert asked_from("192.0.2.1") == 200


def test_claimed_screens_do_not_count_among_those_that_wait(monkeypatch, account):
    monkeypatch.setattr(pairing, "MOST_WAITING", 1)
    code_on(Client())
    PairingCode.objects.update(screen=make_screen(account))
    assert Client().get("/wall/").status_code == 200
