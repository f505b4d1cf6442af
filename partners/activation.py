"""Activating a case at Debitura: once, whatever happens on the way.

An attempt is written down before anything is sent, and sent once. Where no answer tells what came of it, it stays open,
UNCLEAR, and nobody can try again before it has been looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from partners.activation_errors import (
    ActivationError,
    AlreadyOpen,
    InvalidActivation,
    NotConnected,
    NotPending,
    OutcomeUnclear,
    Refused,
)
from partners.collecting import MakeClient, client_of, send_reference
from partners.debitura import lenient
from partners.debitura.client import LARGEST_PAGE, DebituraClient
from partners.debitura.collection import CollectionClient, Welcome
from partners.debitura.errors import DebituraError
from partners.debitura.records import CaseRecord, Page, waits_for_activation
from partners.models import Activation, Case, ClientEvent, ReferenceChange
from partners.references import InvalidReference, cleaned, set_reference
from partners.secrets import UnreadableSecret
from partners.welcome import checked

# What pages and API need to know of activations, in one place.
__all__ = [
    "ActivationError",
    "AlreadyOpen",
    "InvalidActivation",
    "NotConnected",
    "NotPending",
    "OutcomeUnclear",
    "Refused",
    "Welcome",
    "activate",
    "checked",
    "is_running",
    "look_up",
    "send_reference",
]

State = Activation.State
OPEN = (State.SENDING, State.UNCLEAR)
OUTCOME = ["state", "message", "ended_at"]
# Of an attempt this old nothing is under way any more: more than twice what the time-outs of its request allow.
OVER_AFTER = timedelta(minutes=2)
SET_SINCE = (
    "Somebody has set another partner reference since the activation began; that one stays. Debitura may not know it."
)
# How far an attempt is looked for in Debitura's list of cases; one that waits to be activated is among the newest.
PAGES = 20

MakeReferral = Callable[..., DebituraClient]


def activate(
    case: Case,
    welcome: Welcome,
    *,
    by: AbstractBaseUser,
    make_client: MakeClient = CollectionClient,
    note: Callable[[Activation], None] | None = None,
) -> Activation:
    """Activate a case that is in Pending Verification; the case at hand is brought up to date.

    An earlier attempt of unclear outcome is looked up first, and returned where it turns out to have been carried out. Raises
    an ActivationError: NotConnected, NotPending, AlreadyOpen, Refused, OutcomeUnclear. Not inside a transaction.
    note: called with the attempt in the transaction that writes it down, before anything is sent.
    """
    with client_of(case.account, make_client) as client:
        earlier = _settled(case, make_client)
        if earlier is not None:
            return earlier
        activation = _begin(case, welcome, by, note)
        try:
            started = client.start(case.case_id, welcome)
        except DebituraError as error:
            raise _failed(activation, error) from None
    return _done(activation, started.lifecycle, *_to_keep(welcome.reference, started.partner_reference))


def look_up(
    activation: Activation, *, make_client: MakeClient = CollectionClient, make_referral: MakeReferral = DebituraClient
) -> Activation:
    """Find out what came of an unclear attempt: DONE, or REFUSED where it was not carried out, or still UNCLEAR.

    Where the outcome is known, or the attempt is still under way, it is returned as it is. Not inside a transaction.
    """
    activation.refresh_from_db(fields=OUTCOME)
    if activation.state not in OPEN or is_running(activation):
        return activation
    is_over = timezone.now() >= activation.started_at + OVER_AFTER
    try:
        lifecycle = _lifecycle_now(activation, make_client, make_referral)
    except (DebituraError, UnreadableSecret) as error:
        return _end(activation, State.UNCLEAR, f"Debitura could not tell whether the case was activated. {error}")
    return _conclude(activation, lifecycle, is_over=is_over)


def is_running(activation: Activation) -> bool:
    """Whether the attempt is being sent right now; one that has been for too long died on the way, and is unclear."""
    return activation.state == State.SENDING and timezone.now() < activation.started_at + OVER_AFTER


# --- An attempt -------------------------------------------------------------------------------------


def _settled(case: Case, make_client: MakeClient) -> Activation | None:
    """An earlier attempt that was open and turned out to have been carried out; None where another one may be made."""
    earlier = case.activations.filter(state__in=OPEN).select_related("by").first()
    if earlier is None:
        return None
    if is_running(earlier):
        raise AlreadyOpen(earlier)
    earlier.case = case
    found = look_up(earlier, make_client=make_client)
    if found.state == State.UNCLEAR:
        raise OutcomeUnclear(found.message)
    return found if found.state == State.DONE else None


def _begin(case: Case, welcome: Welcome, by: AbstractBaseUser, note: Callable[[Activation], None] | None) -> Activation:
    """Write the attempt down, for good, before anything is sent. Raises NotPending and AlreadyOpen."""
    try:
        with transaction.atomic(durable=True):
            case.note_edit()
            case.refresh_from_db(fields=["lifecycle"])
            if not case.is_pending_verification:
                raise NotPending(case)
            attempt = Activation.objects.create(case=case, by_id=by.pk, request=welcome.as_json())
            if note is not None:
                note(attempt)
            return attempt
    except IntegrityError:
        running = case.activations.filter(state__in=OPEN).select_related("by").first()
        raise AlreadyOpen(running) from None


def _failed(activation: Activation, error: DebituraError) -> ActivationError:
    """Keep why there is no activation, and say it."""
    if error.unclear:
        ended = _end(
            activation,
            State.UNCLEAR,
            f"It is not clear whether the case was activated. {error} Look again in two minutes; nothing is sent twice.",
        )
        return OutcomeUnclear(ended.message)
    return Refused(_end(activation, State.REFUSED, f"The case was not activated. {error}").message)


def _to_keep(sent: str, echoed: str) -> tuple[str | None, str]:
    """The reference to keep of an activation, None for the one there is, and what people have to know about it.

    What Debitura stored counts, also where it is not what was sent.
    """
    if not sent and not echoed:
        return None, ""
    try:
        stored = cleaned(echoed)
    except InvalidReference:
        return None, "Debitura stored a reference that cannot be kept here. Set it again."
    if stored == sent:
        return stored, ""
    if not stored:
        return stored, "Debitura stored no reference, though one was sent. Set it again."
    return stored, "Debitura has another reference than the one sent; it is the one shown."


# --- What came of it --------------------------------------------------------------------------------


def _end(activation: Activation, state: Activation.State, message: str) -> Activation:
    """Write down what came of an attempt that is still open; one that somebody else has settled stays as it is."""
    ended_at = None if state == State.UNCLEAR else timezone.now()
    case = activation.case
    with transaction.atomic(durable=True):
        case.note_edit()
        still_open = Activation.objects.filter(pk=activation.pk, state__in=OPEN)
        still_open.update(state=state, message=message, ended_at=ended_at)
    activation.refresh_from_db(fields=OUTCOME)
    return activation


def _done(activation: Activation, lifecycle: str, reference: str | None, message: str) -> Activation:
    """The case was activated: state, reference and attempt, all at once and once."""
    case = activation.case
    with transaction.atomic(durable=True):
        case.note_edit()
        activation.refresh_from_db(fields=OUTCOME)
        if activation.state == State.DONE:
            return activation
        _note_state(case, lifecycle)
        case.lifecycle = lifecycle
        case.save(update_fields=["lifecycle"])
        told = message if reference is None else f"{message} {_keep(activation, reference)}".strip()
        activation.state, activation.message, activation.ended_at = State.DONE, told, timezone.now()
        activation.save(update_fields=OUTCOME)
    return activation


def _note_state(case: Case, lifecycle: str) -> None:
    """Keep that the case is in another state than it was stored in; a pull may have seen it before."""
    stored, client = Case.objects.values_list("lifecycle", "client").get(pk=case.pk)
    if client is not None and stored != lifecycle:
        ClientEvent.objects.create(
            client_id=client,
            case=case,
            kind=ClientEvent.Kind.CASE_STATE,
            old=stored,
            new=lifecycle,
            at=timezone.now(),
        )


def _keep(activation: Activation, reference: str) -> str:
    """Set the reference that the attempt brought. One that somebody has set since it began stays; the answer says so."""
    case = activation.case
    if not case.reference_changes.filter(at__gt=activation.started_at).exists():
        set_reference(case, reference, by=activation.by, source=ReferenceChange.Source.ACTIVATION)
        return ""
    case.refresh_from_db(fields=["partner_reference"])
    return "" if case.partner_reference == reference else SET_SINCE


def _conclude(activation: Activation, lifecycle: str, *, is_over: bool) -> Activation:
    """From the state that Debitura shows to what came of the attempt; in doubt it stays unclear."""
    if not lifecycle:
        return _end(
            activation,
            State.UNCLEAR,
            f"The case is not among the newest {PAGES * LARGEST_PAGE:,} that Debitura lists. Look at it in Debitura: once it is "
            "active there, a pull brings that here.",
        )
    if not waits_for_activation(lifecycle):
        sent = _sent_reference(activation)
        return _done(activation, lifecycle, sent or None, f"No answer came; Debitura shows the case as “{lifecycle}”.")
    if not is_over:
        return _end(
            activation,
            State.UNCLEAR,
            "Debitura still shows the case as waiting, but what was sent may be under way. Look again in two minutes.",
        )
    return _end(activation, State.REFUSED, "The activation was not carried out. You may try again.")


# --- Looking it up ----------------------------------------------------------------------------------


def _lifecycle_now(activation: Activation, make_client: MakeClient, make_referral: MakeReferral) -> str:
    """The case's state at Debitura, "" where it cannot be found. Raises DebituraError and UnreadableSecret."""
    case = activation.case
    case.refresh_from_db(fields=["lifecycle"])
    if case.lifecycle and not case.is_pending_verification:
        return case.lifecycle  # it was waiting when the attempt began, and a pull has seen it since
    return _found_by_reference(activation, make_client) or _listed(case, make_referral)


def _found_by_reference(activation: Activation, make_client: MakeClient) -> str:
    """What the look-up by the reference that was sent tells of this very case; "" for nothing."""
    reference = _sent_reference(activation)
    if not reference:
        return ""
    try:
        with client_of(activation.case.account, make_client) as client:
            found = client.by_reference(reference)
    except (DebituraError, NotConnected):
        return ""  # the list of cases may still tell
    return found.lifecycle if found and found.case_id == activation.case.case_id else ""


def _listed(case: Case, make_referral: MakeReferral) -> str:
    """What the newest of Debitura's list of cases tell of this one; "" where it is not among them."""
    patience = {"timeouts": CollectionClient.TIMEOUTS, "retry": CollectionClient.RETRY}
    inside = settings.ALLOW_PRIVATE_UPSTREAM
    with make_referral(case.account.base_url, case.account.api_key, allow_private=inside, **patience) as client:
        for number in range(1, PAGES + 1):
            page = client.case_page(number)
            if (lifecycle := _lifecycle_on(page, case)) or len(page) < page.page_size:
                return lifecycle
    return ""


def _lifecycle_on(page: Page[CaseRecord], case: Case) -> str:
    return next((row.lifecycle for row in page.rows if row.case_id == case.case_id), "")


def _sent_reference(activation: Activation) -> str:
    reference: str = lenient.read(activation.request).get("collectionPartnerReference", "")
    return reference
