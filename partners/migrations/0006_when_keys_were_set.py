from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('partners', '0005_second_factor'),
    ]

    operations = [
        migrations.AddField(
            model_name='partneraccount',
            name='api_key_set_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='partneraccount',
            name='collection_key_set_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='partneraccount',
            name='key_rejected_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='partneraccount',
            name='key_rejection_told_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='partneraccount',
            name='webhook_secret_set_at',
            field=models.DateTimeField(null=True),
        ),
    ]
