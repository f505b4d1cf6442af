"""What a person types to activate a case: what may be sent, and what is said about the rest."""

from __future__ import annotations

from decimal import Decimal

import pytest

from partners.activation import InvalidActivation, Welcome, checked

TYPED: dict[str, str | None] = {"welcomeMessage": "Welcome!", "userEmail": "anna@partner.example"}
AMOUNT = "Write an amount such as 12.50: 0 or more, with a point and without spaces."
EMAIL = "This is not an e-mail address; write it as name@example.com."


def test_what_is_needed_is_enough() -> None:
    assert checked(TYPED) == Welcome(welcome_message="Welcome!", user_email="anna@partner.example")


@pytest.mark.parametrize("nothing", [None, "", " \t\r\n"])
def test_blank_is_as_good_as_missing(nothing: str | None) -> None:
    names = ("collectionPartnerReference", "assignedUserEmail", "interestFees", "reminderFees", "collectionFees")
    assert checked(TYPED | dict.fromkeys(names, nothing)) == checked(TYPED)


def test_everything_is_trimmed_and_amounts_keep_every_digit() -> None:
    typed = {name: f" {text}\n" for name, text in TYPED.items()} | {
        "collectionPartnerReference": " A/B, ä 🧾 ",
        "assignedUserEmail": "b@partner.example ",
        "interestFees": "0",
        "reminderFees": " 12.50",
        "collectionFees": "123456789012345.1234567890123456789012345678",
    }
    welcome = checked(typed)
    assert welcome == Welcome(
        welcome_message="Welcome!",
        user_email="anna@partner.example",
        reference="A/B, ä 🧾",
        assigned_email="b@partner.example",
        interest_fees=Decimal(0),
        reminder_fees=Decimal("12.50"),
        collection_fees=Decimal("123456789012345.1234567890123456789012345678"),
    )
    assert str(welcome.reminder_fees) == "12.50"


def test_lines_of_a_message_end_in_one_character() -> None:
    typed = "x\r\n" * 2499 + "y" * 2
    assert checked(TYPED | {"welcomeMessage": typed}).welcome_message == "x\n" * 2499 + "yy"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("welcomeMessage", " ", "Write a welcome message; Debitura needs one."),
        ("welcomeMessage", "m" * 5001, "The welcome message has 5,001 characters; use at most 5,000."),
        ("welcomeMessage", "a\0b", "The welcome message holds a character that cannot be sent; type it anew."),
        ("welcomeMessage", "a\ud83eb", "The welcome message holds a character that cannot be sent; type it anew."),
        ("userEmail", None, "Give the e-mail address of the team member who activates the case."),
        ("userEmail", "anna", EMAIL),
        ("userEmail", "a@b.example, c@d.example", EMAIL),
        ("assignedUserEmail", "@", EMAIL),
        ("collectionPartnerReference", "r" * 129, "The reference has 129 characters; use at most 128."),
        *[("interestFees", bad, AMOUNT) for bad in ("-1", "1,5", "1 000", "1e3", "NaN", "+1", ".5", "5.", "٣", "0x1")],
        ("reminderFees", "1" * 16, AMOUNT),
        ("collectionFees", "0." + "1" * 29, AMOUNT),
    ],
)
def test_what_cannot_be_sent_says_what_to_do(name: str, text: str | None, sentence: str) -> None:
    with pytest.raises(InvalidActivation) as told:
        checked(TYPED | {name: text})
    assert told.value.fields == {name: sentence}
    assert (str(told.value), told.value.code) == (sentence, "invalid_activation")


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidActivation) as told:
        checked({"interestFees": "much", "collectionPartnerReference": "\0x"})
    assert list(told.value.fields) == ["welcomeMessage", "userEmail", "collectionPartnerReference", "interestFees"]
