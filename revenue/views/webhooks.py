"""Where Debitura tells that something has happened. Nothing of what it says is believed: it makes the next pull come sooner."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from partners.debitura.errors import Malformed
from partners.debitura.webhooks import LARGEST_BODY, SIGNATURE_HEADER, delivery_id
from partners.models import PartnerAccount
from partners.webhooks import account_that_signed, is_news, may_hasten
from revenue.models import PullRun
from revenue.tasks import CannotStart, start_pull

log = logging.getLogger(__name__)


# No session and no cookie leads here, so there is none that another site could ride on: the signature is the proof.
@csrf_exempt
@login_not_required
@require_POST
def webhook(request: HttpRequest, slug: str) -> JsonResponse:
    """Take in a delivery for an account; the same refusal for one that is unknown and for a wrong signature."""
    body = request.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        return _refusal(413, "too_large", f"A delivery has at most {LARGEST_BODY} bytes.")
    now = timezone.now()
    account = account_that_signed(slug, request.headers.get(SIGNATURE_HEADER, ""), body, now)
    if account is None:
        return _refusal(
            401, "not_signed", "The signature is not that of a webhook which is connected here, or too old."
        )
    try:
        told = delivery_id(body)
    except Malformed as error:
        return _refusal(400, "no_id", str(error))
    if is_news(account, told, now) and may_hasten(account, now):
        _hasten(account)
    return JsonResponse({"received": True})


def _hasten(account: PartnerAccount) -> None:
    """The scheduled pull, sooner. Where it cannot be started, the scheduled one comes all the same."""
    try:
        start_pull(account, PullRun.Trigger.SCHEDULE)
    except CannotStart as error:
        log.warning("A webhook of %s hastened no pull: %s", account.slug, error)


def _refusal(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
