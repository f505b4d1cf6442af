from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from tests.factories import make_account, make_run


def test_healthz_answers_without_a_session_or_a_database(client):
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
def test_readyz_before_the_first_pull_knows_no_age(client, settings):
    settings.REDIS_URL = ""
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        200,
        {"database": "ok", "last_good_pull_age_seconds": None, "accounts_without_a_pull": 0},
    )


@pytest.mark.django_db
def test_readyz_tells_the_age_of_the_account_that_stands_still(client, settings):
    settings.REDIS_URL = ""
    now, still, fresh = timezone.now(), make_account(), make_account()
    make_run(fresh, as_of=now - timedelta(seconds=1))
    make_run(fresh, as_of=now - timedelta(hours=9))
    make_run(still, as_of=now - timedelta(hours=1))
    make_run(still, as_of=None, ties_out=None)
    answer = client.get("/readyz").json()
    assert 3600 <= answer["last_good_pull_age_seconds"] < 3630
    assert answer["accounts_without_a_pull"] == 0


@pytest.mark.django_db
def test_readyz_counts_accounts_that_were_never_pulled(client, settings):
    settings.REDIS_URL = ""
    never = make_account()
    make_run(never, as_of=None, ties_out=None)
    answer = client.get("/readyz").json()
    assert (answer["last_good_pull_age_seconds"], answer["accounts_without_a_pull"]) == (None, 1)
    make_run(as_of=timezone.now() - timedelta(seconds=90))
    answer = client.get("/readyz").json()
    assert (90 <= answer["last_good_pull_age_seconds"] < 120, answer["accounts_without_a_pull"]) == (True, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_readyz_without_its_database_answers_503_and_tells_no_detail(client, settings, error):
    settings.REDIS_URL = ""

    def gone(*_):
        raise error("secret")

    with connection.execute_wrapper(gone):
        response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        {"database": "failed", "last_good_pull_age_seconds": None, "accounts_without_a_pull": None},
    )


@pytest.mark.django_db
def test_readyz_without_its_broker_answers_503_and_tells_no_detail(client, settings):
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        {"database": "ok", "broker": "failed", "last_good_pull_age_seconds": None, "accounts_without_a_pull": 0},
    )


@pytest.mark.django_db
def test_readyz_without_its_tables_answers_503(client, settings):
    settings.REDIS_URL = ""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE revenue_pullrun RENAME TO revenue_pullrun_away")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["database"]) == (503, "failed")
