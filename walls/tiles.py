"""The figures of a board as texts for a template, and how much room each of them takes."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from revenue import money
from revenue.stages import TEXTS
from walls.boards import Amount, Board, Figure, Since
from walls.numbers import amount_text, whole_text

# No line ends between the two.
ESTIMATE = "≈\N{NO-BREAK SPACE}"
# As wide as so many Latin letters a name is written out, whatever its script; a longer one ends in "…".
LONGEST_NAME = 200
# Below this many USD, or index points, a percentage says more about chance than about business.
LEAST_BASE = {False: Decimal(100), True: Decimal(1)}
# Digits that a figure makes room for: as many as stand in a small one, and as in the largest.
NARROWEST, WIDEST = 5, 20
_WIDE = f"≈+{money.MINUS}{money.UNKNOWN}"
_NAME_SIZES = ((28, "short"), (64, "middle"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """What stands in a tile; all of it text.

    value: "" where the figure is words. parts: firm and estimated money apart. trend: "more", "less" or "same", "" for no
    comparison.
    """

    label: str
    name: str
    name_size: str
    stage: str
    icon: str
    value: str
    is_estimate: bool
    words: str
    look: str
    parts: str
    trend: str
    change: str
    note: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A board as a template shows it. room: by how many digits the letters of its figures are sized, all of them alike."""

    key: str
    title: str
    tiles: tuple[Tile, ...]
    room: int
    period: str
    against: str


def sheet_of(board: Board, style: str) -> Sheet:
    """style: the language of numbers of the screen."""
    tiles = tuple(_tile(figure, style) for figure in board.figures)
    room = max((_digits(tile.value) for tile in tiles), default=NARROWEST)
    room = min(WIDEST, max(NARROWEST, room))
    return Sheet(board.key.value, board.title, tiles, room, board.period, board.against)


def _digits(value: str) -> int:
    """How many digits are as wide as a figure; what stands between them takes half of one."""
    return ceil(sum(1 if letter.isdecimal() or letter in _WIDE else 0.5 for letter in value))


def _tile(figure: Figure, style: str) -> Tile:
    amount = figure.amount
    return Tile(
        label=figure.label,
        name=shortened(figure.name or ""),
        name_size=_name_size(figure.name or ""),
        stage=figure.stage or "",
        icon=TEXTS[figure.stage].icon if figure.stage else "",
        value=_value(figure, style),
        is_estimate=bool(amount and _is_estimate(figure)),
        words=figure.words,
        look=figure.look,
        parts=_parts(amount, style) if amount and not figure.is_change else "",
        trend=_direction(figure),
        change=_change(figure, style),
        note=figure.note,
    )


def _value(figure: Figure, style: str) -> str:
    """The figure itself; a dash where it is not known, "" where it is words."""
    if figure.words:
        return ""
    if figure.count is not None:
        return whole_text(figure.count.value, style)
    if figure.amount is None:
        return money.UNKNOWN
    if not figure.is_change:
        return (ESTIMATE if figure.amount.estimate else "") + _text(figure.amount.value, style, figure.amount)
    step = _step(figure.amount, figure.since)
    sign = "+" if step > 0 else ""
    return (ESTIMATE if _is_estimate(figure) else "") + sign + _text(step, style, figure.amount)


def _text(value: Decimal, style: str, like: Amount) -> str:
    return whole_text(value, style) if like.is_index else amount_text(value, style)


def _is_estimate(figure: Figure) -> bool:
    parts = [figure.amount, figure.since.amount if figure.since and figure.is_change else None]
    return any(part is not None and part.estimate for part in parts)


def _step(amount: Amount, since: Since | None) -> Decimal:
    """The difference of what is shown, so that it is right on the screen."""
    before = since.amount.value if since else Decimal(0)
    return amount.value - before if amount.is_index else money.cents(amount.value) - money.cents(before)


def _parts(amount: Amount, style: str) -> str:
    """Firm and estimated money apart where both are there: "31,200.00 firm + ≈ 4,900.00"; they add up to the cent.

    An index is no money, and tells no more than it has to.
    """
    if not amount.estimate or amount.is_index:
        return ""
    whole, estimate = money.cents(amount.value), money.cents(amount.estimate)
    if whole == estimate:
        return "all of it estimated"
    return f"{_text(whole - estimate, style, amount)} firm + {ESTIMATE}{_text(estimate, style, amount)}"


def _direction(figure: Figure) -> str:
    if figure.since is None or figure.amount is None:
        return ""
    step = _step(figure.amount, figure.since)
    return "more" if step > 0 else "less" if step < 0 else "same"


def _change(figure: Figure, style: str) -> str:
    """The comparison in words: "4,900.00 more than 1–14 Feb 2026 (+12 %)"; for a change, from what to what."""
    if figure.since is None or figure.amount is None:
        return ""
    amount, before, days = figure.amount, figure.since.amount, figure.since.days
    if figure.is_change:
        return f"from {_text(before.value, style, before)} to {_text(amount.value, style, amount)}"
    step = _step(amount, figure.since)
    if not step:
        return f"as much as {days}"
    size = _text(step.copy_abs(), style, amount)
    return f"{size} {_direction(figure)} than {days}{_percent(step, before, style)}"


def _percent(step: Decimal, before: Amount, style: str) -> str:
    if before.value < LEAST_BASE[before.is_index]:
        return ""
    sign = "+" if step > 0 else ""
    return f" ({sign}{whole_text(money.whole_number(step / before.value * 100), style)} %)"


# --- Names --------------------------------------------------------------------------------------------


def _columns(letter: str) -> int:
    """How many Latin letters are as wide as this one, about."""
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" or letter in "WM@%" else 1


def _width(text: str) -> int:
    return sum(map(_columns, text))


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """All of a name, or its beginning and "…", as wide as `longest` letters; on one line, without control characters."""
    text = " ".join(
        "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in name).split()
    )
    if _width(text) <= longest:
        return text
    kept, room = [], longest - 1
    for letter in text:
        room -= _columns(letter)
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept).rstrip() + "…"


def _name_size(name: str) -> str:
    width = _width(name)
    return next((size for most, size in _NAME_SIZES if width <= most), "long")
