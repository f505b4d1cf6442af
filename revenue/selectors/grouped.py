"""Rows by stage or by client, cut into pages: the counts of these groups are kept.

Inside a group rows stand by date, the newest first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar

from django.db.models import Count, Sum

from partners.models import BY_NAME, Client
from revenue.filters import RevenueFilter
from revenue.models import KeptTotal
from revenue.selectors.dated import DatedRows, whole_months
from revenue.selectors.totals import stage_totals
from revenue.stages import STAGES, Stage

G = TypeVar("G")
Grain = KeptTotal.Grain
# Of how many clients the rows are counted at first; then of ten times as many.
_FIRST_CLIENTS = 25


class Cut(NamedTuple, Generic[G]):
    """What a page takes of a group: `limit` rows after the first `offset`."""

    group: G
    offset: int
    limit: int
    is_whole: bool


def keys_by_stage(f: RevenueFilter, offset: int, limit: int, *, descending: bool) -> list[int]:
    """The primary keys of a page of the list by stage."""
    listed, totals = DatedRows.of(f), stage_totals(f)
    counts = [
        (stage, totals.of(stage).count) for stage in (*STAGES, Stage.OUTSIDE) if not f.stages or stage in f.stages
    ]
    found: list[int] = []
    for stage, skipped, wanted, _ in _cuts(reversed(counts) if descending else counts, offset, limit):
        found += replace(listed, stages=(stage,)).keys(skipped, wanted)
    return found


def keys_by_client(f: RevenueFilter, offset: int, limit: int, *, descending: bool) -> list[int]:
    """The primary keys of a page of the list by client; rows that name none stand last, either way round."""
    listed = DatedRows.of(f)
    if f.client is not None:
        return listed.keys(offset, limit)
    cuts = list(_cuts(_clients(listed, descending=descending), offset, limit))
    # Small clients come by the dozen: those that a page holds whole are read together.
    together = _together(listed, [cut.group for cut in cuts if cut.is_whole])
    found: list[int] = []
    for owner, skipped, wanted, _ in cuts:
        found += together[owner] if owner in together else replace(listed, owners=(owner,)).keys(skipped, wanted)
    return found


def _cuts(groups: Iterable[tuple[G, int]], offset: int, limit: int) -> Iterator[Cut[G]]:
    """What the page of `limit` rows after the first `offset` takes of groups with their counts."""
    for group, count in groups:
        taken = min(limit, count - offset)
        if taken > 0:
            yield Cut(group, offset, taken, taken == count)
            limit -= taken
        if not limit:
            return
        offset = max(0, offset - count)


def _clients(listed: DatedRows, *, descending: bool) -> Iterator[tuple[int, int]]:
    """Every owner in the order of the list, with its rows; counted as far as the caller asks."""
    order = (BY_NAME.desc(), "-pk") if descending else (BY_NAME.asc(), "pk")
    found = Client.objects.filter(account=listed.account)
    if listed.owners is not None:
        found = found.filter(pk__in=listed.owners)
    clients = list(found.order_by(*order).values_list("pk", flat=True))
    size = _FIRST_CLIENTS
    while clients:
        counts = _counts_of(listed, clients[:size])
        yield from ((owner, counts[owner]) for owner in clients[:size])
        clients, size = clients[size:], size * 10
    if listed.owners is None:
        yield KeptTotal.NO_OWNER, _counts_of(listed, [KeptTotal.NO_OWNER])[KeptTotal.NO_OWNER]


def _counts_of(listed: DatedRows, owners: list[int]) -> Counter[int]:
    """Rows by owner: those of whole months as they are kept, those before and after counted."""
    before, months, after = whole_months(listed)
    counts: Counter[int] = Counter()
    if months is not None:
        lines = months.lines(Grain.EVER if months.is_unbounded else Grain.MONTH, owners)
        counts.update(dict(lines.order_by().values_list("owner").annotate(Sum("rows"))))
    for part in (before, after):
        if part is not None:
            rows = replace(part, owners=tuple(owners)).rows()
            groups = rows.order_by().values_list("client").annotate(Count("pk"))
            counts.update({owner or KeptTotal.NO_OWNER: count for owner, count in groups})
    return counts


def _together(listed: DatedRows, owners: list[int]) -> dict[int, list[int]]:
    """All rows of these clients, the newest first. One query; none for a single client."""
    clients = [owner for owner in owners if owner != KeptTotal.NO_OWNER]
    if len(clients) < 2:
        return {}
    found: dict[int, list[int]] = {}
    rows = replace(listed, owners=tuple(clients)).rows().order_by("-payment_date", "-pk")
    for owner, key in rows.values_list("client_id", "pk"):
        found.setdefault(owner, []).append(key)
    return found
