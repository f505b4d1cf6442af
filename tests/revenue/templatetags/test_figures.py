import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils import timezone
from django.utils.html import strip_tags

from revenue.stages import TEXTS, Stage
from revenue.templatetags import figures

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "currency", "estimate", "text"),
    [
        (Decimal("1234.5"), "USD", False, "1,234.50"),
        (Decimal("-3"), "USD", False, "−3.00"),
        (Decimal(0), "USD", False, "0.00"),
        (None, "USD", True, "—"),
        (Decimal("1234.7"), "JPY", False, "1,235"),
        (Decimal("12.346"), "USD", True, "≈ 12.35 (estimate: exchange rate not locked; may change)"),
        (Decimal("12.346"), "", False, "12.35"),
    ],
)
def test_amount_reads_as_people_write_it(value, currency, estimate, text):
    assert strip_tags(figures.amount(value, currency, estimate)) == text


def test_amount_with_code_names_its_currency_and_escapes_it():
    assert figures.amount(Decimal(1), "<b>", code=True).endswith('<span class="amount__currency">&lt;b&gt;</span>')


def test_estimate_is_marked_for_mouse_and_screen_reader():
    html = figures.amount(Decimal(1), estimate=True)
    assert 'title="Estimate: exchange rate not locked; may change"' in html
    assert '<span class="visually-hidden"> (estimate: exchange rate not locked; may change)</span>' in html


REASON = " (estimate: exchange rate not locked; may change)"


@pytest.mark.parametrize(
    ("fee", "estimate", "text"),
    [
        ("1500", "0", "1,500.00"),
        ("300", "300", f"≈ 300.00{REASON}"),
        ("1500", "300", f"1,200.00+ ≈ 300.00{REASON}"),
        # Each half rounds up on its own; on the screen the parts still add up to 2.01.
        ("2.012", "1.006", f"1.00+ ≈ 1.01{REASON}"),
    ],
)
def test_split_never_adds_firm_and_estimated_money_silently(fee, estimate, text):
    assert strip_tags(figures.split(Decimal(fee), Decimal(estimate))) == text


def test_split_of_the_unknown_is_a_dash():
    assert strip_tags(figures.split(None, None)) == "—"


@pytest.mark.parametrize("stage", list(Stage))
def test_stage_shows_its_label_and_icon(stage):
    html = figures.stage(stage.value)
    assert strip_tags(html) == TEXTS[stage].label.replace("'", "&#x27;")
    assert f'#{TEXTS[stage].icon}"' in html


def test_every_icon_that_is_used_is_in_the_sprite():
    sprite = (settings.BASE_DIR / "static" / "icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', sprite))
    pages = "".join(path.read_text() for path in (settings.BASE_DIR / "templates").rglob("*.html"))
    used = set(re.findall(r'{% icon "([a-z-]+)" %}', pages)) | {text.icon for text in TEXTS.values()}
    assert used - drawn == set()


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_a_colour_in_each_theme(stage):
    tokens = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text()
    assert tokens.count(f"--stage-{stage.value}: #") == 3


def test_moment_is_in_the_current_zone_and_names_utc():
    with timezone.override(ZoneInfo("Asia/Kathmandu")):
        html = figures.moment(datetime(2026, 3, 31, 18, 20, tzinfo=UTC))
    assert strip_tags(html) == "1 Apr 2026, 00:05"
    assert 'datetime="2026-03-31T18:20:00Z"' in html
    assert "Asia/Kathmandu" in html


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 3, 14, 11, 57, tzinfo=UTC), "12:57"),
        (datetime(2026, 3, 13, 11, 57, tzinfo=UTC), "13 Mar 2026, 12:57"),
    ],
)
def test_clock_leaves_out_the_date_of_today_only(value, text):
    with timezone.override(ZoneInfo("Europe/Copenhagen")):
        assert strip_tags(figures.clock(value, NOW)) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=2), "2 days ago"),
    ],
)
def test_ago_tells_the_largest_unit(length, text):
    assert figures.ago(NOW - length, NOW) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(Decimal("50.000"), "50 %"), (Decimal("12.50"), "12.5 %"), (Decimal(100), "100 %"), (None, "—")],
)
def test_percent_drops_trailing_zeros(value, text):
    assert figures.percent(value) == text


@pytest.mark.parametrize(
    ("token", "text"),
    [("NotInvoiced", "Not invoiced"), ("not_required", "Not required"), ("Paid", "Paid"), ("", "")],
)
def test_words_writes_tokens_as_people_do(token, text):
    assert figures.words(token) == text


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://x.example/a", True),
        ("HTTP://x.example", True),
        ("javascript:alert(1)", False),
        (" https://x.example", False),
        ("data:text/html,x", False),
        ("", False),
    ],
)
def test_web_link_keeps_only_web_addresses(address, kept):
    assert figures.web_link(address) == (address if kept else "")


def test_moment_of_nothing_is_a_dash():
    """A template finds "" where it asks the case of a payment that has none."""
    assert figures.moment(None) == figures.moment("") == '<span class="amount--unknown">—</span>'
