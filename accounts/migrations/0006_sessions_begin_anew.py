from django.db import migrations


def end_sessions(apps, schema_editor):
    """Everybody signs in once more: a session of before is in no list, so that its owner could not end it."""
    apps.get_model("sessions", "Session").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_trail"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [migrations.RunPython(end_sessions, migrations.RunPython.noop)]
