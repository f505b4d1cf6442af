"""What a 429 asks for."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from requests.structures import CaseInsensitiveDict

from partners.debitura.limits import retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "header", "wait"),
    [
        ({"retryAfter": 42}, None, 42.0),
        ({"retryAfter": Decimal("42.5")}, "9", 42.5),
        ({"retryAfter": "42"}, None, 42.0),
        ({"retryAfter": 0}, None, 0.0),
        ({"retryAfter": -1}, None, None),
        ({"retryAfter": -1}, "9", 9.0),
        ({"retryAfter": True}, None, None),
        ({"retryAfter": "soon"}, None, None),
        ({"retryAfter": Decimal("NaN")}, None, None),
        ({"retryAfter": Decimal("Infinity")}, None, None),
        ({"retryAfter": 10**400}, None, None),
        ({"retryAfter": None}, "9", 9.0),
        ({}, "9.5", 9.5),
        (None, "9", 9.0),
        ([], None, None),
        ({}, "Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ({}, "Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ({}, "Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ({}, "-5", None),
        ({}, "nan", None),
        ({}, "tomorrow", None),
        ({}, "", None),
    ],
)
def test_wait_is_the_bodys_else_the_headers(body, header, wait):
    headers = CaseInsensitiveDict({} if header is None else {"retry-after": header})
    assert retry_after(body, headers, NOW) == wait
