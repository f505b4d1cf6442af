"""The short way to a record leads to the same one as the long way, or to none."""

import json
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partners.debitura import answers, parsing, usual
from partners.debitura.errors import Malformed
from sandbox import rendering
from sandbox.world import World

PAYMENTS = World.generate(seed=5, transactions=40, clients=4).payments

# Values as they stand in an answer, so that digits, escapes and blanks are the very ones sent.
NUMBERS = [
    *("0", "-0", "-0.0", "7", "1.50", "32.561728", "12345678901.12345678", "1E3", "1e-28", "1e-29", "-1.5e+2"),
    *("0e99", "0e-99", "1e400", "1e99999999999999999999", "123456789012345678901234", "9" * 5000),
    *("999999999999999", "1000000000000000", "-1000000000000000", "999999999999999.99", "1000000000000000.1"),
    *(f"0.{'1' * 28}", f"0.{'1' * 29}", f"1.{'0' * 29}", f"{'9' * 15}.{'9' * 28}"),
    *(
        "null",
        "true",
        "false",
        '"12.50"',
        '" 7 "',
        '"１２"',
        '"NaN"',
        '"Infinity"',
        '"1_000"',
        '"1e3"',
        '""',
        "[]",
        "{}",
    ),
]
DATES = [
    *('"2026-03-01T10:20:30Z"', '"2026-03-01T10:20:30z"', '"2026-03-01t10:20:30Z"', '"2026-03-01 10:20:30"'),
    *(
        '"2026-03-01T10:20:30.9999999Z"',
        '"2026-03-01T10:20:30.1"',
        '"2026-03-01T10:20:30.Z"',
        '"2026-03-01T10:20:30,5Z"',
    ),
    *('"2026-03-01T10:20:30+05:45"', '"2026-03-01T10:20:30.0000009-0800"', '"2026-03-01T10:20:30+24:00"'),
    *(
        '"2026-03-01T10:20"',
        '"2026-03-01T10:20Z"',
        '"2026-03-01T10"',
        '"2026-03-01"',
        '"20260301T102030Z"',
        '"2026-W09-7"',
    ),
    *('"2026-02-29T00:00:00Z"', '"2026-03-01T24:00:00Z"', '"2026-03-01T10:60:00Z"', '"2026-13-01T00:00:00Z"'),
    *('"1900-01-01T00:30:00+01:00"', '"1899-12-31T23:59:59Z"', '"2199-12-31T23:30:00-01:00"', '"2200-01-01T00:00:00Z"'),
    *('"2026-03-01T10:20:30+05:45:30"', '"2026-03-01T10:20:30Z "', '"٢٠٢٦-03-01T10:20:30Z"', '"0001-01-01T00:00:00"'),
    *('""', "null", "7", "true", "{}"),
]
UUIDS = [
    *('"3f2504e0-4f89-41d3-9a0c-0305e82c3301"', '"3F2504E0-4F89-41D3-9A0C-0305E82C3301"'),
    *('"3f2504e04f8941d39a0c0305e82c3301"', '"3f2504e04f89-41d3-9a0c-0305e82c3301----"'),
    *('"{3f2504e0-4f89-41d3-9a0c-0305e82c33}"', '"3f2504e0-4f89-41d3-9a0c-0305e82c33０1"'),
    *('"00000000-0000-0000-0000-000000000000"', '""', "null", "7", "{}"),
]
TEXTS = [
    *('"EUR"', '"Åse"', '"\\u00c5\\n\\/"', '"\\u0000"', '"\\\\u0000"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00x"'),
    *("null", "7", "1.50", "1E3", "true", "[]", "{}", '""', '"Paid"', '"Unpaid"', '"NotInvoiced"', '"Lost"', '"\x7f"'),
]
FLAGS = ["true", "false", "null", "0", '"true"', "[]"]

some_text = st.text('ab"\\/\x01\x7f\u00e9\u2028\U0001f600', max_size=6)
texts = st.sampled_from(TEXTS) | st.builds(json.dumps, some_text, ensure_ascii=st.booleans())
identifiers = st.sampled_from(UUIDS)
flags = st.sampled_from(FLAGS)
dates = st.sampled_from(DATES) | st.from_regex(
    r'"(19|2[012])\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-][0-2]\d:?[0-5]\d)?"',
    fullmatch=True,
)
amounts = st.sampled_from(NUMBERS) | st.from_regex(
    r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,35})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)
# Of each section, "" being the row itself: what may stand in its fields.
FIELDS: dict[str, dict[str, st.SearchStrategy[str]]] = {
    "": {"transactionId": identifiers, "date": dates, "unknown": texts},
    "client": {"creditorId": identifiers, "externalTenantId": texts, "companyName": texts},
    "case": {
        "invoiceId": identifiers,
        "caseReference": texts,
        "debtorName": texts,
        "originalAmount": amounts,
        "currency": texts,
    },
    "payment": {"amount": amounts, "currency": texts, "paymentDate": dates},
    "earnings": {
        "currency": texts,
        "debituraRevenue": amounts,
        "debituraRevenueUsd": amounts,
        "referralFeePercentage": amounts,
        "referralFeeAmount": amounts,
        "referralFeeAmountUsd": amounts,
        "isEstimate": flags,
    },
    "recognition": {"isRecognized": flags, "referralFeeRecognizedUsd": amounts},
    "status": {"commissionPaymentStatus": texts, "platformInvoicingStatus": texts, "referralInvoicingStatus": texts},
}
SECTIONS = [name for name in FIELDS if name]
PLACES = [(section, name) for section, fields in FIELDS.items() for name in fields]
Fields = list[tuple[str, str]]


class Digits(str):
    """A number as it is written."""


def as_json(value: object) -> str:
    return value if isinstance(value, Digits) else json.dumps(value)


def usual_row() -> dict[str, Fields]:
    row = json.loads(rendering.transaction(PAYMENTS[0]), parse_float=Digits, parse_int=Digits)
    sections = {"": row} | {name: row[name] for name in SECTIONS}
    return {
        section: [(name, as_json(value)) for name, value in fields.items() if not isinstance(value, dict)]
        for section, fields in sections.items()
    }


def written(fields: Fields, blank: str) -> str:
    return "{" + ",".join(f'{blank}"{name}"{blank}:{value}{blank}' for name, value in fields) + "}"


@st.composite
def rows(draw: st.DrawFn) -> str:
    """A usual row with some fields replaced, repeated, left out or spelt in escapes, and perhaps a section lost."""
    row = usual_row()
    for section, name in draw(st.lists(st.sampled_from(PLACES), max_size=4)):
        change = (name, draw(FIELDS[section][name]))
        kept = [each for each in row[section] if each[0] != name or draw(st.booleans())]
        row[section] = draw(st.sampled_from([[*kept, change], [change, *kept], kept]))
    blank = draw(st.sampled_from(["", " ", "\n\t"]))
    sections = [(name, written(row[name], blank)) for name in draw(st.permutations(SECTIONS))]
    for name in draw(st.lists(st.sampled_from(SECTIONS), max_size=1)):
        kept = [each for each in sections if each[0] != name or draw(st.booleans())]
        sections = [*kept, (name, draw(st.sampled_from(["null", "{}", "[]", '"x"', "0", "false"])))]
    amount = draw(st.sampled_from(['"amount"', '"amo\\u0075nt"']))
    return written([*row[""], *sections], blank).replace('"amount"', amount)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | some_text | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*SECTIONS, *(name for _, name in PLACES)]), inner),
    max_leaves=10,
).map(json.dumps)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """An answer of rows of any kind, of which up to two pieces are replaced."""
    found = draw(st.lists(rows() | values, max_size=3))
    text = f'{{"data":[{",".join(found)}],"page":{{"totalResults":{len(found)}}},"summary":{{"revenue":{{}}}}}}'
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(text)))
        piece = draw(st.sampled_from(['"', "}", "]", "[", ",", ":", "\\", "NaN", "0", "-", "\x00", " ", ""]))
        text = text[:start] + piece + text[start + draw(st.integers(0, 3)) :]
    return text


def the_long_way(raw: bytes) -> object:
    return parsing.read_row(raw.decode(), parsing.transaction, ("transactionId",))


# The first text of all takes a second: hypothesis reads the tables of Unicode for it.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@UNHURRIED
@given(rows())
def test_row_of_any_shape_is_read_alike_both_ways(text):
    record = usual.transaction(text.encode())
    # repr tells 1.5 from 1.50, and UTC from another zone without an offset.
    assert record is None or repr(record) == repr(the_long_way(text.encode()))


def page_or_problem(body: bytes) -> object:
    try:
        return answers.page(body, answers.TRANSACTIONS, 1, 100)
    except Malformed as problem:
        return problem


@UNHURRIED
@given(bodies())
def test_answer_of_any_shape_is_read_alike_both_ways(text):
    found = page_or_problem(text.encode())
    with mock.patch.object(answers, "opened", lambda *_: None), mock.patch.object(usual, "transaction", lambda _: None):
        assert repr(found) == repr(page_or_problem(text.encode()))


@pytest.mark.parametrize("payment", PAYMENTS)
def test_row_of_the_usual_shape_goes_the_short_way(payment):
    raw = rendering.transaction(payment)
    assert repr(usual.transaction(raw)) == repr(the_long_way(raw))


@pytest.mark.parametrize(
    "changes",
    [
        {"client": {"creditorId": "11111111-1111-4111-8111-111111111111", "externalTenantId": None}},
        {"client": None, "case": None},
        {"added": {"later": [1, 2, 3.5, None]}},
        {"case": {"invoiceId": "22222222-2222-4222-8222-222222222222", "debtorName": 'Ærø "& Søn"\n'}},
        {"earnings": {"referralFeeAmountUsd": 0.12345678901234567, "referralFeeAmount": -123456789012.5}},
        {"status": {"commissionPaymentStatus": "Lost", "platformInvoicingStatus": "NotInvoiced"}},
    ],
)
def test_common_variant_goes_the_short_way(transaction, changes):
    raw = json.dumps(transaction(1) | changes).encode()
    assert repr(usual.transaction(raw)) == repr(the_long_way(raw))


def test_record_has_value_semantics_and_cannot_be_changed(transaction):
    raw = json.dumps(transaction(1)).encode()
    record: Any = usual.transaction(raw)
    same = usual.transaction(raw)
    assert (record, hash(record)) == (same, hash(same))
    with pytest.raises(AttributeError):
        record.payment_date = datetime(2026, 1, 1, tzinfo=UTC)
