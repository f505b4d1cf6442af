"""Many references at once: what a file would change, and that exactly this is what applying it changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import User
from partners import reference_imports
from partners.models import Case, PartnerAccount, ReferenceChange, ReferenceImport
from partners.reference_file import UnreadableFile
from partners.reference_imports import AppliedBefore, CasesBusy, apply, look_through
from partners.references import set_reference
from tests.factories import make_account, make_case, make_client, make_user

pytestmark = pytest.mark.django_db


def looked(account: PartnerAccount, text: str, *, by: User) -> ReferenceImport:
    return look_through(Case.objects.filter(account=account), text, account=account, by=by)


@pytest.fixture
def account() -> PartnerAccount:
    return make_account()


@pytest.fixture
def person() -> User:
    return make_user()


def cases(account: PartnerAccount, **references: str) -> list[Case]:
    """A case each, by its Debitura reference, with its partner reference."""
    client = make_client(account)
    return [make_case(client, reference=name, partner_reference=ours) for name, ours in references.items()]


def references(account: PartnerAccount) -> dict[str, str]:
    return dict(account.cases.values_list("reference", "partner_reference"))


def planned(found: ReferenceImport) -> list[tuple[int, str, str]]:
    return [(entry["line"], entry["old"], entry["new"]) for entry in found.plan]


def problems(found: ReferenceImport) -> list[tuple[int, str]]:
    return [(problem["line"], problem["message"]) for problem in found.problems]


# --- Looking through --------------------------------------------------------------------------------


def test_what_is_looked_through_is_told_and_nothing_is_changed(account: PartnerAccount, person: User) -> None:
    cases(account, Q1="", Q2="old", Q3="gone", Q4="same")
    found = look_through(
        Case.objects.filter(account=account), "Q1, new \nQ2,other\nQ3,\nQ4,same\n", account=account, by=person
    )

    assert (found.lines, found.unchanged, found.problems) == (4, 1, [])
    assert planned(found) == [(1, "", "new"), (2, "old", "other"), (3, "gone", "")]
    assert references(account) == {"Q1": "", "Q2": "old", "Q3": "gone", "Q4": "same"}
    assert not ReferenceChange.objects.exists()


def test_lines_that_cannot_be_used_are_told_and_the_others_are_not_lost(account: PartnerAccount, person: User) -> None:
    cases(account, Q1="", QaB="")
    text = f"Q1,x\nnope,a\nqAb,a\nQaB,{'🧾' * 129}\nQaB,a\0b\nQ1\n"
    found = looked(account, text, by=person)

    assert problems(found) == [
        (2, "There is no case “nope”. Check the Debitura reference."),
        (3, "There is no case “qAb”. Did you mean “QaB”?"),
        (4, "The reference has 129 characters; use at most 128."),
        (5, "The reference holds a NUL character; remove it."),
        (6, "There is one column only. Write the Debitura reference, a comma, and the partner reference."),
    ]
    assert found.problems[3] | {"line": 0, "message": ""} == {
        "line": 0,
        "message": "",
        "text": "QaB,a␀b",
        "debitura": "QaB",
        "partner": "a␀b",
    }
    assert (found.lines, planned(found)) == (6, [(1, "", "x")])


def test_line_without_end_is_kept_no_longer_than_anybody_reads(account: PartnerAccount, person: User) -> None:
    [problem] = look_through(
        Case.objects.filter(account=account), f"{'x' * 5000},y", account=account, by=person
    ).problems

    assert problem["message"] == f"There is no case “{'x' * 60}…”. Check the Debitura reference."
    assert (problem["text"], problem["debitura"]) == (f"{'x' * 2000}…",) * 2


def test_case_that_gets_different_references_keeps_its_own(account: PartnerAccount, person: User) -> None:
    cases(account, Q1="mine", Q2="")
    found = look_through(
        Case.objects.filter(account=account), "Q1,a\nQ2,x\nQ1,b\nQ2,x\nQ1,a\n", account=account, by=person
    )

    message = "This case has different references in lines 1, 3, 5. Keep one of them."
    assert problems(found) == [(1, message), (3, message), (5, message)]
    assert (found.lines, found.unchanged, planned(found)) == (5, 1, [(2, "", "x")])


def test_white_space_around_a_debitura_reference_is_none_of_it_unless_a_case_is_called_so(
    account: PartnerAccount, person: User
) -> None:
    cases(account, Q1="", Q2="")
    make_case(make_client(account), reference=" Q2")
    apply(looked(account, " Q1 ,a\n Q2,b\n", by=person))

    assert references(account) == {"Q1": "a", "Q2": "", " Q2": "b"}


def test_cases_of_other_accounts_are_unknown(account: PartnerAccount, person: User) -> None:
    cases(make_account(), Q1="theirs")
    found = looked(account, "Q1,x\n", by=person)

    assert (planned(found), len(found.problems)) == ([], 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Q1,a\nQ2,b\nQ3,c\n", "More than 2 references would change. Split the file, and apply one after the other."),
        ("x,a\ny,b\nz,c\n", "More than 2 lines cannot be used. Is this the right file?"),
        # Lines that change nothing, and one that contradicts them.
        ("Q1,\nQ1,\nQ1,a\n", "More than 2 lines cannot be used. Is this the right file?"),
    ],
)
def test_too_many_are_refused_with_what_to_do(
    account: PartnerAccount, person: User, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.setattr(reference_imports, "MOST", 2)
    cases(account, Q1="", Q2="", Q3="")
    with pytest.raises(UnreadableFile) as refused:
        looked(account, text, by=person)

    assert str(refused.value) == sentence
    assert not ReferenceImport.objects.exists()


def test_more_lines_than_memory_is_meant_for_are_refused(
    account: PartnerAccount, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_imports, "_CHUNK", 2)
    monkeypatch.setattr(reference_imports, "MOST_LINES", 2)
    with pytest.raises(UnreadableFile, match="More than 2 lines"):
        looked(account, "a,1\nb,2\nc,3", by=person)


def test_lines_that_change_nothing_are_never_too_many(
    account: PartnerAccount, person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_imports, "MOST", 1)
    cases(account, Q1="a", Q2="b", Q3="c")

    assert planned(looked(account, "Q1,a\nQ2,b\nQ3,x\n", by=person)) == [(3, "c", "x")]


@pytest.mark.parametrize("count", [1, 3])
def test_looking_through_asks_equally_often_for_any_number_of_lines(
    account: PartnerAccount, person: User, count: int, django_assert_num_queries
) -> None:
    cases(account, **{f"Q{number}": "" for number in range(count)})
    text = "".join(f"Q{number},x\nunknown {number},x\n" for number in range(count))
    # The cases, those of a like name, what was never applied, the file.
    with django_assert_num_queries(4):
        looked(account, text, by=person)


def test_what_was_never_applied_is_forgotten_after_a_week(account: PartnerAccount, person: User) -> None:
    cases(account, Q1="")
    old, applied, others = [looked(account, "Q1,a\n", by=by) for by in (person, person, make_user())]
    apply(applied)
    ReferenceImport.objects.update(at=timezone.now() - timedelta(days=8))
    new = looked(account, "Q1,b\n", by=person)

    assert set(ReferenceImport.objects.all()) == {applied, others, new}
    assert old not in ReferenceImport.objects.all()


# --- Applying ---------------------------------------------------------------------------------------


def test_applying_does_what_was_looked_through_and_keeps_its_history(account: PartnerAccount, person: User) -> None:
    cases(account, Q1="", Q2="old", Q3="gone", Q4="same")
    found = look_through(
        Case.objects.filter(account=account), "Q1,new\nQ2,other\nQ3,\nQ4,same\n", account=account, by=person
    )
    apply(found)

    found.refresh_from_db()
    assert references(account) == {"Q1": "new", "Q2": "other", "Q3": "", "Q4": "same"}
    lines = ReferenceChange.objects.order_by("pk").values_list("case__reference", "old", "new", "source", "by")
    assert list(lines) == [
        ("Q1", "", "new", "bulk", person.pk),
        ("Q2", "old", "other", "bulk", person.pk),
        ("Q3", "gone", "", "bulk", person.pk),
    ]
    assert found.outcome == {"changed": 3, "conflicts": []}
    account.refresh_from_db()
    assert (found.applied_at is not None, account.edits) == (True, 1)


def test_reference_that_somebody_changed_since_is_left_alone_and_told(account: PartnerAccount, person: User) -> None:
    first, second, third = cases(account, Q1="", Q2="b", Q3="")
    found = look_through(
        Case.objects.filter(account=account), "Q1,mine\nQ2,mine\nQ3,mine\n", account=account, by=person
    )
    set_reference(second, "theirs", by=make_user(), source=ReferenceChange.Source.PAGE)
    set_reference(third, "mine", by=make_user(), source=ReferenceChange.Source.API)
    apply(found)

    assert references(account) == {"Q1": "mine", "Q2": "theirs", "Q3": "mine"}
    assert found.outcome == {"changed": 1, "conflicts": [{"line": 2, "case": second.pk, "now": "theirs"}]}
    assert list(ReferenceChange.objects.filter(source="bulk").values_list("case", flat=True)) == [first.pk]


def test_applying_again_says_so_and_changes_nothing(account: PartnerAccount, person: User) -> None:
    [case] = cases(account, Q1="")
    found = looked(account, "Q1,a\n", by=person)
    twice = ReferenceImport.objects.get(pk=found.pk)
    apply(found)
    set_reference(case, "", by=person, source=ReferenceChange.Source.PAGE)
    with pytest.raises(AppliedBefore):
        apply(twice)

    assert references(account) == {"Q1": ""}
    assert PartnerAccount.objects.get(pk=account.pk).edits == 2


def test_reference_is_the_newest_of_its_history_also_where_the_clock_was_set_back(
    account: PartnerAccount, person: User
) -> None:
    [case] = cases(account, Q1="")
    set_reference(case, "later", by=person, source=ReferenceChange.Source.PAGE)
    ReferenceChange.objects.update(at=timezone.now() + timedelta(days=1))
    apply(looked(account, "Q1,new\n", by=person))

    assert references(account) == {"Q1": "new"}


def test_applying_asks_equally_often_for_any_number_of_lines(
    account: PartnerAccount, person: User, django_assert_num_queries
) -> None:
    names = [f"Q{number}" for number in range(50)]
    cases(account, **dict.fromkeys(names, ""))
    found = look_through(
        Case.objects.filter(account=account), "".join(f"{name},x\n" for name in names), account=account, by=person
    )
    # A savepoint and its end, the edit, whether it was applied, what the cases have now; history, cases, what came of it.
    with django_assert_num_queries(8):
        apply(found)

    assert set(references(account).values()) == {"x"}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_cases_that_a_pull_is_writing_are_not_waited_for(account: PartnerAccount, person: User) -> None:
    """Neither would ever end, if each waited for rows of the other."""
    [case] = cases(account, Q1="")
    found = looked(account, "Q1,a\n", by=person)
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute("UPDATE partners_case SET debtor_name = 'x' WHERE id = %s", [case.pk])
            with pytest.raises(CasesBusy):
                apply(found)
            other.rollback()
    finally:
        other.close()
    assert references(account) == {"Q1": ""}
    assert not ReferenceChange.objects.exists()
    apply(ReferenceImport.objects.get(pk=found.pk))
    assert references(account) == {"Q1": "a"}
