"""What a screen may show: the figures of a board, less all that its privacy level forbids.

This comes before anything is written for a template: what is not in the figures that leave this module is not in the answer.
Where a new kind of figure is not known here, the stricter levels leave it out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from revenue.money import whole_number
from walls.boards import Amount, Base, Board, Figure
from walls.models import Privacy

# Counts that tell how large the business is; those of pulls tell only how Feeboard does.
_BUSINESS = frozenset({"clients", "payments"})
_HUNDRED = Decimal(100)


def allowed(boards: Iterable[Board], level: Privacy, base: Base | None) -> list[Board]:
    """The boards as a screen of this level shows them; what is left out leaves no gap.

    base: what an index is made of; without one an index is unknown.
    """
    return [replace(board, figures=tuple(_of_level(board.figures, level, base))) for board in boards]


def _of_level(figures: Iterable[Figure], level: Privacy, base: Base | None) -> Iterable[Figure]:
    if level == Privacy.FULL:
        return figures
    unnamed = [replace(figure, name=None) for figure in figures]
    if level == Privacy.NO_NAMES:
        return unnamed
    if level == Privacy.AMOUNTS_ONLY:
        return [figure for figure in unnamed if figure.count is None or figure.count.of not in _BUSINESS]
    return [_as_index(figure, base) for figure in unnamed if figure.count is None or figure.count.of != "payments"]


def _as_index(figure: Figure, base: Base | None) -> Figure:
    since = figure.since
    return replace(
        figure,
        amount=_index(figure.amount, base),
        since=None if since is None or base is None else replace(since, amount=_index_of(since.amount, base)),
    )


def _index(amount: Amount | None, base: Base | None) -> Amount | None:
    return None if amount is None or base is None else _index_of(amount, base)


def _index_of(amount: Amount, base: Base) -> Amount:
    """In whole points: more places would give an amount away to who knows one of them."""
    value, estimate = (whole_number(part * _HUNDRED / base.usd) for part in (amount.value, amount.estimate))
    return Amount(value, estimate, is_index=True)
