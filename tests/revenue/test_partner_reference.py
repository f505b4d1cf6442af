"""The partner's own reference, rule by rule and place by place, as Debitura's help page and API promise it; through HTTP.

Who sees it: test_who_sees_it.py. The edges of each page, file and answer are the subject of the tests beside those.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.html import strip_tags

from partners.models import Case
from tests.factories import make_account, make_case, make_client, make_run, make_transaction, make_user, sign_in_now
from tests.partners.hostile import HOSTILE
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

CASE = "/cases/Q8OAXF3W/"
API = "/api/v1/cases"
LOOK_UP = f"{API}/by-partner-reference"
KEY = "collectionPartnerReference"
WELCOME = {"welcomeMessage": "Welcome!", "userEmail": "anna@partner.example"}
WAITS = "PendingVerification"


@pytest.fixture
def theirs(world):
    """A case that waits at Debitura."""
    return world.add_case(lifecycle=WAITS, reference="Q8OAXF3W")


@pytest.fixture
def client(collecting):
    make_run(collecting)
    return make_client(collecting)


@pytest.fixture
def case(client, theirs):
    """The same case here, with a payment."""
    case = make_case(client, case_id=theirs.id, reference="Q8OAXF3W", client_reference="INV-7", lifecycle=WAITS)
    make_transaction(case=case)
    return case


@pytest.fixture
def browser(db):
    """The browser of somebody of the partner's."""
    browser = Client()
    sign_in_now(browser, make_user())
    return browser


def send_json(browser, method, address, body):
    return getattr(browser, method)(address, body, content_type="application/json")


# --- The ways to give a case its reference; each says whether it was taken ----------------------------


def by_page(browser, text):
    [was] = re.findall(r'name="was" value="([^"]*)"', browser.get(f"{CASE}reference/").content.decode())
    return browser.post(f"{CASE}reference/", {"was": was, "reference": text}).status_code == 302


def by_api(browser, text):
    return send_json(browser, "patch", f"{API}/Q8OAXF3W", {KEY: text}).status_code == 200


def by_file(browser, text):
    lines = io.StringIO()
    csv.writer(lines).writerow(["Q8OAXF3W", text])
    upload = SimpleUploadedFile("references.csv", lines.getvalue().encode())
    found = browser.post("/references/", {"file": upload})["Location"]
    browser.post(f"{found}apply/")
    return "Cannot be used 0" in words(browser.get(found))


def by_activation_page(browser, text):
    return browser.post(f"{CASE}activate/", WELCOME | {KEY: text}).status_code == 302


def by_activation_api(browser, text):
    return send_json(browser, "post", f"{API}/Q8OAXF3W/activate", WELCOME | {KEY: text}).status_code == 200


ANY_TIME = [by_page, by_api, by_file]
ACTIVATION = [by_activation_page, by_activation_api]
any_time = pytest.mark.parametrize("way", ANY_TIME)
every_way = pytest.mark.parametrize("way", ANY_TIME + ACTIVATION)


def stored(case):
    return Case.objects.get(pk=case.pk).partner_reference


def listed(answer):
    """Debitura's references in an answer, by the partner's."""
    return {name: [case["reference"] for case in cases] for name, cases in answer.json().items()}


# --- The rules ----------------------------------------------------------------------------------------


@pytest.mark.either
@any_time
def test_required_never_and_set_changed_or_cleared_at_any_time(browser, case, way):
    for state in (WAITS, "Active", "Closed", ""):
        Case.objects.update(lifecycle=state)
        kept = [(way(browser, text), stored(case)) for text in ("A", "B", "")]
        assert (state, kept) == (state, [(True, "A"), (True, "B"), (True, "")])


@pytest.mark.either
@pytest.mark.parametrize("way", ACTIVATION)
def test_required_never_to_activate(browser, case, theirs, way):
    assert way(browser, "")
    assert (theirs.lifecycle, theirs.partner_reference, stored(case)) == ("Active", "", "")


@pytest.mark.either
@every_way
def test_length_is_at_most_128_characters_counted_after_trimming(browser, case, way):
    assert (way(browser, "🧾" * 129), stored(case)) == (False, "")
    assert (way(browser, f" \u2003{'🧾' * 128}\t "), stored(case)) == (True, "🧾" * 128)


@pytest.mark.either
@every_way
def test_white_space_around_it_is_trimmed_on_save(browser, case, way):
    assert (way(browser, "\u00a0\tA  B\u2003 "), stored(case)) == (True, "A  B")


@pytest.mark.either
@any_time
def test_white_space_alone_clears_it(browser, case, way):
    for blank in ("", " \t\u2003"):
        Case.objects.update(partner_reference="X")
        assert (way(browser, blank), stored(case)) == (True, "")


@pytest.mark.either
@every_way
def test_format_is_any_string(browser, case, theirs, way):
    for text in ("112179442 & 112179443", *HOSTILE):
        # What is typed on a page has line breaks of one kind.
        kept = text.replace("\r\n", "\n") if way in (by_page, by_activation_page) else text
        theirs.lifecycle = WAITS
        Case.objects.update(lifecycle=WAITS, partner_reference="")
        assert (way(browser, text), stored(case)) == (True, kept)


@pytest.mark.either
@every_way
def test_unique_it_need_not_be(browser, client, case, way):
    make_case(client, reference="QTWIN", partner_reference="SHARED")
    assert (way(browser, "SHARED"), stored(case)) == (True, "SHARED")
    [(_, found)] = listed(browser.get(f"{LOOK_UP}/SHARED")).items()
    assert sorted(found) == ["Q8OAXF3W", "QTWIN"]


@pytest.mark.parametrize("text", ["ref-1", "Ref-", "Ref-1 ", " Ref-1", "Ref-1/", "Ref-1%00", "%FF", "x" * 500])
def test_matching_is_exact_and_case_sensitive_on_look_up(browser, case, text):
    Case.objects.update(partner_reference="Ref-1")
    answer = browser.get(f"{LOOK_UP}/{text}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert browser.get(f"{LOOK_UP}?references={text},Ref-1").json().keys() == {"Ref-1"}


def test_matching_of_the_search_bar_finds_parts(browser, client, case):
    Case.objects.update(partner_reference="Ref-1")
    make_transaction(client=client)
    for q in ("Ref-1", "ef-", "REF"):
        for address in ("/transactions/", "/balance/", "/cases/"):
            assert {link for link in links(browser.get(address, {"q": q})) if re.match("/cases/.", link)} == {CASE}
        found = browser.get("/api/v1/transactions", {"q": q}).json()["results"]
        assert [row["case"]["reference"] for row in found] == ["Q8OAXF3W"]


# --- Where it is used ---------------------------------------------------------------------------------


def test_activation_has_an_optional_field_for_it(browser, case, theirs):
    assert f"{CASE}activate/" in links(browser.get(CASE))
    assert "Partner reference (can be blank)" in words(browser.get(f"{CASE}activate/"))
    told = browser.post(f"{CASE}activate/", WELCOME | {KEY: " YOUR-REF "}, follow=True)
    assert "is activated. Debitura stored the partner reference “YOUR-REF”." in words(told)
    assert (stored(case), theirs.partner_reference, theirs.lifecycle) == ("YOUR-REF", "YOUR-REF", "Active")


def test_case_page_sidebar_has_a_row_for_it_with_a_pencil(browser, case):
    page = browser.get(CASE)
    assert "Debitura reference Q8OAXF3W Client reference INV-7 Partner reference — Client" in words(page)
    [pencil] = re.findall(r'<a [^>]*href="([^"]*)" aria-label="Change the partner reference"', page.content.decode())
    form = browser.get(pencil)
    assert "Collection-partner reference Reference (can be blank)" in words(form)
    assert len(re.findall(r'<input type="text"|<textarea', form.content.decode())) == 1
    told = browser.post(pencil, {"was": "", "reference": "YOUR-REF"}, follow=True)
    assert "Partner reference YOUR-REF Client" in words(told)


@pytest.mark.parametrize(
    ("text", "headline"), [("", "Case Q8OAXF3W"), ("YOUR-REF", "Case Q8OAXF3W (partner ref: YOUR-REF)")]
)
def test_case_page_headline_names_it(browser, case, text, headline):
    Case.objects.update(partner_reference=text)
    page = browser.get(CASE).content.decode()
    [title] = re.findall(r"<title>(.*?)</title>", page)
    [heading] = re.findall(r"<h1 id=\"case-title\">(.*?)</h1>", page, re.DOTALL)
    assert (title, strip_tags(heading)) == (f"{headline} · Feeboard", headline)


def test_partner_balance_hides_its_column_until_it_is_picked(browser, case):
    Case.objects.update(partner_reference="YOUR-REF")
    tables = [balance_table(browser)]
    browser.post("/balance/columns/", {"column": ["case", "partner_reference"]})
    tables.append(balance_table(browser))
    assert [("Partner reference" in table, "YOUR-REF" in table) for table in tables] == [(False, False), (True, True)]


def balance_table(browser):
    return re.findall(r"<table.*?</table>", browser.get("/balance/").content.decode(), re.DOTALL)[0]


@pytest.mark.parametrize("q", ["Q8OAXF3W", "8oax", "112179443", "& 1121"])
def test_partner_balance_searches_the_debitura_and_the_partner_reference(browser, client, case, q):
    Case.objects.update(partner_reference="112179442 & 112179443")
    make_transaction(client=client)
    assert "1–1 of 1 · total 30.00 USD" in words(browser.get("/balance/", {"q": q}))


def test_csv_export_has_a_column_for_it(browser, case):
    Case.objects.update(partner_reference='YOUR, "REF"')
    [row] = csv.DictReader(io.StringIO(browser.get("/transactions/export.csv").getvalue().decode("utf-8-sig")))
    names = ("case_reference", "client_reference", "partner_reference")
    assert [row[name] for name in names] == ["Q8OAXF3W", "INV-7", 'YOUR, "REF"']


def folders(browser, naming):
    """The folders of the ZIP, in its order."""
    answer = browser.get("/transactions/export.zip", {"folders": naming})
    with zipfile.ZipFile(io.BytesIO(answer.getvalue())) as archive:
        return [name.removesuffix("/case.txt") for name in archive.namelist() if name.endswith("case.txt")]


@pytest.mark.parametrize(
    ("naming", "names"),
    [
        ("", {"Q8OAXF3W", "QNONE"}),
        ("debitura", {"Q8OAXF3W", "QNONE"}),
        ("client", {"INV-7", "QNONE"}),
        ("partner", {"YOUR-REF", "QNONE"}),
    ],
)
def test_zip_export_names_its_folders_by_it_or_else_by_debituras(browser, client, case, naming, names):
    Case.objects.update(partner_reference="YOUR-REF")
    make_transaction(case=make_case(client, reference="QNONE"))
    assert set(folders(browser, naming)) == names


def test_zip_export_has_safe_and_distinct_folders_whatever_it_holds(browser, client):
    texts = [*HOSTILE, "..", ".", "A/B", "shared", "Shared"]
    for text in texts:
        make_transaction(case=make_case(client, partner_reference=text))
    found = folders(browser, "partner")
    assert len({name.casefold() for name in found}) == len(texts)
    assert [
        name for name in found if re.search(r'[/\\<>:"|?*\x00-\x1f\u202a-\u202e\u2066-\u2069]|\.\.|[. ]$', name)
    ] == []


@pytest.mark.parametrize("count", [1, 100])
def test_api_look_up_finds_one_or_a_batch_of_up_to_100(browser, client, count):
    names = [f"R{number}" for number in range(count)]
    for name in names:
        make_case(client, reference=f"Q{name}", partner_reference=name)
    assert listed(browser.get(f"{LOOK_UP}/R0")) == {"cases": ["QR0"]}
    expected = {name: [f"Q{name}"] for name in names}
    # What is named twice is one reference, and so is nothing between two commas none.
    assert listed(browser.get(f"{LOOK_UP}?references={','.join([*names, '', names[0]])}")) == expected
    found = send_json(browser, "post", f"{LOOK_UP}/", {"references": [*names, "", names[0]]})
    assert listed(found) == expected


def test_api_look_up_leaves_unknown_ones_out(browser, client):
    for name, text in (("Q1", "Ref-1"), ("Q2", "Ref, 2"), ("Q3", "Ref-1"), ("Q4", "")):
        make_case(client, reference=name, partner_reference=text)
    assert listed(browser.get(f"{LOOK_UP}?references=nothing")) == {}
    assert listed(browser.get(f"{LOOK_UP}?references=Ref-1,nothing,ref-1")) == {"Ref-1": ["Q3", "Q1"]}
    found = send_json(browser, "post", LOOK_UP, {"references": ["Ref, 2", "Ref-1", "nothing", "a\0b"]})
    assert listed(found) == {"Ref, 2": ["Q2"], "Ref-1": ["Q3", "Q1"]}


@pytest.mark.parametrize(
    ("count", "sentence"),
    [(0, "Name at least one reference."), (101, "These are 101 references; ask for at most 100 at once.")],
)
def test_api_look_up_of_none_and_of_more_than_100_is_400(browser, case, count, sentence):
    names = [f"R{number}" for number in range(count)]
    answers = [
        browser.get(f"{LOOK_UP}?references={','.join(names)}"),
        send_json(browser, "post", LOOK_UP, {"references": names}),
    ]
    told = [(answer.status_code, answer.json()["error"]["fields"]) for answer in answers]
    assert told == [(400, {"references": sentence})] * 2


def test_api_look_up_is_of_the_callers_own_cases(browser, case):
    Case.objects.update(partner_reference="Ref-1")
    make_case(make_client(make_account(slug="zebra")), reference="QZ", partner_reference="Ref-1")
    for query, reference in (("partner=acme", "Q8OAXF3W"), ("partner=zebra", "QZ")):
        assert listed(browser.get(f"{LOOK_UP}?references=Ref-1&{query}")) == {"Ref-1": [reference]}
        assert listed(browser.get(f"{LOOK_UP}/Ref-1?{query}")) == {"cases": [reference]}
