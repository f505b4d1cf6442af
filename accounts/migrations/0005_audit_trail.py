import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from accounts.audit import guard as audit_guard


def close(apps, schema_editor):
    for statement in audit_guard.guard(schema_editor.connection.vendor):
        schema_editor.execute(statement)


def open_again(apps, schema_editor):
    for statement in audit_guard.unguard(schema_editor.connection.vendor):
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_memberships'),
        ('partners', '0005_second_factor'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('action', models.CharField(max_length=40)),
                ('actor_text', models.CharField(blank=True, max_length=254)),
                ('subject', models.TextField(blank=True)),
                ('detail', models.JSONField(default=dict)),
                ('address', models.CharField(blank=True, max_length=45)),
                ('way', models.CharField(choices=[('page', 'Page'), ('api', 'API'), ('command', 'Command'), ('system', 'Feeboard itself')], max_length=10)),
                ('account', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='partners.partneraccount')),
                ('actor', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [
                    models.Index(fields=['account', 'at', 'id'], name='audit_of_account'),
                    models.Index(fields=['account', 'action', 'at', 'id'], name='audit_of_account_action'),
                    models.Index(fields=['account', 'actor_text', 'at', 'id'], name='audit_of_account_person'),
                    models.Index(condition=models.Q(('account', None)), fields=['at', 'id'], name='audit_of_people'),
                    models.Index(condition=models.Q(('account', None)), fields=['action', 'at', 'id'], name='audit_of_people_action'),
                    models.Index(condition=models.Q(('account', None)), fields=['actor_text', 'at', 'id'], name='audit_of_people_person'),
                    models.Index(condition=models.Q(('account', None), ('actor', None), models.Q(('subject', ''), _negated=True)), fields=['subject', 'at', 'id'], name='audit_to_people'),
                ],
            },
        ),
        migrations.RunPython(close, open_again),
    ]
