"""A ZIP archive that is sent while it is made: no file on disk, and no more in memory than the list of its entries.

That list ends every archive; Python's zipfile holds it as half a kilobyte an entry.
"""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterable
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

from revenue.exports.files import Pieces

# What is sent at once, at least.
PIECE_BYTES = 1 << 16
# How much an entry may hold as long as it does not say that it is large (zipfile.ZIP64_LIMIT, and some room).
MOST_BYTES = (1 << 31) - (1 << 20)


class Member(NamedTuple):
    """An entry of an archive. is_large: it may hold MOST_BYTES or more, in a form that some old programs do not read."""

    name: str
    pieces: Iterable[bytes]
    is_large: bool = False


Members = Generator[Member, None, None]


class _Pipe:
    """What zipfile writes to. It cannot seek, so zipfile writes sizes behind the data."""

    def __init__(self) -> None:
        self._written = bytearray()

    def __len__(self) -> int:
        return len(self._written)

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """There is nothing to close."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        data = bytes(self._written)
        self._written.clear()
        return data


def zipped(members: Members, *, now: datetime) -> Pieces:
    """The bytes of an archive, its entries dated `now`; each one is read to its end before the next is asked for.

    The first entry is sent as soon as it is whole, so that a reader sees that something comes.
    """
    pipe = _Pipe()
    date = now.timetuple()[:6]
    with closing(members), zipfile.ZipFile(pipe, "w") as archive:
        for place, member in enumerate(members):
            info = zipfile.ZipInfo(member.name, date)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=member.is_large) as entry:
                for piece in member.pieces:
                    entry.write(piece)
                    if len(pipe) >= PIECE_BYTES:
                        yield pipe.taken()
            if place == 0:
                yield pipe.taken()
    yield pipe.taken()
