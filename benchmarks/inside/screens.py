"""`python -m benchmarks.inside.screens NUMBER`: pair so many screens of the account, of every kind; print their cookies."""

from __future__ import annotations

import json
import sys
from itertools import cycle, islice, product

import django

django.setup()

from django.utils import timezone  # noqa: E402  after the set-up

from accounts.models import User  # noqa: E402
from partners.models import PartnerAccount  # noqa: E402
from walls import credentials  # noqa: E402
from walls.models import BoardKey, Privacy, Screen  # noqa: E402

ZONES = ("Europe/Copenhagen", "America/New_York")


def main(number: int) -> None:
    account, by, now = PartnerAccount.objects.get(), User.objects.earliest("pk"), timezone.now()
    cookies = []
    for place, (privacy, zone) in enumerate(islice(cycle(product(Privacy.values, ZONES)), number)):
        secret = credentials.new_secret()
        screen = Screen.objects.create(
            account=account,
            name=f"Screen {place}",
            boards=list(BoardKey.values),
            privacy=privacy,
            time_zone=zone,
            paired_by=by,
            digest=credentials.digest_of(secret),
            rotated_at=now,
        )
        cookies.append(f"{credentials.cookie_name()}={credentials.cookie_value(screen.pk, secret)}")
    print(json.dumps({"cookies": cookies}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
