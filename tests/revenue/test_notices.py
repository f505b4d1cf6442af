"""A key that Debitura rejects is told to the admins: in one line of the trail and one mail each, until it is put right."""

from __future__ import annotations

from io import StringIO
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command

from accounts.models import AuditEvent, Role
from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.notices import note_outcome
from revenue.pull.runner import pull
from revenue.tasks import pull_unless_running
from sandbox.server import SandboxServer
from sandbox.world import World
from tests.factories import make_account, make_client, make_member, make_user

pytestmark = pytest.mark.django_db


class DownServer(EmailBackend):
    """No mail server answers."""

    def open(self) -> bool:
        raise ConnectionRefusedError

    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError


class PickyServer(EmailBackend):
    """Takes no mail to the first admin."""

    def send_messages(self, messages: Any) -> int:
        if messages[0].to == ["admin@example.com"]:
            raise SMTPRecipientsRefused({})
        return super().send_messages(messages) or 0


@pytest.fixture
def people(account: PartnerAccount) -> None:
    """Of every kind; two are to be told."""
    make_member(account, Role.ADMIN, email="admin@example.com")
    make_user("root@example.com")
    make_member(account, Role.ADMIN, email="left@example.com", is_active=False)
    make_user("gone@example.com", is_active=False)
    make_member(account, Role.FINANCE, email="finance@example.com")
    make_member(account, Role.MANAGER, email="manager@example.com")
    make_member(account, Role.CLIENT, email="client@example.com", clients=[make_client(account)])
    make_member(make_account(), Role.ADMIN, email="other@example.com")


def told() -> list[list[str]]:
    return [message.to for message in mail.outbox]


def lines() -> list[tuple[str, str, str]]:
    found = AuditEvent.objects.filter(action=AuditEvent.Action.KEY_REJECTED)
    return list(found.values_list("subject", "way", "account__slug"))


def test_admins_are_told_once_that_the_key_is_rejected(
    account: PartnerAccount, upstream: SandboxServer, people: None
) -> None:
    upstream.faults = "401"
    for _ in range(3):
        pull_unless_running(account.pk)
    assert told() == [["admin@example.com"], ["root@example.com"]]
    assert lines() == [("API key", "system", "acme")]
    [message, _] = mail.outbox
    assert message.subject == "Debitura rejects the API key of Acme Referrals"
    assert "Set a new key in Feeboard, under Settings, Keys." in message.body
    assert upstream.key not in message.body


def test_name_of_an_account_cannot_break_a_mail(account: PartnerAccount, upstream: SandboxServer) -> None:
    make_user("root@example.com")
    PartnerAccount.objects.update(name="A & <B>\nBcc: all@example.com")
    upstream.faults = "401"
    pull_unless_running(account.pk)
    [message] = mail.outbox
    assert message.subject == "Debitura rejects the API key of A & <B> Bcc: all@example.com"
    assert message.recipients() == ["root@example.com"]


def test_success_ends_it_and_the_next_rejection_is_told_anew(
    account: PartnerAccount, upstream: SandboxServer, world: World, people: None
) -> None:
    world.add_client()
    for faults in ("401", "", "403"):
        upstream.faults = faults
        pull_unless_running(account.pk)
        account.refresh_from_db()
        is_rejected = faults != ""
        assert (account.key_rejected_at is not None, account.key_rejection_told_at is not None) == (is_rejected,) * 2
    assert (len(told()), len(lines())) == (4, 2)


@pytest.mark.parametrize("kind", ["unreachable", "wrong_partner", "budget_spent", "interrupted"])
def test_other_failures_are_not_told(account: PartnerAccount, people: None, kind: str) -> None:
    note_outcome(PullRun(account=account, status=PullRun.Status.FAILED, error_kind=kind), account)
    assert (told(), lines()) == ([], [])


def test_mail_server_that_is_down_fails_no_pull_and_is_tried_again(
    account: PartnerAccount, upstream: SandboxServer, people: None, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.faults = "401"
    works, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.DownServer"
    run = pull_unless_running(account.pk)
    assert run is not None
    assert (run.error_kind, told()) == ("unauthorized", [])
    said = "The admins could not be told that a key is rejected (ConnectionRefusedError): look at EMAIL_URL."
    assert [record.getMessage() for record in caplog.records if record.name == "revenue.notices"] == [said]

    settings.EMAIL_BACKEND = works
    pull_unless_running(account.pk)
    pull_unless_running(account.pk)
    assert (len(told()), len(lines())) == (2, 1)


def test_address_that_is_refused_keeps_no_other_admin_from_being_told(
    account: PartnerAccount, upstream: SandboxServer, people: None, settings: Any
) -> None:
    upstream.faults = "401"
    settings.EMAIL_BACKEND = f"{__name__}.PickyServer"
    pull_unless_running(account.pk)
    pull_unless_running(account.pk)
    assert told() == [["root@example.com"]]


def test_pull_with_the_key_before_says_nothing_of_a_new_one(account: PartnerAccount, people: None) -> None:
    """The pull began before somebody set another key, and ended after that."""
    run = PullRun(account=account, status=PullRun.Status.FAILED, error_kind="unauthorized")
    newer = PartnerAccount.objects.get(pk=account.pk)
    newer.api_key = "another-key-of-ours"
    newer.save()
    note_outcome(run, account)
    newer.refresh_from_db()
    assert (told(), lines(), newer.key_rejected_at) == ([], [], None)


def test_sync_tells_it_too_and_no_mail_gets_among_its_json(
    account: PartnerAccount, upstream: SandboxServer, people: None, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    upstream.faults = "401"
    with pytest.raises(SystemExit):
        call_command("sync", "--json", stdout=StringIO(), stderr=StringIO())
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("Subject: Debitura rejects the API key of Acme Referrals")) == ("", 2)


def test_finding_nothing_to_tell_writes_nothing(
    account: PartnerAccount, django_assert_num_queries: Any, upstream: SandboxServer
) -> None:
    run = pull(account)
    with django_assert_num_queries(1):
        note_outcome(run, account)
