import io
import struct
import zipfile
from contextlib import closing
from datetime import UTC, datetime

import pytest

from revenue.exports import archive
from revenue.exports.archive import Member, zipped

MADE = datetime(2026, 4, 1, 8, 5, 58, tzinfo=UTC)


def members(*parts):
    yield from parts


def read(pieces):
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


@pytest.mark.parametrize("is_large", [False, True])
def test_archive_holds_its_members(is_large):
    name = "Ærø 🙂/payments.csv"
    with read(zipped(members(Member("a.txt", [b"a", b"b"]), Member(name, [b"\xc3\xa6"], is_large)), now=MADE)) as file:
        assert file.testzip() is None
        assert {one: file.read(one) for one in file.namelist()} == {"a.txt": b"ab", name: b"\xc3\xa6"}
        assert {info.date_time for info in file.infolist()} == {(2026, 4, 1, 8, 5, 58)}


def test_archive_of_more_entries_than_the_old_form_counts():
    count = (1 << 16) + 1
    parts = (Member(f"{number}", []) for number in range(count))
    with read(zipped(parts, now=MADE)) as file:
        assert len(file.infolist()) == count


def test_first_member_is_sent_before_the_second_is_asked_for():
    def parts():
        yield Member("about.txt", [b"about"])
        pytest.fail("the second member was asked for")

    with closing(zipped(parts(), now=MADE)) as pieces:
        assert next(pieces).startswith(b"PK\x03\x04")


def test_large_member_is_sent_in_pieces():
    noise = b"".join(struct.pack("<I", number * 2654435761 % 2**32) for number in range(1 << 16))
    sizes = [len(piece) for piece in zipped(members(Member("a", []), Member("b", [noise] * 4)), now=MADE)]
    assert len(sizes) > 4
    assert max(sizes) < archive.PIECE_BYTES + 2 * len(noise)


def test_archive_that_is_closed_early_closes_its_members():
    ended = []

    def parts():
        try:
            yield Member("a", [b"a"])
            yield Member("b", [b"b"])
        finally:
            ended.append(True)

    pieces = zipped(parts(), now=MADE)
    next(pieces)
    pieces.close()
    assert ended == [True]
