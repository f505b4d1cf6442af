"""Accepting an invitation.

The link of the mail carries the secret in its path, so that it works without JavaScript. It is taken out of the address at
once: what stands in the session is its digest, and the page with the form has an address without it. So the secret is in no
form, no Referer and no title of the browser's history; of our own log it is kept out by config/access_log.py.
"""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Invitation, Role, User
from accounts.roster import joining
from accounts.roster.forms import MEANINGS, JoinForm
from accounts.roster.joining import AlreadyThere, AnotherPerson, InvalidInvitation
from accounts.signing_in.door import sign_in_person

# Where the session keeps the digest of the link that was opened.
OPENED = "invitation"


@login_not_required
@require_safe
@cache_control(private=True, no_store=True)
def invitation_link(request: HttpRequest, token: str) -> HttpResponse:
    """Where the mail leads: remembers the invitation, and goes on to an address that does not give it away."""
    digest = joining.digest_of(token)
    try:
        joining.open_invitation(digest)
    except InvalidInvitation:
        answer = _not_valid(request)
    else:
        request.session[OPENED] = digest
        answer = redirect("invitation")
    # Not on the page with the form: browsers would not say whence it is sent, which Django asks for.
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def invitation(request: HttpRequest) -> HttpResponse:
    """Who invites to what and as what; and the form that accepts it: of somebody who is new, or by one button."""
    try:
        found = joining.open_invitation(request.session.get(OPENED, ""))
        if isinstance(request.user, User):
            return _for_somebody(request, found, request.user)
        if joining.person_invited(found) is not None:
            return _page(request, found, "sign_in")
        return _for_a_newcomer(request, found)
    except InvalidInvitation:
        return _not_valid(request)


def _for_somebody(request: HttpRequest, found: Invitation, person: User) -> HttpResponse:
    """Who is signed in accepts by a button."""
    if person.email.lower() != found.email:
        return _page(request, found, "another", status=HTTPStatus.FORBIDDEN)
    if request.method != "POST":
        return _page(request, found, "accept")
    try:
        joining.join(found.digest, person=person, request=request)
    except (AlreadyThere, AnotherPerson) as error:
        messages.info(request, str(error))
    else:
        _welcome(request, found)
    request.session.pop(OPENED, None)
    return redirect(settings.LOGIN_REDIRECT_URL)


def _for_a_newcomer(request: HttpRequest, found: Invitation) -> HttpResponse:
    """Who is new chooses a name and a password, and is signed in."""
    form = JoinForm(found.email, request.POST or None)
    if not form.is_valid():
        status = HTTPStatus.BAD_REQUEST if form.is_bound else HTTPStatus.OK
        return _page(request, found, "new", form=form, status=status)
    try:
        person = joining.join_as_new(
            found.digest,
            name=form.cleaned_data["name"],
            password=form.cleaned_data["new_password1"],
            time_zone=form.cleaned_data["time_zone"],
            request=request,
        )
    except AlreadyThere:
        return _page(request, found, "sign_in")
    # They have chosen their password just now.
    answer = sign_in_person(request, person)
    _welcome(request, found)
    return answer


def _welcome(request: HttpRequest, found: Invitation) -> None:
    request.session.pop(OPENED, None)
    messages.success(request, f"Welcome to {found.account.name}.")


def _page(
    request: HttpRequest,
    found: Invitation,
    step: str,
    *,
    form: JoinForm | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    """step: what there is to do: "new", "sign_in", "accept"; or "another", that somebody else is signed in."""
    role = Role(found.role)
    context = {
        "invitation": found,
        "role": role,
        "meaning": MEANINGS[role],
        "clients": found.clients.order_by("pk") if role == Role.CLIENT else (),
        "step": step,
        "form": form,
    }
    return render(request, "accounts/invitation.html", context, status=status)


def _not_valid(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/invitation_invalid.html", status=HTTPStatus.NOT_FOUND)
