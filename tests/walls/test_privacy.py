"""No name, count or amount that a privacy level forbids stands in any byte that is sent to a screen."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine

from partners.models import PartnerAccount
from revenue.stages import Stage
from tests.factories import NOW, make_account, make_client, make_run, make_transaction
from tests.walls.builders import browser_of, make_screen
from walls.models import BoardKey, Privacy

pytestmark = pytest.mark.django_db
NAMES = ("Zebrawood", "Çınar Ağacı", "株式会社")
MONEY = re.compile(r"\d[.,]\d\d(?!\d)")


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def account() -> PartnerAccount:
    account = make_account(name="Acme Referrals")
    line = {"stage": "paid", "ours_usd": "7654.32", "theirs_usd": "0.00", "ours_count": 1, "theirs_count": 0}
    make_run(account, ties_out=False, status="differs", differences=[line])
    for number, name in enumerate(NAMES, start=1):
        client = make_client(account, company_name=name, onboarding_done=number > 1)
        for month in (2, 3):
            make_transaction(
                client=client,
                stage=Stage.PENDING if number == 1 else Stage.READY,
                fee_usd=Decimal("7654.32") * number * month,
                payment_date=datetime(2026, month, 3, tzinfo=UTC),
            )
    for _ in range(25):
        make_client(account, onboarding_done=True)
    return account


def sent(account: PartnerAccount, privacy: Privacy, numbers: str = "en") -> str:
    """Every byte that a screen of this level gets: of its page and of its refreshes, headers and cookies too."""
    screen = make_screen(account, privacy=privacy, numbers=numbers)
    browser = browser_of(screen)
    answers = [browser.get(address) for address in ("/wall/", "/wall/?board=2", "/wall/board/")]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    text = "\n".join(f"{answer.headers}{answer.cookies}{answer.content.decode()}" for answer in answers)
    assert text.count("board__title") == 3 * len(BoardKey)
    return text


def test_full_level_tells_names_counts_and_amounts(account):
    text = sent(account, Privacy.FULL)
    assert [name for name in NAMES if name not in text] == []
    assert {"In onboarding", "Payments", "7,654.32"} == {part for part in LABELS if part in text}


LABELS = ("In onboarding", "Payments", "7,654.32")


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (Privacy.NO_NAMES, {"In onboarding", "Payments", "7,654.32"}),
        (Privacy.AMOUNTS_ONLY, {"7,654.32"}),
        (Privacy.INDEX, {"In onboarding"}),
    ],
)
def test_stricter_levels_tell_no_name_and_less_else(account, level, told):
    text = sent(account, level)
    assert [name for name in NAMES if name in text] == []
    assert {part for part in LABELS if part in text} == told


@pytest.mark.parametrize("numbers", ["en", "da", "sv", "ch"])
def test_index_holds_no_amount_in_any_byte(account, numbers):
    full = set(re.findall(r"\d[\d.,’\u202f]*[.,]\d\d(?!\d)", sent(account, Privacy.FULL, numbers)))
    assert len(full) > 10
    text = sent(account, Privacy.INDEX, numbers)
    assert [amount for amount in full if amount in text] == []
    # And none written otherwise, such as without its cents.
    plain = re.sub(r"[.,’\u202f]", "", text)
    assert [amount for amount in full if re.sub(r"\D", "", amount) in plain and len(amount) > 5] == []
    assert [amount for amount in full if re.sub(r"\D", "", amount)[:-2] in plain and len(amount) > 7] == []
    assert MONEY.findall(re.sub(r"<[^>]*>", "", text.split("board__title", 1)[1])) == []


def test_index_is_that_of_the_last_full_month(account):
    text = sent(account, Privacy.INDEX)
    assert "Feb 2026 = 100" in text
    # February: 2 × 6 × 7654.32. March to date: 3 × 6 × 7654.32.
    assert '<p class="tile__value is-estimate">≈\u00a0150<' in text


def test_index_without_a_full_month_is_not_known(account):
    with time_machine.travel(datetime(2026, 2, 10, 12, tzinfo=UTC), tick=False):
        text = sent(account, Privacy.INDEX)
    assert MONEY.findall(re.sub(r"<[^>]*>", "", text.split("board__title", 1)[1])) == []
    assert "—" in text


def test_screens_of_two_levels_never_share_a_picture(account):
    full, index = make_screen(account), make_screen(account, privacy=Privacy.INDEX)
    pictures = [browser_of(screen).get("/wall/board/").content for screen in (full, index, full)]
    assert pictures[0] == pictures[2] != pictures[1]


def test_screens_of_two_accounts_never_share_a_picture(account):
    other = make_account(name="Other")
    make_run(other)
    assert "Zebrawood" not in sent(other, Privacy.FULL)
    assert "Zebrawood" in sent(account, Privacy.FULL)
