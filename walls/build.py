"""Which build of Feeboard a screen's page comes from: screens load their page anew when another one answers them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings

# Everything that makes a picture, and the files that its page loads.
_SOURCES = ("walls/**/*.py", "revenue/**/*.py", "templates/walls/*.html", "static/css/*.css", "static/js/wall.js")


def build() -> str:
    """Twelve letters. The same wherever the same files are, so that two machines of one deployment agree."""
    given: str = settings.WALL_BUILD
    return given or _digest_of_files()


@cache
def _digest_of_files() -> str:
    root = Path(settings.BASE_DIR)
    digest = hashlib.sha256()
    for path in sorted(found for pattern in _SOURCES for found in root.glob(pattern)):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
