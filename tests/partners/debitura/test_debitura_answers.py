"""The envelope of an answer: page information, summary, and the figures held against each other."""

import json
from decimal import Decimal

import pytest

from partners.debitura import answers
from partners.debitura.errors import Malformed
from partners.debitura.records import CasesSummary, ClientsSummary, RevenueSummary, StageFigure


def page_of(answer, number=1, size=2):
    return answers.page(json.dumps(answer).encode(), answers.TRANSACTIONS, number, size)


def with_info(rows, **info):
    return {"data": rows, "page": info}


def test_page_keeps_unreadable_rows_apart_and_counts_them(answer):
    good = {"transactionId": "00000000-0000-4000-8000-000000000001", "date": "2026-03-01"}
    page = page_of(answer([{"transactionId": "bad"}, good], 2, 2))
    assert (len(page.rows), len(page.unreadable), len(page)) == (1, 1, 2)
    assert page.identities == {"bad", "00000000-0000-4000-8000-000000000001"}


@pytest.mark.parametrize("name", ["page", "pageData"])
def test_page_information_goes_by_two_names(name):
    page = page_of({"data": [], name: {"totalResults": 0, "pageSize": 50}})
    assert (page.total_results, page.page_size) == (0, 50)


@pytest.mark.parametrize(
    "information", [{}, {"page": None}, {"page": {}}, {"page": {"totalResults": None, "pageSize": 0}}]
)
def test_page_information_may_be_missing(information):
    page = page_of({"data": []} | information)
    assert (page.total_results, page.page_size, page.summary) == (None, 2, None)


@pytest.mark.parametrize(
    "info", [{"totalResults": -1}, {"totalResults": 1.5}, {"pageSize": "many"}, {"pageSize": True}]
)
def test_page_information_of_nonsense_is_malformed(info):
    with pytest.raises(Malformed, match=r"^Debitura's page information contradicts itself: "):
        page_of({"data": [], "page": info})


@pytest.mark.parametrize(
    ("found", "total", "number", "size"),
    [(0, 0, 1, 2), (1, 1, 1, 2), (2, 2, 1, 2), (2, 5, 2, 2), (1, 5, 3, 2), (0, 4, 3, 2), (0, 1, 9, 2)],
)
def test_page_that_agrees_with_its_total_is_taken(found, total, number, size):
    assert len(page_of(with_info([{}] * found, totalResults=total, pageSize=size), number, size)) == found


@pytest.mark.parametrize(
    ("found", "total", "number", "size"),
    [(0, 1, 1, 2), (1, 0, 1, 2), (1, 2, 1, 2), (3, 9, 1, 2), (1, 5, 2, 2), (2, 5, 3, 2), (1, 4, 3, 2)],
)
def test_page_that_contradicts_its_total_is_malformed(found, total, number, size):
    with pytest.raises(Malformed, match=f"^Page {number} holds {found} rows where {total} results"):
        page_of(with_info([{}] * found, totalResults=total, pageSize=size), number, size)


@pytest.mark.parametrize(
    "answer",
    [{}, {"data": None}, {"data": {}}, {"data": "rows"}, {"page": {"totalResults": 0}}, {"clients": []}],
)
def test_rows_missing_or_of_another_type_are_malformed(answer):
    with pytest.raises(Malformed, match=r"^Debitura's answer lacks its list of rows: data is "):
        page_of(answer)


def test_null_rows_of_an_empty_result_are_an_empty_page():
    assert len(page_of({"data": None, "page": {"totalResults": 0}})) == 0


def test_revenue_summary_is_read_by_our_stage_names():
    body = b"""{"revenue": {"pendingReferralFeeUsd": 0.0, "pendingCount": 0,
        "confirmedPendingInvoiceReferralFeeUsd": 167.60, "confirmedPendingInvoiceCount": 5,
        "awaitingCollectionPartnerPaymentReferralFeeUsd": 1, "awaitingCollectionPartnerPaymentCount": 1,
        "readyToInvoiceDebituraReferralFeeUsd": 2, "readyToInvoiceDebituraCount": 2,
        "awaitingDebituraPaymentReferralFeeUsd": 3, "awaitingDebituraPaymentCount": 3,
        "paidReferralFeeUsd": 4, "disputedCount": null, "paidCount": "x"},
        "totalDebituraRevenueUsd": 335.21}"""
    summary = answers.TRANSACTIONS.summarise(answers.decode(body))
    assert summary == RevenueSummary(
        stages={
            "pending": StageFigure(Decimal("0.0"), 0),
            "confirmed_pending_invoice": StageFigure(Decimal("167.60"), 5),
            "awaiting_collection_partner_payment": StageFigure(Decimal(1), 1),
            "ready_to_invoice_debitura": StageFigure(Decimal(2), 2),
            "awaiting_debitura_payment": StageFigure(Decimal(3), 3),
            "paid": StageFigure(Decimal(4), None),
        },
        total_debitura_revenue_usd=Decimal("335.21"),
    )


@pytest.mark.parametrize("summary", [None, [], "x"])
@pytest.mark.parametrize("listing", [answers.TRANSACTIONS, answers.CLIENTS, answers.CASES])
def test_summary_missing_is_none(listing, summary):
    assert listing.summarise(summary) is None


def test_summary_without_members_knows_nothing():
    assert answers.TRANSACTIONS.summarise({}) == RevenueSummary({}, None)
    assert answers.TRANSACTIONS.summarise({"revenue": []}) == RevenueSummary({}, None)
    assert answers.CLIENTS.summarise({}) == ClientsSummary(None, None, None, None, None)
    assert answers.CASES.summarise({"byLifecycle": None}) == CasesSummary(None, None, {})


def test_summaries_of_clients_and_cases_are_read():
    clients = {
        "totalClients": 5,
        "attributedClients": 4,
        "onboardingComplete": 3,
        "onboardingPending": 2,
        "totalCases": 9,
    }
    assert answers.CLIENTS.summarise(clients) == ClientsSummary(5, 4, 3, 2, 9)
    cases = {"totalCases": 9, "casesThisMonth": 1, "byLifecycle": {"active": 2, "closed": 7, "odd": "x"}}
    assert answers.CASES.summarise(cases) == CasesSummary(9, 1, {"active": 2, "closed": 7})


def test_me_of_nonsense_is_malformed():
    with pytest.raises(Malformed, match=r"isActive is 5, neither true nor false\.$"):
        answers.me(b'{"isActive": 5}')


def test_me_keeps_an_unknown_mode():
    assert answers.me(b'{"invoicingTriggerMode": "Weekly"}').invoicing_trigger_mode == "Weekly"


@pytest.mark.parametrize("body", [b"<html>", b"", b"{", b"[]", b"7", b'{"a":\xff}', b"[" * 100_000])
def test_body_that_is_no_json_object_is_malformed(body):
    with pytest.raises(Malformed):
        answers.decode(body)


def test_body_with_byte_order_mark_is_read():
    assert answers.decode(b'\xef\xbb\xbf{"a": 1.10}') == {"a": Decimal("1.10")}


def good_and_bad(good: str, bad: str) -> bytes:
    page = '{"totalResults": 3, "pageSize": 3}'
    return f'{{"x": [{bad}, "]}}"], "data": [ {good} ,{bad}, {good}], "summary": null, "page": {page}}}'.encode()


@pytest.mark.parametrize("bad", ["NaN", '{"earnings": {"debituraRevenue": -Infinity}}', "null", '"text"', "[]"])
def test_row_that_is_no_json_proper_or_no_object_spoils_no_other(transaction, bad):
    good = json.dumps(transaction(1), indent=1, ensure_ascii=False)
    page = answers.page(good_and_bad(good, bad), answers.TRANSACTIONS, 1, 100)
    assert [row.raw for row in page.rows] == [good, good]
    assert [row.raw for row in page.unreadable] == [bad]


@pytest.mark.parametrize("listing", [answers.TRANSACTIONS, answers.CLIENTS, answers.CASES])
def test_rows_are_the_last_list_of_their_name(listing):
    name = listing.rows_name
    for rows in ('[{"a": 1}, {"b": "\\u0000"}]', '[{"a": 1} , NaN]', "[]", "[ NaN]"):
        page = answers.page(f'{{"{name}": [NaN], "{name}" : {rows} }}'.encode(), listing, 1, 100)
        found = ", ".join(row.raw for row in page.unreadable)
        assert f"[{found}]" == rows.replace(" ,", ",").replace("[ ", "[")


def test_rows_after_a_byte_order_mark_are_read(transaction):
    body = b"\xef\xbb\xbf" + json.dumps({"data": [transaction(1)]}).encode()
    assert len(answers.page(body, answers.TRANSACTIONS, 1, 100).rows) == 1


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_row_nested_too_deeply_is_malformed(depth):
    body = b'{"data": [{"x": ' + b"[" * depth + b"]" * depth + b"}]}"
    with pytest.raises(Malformed, match=r"^Debitura's answer is not readable JSON\."):
        answers.page(body, answers.TRANSACTIONS, 1, 100)


@pytest.mark.parametrize("body", [b'{"data": [{"note": "\xff"}]}', b'{"data": [], "summary": {"x": "\xff"}}'])
def test_answer_that_is_not_utf_8_is_malformed(body):
    with pytest.raises(Malformed, match=r"^Debitura's answer is not readable JSON\."):
        answers.page(body, answers.TRANSACTIONS, 1, 100)
