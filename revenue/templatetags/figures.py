"""How figures, times, stages and icons are written on every page: one tag each, so that they look the same everywhere."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Literal

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.forms import time_zone_names
from revenue import money
from revenue.models import PullRun
from revenue.payment_states import PAYMENT_TEXTS, PaymentState
from revenue.stages import TEXTS, Stage

register = template.Library()

ESTIMATE_REASON = "exchange rate not locked; may change"
NO_CODE = SafeString("")


@register.simple_tag
def icon(name: str) -> SafeString:
    """A symbol of static/icons.svg. It is decoration: the words beside it carry the meaning."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.simple_tag
def amount(value: Decimal | None, currency: str = "USD", estimate: bool = False, *, code: bool = False) -> SafeString:
    """An amount of money, rounded to its currency's smallest coin; `code` adds the currency behind it.

    An estimate says so to the eye (≈ and dots), the mouse and the screen reader. Unknown is a dash, never 0.00.
    """
    if value is None:
        return format_html('<span class="amount amount--unknown">{}</span>', money.UNKNOWN)
    text = money.format_amount(value, currency or "USD")
    unit = format_html('<span class="amount__currency">{}</span>', currency) if code and currency else NO_CODE
    if not estimate:
        # Amounts of nothing step back, so that a column of them leaves the others readable.
        return format_html('<span class="amount{}">{}</span>{}', "" if value else " amount--zero", text, unit)
    return format_html(
        '<span class="amount amount--estimate" title="Estimate: {0}">≈ {1}<span class="visually-hidden">'
        " (estimate: {0})</span></span>{2}",
        ESTIMATE_REASON,
        text,
        unit,
    )


@register.simple_tag
def split(fee: Decimal | None, estimate: Decimal | None) -> SafeString:
    """A sum of USD in a table's cell with firm and estimated money apart: "1,200.00", "≈ 300.00", or one above the other."""
    if fee is None or not estimate:
        return amount(fee)
    # From the rounded figures, so that the two parts add up to the cent on the screen.
    firm = money.cents(fee) - money.cents(estimate)
    if not firm:
        return amount(fee, estimate=True)
    return format_html('{}<span class="second">+ {}</span>', amount(firm), amount(estimate, estimate=True))


@register.simple_tag
def stage(key: str) -> SafeString:
    """A stage's icon and label, and what it means for the mouse."""
    text = TEXTS[Stage(key)]
    return format_html(
        '<span class="stage" data-stage="{}" title="{}">{}<span>{}</span></span>',
        key,
        text.meaning,
        icon(text.icon),
        text.label,
    )


@register.simple_tag
def payment_state(state: PaymentState) -> SafeString:
    """Where a payment stands for its creditor: icon and label, and what it means for the mouse."""
    text = PAYMENT_TEXTS[state]
    return format_html(
        '<span class="stage" data-payment="{}" title="{}">{}<span>{}</span></span>',
        state,
        text.meaning,
        icon(text.icon),
        text.label,
    )


@register.simple_tag
def moment(value: datetime | Literal[""] | None) -> SafeString:
    """An instant in the reader's zone: "31 Mar 2026, 14:05"; the zone and UTC for the mouse. None is a dash.

    So is what a template makes of a fact about nothing, such as the date of the case where a payment has none: "".
    """
    if not value:
        return format_html('<span class="amount--unknown">{}</span>', money.UNKNOWN)
    local = timezone.localtime(value)
    zone = timezone.get_current_timezone_name()
    return format_html(
        '<time datetime="{}" title="{}, {}" class="nowrap">{}</time>',
        f"{value:%Y-%m-%dT%H:%M:%SZ}",
        f"{local:%Y-%m-%d %H:%M:%S}",
        zone,
        f"{local.day} {local:%b %Y, %H:%M}",
    )


@register.simple_tag
def clock(value: datetime, now: datetime) -> SafeString:
    """An instant near `now` in the reader's zone: "14:05" on the same day, else with its date."""
    local = timezone.localtime(value)
    if local.date() != timezone.localtime(now).date():
        return moment(value)
    return format_html('<time datetime="{}">{}</time>', f"{value:%Y-%m-%dT%H:%M:%SZ}", f"{local:%H:%M}")


@register.simple_tag
def ago(value: datetime, now: datetime) -> str:
    """How long ago: "just now", "3 min ago", "5 h ago", "2 days ago"."""
    return f"{duration(now - value)} ago" if now - value >= timedelta(minutes=1) else "just now"


@register.filter
def duration(length: timedelta) -> str:
    """A length of time in its largest unit: "42 s", "3 min", "5 h", "2 days"."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 2 * 86400:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"


@register.simple_tag
def took(run: PullRun) -> str:
    """How long a pull took; a dash while it has not ended."""
    return money.UNKNOWN if run.finished_at is None else duration(run.finished_at - run.started_at)


@register.filter
def whole(value: int | None) -> str:
    """A count with its thousands set apart: "1,284"; unknown is a dash."""
    return money.UNKNOWN if value is None else f"{value:,}"


@register.filter
def percent(value: Decimal | None) -> str:
    """A percentage as it came, without trailing zeros: "12.5 %"; unknown is a dash."""
    if value is None:
        return money.UNKNOWN
    text = f"{value:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


@register.filter
def words(token: str) -> str:
    """One of Debitura's tokens as people write it: "NotInvoiced" is "Not invoiced", "not_required" is "Not required"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", token).capitalize()


@register.filter
def or_dash(value: object) -> str:
    """The text, or a dash where there is none."""
    return str(value) if value not in (None, "") else money.UNKNOWN


@register.filter
def web_link(address: str) -> str:
    """The address where it is a web page's, else nothing: upstream text must never become a link that runs a script."""
    return address if address.lower().startswith(("https://", "http://")) else ""


@register.simple_tag
def split_line(fee: Decimal, estimate: Decimal) -> SafeString:
    """As `split`, in one line of text: "31,200.00 firm + ≈ 4,900.00"."""
    firm = money.cents(fee) - money.cents(estimate)
    if not estimate or not firm:
        return amount(fee, estimate=bool(estimate))
    return format_html("{} firm + {}", amount(firm), amount(estimate, estimate=True))


@cache
def _zone_options() -> SafeString:
    return format_html_join("", '<option value="{}">', ((name,) for name in time_zone_names()))


@register.simple_tag
def zone_options() -> SafeString:
    """The options of a list of time zones."""
    return _zone_options()
