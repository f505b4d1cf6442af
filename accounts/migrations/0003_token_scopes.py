from django.db import migrations, models


class Migration(migrations.Migration):
    """Tokens that there are keep working: they may do everything and do not expire, as it was."""

    dependencies = [
        ('accounts', '0002_client_seats'),
    ]

    operations = [
        migrations.AddField(
            model_name='apitoken',
            name='name',
            field=models.CharField(default='made by command', max_length=60),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='apitoken',
            name='scopes',
            field=models.JSONField(default=['read', 'references']),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='apitoken',
            name='expires_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='last_used_at',
            field=models.DateTimeField(null=True),
        ),
    ]
