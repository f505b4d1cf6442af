"""The file around the lines: one state of the database for its name and its rows, and its bytes."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from datetime import datetime
from itertools import islice

from partners.models import PartnerAccount
from revenue.exports.names import as_of_part
from revenue.selectors.pulls import published_run
from revenue.selectors.snapshot import consistent_read

BOM = "\ufeff"
LINE_END = "\r\n"
# Lines that are sent at once: a server sends every piece by itself.
PIECE = 200

Lines = Generator[list[str], None, None]
# As COPY gives them, each with a line feed at its end.
CopiedLines = Generator[bytes, None, None]
Pieces = Generator[bytes, None, None]
Export = tuple[str, Pieces]


def in_one_state(
    name_parts: Iterable[str], extension: str, account: PartnerAccount, now: datetime, pieces: Pieces
) -> Export:
    """The name of a file, which ends with the as-of of its rows, and its bytes.

    Both are of one state of the database, which is held until the bytes are read to their end or their iterator is closed.
    """
    return in_one_state_as_of(name_parts, extension, lambda: as_of_part(published_run(account), now), pieces)


def in_one_state_as_of(
    name_parts: Iterable[str], extension: str, read_as_of: Callable[[], str], pieces: Pieces
) -> Export:
    """As `in_one_state`, where `read_as_of` makes the part of the name that says as of when the rows are."""
    whole = _as_of_and_pieces(read_as_of, pieces)
    as_of = next(whole).decode()
    return "_".join([*filter(None, name_parts), as_of]) + f".{extension}", whole


def written(header: Iterable[str], lines: Lines) -> Pieces:
    """The bytes of a file of which Python writes the cells; the header comes first and alone, so that it waits for no row."""
    yield _beginning(header)
    writer = csv.writer(_Line(), lineterminator=LINE_END)
    # The cursor of the rows is closed before the transaction that it belongs to.
    with closing(lines):
        while piece := list(islice(lines, PIECE)):
            yield "".join(map(writer.writerow, piece)).encode()


def copied(header: Iterable[str], lines: CopiedLines) -> Pieces:
    """As `written`, of lines that PostgreSQL has made."""
    yield _beginning(header)
    with closing(lines):
        while piece := list(islice(lines, PIECE)):
            # Only the last line feed ends the line: cells may hold others.
            yield b"".join([bytes(line[:-1]) + b"\r\n" for line in piece])


def _beginning(header: Iterable[str]) -> bytes:
    return (BOM + ",".join(header) + LINE_END).encode()


class _Line:
    """What csv.writer writes to: the line comes back as the result of writerow."""

    def write(self, text: str) -> str:
        return text


def _as_of_and_pieces(read_as_of: Callable[[], str], pieces: Pieces) -> Pieces:
    """The as-of for the name of the file, then the file, all read in one transaction.

    The name is sent before the first row is read: a generator is what can hold the transaction open across the two.
    """
    with consistent_read(), closing(pieces):
        yield read_as_of().encode()
        yield from pieces
