from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.factories import make_run


def test_healthz_answers_without_a_session_or_a_database(client):
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
def test_readyz_before_the_first_pull_knows_no_age(client, settings):
    settings.REDIS_URL = ""
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"database": "ok", "last_good_pull_age_seconds": None})


@pytest.mark.django_db
def test_readyz_tells_the_age_of_the_last_good_pull(client, settings):
    settings.REDIS_URL = ""
    make_run(as_of=timezone.now() - timedelta(seconds=90))
    make_run(as_of=timezone.now() - timedelta(hours=3))
    age = client.get("/readyz").json()["last_good_pull_age_seconds"]
    assert 90 <= age < 120


@pytest.mark.django_db
def test_readyz_without_its_broker_answers_503_and_tells_no_detail(client, settings):
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        {"database": "ok", "broker": "failed", "last_good_pull_age_seconds": None},
    )


@pytest.mark.django_db
def test_readyz_without_its_tables_answers_503(client, settings):
    settings.REDIS_URL = ""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE revenue_pullrun RENAME TO revenue_pullrun_away")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["database"]) == (503, "failed")
