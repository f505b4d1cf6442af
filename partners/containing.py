"""A part of a text, looked for by either database."""

from __future__ import annotations

import re

from django.db import connection
from django.db.models import Q


def containing(field: str, text: str) -> Q:
    """`field` holds `text` somewhere, case-insensitively; every character of `text` stands for itself.

    SQLite's LIKE folds only ASCII, so a text with other letters goes through its regular expressions there.
    """
    if connection.vendor == "sqlite" and not text.isascii():
        return Q((f"{field}__iregex", re.escape(text)))
    return Q((f"{field}__icontains", text))
