"""The keys of Debitura, for admins: written, tried and replaced here, and never shown but for their last characters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.access import Sight
from accounts.people import account_address
from accounts.signing_in.reauthentication import recently_signed_in
from partners.connecting import OF_A_PERSON, OfAnotherPartner, try_collection_key, whose_key
from partners.debitura.errors import DebituraError
from partners.models import PartnerAccount
from partners.secrets import UnreadableSecret, ending
from revenue import edits
from revenue.pull.lock import is_being_pulled
from revenue.tasks import CannotStart, start_pull
from revenue.views.page import account_page, administered, needs_account, render_page
from revenue.views.settings_forms import CollectionForm, KeyForm, SecretForm, WebhookForm

FORMS: Mapping[str, Callable[..., SecretForm]] = {
    "referral": KeyForm,
    "collection": CollectionForm,
    "webhook": WebhookForm,
}


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """What may be told of a secret. ending: its last characters, "" where it is too short for that; set_at: None for unknown."""

    is_set: bool
    is_readable: bool
    ending: str
    set_at: datetime | None

    @classmethod
    def of(cls, sealed: str, set_at: datetime | None) -> StoredSecret:
        try:
            return cls(bool(sealed), True, ending(sealed) if sealed else "", set_at)
        except UnreadableSecret:
            return cls(True, False, "", set_at)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@cache_control(private=True, no_store=True)
@recently_signed_in
def keys(request: HttpRequest) -> HttpResponse:
    """The secrets of an account, and a form for a new one of each."""
    return _changed(request) if request.method == "POST" else _shown(request)


@account_page
def _shown(request: HttpRequest) -> HttpResponse:
    return _page(request, administered(request))


@needs_account
def _changed(request: HttpRequest) -> HttpResponse:
    sight = administered(request)
    which = request.POST.get("which", "")
    if which not in FORMS:
        raise BadRequest("There is no such key.")
    form = FORMS[which](sight.account, request.POST)
    if form.is_valid():
        try:
            _store(request, sight.account, form)
            return redirect(account_address(request, sight, "settings_keys"))
        except (DebituraError, OfAnotherPartner) as error:
            form.add_refusal(error)
    return _page(request, sight, {which: form}, status=HTTPStatus.BAD_REQUEST)


def _store(request: HttpRequest, account: PartnerAccount, form: SecretForm) -> None:
    """Try what was typed and store it. Raises DebituraError and OfAnotherPartner where it does not work."""
    if isinstance(form, CollectionForm):
        _store_collection(request, account, form)
    elif isinstance(form, KeyForm):
        _store_key(request, account, form)
    else:
        before = edits.set_webhook_secret(request, account, form.cleaned_data["key"])
        messages.success(request, "The webhook secret is stored. The next delivery tells whether it is the right one.")
        _tell_of_others(request, form, before)


def _store_key(request: HttpRequest, account: PartnerAccount, form: KeyForm) -> None:
    """A pull follows, so that figures and freshness speak of the new key as soon as they can."""
    base_url, key = form.cleaned_data["base_url"], form.cleaned_data["key"]
    me = whose_key(base_url, key, patience=OF_A_PERSON)
    before = edits.set_key(request, account, base_url=base_url, key=key, me=me)
    owner = me.company_name or "a partner without a name"
    messages.success(request, f"The API key works and is stored. Debitura says that it belongs to {owner}.")
    if not me.is_active:
        messages.warning(request, "Debitura says that this partner is not active; it may answer with no figures.")
    _tell_of_others(request, form, before)
    _start_pull(request, account)


def _store_collection(request: HttpRequest, account: PartnerAccount, form: CollectionForm) -> None:
    given = form.cleaned_data
    if not given["key"]:
        edits.set_lifecycle_path(request, account, given["lifecycle_path"])
        messages.success(request, "The lifecycle path is stored.")
        return
    try_collection_key(given["base_url"], given["key"], patience=OF_A_PERSON)
    before = edits.set_collection_key(
        request, account, base_url=given["base_url"], key=given["key"], lifecycle_path=given["lifecycle_path"]
    )
    messages.success(request, "The key of the Collection Partner API works and is stored.")
    _tell_of_others(request, form, before)


def _tell_of_others(request: HttpRequest, form: SecretForm, before: datetime | None) -> None:
    if form.missed(before):
        when = "" if before is None else f" at {timezone.localtime(before):%H:%M:%S}"
        messages.warning(
            request,
            f"Somebody else had stored another one{when}, after you opened this page. Yours has replaced it; the audit trail "
            "says whose that was.",
        )


def _start_pull(request: HttpRequest, account: PartnerAccount) -> None:
    if is_being_pulled(account):
        messages.info(request, "A pull that began before is still running; the one after it uses the new key.")
        return
    try:
        start_pull(account)
        messages.info(request, "A pull with the new key has begun.")
    except CannotStart as error:
        messages.error(request, str(error))


def _page(
    request: HttpRequest,
    sight: Sight,
    sent: Mapping[str, SecretForm] | None = None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    account = sight.account
    forms = {which: make(account) for which, make in FORMS.items()} | dict(sent or {})
    context = {
        "section": "settings_keys",
        "forms": forms,
        "referral": StoredSecret.of(account.sealed_api_key, account.api_key_set_at),
        "collection": StoredSecret.of(account.sealed_collection_key, account.collection_key_set_at),
        "webhook": StoredSecret.of(account.sealed_webhook_secret, account.webhook_secret_set_at),
        "webhook_address": request.build_absolute_uri(reverse("webhook", args=[account.slug])),
    }
    return render_page(request, "settings/keys.html", sight, context, status=status)
