from datetime import timedelta

import pytest

from accounts.access import Seen, seen_by
from accounts.models import Membership, Role
from partners.models import PartnerAccount
from revenue.models import PullRun
from revenue.selectors.version import data_version
from tests.factories import NOW, make_account, make_client, make_creditor, make_member, make_run, make_user

pytestmark = pytest.mark.django_db

EVERY = PartnerAccount.objects.order_by("slug")


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme")
    make_run(account, started_at=NOW - timedelta(minutes=5))
    return account


def keys(accounts):
    sql, params = accounts.order_by().values("pk").query.sql_with_params()
    return Seen(sql, "''", params)


def version():
    return data_version(keys(EVERY), "acme")


def running(account):
    return make_run(account, status=PullRun.Status.RUNNING, as_of=None, ties_out=None, finished_at=None)


STEPS = {
    "a pull begins": running,
    "figures are published": lambda account: make_run(account),
    "a pull fails": lambda account: make_run(
        account, status=PullRun.Status.FAILED, as_of=None, ties_out=None, error_kind="unreachable"
    ),
    "the account has another name": lambda account: PartnerAccount.objects.update(name="Another"),
    "its fees are due at another moment": lambda account: PartnerAccount.objects.update(invoicing_trigger_mode="X"),
    "another account is connected": lambda account: make_account(),
}
ENDS = {
    "it shows a sign of life": {"heartbeat_at": NOW + timedelta(seconds=1)},
    "it writes": {"phase": PullRun.Phase.WRITING},
    "it publishes": {"as_of": NOW, "ties_out": True},
    "it ends": {"finished_at": NOW},
    "it was interrupted": {"status": PullRun.Status.INTERRUPTED},
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_version_changes_when(account, step):
    before = version()
    assert version() == before
    step(account)
    assert version() != before


@pytest.mark.parametrize("fields", ENDS.values(), ids=ENDS)
def test_version_of_a_running_pull_changes_when(account, fields):
    run = running(account)
    before = version()
    PullRun.objects.filter(pk=run.pk).update(**fields)
    assert version() != before


def test_version_stays_when_another_account_is_pulled(account):
    other = make_account(slug="other")
    before = version()
    make_run(other)
    assert version() == before


def test_account_that_is_not_named_is_the_one_connected_first(account):
    make_account(slug="aaa", created_at=NOW)
    assert data_version(keys(EVERY), "") == version()
    assert data_version(keys(EVERY), "aaa") != version()


@pytest.mark.parametrize(("seen", "slug"), [(EVERY, "nobody"), (EVERY.exclude(slug="acme"), "acme")])
def test_what_is_not_visible_has_no_version(account, seen, slug):
    assert data_version(keys(seen), slug) is None
    assert data_version(None, slug) is None


def of(person):
    return data_version(seen_by(person), "acme")


def test_version_is_of_the_accounts_that_somebody_sees(account):
    person, client = make_user(), make_client(account)
    assert of(person) == of(make_user()) is not None
    make_creditor(person, client)
    assert of(person) is None
    assert seen_by(make_user(is_active=False)) is None


CHANGES_OF_ROLE = {
    "another role": lambda membership, client: Membership.objects.update(role=Role.FINANCE),
    "the totals are shown": lambda membership, client: Membership.objects.update(sees_totals=True),
    "one more client": lambda membership, client: membership.clients.add(make_client(client.account)),
    "another client": lambda membership, client: membership.clients.set([make_client(client.account)]),
    "no client": lambda membership, client: membership.clients.clear(),
    "looked through": lambda membership, client: Membership.objects.update(looked_at=NOW),
}


@pytest.mark.parametrize("change", CHANGES_OF_ROLE.values(), ids=CHANGES_OF_ROLE)
def test_version_changes_with_what_somebody_may_see(account, change):
    client = make_client(account)
    person = make_member(account, Role.MANAGER, clients=[client])
    before, other = of(person), of(make_user())
    change(person.memberships.get(), client)
    assert of(person) not in (before, None)
    assert of(make_user()) == other


def test_account_without_a_pull_has_a_version_that_its_first_pull_changes():
    account = make_account(slug="acme")
    before = version()
    assert before is not None
    running(account)
    assert version() != before


def test_version_holds_no_key(account):
    account.api_key = "very secret"
    account.save()
    assert account.sealed_api_key not in version()


def test_version_takes_one_query(account, django_assert_num_queries):
    make_account()
    with django_assert_num_queries(1):
        version()
