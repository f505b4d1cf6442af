import pytest

from revenue.selectors.paging import PageNotFound, Window


@pytest.mark.parametrize(
    ("number", "count", "pages", "first", "last"),
    [(1, 0, 1, 0, 0), (1, 50, 1, 1, 50), (2, 51, 2, 51, 51), (26, 1284, 26, 1251, 1284)],
)
def test_window(number, count, pages, first, last):
    window = Window(number=number, size=50, count=count)
    assert (window.pages, window.first_index, window.last_index) == (pages, first, last)


@pytest.mark.parametrize(("number", "count"), [(2, 0), (2, 50), (3, 100)])
def test_window_behind_the_last_page_does_not_exist(number, count):
    with pytest.raises(PageNotFound):
        Window(number=number, size=50, count=count)
