"""Results kept for as long as what they were computed from has not changed."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memo(Generic[T]):
    """The latest `size` results for one stamp; a new stamp forgets them all. Not thread-safe by itself."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.stamp: Hashable = None
        self.results: dict[Hashable, T] = {}

    def get(self, stamp: Hashable, key: Hashable, compute: Callable[[], T]) -> T:
        """The result for `key` at `stamp`, computed where it is not known."""
        if stamp != self.stamp:
            self.stamp = stamp
            self.results.clear()
        if key not in self.results:
            if len(self.results) >= self.size:
                del self.results[next(iter(self.results))]
            self.results[key] = compute()
        return self.results[key]
