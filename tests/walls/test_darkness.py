"""Admins are told of a screen that goes dark, once for each time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as project
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from accounts.models import Role
from revenue.management.commands.schedule import do_chores
from tests.factories import NOW, make_account, make_member, make_user
from tests.walls.builders import browser_of, make_screen
from walls.darkness import tell_of_dark_screens
from walls.models import Screen

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def account():
    account = make_account(name="Acme Referrals")
    make_member(account, Role.ADMIN, email="admin@example.com")
    make_member(account, Role.FINANCE, email="finance@example.com")
    make_member(account, Role.ADMIN, email="gone@example.com", is_active=False)
    make_user("super@example.com")
    return account


def dark(account, **fields) -> Screen:
    given: dict[str, Any] = {"last_seen_at": NOW, "dark_after_minutes": 30}
    return make_screen(account, **given | fields)


def test_admins_are_told_once_after_the_time_that_is_set(account):
    dark(account, place="Copenhagen")
    assert tell_of_dark_screens(NOW + 30 * MINUTE) == 0
    assert tell_of_dark_screens(NOW + 31 * MINUTE) == 1
    assert tell_of_dark_screens(NOW + 32 * MINUTE) == 0
    [message] = mail.outbox
    assert (message.to, message.bcc) == ([], ["admin@example.com"])
    assert message.subject == "Feeboard: the screen “Sales, window side” is dark"
    assert "- Sales, window side (Copenhagen): last seen 2026-03-14 13:00 (Europe/Copenhagen)" in message.body


def test_screen_that_came_back_and_went_dark_again_is_told_again(account):
    screen = dark(account)
    tell_of_dark_screens(NOW + 31 * MINUTE)
    with time_machine.travel(NOW + 40 * MINUTE, tick=False):
        browser_of(screen, NOW + 40 * MINUTE).get("/wall/board/")
    assert tell_of_dark_screens(NOW + 70 * MINUTE) == 0
    assert tell_of_dark_screens(NOW + 71 * MINUTE) == 1
    assert len(mail.outbox) == 2


def test_screens_that_go_dark_together_stand_in_one_mail(account):
    for name in ("B", "A"):
        dark(account, name=name)
    assert tell_of_dark_screens(NOW + 31 * MINUTE) == 2
    [message] = mail.outbox
    assert message.subject == "Feeboard: 2 screens are dark"
    assert message.body.index("- A:") < message.body.index("- B:")


def test_screen_that_never_came_counts_from_when_it_was_paired(account):
    dark(account, last_seen_at=None)
    assert tell_of_dark_screens(NOW + 30 * MINUTE) == 0
    assert tell_of_dark_screens(NOW + 31 * MINUTE) == 1
    assert "never seen since it was paired" in mail.outbox[0].body


def test_revoked_screens_are_not_missed(account):
    dark(account, revoked_at=NOW)
    assert (tell_of_dark_screens(NOW + timedelta(days=9)), mail.outbox) == (0, [])


def test_account_without_an_admin_of_its_own_tells_who_is_admin_of_everything(account):
    other = make_account()
    dark(other, by=make_member(other, Role.FINANCE))
    tell_of_dark_screens(NOW + 31 * MINUTE)
    assert mail.outbox[0].bcc == ["super@example.com"]


class Refusing(EmailBackend):
    def send_messages(self, messages):
        raise ConnectionRefusedError


def test_mail_that_could_not_be_sent_is_sent_with_the_next_round(account, settings):
    dark(account)
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    tell_of_dark_screens(NOW + 31 * MINUTE)
    settings.EMAIL_BACKEND = working
    tell_of_dark_screens(NOW + 32 * MINUTE)
    assert len(mail.outbox) == 1


def test_line_break_in_a_name_cannot_add_a_header(account):
    dark(account, name="Sales\nBcc: everybody@example.com")
    tell_of_dark_screens(NOW + 31 * MINUTE)
    assert mail.outbox[0].subject == "Feeboard: the screen “Sales Bcc: everybody@example.com” is dark"


def test_schedule_and_beat_both_do_it(account):
    dark(account, last_seen_at=NOW - timedelta(days=3650))
    do_chores()
    assert len(mail.outbox) == 1
    tasks = [entry["task"] for entry in project.CELERY_BEAT_SCHEDULE.values()]
    assert [path for path in project.CHORES if path not in tasks] == []
