"""A finished pull as `sync --json` prints it; people script against these names."""

from __future__ import annotations

from typing import TypedDict

from revenue.models import PullRun
from revenue.pull.reconcile import DifferenceText


class TransactionFigures(TypedDict):
    seen: int
    created: int
    updated: int
    unchanged: int
    removed: int


class ClientFigures(TypedDict):
    seen: int
    created: int
    updated: int
    archived: int


class CaseFigures(TypedDict):
    """Of the cases whose turn it was, seldom all; `left`: those the next pulls come to; trouble: "" or a sentence."""

    seen: int
    created: int
    updated: int
    left: int
    trouble: str


class ErrorText(TypedDict):
    kind: str
    message: str
    retryable: bool


class LeftForLater(TypedDict):
    """Rows that the budget of requests did not reach; what: "settled", "new" or "estimates"."""

    what: str
    rows: int


class Report(TypedDict):
    """One pull: `seconds` of wall clock, amounts in USD as text; `quarantined` rows could not be read.

    reach: "changes" or "everything". fallback: why everything had to be read, "" where it had not.
    """

    partner: str
    status: str
    requests: int
    seconds: float
    transactions: TransactionFigures
    clients: ClientFigures
    cases: CaseFigures
    quarantined: int
    ties_out: bool
    differences: list[DifferenceText]
    reach: str
    left_for_later: list[LeftForLater]
    fallback: str
    error: ErrorText | None


def report(run: PullRun) -> Report:
    """What a pull that ended did."""
    ended = run.finished_at or run.heartbeat_at
    failed = run.as_of is None
    return {
        "partner": run.account.slug,
        "status": "failed" if failed else run.status,
        "requests": run.requests,
        "seconds": round((ended - run.started_at).total_seconds(), 3),
        "transactions": {
            "seen": run.transactions_seen,
            "created": run.transactions_created,
            "updated": run.transactions_updated,
            "unchanged": run.transactions_unchanged,
            "removed": run.transactions_removed,
        },
        "clients": {
            "seen": run.clients_seen,
            "created": run.clients_created,
            "updated": run.clients_updated,
            "archived": run.clients_archived,
        },
        "cases": {
            "seen": run.cases_seen,
            "created": run.cases_created,
            "updated": run.cases_updated,
            "left": run.cases_left,
            "trouble": run.cases_trouble,
        },
        "quarantined": run.quarantined,
        "ties_out": bool(run.ties_out),
        "differences": run.differences,
        "reach": run.reach,
        "left_for_later": run.left_for_later,
        "fallback": run.fallback,
        "error": _error(run) if failed else None,
    }


def not_pulled(partner: str, *, kind: str, message: str, retryable: bool = False) -> Report:
    """The answer where no pull came about, for `partner` (a slug, "" where none is meant): nothing has changed."""
    return {
        "partner": partner,
        "status": "failed",
        "requests": 0,
        "seconds": 0.0,
        "transactions": {"seen": 0, "created": 0, "updated": 0, "unchanged": 0, "removed": 0},
        "clients": {"seen": 0, "created": 0, "updated": 0, "archived": 0},
        "cases": {"seen": 0, "created": 0, "updated": 0, "left": 0, "trouble": ""},
        "quarantined": 0,
        "ties_out": False,
        "differences": [],
        "reach": PullRun.Reach.CHANGES.value,
        "left_for_later": [],
        "fallback": "",
        "error": {"kind": kind, "message": message, "retryable": retryable},
    }


def _error(run: PullRun) -> ErrorText:
    return {"kind": run.error_kind, "message": run.error_message, "retryable": run.error_retryable}
