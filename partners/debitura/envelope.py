"""The outer object of an answer, opened without reading its rows: each row keeps the text it came in."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from . import lenient
from .fields import Row


@dataclass(frozen=True, slots=True)
class Envelope:
    """members: what stands beside the rows, at least what a page is made of.

    rows: each row's own JSON in UTF-8, still unread; None where the answer holds no list of rows.
    """

    members: Row
    rows: Sequence[bytes] | None


_NULL = msgspec.Raw(b"null")


class _Answer(msgspec.Struct, gc=False):
    """What the answer of any listing holds, by the provider's names."""

    page: msgspec.Raw = _NULL
    pageData: msgspec.Raw = _NULL
    summary: msgspec.Raw = _NULL
    data: list[msgspec.Raw] | None = None
    clients: list[msgspec.Raw] | None = None
    cases: list[msgspec.Raw] | None = None


_DECODER = msgspec.json.Decoder(_Answer)


def opened(body: bytes, rows_name: str) -> Envelope | None:
    """The parts of an answer that is JSON proper and holds a list of rows; None for any other."""
    try:
        answer = _DECODER.decode(body.removeprefix(codecs.BOM_UTF8))
        members = {name: _read(getattr(answer, name)) for name in ("page", "pageData", "summary")}
    except (ValueError, RecursionError):
        return None
    rows: list[msgspec.Raw] | None = getattr(answer, rows_name)
    return None if rows is None else Envelope(members, rows)


def _read(member: msgspec.Raw) -> object:
    return lenient.read(str(member, "utf-8"))
