"""The partner's own reference: the rules of its text, and the one way to set it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from partners.models import Case, PartnerAccount, ReferenceChange
from partners.references import LONGEST, InvalidReference, ReferenceConflict, cleaned, set_reference
from tests.factories import make_case, make_user

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=2 * LONGEST)
Source = ReferenceChange.Source


@pytest.fixture
def case(db: None) -> Case:
    return make_case()


@pytest.fixture
def person(db: None) -> User:
    return make_user()


def history(case: Case) -> list[tuple[str, str]]:
    return list(case.reference_changes.order_by("pk").values_list("old", "new"))


@given(TEXTS)
def test_text_is_trimmed_counted_in_characters_and_otherwise_kept(text: str) -> None:
    trimmed = text.strip()
    if len(trimmed) > LONGEST:
        with pytest.raises(InvalidReference, match=f"has {len(trimmed)} characters; use at most 128"):
            cleaned(text)
    else:
        assert cleaned(text) == trimmed
        assert cleaned(cleaned(text)) == trimmed


@pytest.mark.parametrize("nothing", [None, "", " ", "\t\r\n\u00a0\u2003"])
def test_nothing_and_white_space_clear(nothing: str | None) -> None:
    assert cleaned(nothing) == ""


def test_characters_beyond_the_basic_plane_count_once() -> None:
    assert cleaned("🧾" * LONGEST) == "🧾" * LONGEST


@pytest.mark.parametrize(("text", "reason"), [("a\0b", "NUL"), ("a\ud83eb", "half of a character")])
def test_what_cannot_be_stored_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidReference, match=reason):
        cleaned(text)


def test_setting_changing_and_clearing_are_kept(case: Case, person: User) -> None:
    for text in (" 112179442 & 112179443 ", "A/B, ä 🧾", "  "):
        assert set_reference(case, text, by=person, source=Source.PAGE)

    case.refresh_from_db()
    assert case.partner_reference == ""
    assert history(case) == [
        ("", "112179442 & 112179443"),
        ("112179442 & 112179443", "A/B, ä 🧾"),
        ("A/B, ä 🧾", ""),
    ]
    assert set(case.reference_changes.values_list("by", "source")) == {(person.pk, "page")}


def test_the_same_again_changes_nothing(case: Case, person: User) -> None:
    set_reference(case, "X", by=person, source=Source.PAGE)

    assert not set_reference(case, " X ", by=person, source=Source.PAGE, expected="what it was before")

    assert history(case) == [("", "X")]


def test_second_of_two_editors_is_told_and_changes_nothing(case: Case, person: User) -> None:
    second = Case.objects.get(pk=case.pk)
    set_reference(case, "first", by=person, source=Source.PAGE, expected="")

    with pytest.raises(ReferenceConflict) as told:
        set_reference(second, "second", by=person, source=Source.PAGE, expected="")

    assert told.value.current == "first"
    assert history(case) == [("", "first")]


def test_a_change_is_an_edit_of_the_account(case: Case, person: User) -> None:
    set_reference(case, "X", by=person, source=Source.API)

    assert PartnerAccount.objects.get(pk=case.account_id).edits == 1


def test_setting_writes_before_it_reads_so_that_sqlite_lets_it_wait_for_others(case: Case, person: User) -> None:
    # As a page has it: its account was not read yet.
    case = Case.objects.get(pk=case.pk)
    with CaptureQueriesContext(connection) as queries:
        set_reference(case, "new", by=person, source=Source.PAGE)
    statements = [query["sql"].split()[0] for query in queries]
    assert [statement for statement in statements if statement in ("SELECT", "UPDATE", "INSERT")] == [
        "UPDATE",
        "SELECT",
        "UPDATE",
        "INSERT",
    ]
