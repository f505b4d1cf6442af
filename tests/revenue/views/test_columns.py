import pytest

from accounts.models import User
from revenue.views import columns

DEFAULT = ["payment_date", "client", "case", "debtor", "stage", "payment", "percentage", "fee_usd"]


def keys(user):
    return [column.key for column in columns.shown_columns(user, columns.TRANSACTIONS)]


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ({}, DEFAULT),
        ({"clients": ["name"]}, DEFAULT),
        ({"transactions": ["stage", "client"]}, ["client", "stage", "fee_usd"]),
        ({"transactions": ["a column of the past"]}, ["fee_usd"]),
    ],
)
def test_shown_columns_are_the_chosen_ones_in_the_order_of_the_table(chosen, shown):
    assert keys(User(columns=chosen)) == shown


@pytest.mark.django_db
def test_choosing_nothing_goes_back_to_the_default_and_leaves_other_tables():
    user = User.objects.create_user("a@example.com", columns={"transactions": ["case"], "clients": ["name"]})
    columns.choose(user, columns.TRANSACTIONS, [])
    user.refresh_from_db()
    assert (user.columns, keys(user)) == ({"clients": ["name"]}, DEFAULT)


@pytest.mark.parametrize(
    ("sort", "key", "largest_first", "next_sort", "direction"),
    [
        ("-fee", "fee", True, "fee", "descending"),
        ("fee", "fee", True, "-fee", "ascending"),
        ("client", "fee", True, "-fee", ""),
        ("-fee", "client", False, "client", ""),
        ("-fee", "", False, "", ""),
    ],
)
def test_header_turns_the_sort_round_or_begins_the_useful_way(sort, key, largest_first, next_sort, direction):
    assert columns.turned(sort, key, largest_first=largest_first) == next_sort
    assert columns.direction(sort, key) == direction
