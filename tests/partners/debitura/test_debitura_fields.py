"""One field at a time: dates, amounts, counts, ids, links."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.debitura import fields
from partners.debitura.answers import decode
from partners.debitura.fields import BadField

LOCAL = {"year": 2026, "month": 3, "day": 1, "hour": 10, "minute": 20, "second": 30}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-03-01T10:20:30Z", datetime(**LOCAL, tzinfo=UTC)),
        ("2026-03-01T10:20:30z", datetime(**LOCAL, tzinfo=UTC)),
        ("2026-03-01T10:20:30", datetime(**LOCAL, tzinfo=UTC)),
        ("2026-03-01 10:20:30", datetime(**LOCAL, tzinfo=UTC)),
        ("2026-03-01T10:20", datetime(2026, 3, 1, 10, 20, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T10:20:30.5Z", datetime(**LOCAL, microsecond=500_000, tzinfo=UTC)),
        ("2026-03-01T10:20:30.0000019", datetime(**LOCAL, microsecond=1, tzinfo=UTC)),
        ("2026-03-01T10:20:30.9999999Z", datetime(**LOCAL, microsecond=999_999, tzinfo=UTC)),
        ("2026-03-01T10:20:30.123456789Z", datetime(**LOCAL, microsecond=123_456, tzinfo=UTC)),
        ("2026-03-01T10:20:30+05:45", datetime(2026, 3, 1, 4, 35, 30, tzinfo=UTC)),
        ("2026-03-01T10:20:30-0800", datetime(2026, 3, 1, 18, 20, 30, tzinfo=UTC)),
        ("2026-01-01T00:30:00.25+01:00", datetime(2025, 12, 31, 23, 30, 0, 250_000, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
def test_moment_is_read_as_utc(written, read):
    assert fields.moment(written, "date") == read


def test_moment_is_aware():
    assert str(fields.moment("2026-03-01T10:20:30+05:45", "date")) == "2026-03-01 04:35:30+00:00"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("2026-02-29T00:00:00Z", 'date is "2026-02-29T00:00:00Z", a date that does not exist.'),
        ("2026-03-01T24:00:00Z", 'date is "2026-03-01T24:00:00Z", a date that does not exist.'),
        ("2026-03-01T10:20:30+24:00", 'date is "2026-03-01T10:20:30+24:00", a date that does not exist.'),
        ("2026-03-01T10:20:30+05:75", 'date is "2026-03-01T10:20:30+05:75", not a date.'),
        ("0001-01-01T00:00:00", 'date is "0001-01-01T00:00:00", outside the years 1900–2200.'),
        ("2201-01-01", 'date is "2201-01-01", outside the years 1900–2200.'),
        ("01/03/2026", 'date is "01/03/2026", not a date.'),
        ("2026-03-01T10:20:30Z ", 'date is "2026-03-01T10:20:30Z ", not a date.'),
        ("٢٠٢٦-٠٣-٠١", r'date is "\u0662\u0660\u0662\u0666-\u0660\u0663-\u0660\u0661", not a date.'),
        (1772359230, "date is 1772359230, not a date."),
        (True, "date is true, not a date."),
    ],
)
def test_moment_that_cannot_be_is_refused_with_reason(written, reason):
    with pytest.raises(BadField) as caught:
        fields.moment(written, "date")
    assert str(caught.value) == reason


def test_optional_moment_takes_the_unset_date_for_none():
    assert fields.optional_moment("0001-01-01T00:00:00", "dueDate") is None


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


naive = st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1))  # noqa: DTZ001


@given(naive, offsets, st.integers(0, 9))
def test_moment_round_trips_in_any_zone_with_seven_digits(local, offset, seventh_digit):
    moment = local.replace(tzinfo=offset)
    zone = moment.strftime("%z")
    written = f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}{seventh_digit}{zone[:3]}:{zone[3:]}"
    assert fields.moment(written, "date") == moment


def amount_of(json_text: str) -> Decimal | None:
    return fields.amount(decode(f'{{"x":{json_text}}}'.encode())["x"], "x")


@pytest.mark.parametrize(
    ("json_text", "read"),
    [
        ("0", Decimal("0")),
        ("12", Decimal("12")),
        ("-0.10", Decimal("-0.10")),
        ("32.561728", Decimal("32.561728")),
        ("0.1000000000000000055511151231", Decimal("0.1000000000000000055511151231")),
        ("1e3", Decimal("1E+3")),
        ("999999999999999.99", Decimal("999999999999999.99")),
        ('"12.50"', Decimal("12.50")),
        ('" 7 "', Decimal("7")),
        ("null", None),
    ],
)
def test_amount_is_read_from_the_text(json_text, read):
    assert str(amount_of(json_text)) == str(read)


@pytest.mark.parametrize(
    ("json_text", "reason"),
    [
        ("NaN", "x is NaN, not an amount."),
        ("-Infinity", "x is -Infinity, not an amount."),
        ("true", "x is true, not an amount."),
        ('"NaN"', 'x is "NaN", not an amount.'),
        ('"1_000"', 'x is "1_000", not an amount.'),
        ('"1,5"', 'x is "1,5", not an amount.'),
        ('""', 'x is "", not an amount.'),
        ("[1]", "x is [1], not an amount."),
        ("1000000000000000", "x is 1000000000000000: amounts of 10^15 and more are not believed."),
        ("-1e15", "x is -1E+15: amounts of 10^15 and more are not believed."),
        ("1e999999999", "x is 1E+999999999: amounts of 10^15 and more are not believed."),
        ("1e99999999999999999999", "x is NaN, not an amount."),
        ("1e-29", "x is 1E-29, which has more than 28 decimals."),
    ],
)
def test_amount_that_cannot_be_is_refused_with_reason(json_text, reason):
    with pytest.raises(BadField) as caught:
        amount_of(json_text)
    assert str(caught.value) == reason


def test_amount_of_thousands_of_digits_is_refused():
    with pytest.raises(BadField, match=r"10\^15 and more are not believed\.$"):
        amount_of("9" * 10_000)


believed = st.decimals(-(10**15) + 1, 10**15 - 1, allow_nan=False, places=7)


@given(believed)
def test_amount_round_trips_to_the_digit(amount):
    assert amount_of(f"{amount:f}") == amount
    assert amount_of(f'"{amount:f}"') == amount


@pytest.mark.parametrize(("value", "read"), [(0, 0), (7, 7), (Decimal("7.0"), 7), ("12", 12), (None, None)])
def test_count_is_whole(value, read):
    assert fields.count(value, "n") == read


@pytest.mark.parametrize("value", [-1, Decimal("1.5"), True, "x", Decimal("NaN"), Decimal("1E+99"), 2**31, []])
def test_count_that_cannot_be_is_refused(value):
    with pytest.raises(BadField, match=r"^n is .*, not a count\.$"):
        fields.count(value, "n")


def test_identifier_takes_both_cases():
    written = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
    assert fields.identifier(written, "id") == fields.identifier(written.lower(), "id") == UUID(written)


@pytest.mark.parametrize(
    "value",
    [None, 7, "", "not-a-uuid", "3f2504e04f8941d39a0c0305e82c3301", "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}"],
)
def test_identifier_of_another_form_is_refused(value):
    with pytest.raises(BadField, match=r"^id is .*, not a UUID\.$"):
        fields.identifier(value, "id")


def test_identifier_of_all_zeros_is_refused():
    with pytest.raises(BadField, match=r"^id is the empty UUID"):
        fields.identifier("00000000-0000-0000-0000-000000000000", "id")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, ""),
        ("Ærø <b>", "Ærø <b>"),
        ("a\x00b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        ("😀", "😀"),
        (12, "12"),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_text_is_storable(value, read):
    assert fields.text(value, "name") == read


@pytest.mark.parametrize("value", [True, [], {}])
def test_text_of_another_type_is_refused(value):
    with pytest.raises(BadField, match=r"^name is .*, not a text\.$"):
        fields.text(value, "name")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("https://referral.debitura.com/onboarding/1?a=b", "https://referral.debitura.com/onboarding/1?a=b"),
        ("HTTP://debitura.com", "HTTP://debitura.com"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt://debitura.com/%0aalert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//debitura.com", ""),
        ("https://", ""),
        ("https://[::1", ""),
        ("https://debitura.com/a b", ""),
        (None, ""),
    ],
)
def test_link_is_http_or_nothing(value, read):
    assert fields.link(value, "url") == read
