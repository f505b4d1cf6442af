from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revenue.exports.local_time import Offset, offsets_between

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_offsets_of_a_year():
    zone = ZoneInfo("Europe/Copenhagen")
    assert offsets_between(zone, datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)) == [
        Offset(datetime(2026, 1, 1, tzinfo=UTC), 3600),
        Offset(datetime(2026, 3, 29, 1, tzinfo=UTC), 7200),
        Offset(datetime(2026, 10, 25, 1, tzinfo=UTC), 3600),
    ]


def test_offsets_of_a_zone_that_never_changes():
    zone = ZoneInfo("Asia/Kathmandu")
    assert offsets_between(zone, datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)) == [
        Offset(datetime(2020, 1, 1, tzinfo=UTC), 20_700)
    ]


@pytest.mark.parametrize("first_year", [1900, 1975, 2020])
@given(name=st.sampled_from(ZONES), data=st.data())
def test_offset_is_that_of_the_zone_at_any_instant(first_year, name, data):
    zone, first = ZoneInfo(name), datetime(first_year, 1, 1, tzinfo=UTC)
    offsets = offsets_between(zone, first, first.replace(year=first_year + 8))
    edges = st.sampled_from(offsets).flatmap(
        lambda it: st.integers(-2, 2).map(lambda s: it.start + timedelta(seconds=s))
    )
    instants = st.integers(0, 8 * 365 * 86400).map(lambda seconds: first + timedelta(seconds=seconds))
    moment = max(first, data.draw(edges | instants))
    known = next(offset.seconds for offset in reversed(offsets) if offset.start <= moment)
    assert timedelta(seconds=known) == moment.astimezone(zone).utcoffset()


@pytest.mark.parametrize("name", ["Africa/Casablanca", "Asia/Gaza"])
def test_offsets_of_all_years_that_a_date_may_have(name):
    offsets = offsets_between(ZoneInfo(name), FIRST, LAST)
    assert [offset.start for offset in offsets] == sorted({offset.start for offset in offsets})
    assert all(one.seconds != other.seconds for one, other in pairwise(offsets))
