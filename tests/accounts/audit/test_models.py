"""The audit trail only grows: neither the ORM nor the database changes or deletes a line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.audit import guard as audit_guard
from accounts.audit.models import AppendOnly
from accounts.models import AuditEvent

pytestmark = pytest.mark.django_db

TABLE = audit_guard.TABLE


@pytest.fixture
def event() -> AuditEvent:
    return AuditEvent.objects.create(action=AuditEvent.Action.SIGNED_IN, actor_text="maria@example.com", way="page")


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda _: AuditEvent.objects.update(subject="else"),
        lambda _: AuditEvent.objects.all().delete(),
        lambda event: AuditEvent.objects.bulk_update([event], ["subject"]),
        lambda event: AuditEvent.objects.update_or_create(pk=event.pk, defaults={"subject": "else"}),
    ],
)
def test_line_is_not_changed_by_the_orm(event: AuditEvent, change: Callable[[AuditEvent], object]) -> None:
    before = AuditEvent.objects.values().get()
    with pytest.raises(AppendOnly, match=r"The audit trail is append-only\."):
        change(event)
    assert AuditEvent.objects.values().get() == before


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE {TABLE} SET subject = 'else'",
        f"DELETE FROM {TABLE}",
        pytest.param(f"TRUNCATE {TABLE}", marks=pytest.mark.postgres),
        f"INSERT INTO {TABLE} (id, at, action, actor_text, subject, detail, address, way) "
        f"SELECT id, at, action, actor_text, 'else', detail, address, way FROM {TABLE} "
        "ON CONFLICT (id) DO UPDATE SET subject = 'else'",
        # SQLite's own word, by which it deletes without asking the trigger of deletions.
        f"REPLACE INTO {TABLE} (id, at, action, actor_text, subject, detail, address, way) "
        f"SELECT id, at, action, actor_text, 'else', detail, address, way FROM {TABLE}",
    ],
)
@pytest.mark.usefixtures("event")
def test_line_is_not_changed_by_sql(sql: str) -> None:
    before = AuditEvent.objects.values().get()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert AuditEvent.objects.values().get() == before


def test_line_of_an_action_that_is_not_known_here_is_read_as_it_is_kept() -> None:
    later = AuditEvent(action="painted", subject="the wall", way=AuditEvent.Way.SYSTEM)
    assert (later.label, str(later)) == ("painted", "system painted the wall")
    assert AuditEvent(action="signed_in").label == "Signed in"
