from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("partners", "0004_webhooks")]

    operations = [
        migrations.AddField(
            model_name="partneraccount",
            name="requires_second_factor",
            field=models.BooleanField(default=False),
        ),
    ]
