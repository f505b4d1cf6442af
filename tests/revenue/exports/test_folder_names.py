import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from revenue.exports.folder_names import MOST_BYTES, MOST_CHARACTERS, FolderNames, safe_name

HOSTILE = [
    "..",
    ".",
    "a/b",
    "a\\b",
    "CON",
    "nul.txt",
    "x.",
    "x ",
    "é",
    "e\u0301",
    "É",
    "ref",
    "REF",
    "ﬁ",
    "fi",
    "\u202ex",
]
TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=300) | st.text(alphabet="./\\ aA:e\u0301é🙂\u200d", max_size=8)


def is_safe(name):
    """Whether every file system takes the name as it is; written apart from the code that makes names."""
    device = name.split(".")[0].rstrip().upper()
    return (
        name not in ("", ".", "..")
        and not set(name) & set('<>:"/\\|?*')
        and not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name)
        and not re.search("[\u202a-\u202e\u2066-\u2069]", name)
        and ".." not in name
        and name == name.strip() == name.rstrip(". ")
        and device not in {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))}
        and unicodedata.is_normalized("NFC", name)
        and len(name.encode()) <= MOST_BYTES
        and len(name) <= MOST_CHARACTERS
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("YOUR-REF", "YOUR-REF"),
        ("112179442 & 112179443", "112179442 & 112179443"),
        ("../../etc", "____etc"),
        ("a/b", "a_b"),
        ("a\\b:c", "a_b_c"),
        ("=1+1", "=1+1"),
        ("<script>", "_script_"),
        ("%2F", "%2F"),
        ('a, "b"', "a, _b_"),
        ("line\nbreak", "line_break"),
        ("trailing. . ", "trailing"),
        (".hidden", "_hidden"),
        ("...", "_"),
        ("con", "_con"),
        ("LPT1.txt", "_LPT1.txt"),
        ("CONSUL", "CONSUL"),
        ("e\u0301", "é"),
        ("\u202eabc", "_abc"),
        ("🙂" * 128, "🙂" * 63),
        ("x" * 128, "x" * 128),
        ("👩\u200d👩", "👩\u200d👩"),
        ("", ""),
        (" \t ", ""),
    ],
)
def test_safe_name(text, name):
    assert safe_name(text) == name


@given(TEXTS)
@example("CON .x")
@example("a. \u00a0")
def test_safe_name_of_any_text_is_safe_or_nothing(text):
    assert safe_name(text) == "" or is_safe(safe_name(text))


@given(TEXTS)
def test_safe_name_is_already_safe(text):
    assert safe_name(safe_name(text)) == safe_name(text)


def names_of(*wanted, reserved=()):
    names = FolderNames((name for name, *_ in wanted), reserved=reserved)
    return [names.name(*one) for one in wanted]


def test_folder_that_shares_its_name_gets_brackets_whichever_comes_first():
    wanted = [("REF", "Q1"), ("Other", "Q2"), ("ref", "Q3")]
    assert names_of(*wanted) == ["REF (Q1)", "Other", "ref (Q3)"]
    assert names_of(*reversed(wanted)) == ["ref (Q3)", "Other", "REF (Q1)"]


def test_folder_takes_no_name_that_another_one_wants():
    assert names_of(("REF", "Q1", "id-1"), ("REF", "Q2", "id-2"), ("ref (q1)", "Q3")) == [
        "REF (id-1)",
        "REF (Q2)",
        "ref (q1)",
    ]


def test_folder_that_shares_its_name_and_all_its_own_gets_a_number():
    assert names_of(("A", "A"), ("A", "A"), ("A", "B"), ("A", "B")) == ["A (2)", "A (3)", "A (B)", "A (B, 2)"]


def test_folder_with_a_reserved_name_gets_brackets():
    assert names_of(("No-Case", "Q1"), reserved=["no-case"]) == ["No-Case (Q1)"]


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=12))
def test_folders_of_any_texts_are_safe_and_distinct_everywhere(texts):
    wanted = [
        (safe_name(chosen) or safe_name(own) or f"id-{place}", safe_name(own), f"id-{place}")
        for place, (chosen, own) in enumerate(texts)
    ]
    names = names_of(*wanted, reserved=["no-case"])
    assert [name for name in names if not is_safe(name)] == []
    for fold in (str.casefold, str.upper, lambda name: unicodedata.normalize("NFD", name).casefold()):
        assert len({fold(name) for name in [*names, "no-case"]}) == len(texts) + 1
