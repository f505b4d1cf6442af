"""Names of folders that every file system takes, whatever text they come from; no two of which are one folder anywhere.

Pure: no Django, no database.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count

# A component of a path: bytes of UTF-8 on Linux, characters on Windows, where the whole path should stay short, too.
MOST_BYTES = 255
MOST_CHARACTERS = 150
# Of a name before what tells it from another one: as long as a partner reference may be.
_MOST_OF_TEXT = 128
# What Windows forbids, what is no character, what turns the direction of writing round, and steps to other folders.
_FORBIDDEN = re.compile(
    r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff]|\.{2,}|^\.'
)
# What Windows drops from the end of a name; and half of what joins two characters to one.
_DROPPED = re.compile(r"[.\s\u200d]+$")
# What old Macs overlook.
_JOINERS = re.compile("[\u200c\u200d\ufe00-\ufe0f]")
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)


def safe_name(text: str) -> str:
    """`text` as the name of a folder; "" where nothing is left of it.

    What no file system takes becomes "_". Long texts are cut.
    """
    name = _cut(_FORBIDDEN.sub("_", unicodedata.normalize("NFC", text).strip()), _MOST_OF_TEXT, MOST_BYTES)
    return _cut(f"_{name}", _MOST_OF_TEXT, MOST_BYTES) if _DEVICES.match(name) else name


def folded(name: str) -> str:
    """The same for all names that may be one folder somewhere: without regard to case and to how a character is composed."""
    composed = unicodedata.normalize("NFKC", _JOINERS.sub("", name))
    return unicodedata.normalize("NFKC", composed.upper().casefold())


class FolderNames:
    """Gives every folder a name of its own.

    wanted: the names that all folders would like to have; `reserved` are not to be given to any. A name that only one
    wants is given to it; where several want the same, each gets something of its own in brackets behind it, whichever
    comes first.
    """

    def __init__(self, wanted: Iterable[str], *, reserved: Iterable[str] = ()) -> None:
        # Numbers in place of names: there may be hundreds of thousands. Should two names have one number, both get brackets.
        self._wanted = Counter(map(_number, wanted))
        self._wanted.update(map(_number, reserved))
        self._given: set[int] = set()

    def name(self, wanted: str, *own: str) -> str:
        """The name of a folder that wants to be called `wanted`; own: what may tell it from others, best first."""
        if self._wanted[_number(wanted)] == 1:
            return wanted
        return next(name for name in _bracketed(wanted, own) if self._take(name))

    def _take(self, name: str) -> bool:
        key = _number(name)
        if key in self._given or key in self._wanted:
            return False
        self._given.add(key)
        return True


def _number(name: str) -> int:
    return hash(folded(name))


def _bracketed(wanted: str, own: Iterable[str]) -> Iterator[str]:
    texts = [_cut(text, 60, 120) for text in own if text and folded(text) != folded(wanted)]
    for text in texts:
        yield _with(wanted, text)
    for number in count(2):
        yield _with(wanted, f"{texts[-1]}, {number}" if texts else str(number))


def _with(wanted: str, text: str) -> str:
    tail = f" ({text})"
    return _cut(wanted, MOST_CHARACTERS - len(tail), MOST_BYTES - len(tail.encode())) + tail


def _cut(name: str, characters: int, size: int) -> str:
    """The beginning of a name with at most so many characters and bytes, and no end that Windows would drop."""
    whole = name[:characters].encode()[:size].decode(errors="ignore")
    return _DROPPED.sub("", whole)
