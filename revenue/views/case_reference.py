"""Setting, changing and clearing the partner reference of a case: a page of its own, which a script shows in a dialog."""

from __future__ import annotations

from urllib.parse import quote, unquote

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.access import Sight
from accounts.people import own_sight, person
from partners.activation import send_reference
from partners.models import Case, ReferenceChange
from partners.references import LONGEST, InvalidReference, ReferenceConflict, cleaned
from revenue.edits import set_reference
from revenue.selectors.snapshot import consistent_read
from revenue.views.cases import case_address, known_case
from revenue.views.page import needs_account, render_page


def reference_widget(*shown: str, **attributes: object) -> forms.Widget:
    """The field for a reference that may hold any of the texts `shown`; as long as one has several lines, it has, too."""
    common = {"autocomplete": "off", "spellcheck": "false", "dir": "auto", "data-longest": LONGEST} | attributes
    has_lines = any("\n" in text or "\r" in text for text in shown)
    return forms.Textarea(common | {"rows": 3}) if has_lines else forms.TextInput(common)


def as_typed(text: str, was: str) -> str:
    """The reference that was typed over `was`, which counts as untouched where nothing but the ends of its lines differs:
    browsers send each as two characters."""
    return was if _in_lines(text) == _in_lines(was) else _in_lines(text)


def sealed(reference: str) -> str:
    """A reference in letters that no browser changes on their way through a form; `unquote` opens it."""
    return quote(reference, safe="")


def _in_lines(text: str) -> str:
    return text.strip().replace("\r\n", "\n").replace("\r", "\n")


class ReferenceForm(forms.Form):
    """One text of any form; every rule about it is that of partners.references. was: the reference that the reader saw."""

    # Not a CharField, which would have rules of its own.
    reference = forms.Field(
        label="Reference (can be blank)",
        required=False,
        help_text=f"At most {LONGEST} characters. White space around it is dropped; nothing at all clears it.",
    )

    def __init__(self, was: str, typed: str | None = None) -> None:
        super().__init__(None if typed is None else {"reference": typed}, initial={"reference": was})
        self.was = was
        self.fields["reference"].widget = reference_widget(was, typed or "", autofocus=True)

    def clean_reference(self) -> str:
        typed = self.cleaned_data["reference"] or ""
        try:
            return cleaned(as_typed(typed, self.was))
        except InvalidReference as error:
            raise forms.ValidationError(str(error)) from error

    @property
    def saved_reference(self) -> str:
        """What the reader saw, as the form sends it back."""
        return sealed(self.was)


@require_http_methods(["GET", "HEAD", "POST"])
@needs_account
def case_reference(request: HttpRequest, reference: str) -> HttpResponse:
    """The form; and what it sends: saved, refused at the field (400), or too late, as somebody else was faster (409)."""
    sight = own_sight(request)
    found = known_case(sight, reference)
    if request.method != "POST":
        return _form_page(request, sight, found, ReferenceForm(found.partner_reference))
    form = ReferenceForm(_was(request), request.POST.get("reference", ""))
    if not form.is_valid():
        return _form_page(request, sight, found, form, status=400)
    return _save(request, sight, found, form)


def _save(request: HttpRequest, sight: Sight, case: Case, form: ReferenceForm) -> HttpResponse:
    text = form.cleaned_data["reference"]
    try:
        changed = set_reference(
            request, case, text, by=person(request), source=ReferenceChange.Source.PAGE, expected=form.was
        )
    except ReferenceConflict as conflict:
        form = ReferenceForm(conflict.current, text)
        return _form_page(request, sight, case, form, theirs=conflict.current, status=409)
    _tell(request, case, changed=changed)
    return redirect(case_address(request, sight, case))


def _tell(request: HttpRequest, case: Case, *, changed: bool) -> None:
    """Say what became of it, and if Debitura was to be told and could not be.

    Also where nothing was changed: who saves it again does so because Debitura could not be told, or never was.
    """
    if changed:
        text = f"is now “{case.partner_reference}”" if case.partner_reference else "is cleared"
        messages.success(request, f"The partner reference {text}.")
    else:
        messages.info(request, "The partner reference is what it was; nothing was changed.")
    if trouble := send_reference(case):
        messages.warning(request, trouble)


def _form_page(
    request: HttpRequest,
    sight: Sight,
    case: Case,
    form: ReferenceForm,
    *,
    theirs: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The form; theirs: what somebody else has made of the reference meanwhile, None where nobody has."""
    context = {"section": "cases", "case": case, "form": form, "theirs": theirs, "is_conflict": theirs is not None}
    with consistent_read():
        return render_page(request, "revenue/case_reference.html", sight, context, status=status)


def _was(request: HttpRequest) -> str:
    """The reference that the reader saw. Raises BadRequest: without it somebody else's could be overwritten unseen."""
    if "was" not in request.POST:
        raise BadRequest("The form did not say which reference it showed.")
    return unquote(request.POST["was"])
