"""Pages of a list, counted from 1."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404


class PageNotFound(Http404):
    """A page behind the last one."""


@dataclass(frozen=True, slots=True)
class Window:
    """One page of a list of `count` rows, counted from 1. Raises PageNotFound behind the last page; the first always is."""

    number: int
    size: int
    count: int

    def __post_init__(self) -> None:
        if self.number > self.pages:
            raise PageNotFound(f"There is no page {self.number}; the last one is {self.pages}.")

    @property
    def pages(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-self.count // self.size))

    @property
    def first_index(self) -> int:
        """The place in the whole list of the first row shown, from 1; 0 for an empty list."""
        return min(self.count, (self.number - 1) * self.size + 1)

    @property
    def last_index(self) -> int:
        """The place in the whole list of the last row shown; 0 for an empty list."""
        return min(self.count, self.number * self.size)

    @property
    def slice(self) -> slice:
        return slice((self.number - 1) * self.size, self.number * self.size)


@dataclass(frozen=True)
class Paged:
    """What every page of a list tells about its place."""

    window: Window

    @property
    def count(self) -> int:
        """Rows of the whole list."""
        return self.window.count

    @property
    def number(self) -> int:
        return self.window.number

    @property
    def size(self) -> int:
        return self.window.size

    @property
    def pages(self) -> int:
        return self.window.pages

    @property
    def first_index(self) -> int:
        return self.window.first_index

    @property
    def last_index(self) -> int:
        return self.window.last_index
