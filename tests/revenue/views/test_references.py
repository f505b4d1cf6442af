"""The pages for many partner references at once, and the file of all of them."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partners.models import Case, ReferenceChange, ReferenceImport
from revenue.views import references as pages
from tests.factories import make_account, make_case, make_client, make_creditor, make_run, make_user, sign_in_now
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NASTY = st.text(alphabet=[*"'=+-@\t\r\n,;\" aæ🧾\u2028\x85\ufeff"], max_size=8)


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account)
    return account


def cases(account, **references):
    client = make_client(account, company_name="Ærø A/S")
    return [make_case(client, reference=name, partner_reference=ours) for name, ours in references.items()]


def stored(account):
    return dict(account.cases.values_list("reference", "partner_reference"))


def paste(browser, text, **more):
    return browser.post("/references/", {"text": text} | more)


def upload(browser, content, **more):
    data = content if isinstance(content, bytes) else content.encode()
    return browser.post("/references/", {"file": SimpleUploadedFile("references.csv", data)} | more)


def exported(browser, query=""):
    response = browser.get(f"/references/export.csv{query}")
    return response, b"".join(response.streaming_content)


# --- From lines to what they change -----------------------------------------------------------------


def test_pasted_lines_are_shown_before_anything_changes(signed_in, account):
    cases(account, Q1="", Q2="old", Q3="gone", Q4="same")
    response = paste(signed_in, "Q1,new\r\nQ2,other\r\nQ3,\r\nQ4,same\r\nnope,x\r\n")
    [found] = ReferenceImport.objects.all()
    assert (response.status_code, response["Location"]) == (302, f"/references/{found.pk}/")
    text = words(signed_in.get(response["Location"]))
    assert "Lines 5 Would be set 1 Would be changed 1 Would be cleared 1 Already so 1 Cannot be used 1" in text
    assert "1 Q1 Ærø A/S — new 2 Q2 Ærø A/S old other 3 Q3 Ærø A/S gone cleared" in text
    assert "5 There is no case “nope”. Check the Debitura reference. nope,x" in text
    assert "The lines that cannot be used are left out; the others can be applied." in text
    assert stored(account) == {"Q1": "", "Q2": "old", "Q3": "gone", "Q4": "same"}


def test_applying_changes_what_was_shown_and_says_so(signed_in, account, reader):
    cases(account, Q1="", Q2="old")
    address = paste(signed_in, "Q1,new\nQ2,\n")["Location"]
    response = signed_in.post(f"{address}apply/", follow=True)
    assert "2 references changed." in words(response)
    assert response.redirect_chain == [(address, 302)]
    assert stored(account) == {"Q1": "new", "Q2": ""}
    changes = ReferenceChange.objects.order_by("pk").values_list("old", "new", "source", "by")
    assert list(changes) == [("", "new", "bulk", reader.pk), ("old", "", "bulk", reader.pk)]


def test_applying_twice_says_that_it_was_applied_before(signed_in, account):
    cases(account, Q1="")
    address = paste(signed_in, "Q1,new\n")["Location"]
    for _ in range(2):
        response = signed_in.post(f"{address}apply/", follow=True)
    assert "This file was applied before; nothing was changed now." in words(response)
    assert "Apply 1 change" not in words(response)
    assert ReferenceChange.objects.count() == 1


def test_line_that_somebody_else_changed_since_is_left_alone_and_shown(signed_in, account):
    cases(account, Q1="", Q2="")
    address = paste(signed_in, "Q1,mine\nQ2,mine\n")["Location"]
    Case.objects.filter(reference="Q2").update(partner_reference="<b>theirs</b>")
    response = signed_in.post(f"{address}apply/", follow=True)
    text = words(response)
    assert "1 reference changed." in text
    assert "Left alone Somebody else changed this reference after the file was looked through" in text
    assert '<bdi class="reference">&lt;b&gt;theirs&lt;/b&gt;</bdi>' in response.content.decode()
    assert stored(account) == {"Q1": "mine", "Q2": "<b>theirs</b>"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Q1,same\n", "There is nothing to apply. Every case has the reference that the file gives it."),
        ("nope,x\n", "There is nothing to apply. No line that can be used changes anything."),
    ],
)
def test_file_that_changes_nothing_cannot_be_applied(signed_in, account, text, sentence):
    cases(account, Q1="same")
    shown = words(signed_in.get(paste(signed_in, text)["Location"]))
    assert (sentence in shown, "Apply" in shown) == (True, False)


def test_no_page_grows_with_the_file(signed_in, account, monkeypatch):
    monkeypatch.setattr(pages, "LINES_SHOWN", 2)
    cases(account, Q1="", Q2="", Q3="")
    lines = "Q1,a\nQ2,b\nQ3,c\nx,a\ny,b\nz,c\n"
    address = paste(signed_in, lines)["Location"]
    text = words(signed_in.get(address))
    assert ("Changes The first 2 of 3" in text, "The first 2 of 3; all of them as CSV" in text) == (True, True)
    assert ("There is no case “y”" in text, "There is no case “z”" in text) == (True, False)
    Case.objects.update(partner_reference="theirs")
    text = words(signed_in.post(f"{address}apply/", follow=True))
    assert "Left alone Somebody else changed these references after the file was looked through; the first 2" in text


@pytest.mark.parametrize("is_told", [True, False])
def test_page_says_that_debitura_is_not_told_where_it_could_be(signed_in, account, is_told):
    cases(account, Q1="")
    account.lifecycle_path = "/cases/{id}/lifecycle" if is_told else ""
    account.save()
    address = paste(signed_in, "Q1,a\n")["Location"]
    for response in (signed_in.get(address), signed_in.post(f"{address}apply/", follow=True)):
        assert ("Debitura is not told of references from a file." in words(response)) is is_told


@pytest.mark.parametrize("count", [1, 3])
def test_pages_ask_the_database_equally_often_for_any_number_of_lines(
    signed_in, account, count, django_assert_num_queries
):
    cases(account, **{f"Q{number}": "" for number in range(count)})
    for _ in range(count):
        address = paste(signed_in, "".join(f"Q{number},x\n" for number in range(count)))["Location"]
    with django_assert_num_queries(5):
        assert signed_in.get("/references/").status_code == 200
    with django_assert_num_queries(6):
        assert signed_in.get(address).status_code == 200


# --- What is sent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_file_is_taken_in_the_encodings_of_spreadsheets(signed_in, account, encoding):
    cases(account, Q1="")
    address = upload(signed_in, "Debitura reference;Partner reference\r\nQ1;Ærø 🧾\r\n".encode(encoding))["Location"]
    signed_in.post(f"{address}apply/")
    assert stored(account) == {"Q1": "Ærø 🧾"}


def test_form_sends_a_line_break_inside_a_reference_as_two_characters_and_one_is_kept(signed_in, account):
    cases(account, Q1="a\nb", Q2="a\r\nb")
    paste(signed_in, 'Q1,"a\r\nb"\r\n')
    assert ReferenceImport.objects.get().plan == []
    upload(signed_in, 'Q2,"a\r\nb"\r\n')
    assert ReferenceImport.objects.latest("pk").plan == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "There is no line in it."),
        ("Q1,a\nQ2,Ærø".encode("latin-1"), "The file is not in UTF-8: line 2 holds other bytes."),
        (b"PK\x03\x04", "This is an Excel workbook."),
        ("x" * 1001, "The file is larger than 0 MB. Split it."),
    ],
)
def test_file_that_cannot_be_read_says_what_to_do(signed_in, account, monkeypatch, content, sentence):
    monkeypatch.setattr(pages, "LARGEST_FILE", 1000)
    response = upload(signed_in, content)
    assert (response.status_code, f"Nothing was changed. {sentence}" in words(response)) == (400, True)
    assert not ReferenceImport.objects.exists()


def test_what_was_pasted_stands_there_again_beside_the_error(signed_in, account):
    pasted = "\n\nDebitura reference,<Client>\nQ1,a"
    response = paste(signed_in, pasted)
    assert response.status_code == 400
    assert "Put the Debitura reference into the first column" in words(response)
    [area] = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", response.content.decode(), re.DOTALL)
    assert area == pasted.replace("<", "&lt;").replace(">", "&gt;")


def test_more_pasted_text_than_a_form_takes_is_better_sent_as_a_file(signed_in, account):
    response = paste(signed_in, "x" * 2_700_000)
    assert response.status_code == 400
    assert "holds more than 2 MB of text. Go back and try again; many lines are best sent as a file." in words(response)


def test_file_and_pasted_lines_at_once_are_refused(signed_in, account):
    response = upload(signed_in, "Q1,a", text="Q1,b")
    assert "There are pasted lines and a file. Send one of them." in words(response)


# --- Bad lines, to be mended ------------------------------------------------------------------------


def test_lines_that_cannot_be_used_can_be_downloaded_mended_and_sent_again(signed_in, account):
    cases(account, Q1="", Q2="", Q3="")
    address = paste(signed_in, f'nope,"=1+1,\nx"\nQ2\nq3,{"y" * 129}\n')["Location"]
    response = signed_in.get(f"{address}mend.csv")
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    assert response["Content-Disposition"] == f'attachment; filename="references-to-mend_{address.split("/")[2]}.csv"'
    lines = list(csv.reader(io.StringIO(text, newline="")))
    assert [line[:3] for line in lines] == [
        ["Debitura reference", "Partner reference", "Line"],
        ["nope", "'=1+1,\nx", "1"],
        ["", "Q2", "3"],
        ["q3", "y" * 129, "4"],
    ]
    assert lines[3][3:] == ["There is no case “q3”. Did you mean “Q3”?", f"q3,{'y' * 129}"]

    # Sent again as it is, every line stays bad; mended, every one is good.
    upload(signed_in, text)
    again = ReferenceImport.objects.latest("pk")
    assert (again.lines, again.plan, len(again.problems)) == (3, [], 3)
    mended = text.replace("\r\nnope,", "\r\nQ1,").replace("\r\n,Q2,", "\r\nQ2,b,").replace("\r\nq3,", "\r\nQ3,")
    upload(signed_in, mended.replace("y" * 129, "y"))
    found = ReferenceImport.objects.latest("pk")
    assert ([entry["new"] for entry in found.plan], found.problems) == (["=1+1,\nx", "b", "y"], [])


# --- All of them as a file --------------------------------------------------------------------------


def test_file_of_all_references_has_every_case_in_its_order(signed_in, account):
    client = make_client(account, company_name="=Acme")
    make_case(client, reference="Q2", partner_reference="=1+1", client_reference="INV-2")
    make_case(client, reference="Q1", partner_reference="a,b")
    make_case(client, reference="", partner_reference="nowhere")
    make_case(make_client(make_account()), reference="theirs", partner_reference="theirs")
    response, content = exported(signed_in)
    assert content.decode() == (
        "\ufeffDebitura reference,Partner reference,Client reference,Client\r\n"
        'Q1,"a,b",,\'=Acme\r\n'
        "Q2,'=1+1,INV-2,'=Acme\r\n"
    )
    assert response["Content-Disposition"] == 'attachment; filename="references_as-of-20260314T1200Z.csv"'


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.tuples(TEXTS | NASTY, TEXTS | NASTY, TEXTS | NASTY), min_size=1, max_size=12))
def test_file_of_all_references_sent_back_puts_every_one_where_it_was(signed_in, account, texts):
    ReferenceChange.objects.all().delete()
    Case.objects.all().delete()
    client = make_client(account)
    kept = {}
    for number, (debitura, ours, client_reference) in enumerate(texts):
        name = f"{debitura}{number}."
        kept[name] = ours.strip()[:128].strip()
        make_case(client, reference=name, partner_reference=kept[name], client_reference=client_reference)
    _, content = exported(signed_in)
    found = sent_back(signed_in, content)
    assert (found.lines, found.unchanged, found.plan, found.problems) == (len(kept), len(kept), [], [])

    Case.objects.update(partner_reference="something else entirely")
    found = sent_back(signed_in, content)
    assert found.problems == []
    signed_in.post(f"/references/{found.pk}/apply/")
    assert stored(account) == kept


def sent_back(browser, content):
    return ReferenceImport.objects.get(pk=int(upload(browser, content)["Location"].split("/")[2]))


# --- Who and where ----------------------------------------------------------------------------------


def test_form_says_the_rules_and_lists_the_readers_own_files(signed_in, account):
    cases(account, Q1="")
    stranger = Client()
    sign_in_now(stranger, make_user())
    own, others = paste(signed_in, "Q1,a")["Location"], paste(stranger, "Q1,b")["Location"]
    response = signed_in.get("/references/")
    assert "At most 50,000 references change at once." in words(response)
    assert (own in links(response), others in links(response)) == (True, False)
    assert "/references/export.csv" in links(response)


def test_file_of_somebody_else_and_of_another_account_is_not_found(signed_in, account):
    other = make_account(slug="zebra")
    cases(account, Q1="")
    cases(other, Q1="")
    stranger = Client()
    sign_in_now(stranger, make_user())
    others = paste(stranger, "Q1,a")["Location"]
    elsewhere = signed_in.post("/references/?partner=zebra", {"text": "Q1,a"})["Location"]
    assert signed_in.get(elsewhere).status_code == 200
    for address in (others, elsewhere.partition("?")[0], "/references/99999999999999999999/"):
        assert signed_in.get(address).status_code == 404
        assert signed_in.post(f"{address}apply/").status_code == 404
        assert signed_in.get(f"{address}mend.csv").status_code == 404
    assert (stored(account), stored(other)) == ({"Q1": ""}, {"Q1": ""})


def test_pages_of_another_account_lead_on_within_it(signed_in, account):
    other = make_account(slug="zebra")
    cases(other, Q1="")
    address = signed_in.post("/references/?partner=zebra", {"text": "Q1,a\nx,y"})["Location"]
    assert address.endswith("/?partner=zebra")
    response = signed_in.get(address)
    own = [link for link in links(response) if link.startswith(("/references", "/cases"))]
    # One leads to the other account: the switch between them.
    assert [link for link in own if not link.endswith("?partner=zebra")] == ["/references/?partner=acme"]
    [action] = re.findall(r'action="([^"]*apply[^"]*)"', response.content.decode())
    signed_in.post(action)
    assert stored(other) == {"Q1": "a"}


def test_who_works_for_a_client_learns_and_changes_nothing(client, account):
    [case] = cases(account, Q1="SECRET-REF")
    creditor = make_user()
    make_creditor(creditor, case.client)
    mine = ReferenceImport.objects.create(account=account, by=creditor, lines=1, unchanged=0, plan=[])
    sign_in_now(client, creditor)
    answers = [
        *(client.get(f"/references/{path}") for path in ("", "export.csv", f"{mine.pk}/", f"{mine.pk}/mend.csv")),
        paste(client, "Q1,x"),
        client.post(f"/references/{mine.pk}/apply/"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 6
    for answer in answers:
        assert ("SECRET-REF" in answer.content.decode(), "Ærø" in answer.content.decode()) == (False, False)
    assert (stored(account), ReferenceImport.objects.count()) == ({"Q1": "SECRET-REF"}, 1)


@pytest.mark.parametrize("path", ["", "1/apply/"])
def test_nothing_is_taken_without_the_secret_of_the_form(account, reader, path):
    browser = Client(enforce_csrf_checks=True)
    sign_in_now(browser, reader)
    assert browser.post(f"/references/{path}", {"text": "Q1,a"}).status_code == 403


def test_strangers_are_sent_to_the_door_and_from_there_to_the_form(client, account, reader):
    response = client.post("/references/7/apply/")
    assert response["Location"] == "/sign-in/?next=/references/7/apply/"
    signed = client.post(response["Location"], {"username": reader.email, "password": "a long enough pass phrase"})
    assert signed["Location"] == "/references/"
