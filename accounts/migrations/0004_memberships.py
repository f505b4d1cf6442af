"""Roles per account in place of one table for people of clients.

Whoever could see everything until now, and is no superuser, keeps that as finance staff of every account; people of clients
stay what they are, at the accounts of their clients.
"""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def seat_everybody(apps, schema_editor):
    User, Seat, Membership = (apps.get_model("accounts", name) for name in ("User", "ClientSeat", "Membership"))
    accounts = list(apps.get_model("partners", "PartnerAccount").objects.all())
    for user in User.objects.all():
        seats = list(Seat.objects.filter(user=user).select_related("client"))
        for seat in seats:
            membership, _ = Membership.objects.get_or_create(
                user=user, account_id=seat.client.account_id, defaults={"role": "client"}
            )
            membership.clients.add(seat.client)
        if not seats and not user.is_superuser:
            Membership.objects.bulk_create(
                Membership(user=user, account=account, role="finance") for account in accounts
            )


def seat_clients(apps, schema_editor):
    Seat, Membership = (apps.get_model("accounts", name) for name in ("ClientSeat", "Membership"))
    for membership in Membership.objects.filter(role="client"):
        for client in membership.clients.all():
            Seat.objects.get_or_create(user_id=membership.user_id, client=client)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_token_scopes"),
        ("partners", "0005_second_factor"),
    ]

    operations = [
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("admin", "Admin"),
                            ("finance", "Finance"),
                            ("account_manager", "Account manager"),
                            ("client", "Client"),
                        ],
                        max_length=20,
                    ),
                ),
                ("sees_totals", models.BooleanField(default=False)),
                ("looked_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="partners.partneraccount",
                    ),
                ),
                ("clients", models.ManyToManyField(blank=True, related_name="memberships", to="partners.client")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "account"), name="one_role_at_an_account"),
                ],
            },
        ),
        migrations.RunPython(seat_everybody, seat_clients),
        migrations.DeleteModel(name="ClientSeat"),
    ]
