"""The database's own refusal to change or delete a line of the audit trail, whoever asks: triggers, for both databases.

A migration that rebuilds the table on SQLite, as most changes of a column do there, loses them, and has to call `guard` again.
"""

from __future__ import annotations

TABLE = "accounts_auditevent"
_REFUSAL = "The audit trail is append-only."

_POSTGRES = [
    f"""
    CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$
    """,
    f"""
    CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()
    """,
    f"""
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
    """,
]
_SQLITE = [
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    # INSERT OR REPLACE deletes what is in its way without asking the trigger above.
    f"""
    CREATE TRIGGER audit_no_replace BEFORE INSERT ON {TABLE} WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END
    """,  # noqa: S608  # a name of our own
]


def guard(vendor: str) -> list[str]:
    """The statements that close the table."""
    return _POSTGRES if vendor == "postgresql" else _SQLITE


def unguard(vendor: str) -> list[str]:
    """The statements that open it again: to take the table away, or to empty the database of a test."""
    if vendor == "postgresql":
        return [
            f"DROP TRIGGER audit_append_only ON {TABLE}",
            f"DROP TRIGGER audit_no_truncate ON {TABLE}",
            "DROP FUNCTION audit_is_append_only()",
        ]
    return [f"DROP TRIGGER audit_no_{what}" for what in ("update", "delete", "replace")]
