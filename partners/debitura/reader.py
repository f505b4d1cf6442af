"""A JSON object read field by field, each named in full where it fails: "payment.paymentDate is …"."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from . import fields
from .fields import BadField, Row


@dataclass(frozen=True, slots=True)
class Reader:
    """One object of an answer; every method raises fields.BadField where the value cannot be used."""

    row: Row
    path: str = ""

    def _full(self, name: str) -> str:
        return f"{self.path}{name}"

    def get(self, name: str) -> Any:
        """The value as it is; None where it is missing."""
        return self.row.get(name)

    def section(self, name: str) -> "Reader":
        """A nested object; an empty one where it is null or missing."""
        value = self.row.get(name)
        if value is not None and not isinstance(value, dict):
            raise BadField(f"{self._full(name)} is {fields.shown(value)}, not an object.")
        return Reader(value or {}, f"{self._full(name)}.")

    def text(self, name: str) -> str:
        """A text, "" for null."""
        return fields.text(self.row.get(name), self._full(name))

    def text_or_none(self, name: str) -> str | None:
        """A text, None for null."""
        return None if self.row.get(name) is None else self.text(name)

    def first_text(self, *names: str) -> str:
        """The first of several spellings that holds a text: the provider's guide and description differ."""
        return next((found for name in names if (found := self.text(name))), "")

    def joined(self, separator: str, *names: str) -> str:
        """The texts of several fields, the empty ones left out."""
        return separator.join(found for name in names if (found := self.text(name)))

    def amount(self, name: str) -> Decimal | None:
        """A decimal as the JSON text has it, None for null."""
        return fields.amount(self.row.get(name), self._full(name))

    def count(self, name: str) -> int | None:
        """A whole number from 0, None for null."""
        return fields.count(self.row.get(name), self._full(name))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or False, `default` for null."""
        return fields.flag(self.row.get(name), self._full(name), default=default)

    def identifier(self, name: str) -> UUID:
        """A UUID, which must be there."""
        return fields.identifier(self.row.get(name), self._full(name))

    def identifier_or_none(self, name: str) -> UUID | None:
        """A UUID, None for null."""
        return None if self.row.get(name) is None else self.identifier(name)

    def moment(self, name: str) -> datetime | None:
        """A date-time in UTC, None for null and ""."""
        return fields.moment(self.row.get(name), self._full(name))

    def optional_moment(self, name: str) -> datetime | None:
        """As `moment`, with None for a date that was never set, too."""
        return fields.optional_moment(self.row.get(name), self._full(name))

    def link(self, name: str) -> str:
        """An http or https address, "" for anything else."""
        return fields.link(self.row.get(name), self._full(name))
