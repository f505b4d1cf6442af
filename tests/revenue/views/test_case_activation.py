"""Activating a case from its page, through HTTP on both sides; what the sandbox does with it is tests/partners' subject."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from partners.activation import OVER_AFTER
from partners.models import Activation, Case, PartnerAccount, ReferenceChange
from partners.references import set_reference
from tests.factories import make_case, make_client, make_creditor, make_run, sign_in_now
from tests.partners.hostile import HOSTILE
from tests.revenue.views.reading import links, words

CASE = "/cases/Q8OAXF3W/"
FORM = f"{CASE}activate/"
TYPED = {"welcomeMessage": "Welcome!", "userEmail": "anna@partner.example", "collectionPartnerReference": "REF 1"}
State = Activation.State
pytestmark = pytest.mark.django_db


@pytest.fixture
def theirs(world):
    """A case that waits at Debitura."""
    return world.add_case(lifecycle="PendingVerification", reference="Q8OAXF3W")


@pytest.fixture
def case(collecting, theirs):
    """The same case here."""
    make_run(collecting)
    client = make_client(collecting)
    return make_case(client, case_id=theirs.id, reference=theirs.reference, lifecycle="PendingVerification")


def sends(upstream):
    return sum(path.endswith("/start") for _, path, _ in upstream.log)


def errors(page):
    """What the form says at its fields."""
    found = re.findall(r'<div class="field__error" id="id_(\w+)_error"><p>(.*?)</p>', page.content.decode())
    return {name: unescape(text) for name, text in found}


def values(page):
    """What stands in the form's fields of one line, where anything does."""
    html = page.content.decode()
    found = re.findall(r'<input type="(?:text|email)" name="(\w+)" value="([^"]*)"', html)
    return {name: unescape(text) for name, text in found}


def message(page):
    [text] = re.findall(r'<textarea name="welcomeMessage"[^>]*>\n?(.*?)</textarea>', page.content.decode(), re.DOTALL)
    return unescape(text)


def test_form_holds_the_reader_and_the_reference_there_is(signed_in, reader, case):
    Case.objects.update(partner_reference="OURS")
    page = signed_in.get(FORM)
    assert values(page) == {"userEmail": reader.email, "collectionPartnerReference": "OURS"}
    assert "Fees to add to the debt, in EUR (each can be blank)" in words(page)


def test_activation_leads_to_the_case_and_says_what_debitura_stored(signed_in, reader, case, theirs):
    fees = {"interestFees": "12.345678901234567890", "reminderFees": "0", "collectionFees": " 7 "}
    answer = signed_in.post(
        FORM, TYPED | fees | {"welcomeMessage": "Dear\r\nAnna", "assignedUserEmail": "bo@partner.example"}
    )
    assert (answer.status_code, answer["Location"]) == (302, CASE)
    text = words(signed_in.get(CASE))
    assert "Case Q8OAXF3W is activated. Debitura stored the partner reference “REF 1”." in text
    assert "Case Q8OAXF3W (partner ref: REF 1 )" in text
    assert "State Active" in text
    assert f"Attempts to activate Activated by {reader.email}" in text
    assert f"Set to REF 1 by {reader.email} at activation" in text
    assert (theirs.lifecycle, theirs.partner_reference) == ("Active", "REF 1")
    assert case.activations.get().request == (
        '{"welcomeMessage":"Dear\\nAnna","userEmail":"anna@partner.example","collectionPartnerReference":"REF 1",'
        '"assignedUserEmail":"bo@partner.example","interestFees":12.345678901234567890,"reminderFees":0,"collectionFees":7}'
    )


def test_activation_without_a_reference_says_that_none_was_sent(signed_in, case):
    Case.objects.update(partner_reference="OURS")
    signed_in.post(FORM, TYPED | {"collectionPartnerReference": " "})
    text = words(signed_in.get(CASE))
    assert "Case Q8OAXF3W is activated. No partner reference was sent." in text
    assert "Case Q8OAXF3W (partner ref: OURS )" in text


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\x01" not in text])
def test_reference_of_any_form_is_sent_as_it_is(signed_in, case, theirs, text):
    Case.objects.update(partner_reference=text)
    browsers = re.sub(r"\r\n|\r|\n", "\r\n", text)
    assert signed_in.post(FORM, TYPED | {"collectionPartnerReference": browsers})["Location"] == CASE
    case.refresh_from_db()
    assert (theirs.partner_reference, case.partner_reference, case.reference_changes.count()) == (text, text, 0)


def test_everything_that_is_wrong_is_told_at_its_field_and_nothing_is_lost_or_sent(signed_in, case, upstream):
    wrong = {
        "userEmail": "nobody",
        "assignedUserEmail": "no one",
        "collectionPartnerReference": "r" * 129,
        "interestFees": "-1",
        "reminderFees": "1,5",
        "collectionFees": "NaN",
    }
    page = signed_in.post(FORM, wrong | {"welcomeMessage": "w" * 5001})
    amount = "Write an amount such as 12.50: 0 or more, with a point and without spaces."
    address = "This is not an e-mail address; write it as name@example.com."
    assert page.status_code == 400
    assert errors(page) == {
        "welcomeMessage": "The welcome message has 5,001 characters; use at most 5,000.",
        "userEmail": address,
        "assignedUserEmail": address,
        "collectionPartnerReference": "The reference has 129 characters; use at most 128.",
        "interestFees": amount,
        "reminderFees": amount,
        "collectionFees": amount,
    }
    assert (values(page), message(page)) == (wrong, "w" * 5001)
    assert (sends(upstream), case.activations.count()) == (0, 0)


def test_form_that_was_not_filled_in_says_what_is_needed(signed_in, case):
    assert errors(signed_in.post(FORM, {})) == {
        "welcomeMessage": "Write a welcome message; Debitura needs one.",
        "userEmail": "Give the e-mail address of the team member who activates the case.",
    }


def test_refusal_is_told_in_debituras_words_and_what_was_typed_stays(signed_in, case, upstream):
    upstream.faults = "start/401:@1"
    page = signed_in.post(FORM, TYPED)
    assert page.status_code == 409
    assert "The case was not activated. Debitura rejected the API key." in words(page)
    assert values(page).items() >= {"collectionPartnerReference": "REF 1", "userEmail": "anna@partner.example"}.items()
    assert message(page) == "Welcome!"


def test_form_after_a_refused_attempt_holds_what_was_sent(signed_in, case, upstream):
    upstream.faults = "start/401:@1"
    signed_in.post(FORM, TYPED | {"interestFees": "12.50"})
    page = signed_in.get(FORM)
    assert values(page) == {
        "collectionPartnerReference": "REF 1",
        "userEmail": "anna@partner.example",
        "interestFees": "12.50",
    }
    assert message(page) == "Welcome!"


# --- Where there is no form -------------------------------------------------------------------------


def has_form(page):
    return "<textarea" in page.content.decode()


def test_page_without_the_api_says_how_to_connect_it(signed_in, case):
    PartnerAccount.objects.update(sealed_collection_key="")
    page = signed_in.get(FORM)
    assert not has_form(page)
    assert "The Collection Partner API is not connected" in words(page)
    assert "manage.py connect_collection_partner --partner acme" in words(page)


def test_key_that_went_while_the_form_was_open_loses_nothing(signed_in, case):
    PartnerAccount.objects.update(sealed_collection_key="")
    page = signed_in.post(FORM, TYPED)
    assert (page.status_code, message(page)) == (409, "Welcome!")
    assert "No key of Debitura's Collection Partner API is connected to Acme Referrals." in words(page)


@pytest.mark.parametrize(
    ("state", "said"), [("Active", "The state of this one is “Active”."), ("", "Debitura has not told the state")]
)
def test_page_of_a_case_in_another_state_says_so(signed_in, case, state, said):
    Case.objects.update(lifecycle=state)
    page = signed_in.get(FORM)
    assert not has_form(page)
    assert said in words(page)
    assert signed_in.post(FORM, TYPED).status_code == 409


def test_attempt_that_is_being_sent_is_told_of_and_not_joined(signed_in, reader, case, upstream):
    Activation.objects.create(case=case, by=reader, request="{}")
    page = signed_in.get(FORM)
    assert not has_form(page)
    assert f"{reader.email} is activating this case right now" in words(page)
    again = signed_in.post(FORM, TYPED)
    assert (again.status_code, sends(upstream)) == (409, 0)
    assert f"{reader.email} has been activating this case" in words(again)


# --- Unclear ----------------------------------------------------------------------------------------


@pytest.fixture
def unclear(signed_in, case, upstream):
    """An attempt whose answer was lost after the work was done."""
    upstream.faults = "start/close!:@1"
    assert signed_in.post(FORM, TYPED)["Location"] == FORM
    return case.activations.get()


def test_unclear_outcome_is_said_plainly_and_offers_to_ask_again(signed_in, unclear):
    page = signed_in.get(FORM)
    assert not has_form(page)
    assert "It is not known whether Debitura has activated this case." in words(page)
    assert 'name="ask_again"' in page.content.decode()
    assert "Unclear : It is not clear whether the case was activated." in words(signed_in.get(CASE))
    assert FORM in links(signed_in.get(CASE))


def test_asking_again_finds_it_activated_and_sends_nothing(signed_in, unclear, upstream):
    assert signed_in.post(FORM, {"ask_again": "1"})["Location"] == CASE
    text = words(signed_in.get(CASE))
    assert "Case Q8OAXF3W is activated. Debitura stored the partner reference “REF 1”." in text
    assert "No answer came; Debitura shows the case as “Active”." in text
    assert sends(upstream) == 1


def test_asking_again_finds_that_nothing_happened_and_the_form_is_back(signed_in, case, upstream):
    upstream.faults = "start/500:@1"
    signed_in.post(FORM, TYPED)
    Activation.objects.update(started_at=timezone.now() - OVER_AFTER - timedelta(seconds=1))
    assert signed_in.post(FORM, {"ask_again": "1"})["Location"] == FORM
    page = signed_in.get(FORM)
    assert "The activation was not carried out. You may try again." in words(page)
    assert (message(page), values(page)["collectionPartnerReference"]) == ("Welcome!", "REF 1")


def test_asking_again_without_an_answer_leaves_it_unclear(signed_in, unclear, upstream):
    upstream.faults = "lookup/500,cases/500"
    assert signed_in.post(FORM, {"ask_again": "1"})["Location"] == FORM
    assert "Debitura could not tell whether the case was activated." in words(signed_in.get(FORM))


def test_asking_again_after_somebody_else_did_shows_what_they_found(signed_in, unclear):
    Activation.objects.update(state=State.REFUSED, ended_at=timezone.now())
    assert signed_in.post(FORM, {"ask_again": "1"})["Location"] == FORM
    assert has_form(signed_in.get(FORM))


# --- Who --------------------------------------------------------------------------------------------


def test_who_works_for_a_client_activates_nothing(signed_in, reader, case, upstream):
    make_creditor(reader, case.client)
    for answer in (signed_in.get(FORM), signed_in.post(FORM, TYPED), signed_in.post(FORM, {"ask_again": "1"})):
        assert answer.status_code == 404
    assert (sends(upstream), case.activations.count()) == (0, 0)


def test_stranger_is_asked_to_sign_in(case):
    assert Client().post(FORM, TYPED)["Location"] == f"/sign-in/?next={FORM}"


def test_form_without_its_token_is_refused(reader, case, upstream):
    browser = Client(enforce_csrf_checks=True)
    sign_in_now(browser, reader)
    assert (browser.post(FORM, TYPED).status_code, sends(upstream)) == (403, 0)


def test_reference_that_somebody_else_set_meanwhile_is_told_and_not_overwritten_unseen(
    signed_in, case, reader, upstream
):
    shown = signed_in.get(FORM).context["form"].saved_reference
    set_reference(case, "theirs, 1/2", by=reader, source=ReferenceChange.Source.PAGE)
    late = signed_in.post(FORM, TYPED | {"was": shown})
    assert (late.status_code, sends(upstream)) == (400, 0)
    assert "Somebody else has set it to “theirs, 1/2” while you were typing. Nothing was sent." in words(late)
    told = late.context["form"].saved_reference
    assert signed_in.post(FORM, TYPED | {"was": told}).status_code == 302
    case.refresh_from_db()
    assert (case.partner_reference, sends(upstream)) == (TYPED["collectionPartnerReference"], 1)


# --- A changed reference is sent along --------------------------------------------------------------


def test_changed_reference_is_told_to_debitura(signed_in, case, theirs):
    signed_in.post(f"{CASE}reference/", {"was": "", "reference": "NEW"})
    assert theirs.partner_reference == "NEW"


def test_reference_is_saved_also_where_debitura_cannot_be_told(signed_in, case, upstream):
    upstream.faults = "lifecycle/500"
    signed_in.post(f"{CASE}reference/", {"was": "", "reference": "NEW"})
    text = words(signed_in.get(CASE))
    assert "The partner reference is now “NEW”." in text
    assert "The reference is saved here, but Debitura may not know it." in text
    case.refresh_from_db()
    assert case.partner_reference == "NEW"


def test_reference_that_is_saved_again_is_told_again(signed_in, case, theirs, upstream):
    upstream.faults = "lifecycle/500:@1"
    for was in ("", "NEW"):
        signed_in.post(f"{CASE}reference/", {"was": was, "reference": "NEW"})
    text = words(signed_in.get(CASE))
    assert "The partner reference is what it was; nothing was changed." in text
    assert theirs.partner_reference == "NEW"
