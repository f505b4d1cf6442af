"""Setting, changing and clearing the partner reference of a case, through HTTP."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from partners.models import ReferenceChange
from partners.references import set_reference
from tests.factories import make_account, make_case, make_client, make_creditor, make_run, make_user, sign_in_now
from tests.partners.hostile import HOSTILE
from tests.revenue.views.reading import links, words

pytestmark = pytest.mark.django_db

Source = ReferenceChange.Source
CASE = "/cases/Q8OAXF3W/"
FORM = f"{CASE}reference/"


@pytest.fixture
def account():
    account = make_account(slug="acme", name="Acme Referrals")
    make_run(account)
    return account


@pytest.fixture
def case(account):
    return make_case(make_client(account), reference="Q8OAXF3W")


def typed(page):
    """What the field holds, as a browser shows it."""
    html = page.content.decode()
    if found := re.search(r"<textarea[^>]*>\r?\n?(.*?)</textarea>", html, re.DOTALL):
        return unescape(found[1])
    [field] = re.findall(r'<input type="text" name="reference"[^>]*>', html)
    found = re.search(r'value="([^"]*)"', field)
    return unescape(found[1]) if found else ""


def was(page):
    [value] = re.findall(r'name="was" value="([^"]*)"', page.content.decode())
    return str(value)


def send(browser, page, reference):
    """Send the form of `page` with this text in its field, as browsers do: every line break is two characters."""
    lines = re.sub(r"\r\n|\r|\n", "\r\n", reference)
    return browser.post(FORM, {"was": was(page), "reference": lines})


def stored(case):
    case.refresh_from_db()
    return case.partner_reference


def test_form_asks_for_one_text_and_holds_what_is_stored(signed_in, case, reader):
    set_reference(case, "X-1", by=reader, source=Source.PAGE)
    page = signed_in.get(FORM)
    assert "Collection-partner reference Reference (can be blank)" in words(page)
    assert typed(page) == "X-1"
    assert CASE in links(page)
    assert "maxlength" not in page.content.decode()


def test_reference_is_set_changed_and_cleared(signed_in, case, reader):
    said = []
    for text in ("  112179442 & 112179443 ", "A/B", "  "):
        answer = send(signed_in, signed_in.get(FORM), text)
        assert (answer.status_code, answer["Location"]) == (302, CASE)
        said += re.findall(r"The partner reference (is .*?)\. ", words(signed_in.get(CASE)))
    assert said == ["is now “112179442 & 112179443”", "is now “A/B”", "is cleared"]
    assert list(case.reference_changes.order_by("pk").values_list("old", "new", "by", "source")) == [
        ("", "112179442 & 112179443", reader.pk, "page"),
        ("112179442 & 112179443", "A/B", reader.pk, "page"),
        ("A/B", "", reader.pk, "page"),
    ]


def test_same_reference_again_changes_nothing_and_says_so(signed_in, case, reader):
    set_reference(case, "X-1", by=reader, source=Source.PAGE)
    send(signed_in, signed_in.get(FORM), " X-1 ")
    assert "The partner reference is what it was; nothing was changed." in words(signed_in.get(CASE))
    assert case.reference_changes.count() == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("🧾" * 127 + " x", "The reference has 129 characters; use at most 128."),
        ("a\0b", "The reference holds a NUL character; remove it."),
    ],
)
def test_wrong_reference_is_told_at_the_field_and_what_was_typed_stays(signed_in, case, reader, text, reason):
    set_reference(case, "X-1", by=reader, source=Source.PAGE)
    answer = send(signed_in, signed_in.get(FORM), text)
    assert (answer.status_code, typed(answer), was(answer)) == (400, text, "X-1")
    html = answer.content.decode()
    assert 'aria-invalid="true"' in html
    [described] = re.findall(r'<input type="text" name="reference"[^>]*aria-describedby="([^"]*)"', html)
    error = re.search(rf'<div class="field__error" id="{described.split()[-1]}"><p>(.*?)</p>', html)
    assert error
    assert unescape(error[1]) == reason
    assert stored(case) == "X-1"


@pytest.mark.parametrize("text", HOSTILE)
def test_any_reference_is_kept_to_the_character_also_when_its_form_is_sent_again(signed_in, case, reader, text):
    set_reference(case, text, by=reader, source=Source.API)
    answer = send(signed_in, signed_in.get(FORM), typed(signed_in.get(FORM)))
    assert answer.status_code == 302
    assert (stored(case), case.reference_changes.count()) == (text, 1)


# --- Two at once ------------------------------------------------------------------------------------


@pytest.fixture
def late(signed_in, case):
    """The form of `reader`, opened before somebody else made THEIRS of the reference."""
    page = signed_in.get(FORM)
    set_reference(case, "THEIRS <b>", by=make_user(), source=Source.PAGE)
    return page


def test_second_of_two_editors_is_told_and_nothing_is_lost(signed_in, case, late):
    answer = send(signed_in, late, "MINE")
    assert (answer.status_code, typed(answer), stored(case)) == (409, "MINE", "THEIRS <b>")
    text = words(answer)
    assert "Somebody else set it to “ THEIRS <b> ” while you were typing. Yours: “ MINE ”. It is not saved yet." in text
    assert "Save mine anyway Keep theirs" in text


def test_second_of_two_editors_may_save_theirs_anyway(signed_in, case, late):
    again = send(signed_in, send(signed_in, late, "MINE"), "MINE")
    assert (again.status_code, stored(case)) == (302, "MINE")
    assert case.reference_changes.latest("pk").old == "THEIRS <b>"


def test_third_editor_in_between_is_told_of_too(signed_in, case, late):
    answer = send(signed_in, late, "MINE")
    set_reference(case, "", by=make_user(), source=Source.PAGE)
    again = send(signed_in, answer, "MINE")
    assert (again.status_code, stored(case)) == (409, "")
    assert "Somebody else cleared it while you were typing. Yours: “ MINE ”." in words(again)


def test_second_who_clears_is_told_what_there_is_to_clear(signed_in, case, reader):
    set_reference(case, "OURS", by=reader, source=Source.PAGE)
    page = signed_in.get(FORM)
    set_reference(case, "THEIRS", by=make_user(), source=Source.PAGE)
    answer = send(signed_in, page, "")
    assert (answer.status_code, stored(case)) == (409, "THEIRS")
    assert "Yours: nothing, which clears it. It is not saved yet." in words(answer)


def test_two_who_type_the_same_agree(signed_in, case, late):
    assert send(signed_in, late, "THEIRS <b>").status_code == 302
    assert case.reference_changes.count() == 1


def test_form_that_does_not_say_what_it_showed_overwrites_nothing(signed_in, case, reader):
    set_reference(case, "X-1", by=reader, source=Source.PAGE)
    assert signed_in.post(FORM, {"reference": "Y"}).status_code == 400
    assert stored(case) == "X-1"


# --- Who, and which case ----------------------------------------------------------------------------


def test_who_works_for_a_client_learns_and_changes_nothing(signed_in, case, reader):
    set_reference(case, "OURS", by=reader, source=Source.PAGE)
    make_creditor(reader, case.client)
    answers = [signed_in.get(FORM), signed_in.post(FORM, {"was": "OURS", "reference": "HACKED"})]
    assert [answer for answer in answers if "OURS" in answer.content.decode()] == []
    assert [answer.status_code for answer in answers] == [404, 404]
    assert stored(case) == "OURS"


def test_stranger_is_asked_to_sign_in(case):
    assert Client().post(FORM, {"was": "", "reference": "X"})["Location"] == f"/sign-in/?next={FORM}"
    assert stored(case) == ""


def test_form_without_its_token_is_refused(reader, case):
    browser = Client(enforce_csrf_checks=True)
    sign_in_now(browser, reader)
    assert browser.post(FORM, {"was": "", "reference": "X"}).status_code == 403
    assert stored(case) == ""


def test_case_of_another_account_is_changed_under_its_own_name_only(signed_in, account):
    other = make_account(slug="zeta")
    make_run(other)
    case = make_case(make_client(other), reference="Q8OAXF3W")
    assert signed_in.get(FORM).status_code == 404
    answer = signed_in.post(f"{FORM}?partner=zeta", {"was": "", "reference": "X"})
    assert (answer["Location"], stored(case)) == (f"{CASE}?partner=zeta", "X")


@pytest.mark.parametrize("reference", ["A/B", "50%", "%2F", "two words", "A?b=c#d", "🦊", "end.", "a+b&c"])
def test_pencil_leads_to_the_form_whatever_the_references_hold(signed_in, account, reference):
    case = make_case(make_client(account), reference=reference)
    page = signed_in.get("/cases/")
    page = signed_in.get(next(link for link in links(page) if re.match("/cases/.", link)))
    address = next(link for link in links(page) if link.endswith("/reference/"))
    assert signed_in.post(address, {"was": "", "reference": "X"}).status_code == 302
    assert stored(case) == "X"


def test_unknown_case_is_not_found(signed_in, account):
    assert signed_in.get("/cases/unknown/reference/").status_code == 404
