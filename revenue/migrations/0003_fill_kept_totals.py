"""Counts the rows that were there before totals were kept.

Written out here, and not taken from revenue.pull.totals: a migration goes on meaning what it meant.
"""

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Context, Decimal

from django.db import migrations

EXACT = Context(prec=60)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
EVERY_OWNER, NO_OWNER = -1, 0
QUARTER = timedelta(minutes=15)
CUTS = [cut for cut in sorted({*range(-56, 49, 2), -55, -51, -39, -35, -23}) if cut]
BATCH = 1000


def fill(apps, schema_editor):
    database = schema_editor.connection.alias
    for account in apps.get_model("partners", "PartnerAccount").objects.using(database).values_list("pk", flat=True):
        fill_account(apps, database, account)


def fill_account(apps, database, account):
    rows = apps.get_model("revenue", "Transaction").objects.using(database)
    kept = apps.get_model("revenue", "KeptTotal").objects.using(database)
    columns = ("payment_date", "client_id", "stage", "is_estimate", "commission_status", "fee_usd", "revenue_usd")
    lines = defaultdict(lambda: (Decimal(0), Decimal(0), 0))
    present = rows.filter(account=account, removed_at=None).values_list(*columns)
    for paid, client, stage, is_estimate, commission, fee, revenue in present.iterator(chunk_size=BATCH):
        paid = paid.astimezone(timezone.utc)
        for grain, owner, start, sign in places_of(paid, NO_OWNER if client is None else client):
            key = grain, owner, start, stage, is_estimate, commission == "Paid"
            fees, revenues, count = lines[key]
            lines[key] = add(fees, fee, sign), add(revenues, revenue, sign), count + sign
    kept.filter(account=account).delete()
    names = ("grain", "owner", "start", "stage", "is_estimate", "is_settled", "fee_usd", "revenue_usd", "rows")
    found = (kept.model(account_id=account, **dict(zip(names, (*key, *sums)))) for key, sums in lines.items())
    kept.bulk_create(found, batch_size=BATCH)


def places_of(paid, client):
    """Grain, owner, start and sign of every line in which a row counts."""
    day = paid.replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    for owner in (EVERY_OWNER, client):
        yield "ever", owner, EPOCH, 1
        yield "month", owner, month, 1
    yield "day", EVERY_OWNER, day, 1
    near = (paid + timedelta(hours=14)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for cut in CUTS:
        edge = near + cut * QUARTER
        if near <= paid < edge:
            yield "edge", EVERY_OWNER, edge, 1
        if edge <= paid < near:
            yield "edge", EVERY_OWNER, edge, -1


def add(total, amount, sign):
    return total if amount is None else EXACT.add(total, amount if sign > 0 else EXACT.minus(amount))


class Migration(migrations.Migration):

    dependencies = [
        ("revenue", "0002_kept_totals_and_staging"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
