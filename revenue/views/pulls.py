"""The pulls: what each one did, what did not tie out, and starting one by hand."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from accounts.access import NoAccount, Sight
from accounts.audit.record import Action, record
from accounts.people import account_query, frame_of, own_sight
from partners.models import PartnerAccount
from revenue.models import PullRun, Transaction
from revenue.pull.lock import is_being_pulled
from revenue.selectors.proof import Proof, proof_of
from revenue.selectors.pulls import freshness, left_in_words, quarantined, run_of, runs
from revenue.tasks import CannotStart, start_pull
from revenue.views.page import account_page, pager, refuse_clients, render_page


@dataclass(frozen=True, slots=True)
class DifferenceLine:
    """A stage in which the two sides disagree; None is what Debitura did not say."""

    stage: str
    ours_usd: Decimal
    theirs_usd: Decimal | None
    ours_count: int
    theirs_count: int | None

    @property
    def usd(self) -> Decimal | None:
        """Debitura's sum less ours (USD)."""
        return None if self.theirs_usd is None else self.theirs_usd - self.ours_usd


@dataclass(frozen=True, slots=True)
class Explanation:
    """A row that may explain a difference; `row` is None where we hold no such row."""

    stage: str
    why: str
    transaction_id: str
    fee_usd: Decimal | None
    row: Transaction | None


@dataclass(frozen=True, slots=True)
class RunLine:
    """A pull in the list; `left` is what it left for later, in words, "" for nothing."""

    run: PullRun
    proof: Proof | None
    left: str


@require_safe
@account_page
def pulls(request: HttpRequest) -> HttpResponse:
    """The pulls of an account, the latest first; and how the one that runs is getting on."""
    sight = own_sight(request)
    page = request.GET.get("page", "1")
    number = int(page) if page.isascii() and page.isdecimal() and 1 <= len(page) <= 6 else 0
    if number < 1:
        raise Http404("There is no such page.")
    found = runs(sight, page=number)
    context = {
        "section": "pulls",
        "lines": [RunLine(run, proof_of(run), left_in_words(run.left_for_later)) for run in found.rows],
        "window": found.window,
        "pager": pager(found.window, lambda page: _pulls_query(request, sight, page=page)),
        "progress": progress_of(request, sight),
    }
    return render_page(request, "revenue/pulls.html", sight, context)


@require_safe
@account_page
def pull(request: HttpRequest, pk: int) -> HttpResponse:
    """One pull: its counters, its differences with the rows that may explain them, and its quarantine."""
    sight = own_sight(request)
    try:
        run = run_of(sight, pk)
    except PullRun.DoesNotExist as missing:
        raise Http404("There is no such pull.") from missing
    context = {
        "section": "pulls",
        "run": run,
        "run_proof": proof_of(run),
        "left": left_in_words(run.left_for_later),
        "differences": [difference_line(line) for line in run.differences],
        "explanations": explanations(sight.account, run.explanations),
        "quarantine": quarantined(run),
    }
    return render_page(request, "revenue/pull.html", sight, context)


@require_POST
def pull_now(request: HttpRequest) -> HttpResponse:
    """Start a pull in the background, unless one is running."""
    try:
        sight = own_sight(request)
    except NoAccount:
        refuse_clients(request)
        return redirect("overview")
    if not sight.may_pull:
        raise PermissionDenied
    account = sight.account
    if is_being_pulled(account):
        messages.info(request, "A pull is already running; its progress is below.")
        return redirect(_pulls_address(request, sight))
    latest = account.pulls.order_by("-pk").values_list("pk", flat=True).first() or 0
    record(Action.PULL_STARTED, request=request, account=account)
    try:
        start_pull(account)
    except CannotStart as error:
        messages.error(request, str(error))
        return redirect(_pulls_address(request, sight))
    return redirect(_pulls_address(request, sight, after=latest))


@require_safe
@account_page
def pull_progress(request: HttpRequest) -> HttpResponse:
    """The part of the page that tells how a pull is getting on; when it has ended, the whole page is asked for anew."""
    sight = own_sight(request)
    progress = progress_of(request, sight)
    if progress is None:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    context = {"progress": progress, **frame_of(request, sight)}
    return render(request, "revenue/pull_progress.html", context)


@require_safe
@account_page
def news(request: HttpRequest) -> HttpResponse:
    """A link to newer figures, where some were published since the pull `since`; the figures on the page stay as they are."""
    sight = own_sight(request)
    now = timezone.now()
    state = freshness(sight.account, now)
    shown = request.GET.get("since", "")
    is_newer = state.run is not None and str(state.run.pk) != shown
    context = {"freshness": state, "is_newer": is_newer, "since": shown, "now": now, **frame_of(request, sight)}
    return render(request, "components/news.html", context)


def progress_of(request: HttpRequest, sight: Sight) -> dict[str, Any] | None:
    """How the running pull is getting on; or that one was asked for (`after`: the last one before) and has not begun."""
    if not sight.may_pull:
        raise PermissionDenied
    account = sight.account
    running = freshness(account, timezone.now()).running
    after = request.GET.get("after", "")
    if running:
        return {"run": running, "after": after}
    asked = after.isascii() and after.isdecimal() and len(after) <= 18
    if asked and not account.pulls.filter(pk__gt=int(after)).exists():
        return {"run": None, "after": after}
    return None


def difference_line(line: dict[str, Any]) -> DifferenceLine:
    """A difference as the run keeps it, with its amounts as Decimals."""
    theirs = line["theirs_usd"]
    return DifferenceLine(
        stage=line["stage"],
        ours_usd=Decimal(line["ours_usd"]),
        theirs_usd=None if theirs is None else Decimal(theirs),
        ours_count=line["ours_count"],
        theirs_count=line["theirs_count"],
    )


def explanations(account: PartnerAccount, kept: list[dict[str, Any]]) -> list[Explanation]:
    """The rows that may explain the differences. One query."""
    ids = [UUID(line["transaction_id"]) for line in kept if line["transaction_id"]]
    rows = Transaction.objects.filter(account=account, transaction_id__in=ids).select_related("case").defer("raw")
    by_id = {str(row.transaction_id): row for row in rows}
    return [
        Explanation(
            stage=line["stage"],
            why=line["why"],
            transaction_id=line["transaction_id"] or "",
            fee_usd=None if line["fee_usd"] is None else Decimal(line["fee_usd"]),
            row=by_id.get(line["transaction_id"] or ""),
        )
        for line in kept
    ]


def _pulls_query(request: HttpRequest, sight: Sight, **params: int | None) -> str:
    given = {name: value for name, value in params.items() if value is not None}
    return "&".join(filter(None, (account_query(request, sight), urlencode(given))))


def _pulls_address(request: HttpRequest, sight: Sight, **params: int | None) -> str:
    query = _pulls_query(request, sight, **params)
    return f"{reverse('pulls')}?{query}" if query else reverse("pulls")
