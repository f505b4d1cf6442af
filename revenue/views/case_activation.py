"""Activating a case at Debitura: the form, what came of it, and asking again where that is unclear."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.access import Sight
from accounts.people import own_sight, person
from partners import activation
from partners.activation import ActivationError, InvalidActivation, OutcomeUnclear, Welcome
from partners.models import Activation, Case
from partners.references import LONGEST
from partners.welcome import LONGEST_MESSAGE
from revenue.edits import activate
from revenue.selectors.cases import activations_of
from revenue.selectors.snapshot import consistent_read
from revenue.views.case_reference import as_typed, reference_widget, sealed
from revenue.views.cases import ACTIVATIONS_SHOWN, case_address, known_case
from revenue.views.page import needs_account, render_page

State = Activation.State


class ActivationForm(forms.Form):
    """What Debitura asks for when a case is activated, under its names; partners.activation checks it."""

    welcomeMessage = forms.CharField(
        label="Welcome message",
        strip=False,
        required=False,
        widget=forms.Textarea({"rows": 8, "required": True, "data-longest": LONGEST_MESSAGE}),
        help_text=f"Debitura begins the case with it. At most {LONGEST_MESSAGE:,} characters.",
    )
    collectionPartnerReference = forms.Field(
        label="Partner reference (can be blank)",
        required=False,
        help_text=f"Your own number for this case, at most {LONGEST} characters. Where it is blank, none is sent.",
    )
    userEmail = forms.CharField(
        label="E-mail of the person who activates it",
        required=False,
        widget=forms.EmailInput({"required": True}),
        help_text="A member of your team at Debitura.",
    )
    assignedUserEmail = forms.CharField(
        label="E-mail of the person who takes the case (can be blank)", required=False, widget=forms.EmailInput
    )
    interestFees = forms.CharField(label="Interest", required=False)
    reminderFees = forms.CharField(label="Reminder fees", required=False)
    collectionFees = forms.CharField(label="Collection fees", required=False)

    welcome: Welcome

    def __init__(self, case: Case, typed: QueryDict | None = None, initial: dict[str, str] | None = None) -> None:
        super().__init__(typed, initial=initial)
        self.case = case
        # The reference that the reader saw; who sends the form without saying so means the one there is.
        self.was = unquote(str(typed["was"])) if typed and "was" in typed else case.partner_reference
        reference = self.fields["collectionPartnerReference"]
        reference.widget = reference_widget(case.partner_reference, self["collectionPartnerReference"].value() or "")
        for name in ("interestFees", "reminderFees", "collectionFees"):
            self.fields[name].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    @property
    def saved_reference(self) -> str:
        """What the reader sees now, as the form sends it back."""
        return sealed(self.case.partner_reference)

    def clean(self) -> None:
        """Keep the checked values as `welcome`, or say at each field what is wrong with it."""
        if self.errors:
            return
        texts = {name: text or "" for name, text in self.cleaned_data.items()}
        texts["collectionPartnerReference"] = as_typed(texts["collectionPartnerReference"], self.was)
        if self.was != self.case.partner_reference:
            self.add_error("collectionPartnerReference", _changed_meanwhile(self.case.partner_reference))
        try:
            self.welcome = activation.checked(texts)
        except InvalidActivation as error:
            for name, sentence in error.fields.items():
                self.add_error(name if name in self.fields else None, sentence)


def _changed_meanwhile(current: str) -> str:
    now = f"set it to “{current}”" if current else "cleared it"
    return (
        f"Somebody else has {now} while you were typing. Nothing was sent. Send it again to have yours, or change it."
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs_account
def case_activation(request: HttpRequest, reference: str) -> HttpResponse:
    """The form; and what it sends: activated (to the case), wrong (400), refused or not possible now (409), or unclear."""
    sight = own_sight(request)
    found = known_case(sight, reference)
    if request.method != "POST":
        return _form_page(request, sight, found, None)
    if "ask_again" in request.POST:
        return _ask_again(request, sight, found)
    form = ActivationForm(found, request.POST)
    if not form.is_valid():
        return _form_page(request, sight, found, form, status=400)
    return _activate(request, sight, found, form)


def _activate(request: HttpRequest, sight: Sight, case: Case, form: ActivationForm) -> HttpResponse:
    try:
        attempt = activate(request, case, form.welcome, by=person(request))
    except OutcomeUnclear as unclear:
        # By way of a redirect: nobody sends it again by reloading what it answered.
        messages.warning(request, str(unclear))
        return redirect(case_address(request, sight, case, "case_activation"))
    except ActivationError as error:
        form.add_error(None, str(error))
        return _form_page(request, sight, case, form, status=409)
    return _told(request, sight, case, attempt)


def _ask_again(request: HttpRequest, sight: Sight, case: Case) -> HttpResponse:
    """Ask Debitura what became of the attempt that is open; where there is none, somebody else has asked by now."""
    attempt = _open_attempt(activations_of(case, limit=1))
    if attempt is None:
        return redirect(case_address(request, sight, case, "case_activation"))
    try:
        return _told(request, sight, case, activation.look_up(attempt))
    except ActivationError as error:
        messages.error(request, str(error))
        return redirect(case_address(request, sight, case, "case_activation"))


def _told(request: HttpRequest, sight: Sight, case: Case, attempt: Activation) -> HttpResponse:
    """Say what became of an attempt; to the case where it was activated, else back to the form."""
    if attempt.state == State.DONE:
        case.refresh_from_db()
        messages.success(request, f"Case {case.reference} is activated. {_stored(case, attempt)}".rstrip())
    if attempt.message:
        messages.warning(request, attempt.message)
    page = "case" if attempt.state == State.DONE else "case_activation"
    return redirect(case_address(request, sight, case, page))


def _stored(case: Case, attempt: Activation) -> str:
    """What has become of the partner reference: where one was sent, the case has what Debitura's answer says.

    Nothing where the attempt itself says why it has another.
    """
    if attempt.message.endswith(activation.SET_SINCE):
        return ""
    if "collectionPartnerReference" not in _sent(attempt):
        return "No partner reference was sent."
    stored = f"the partner reference “{case.partner_reference}”" if case.partner_reference else "no partner reference"
    return f"Debitura stored {stored}."


def _sent(attempt: Activation) -> dict[str, Any]:
    """What an attempt sent, by Debitura's names; amounts with every digit."""
    sent: dict[str, Any] = json.loads(attempt.request, parse_float=Decimal, parse_int=Decimal)
    return sent


def _form_page(
    request: HttpRequest, sight: Sight, case: Case, form: ActivationForm | None, *, status: int = 200
) -> HttpResponse:
    """The form as it was filled in, else the one to fill in, or the reason why there is none."""
    with consistent_read():
        attempts = activations_of(case, limit=ACTIVATIONS_SHOWN)
        attempt = _open_attempt(attempts)
        context = {
            "section": "cases",
            "case": case,
            "activations": attempts,
            "open": attempt,
            "is_running": attempt is not None and activation.is_running(attempt),
            "form": form or ActivationForm(case, initial=_initial(request, case, attempts)),
        }
        return render_page(request, "revenue/case_activation.html", sight, context, status=status)


def _open_attempt(attempts: list[Activation]) -> Activation | None:
    """The attempt of which nobody knows the outcome yet: it is the last one, as none may follow it."""
    return next((attempt for attempt in attempts[:1] if attempt.state in (State.SENDING, State.UNCLEAR)), None)


def _initial(request: HttpRequest, case: Case, attempts: list[Activation]) -> dict[str, str]:
    """What the form holds at first: what the last attempt sent, if it was refused, and what we know anyway."""
    known = {"userEmail": person(request).email, "collectionPartnerReference": case.partner_reference}
    if not attempts or attempts[0].state != State.REFUSED:
        return known
    return known | {name: str(value) for name, value in _sent(attempts[0]).items()}
