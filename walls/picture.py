"""The picture of a screen: its boards as HTML, made once for all screens that show the same.

It is the same as long as the account's data, what the screen is set to, the code and the words that depend on the time are. One
query, that of the credential (walls.credentials.watched), tells whether it is; then a screen that has it already is answered
without another one. Pictures are kept in the memory of the process that made them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.core.cache import caches
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.crypto import salted_hmac

from revenue.periods import ONE_DAY, local_today, start_of_day
from revenue.selectors.snapshot import consistent_read
from walls.boards import Base, Source, boards_of
from walls.build import build
from walls.models import Privacy, Screen, WatchedScreen
from walls.privacy import allowed
from walls.standing import Standing, standing_of
from walls.tiles import sheet_of

# A picture is made anew at least so often, whatever is believed about it.
LONGEST_SECONDS = 600


class Picture(NamedTuple):
    """content: HTML. tag: an ETag, the same for the same content. until: when it says something else by itself."""

    content: bytes
    tag: str
    until: datetime


def picture_of(screen: WatchedScreen, now: datetime) -> Picture:
    """The picture of a screen. No query where it is known already."""
    key = _key(screen)
    kept: Picture | None = caches["walls"].get(key)
    if kept is not None and now < kept.until:
        return kept
    with consistent_read():
        picture = _made(screen, now)
    caches["walls"].set(key, picture, LONGEST_SECONDS)
    return picture


def page_key(screen: Screen) -> str:
    """What the page around the picture depends on: a screen loads it anew when this is another one."""
    shown = [screen.pk, screen.name, screen.place, screen.theme, screen.zoom, screen.drift, screen.rotation_seconds]
    return _digest("page", (*shown, screen.boards, screen.time_zone, screen.numbers, screen.privacy, build()))


def _key(screen: WatchedScreen) -> str:
    account = [screen.account_id, screen.account_name, screen.account_edits, screen.account_mode, screen.pull]
    return _digest("picture", account, screen.boards, screen.time_zone, screen.numbers, screen.privacy, build())


def _digest(salt: str, *values: object) -> str:
    return salted_hmac(f"walls.{salt}", repr(values), algorithm="sha256").hexdigest()[:32]


def _made(screen: WatchedScreen, now: datetime) -> Picture:
    zone = ZoneInfo(screen.time_zone)
    standing, fresh = standing_of(screen.account, now)
    source = Source(screen.account, zone, now, fresh)
    privacy = Privacy(screen.privacy)
    boards = boards_of(source, screen.boards)
    base = source.base if privacy == Privacy.INDEX and source.is_known else None
    sheets = [sheet_of(board, screen.numbers) for board in allowed(boards, privacy, base)]
    context = {"sheets": sheets, "standing": standing, "unit": _unit(privacy, base), **_times(standing, zone, now)}
    with timezone.override(zone):
        content = render_to_string("walls/picture.html", context).encode()
    tomorrow = start_of_day(source.today + ONE_DAY, zone)
    until = min(filter(None, (tomorrow, standing.until)))
    return Picture(content, f'"{_digest("content", content)}"', until)


def _times(standing: Standing, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    return {
        "data_time": _clock(standing.as_of, zone, now),
        "proven_time": _clock(standing.proven_at, zone, now),
    }


def _clock(moment: datetime | None, zone: ZoneInfo, now: datetime) -> str:
    """The time on a clock of the zone; with its day where that is another one."""
    if moment is None:
        return ""
    local = moment.astimezone(zone)
    is_today = local.date() == local_today(zone, now)
    return f"{local:%H:%M}" if is_today else f"{local.day} {local:%b %H:%M}"


def _unit(privacy: Privacy, base: Base | None) -> str:
    """What the amounts are, in words."""
    if privacy != Privacy.INDEX:
        return "USD"
    return f"{base.first:%b %Y} = 100" if base else "Index"
