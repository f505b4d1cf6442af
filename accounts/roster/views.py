"""The pages on which admins say who belongs to their account, and as what."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Sight
from accounts.models import Invitation, Membership
from accounts.people import account_address, account_query, frame_of, person
from accounts.roster import invitation_mail, joining, members, membership
from accounts.roster.forms import InviteForm, RoleForm
from accounts.roster.joining import Invited, JoiningError
from accounts.roster.members import Member
from accounts.roster.membership import MembershipError, NoAdminAnyMore
from accounts.settings_pages import admin_sight
from accounts.signing_in.reauthentication import ask_again, is_recent

P = ParamSpec("P")
LONGEST_SEARCH = 200
# Clients found for an invitation; a longer part of the name finds fewer.
FOUND_SHOWN = 50


def for_admins(view: Callable[Concatenate[HttpRequest, Sight, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """A page for admins of the account that the address speaks of, who have proven lately who they are.

    Others are told that it is not for them before anybody is asked for a proof.
    """

    @wraps(view)
    @cache_control(private=True, no_store=True)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        sight = admin_sight(request)
        if sight is None:
            return render(request, "revenue/no_account.html", {"section": "overview"})
        if not is_recent(request):
            return ask_again(request)
        try:
            return view(request, sight, *args, **kwargs)
        except NoAdminAnyMore as error:
            raise PermissionDenied(str(error)) from error

    return answer


# --- The list ---------------------------------------------------------------------------------------


@require_safe
@for_admins
def people(request: HttpRequest, sight: Sight) -> HttpResponse:
    """Who belongs to the account, who owns Feeboard, and who is invited."""
    return _list_page(request, sight)


def _list_page(request: HttpRequest, sight: Sight, **context: Any) -> HttpResponse:
    q = _text(request, "q")
    found, page = members.members(sight.account, q=q, page=request.GET.get("page"))
    context |= {
        "members": found,
        "page": page,
        "q": q,
        "owners": members.owners(q),
        "invitations": members.open_invitations(sight.account, q=q),
        "shown": members.SHOWN,
        "kept": _kept(request, sight, q=q),
    }
    return _page(request, sight, "settings/people.html", context)


# --- Invitations ------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def invite(request: HttpRequest, sight: Sight) -> HttpResponse:
    """The form; "Find" shows clients to choose, and anything else invites."""
    chosen = request.POST.getlist("clients")
    if request.method != "POST" or "look" in request.POST:
        form = InviteForm(initial=request.POST.dict(), account=sight.account, chosen=chosen)
        return _invite_page(request, sight, form)
    form = InviteForm(request.POST, account=sight.account, chosen=chosen)
    if not form.is_valid():
        return _invite_page(request, sight, form, HTTPStatus.BAD_REQUEST)
    try:
        invited = joining.invite(
            sight.account,
            email=form.cleaned_data["email"],
            role=form.cleaned_data["role"],
            clients=form.chosen,
            sees_totals=form.cleaned_data["sees_totals"],
            by=person(request),
            request=request,
        )
    except JoiningError as error:
        form.add_error("email", str(error))
        return _invite_page(request, sight, form, HTTPStatus.BAD_REQUEST)
    return _send(request, sight, invited)


@require_POST
@for_admins
def invitation_send(request: HttpRequest, sight: Sight, pk: int) -> HttpResponse:
    """Sends an invitation again, with a new link; the one before ends."""
    try:
        invited = joining.renew(_known_invitation(sight, pk), by=person(request), request=request)
    except JoiningError as error:
        messages.error(request, str(error))
        return _to(request, sight, "people")
    return _send(request, sight, invited)


@require_POST
@for_admins
def invitation_withdraw(request: HttpRequest, sight: Sight, pk: int) -> HttpResponse:
    """Ends an invitation."""
    found = _known_invitation(sight, pk)
    try:
        joining.withdraw(found, by=person(request), request=request)
    except JoiningError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The invitation of {found.email} is withdrawn. Its link no longer works.")
    return _to(request, sight, "people")


def _send(request: HttpRequest, sight: Sight, invited: Invited) -> HttpResponse:
    """What became of the mail; and, where none goes out, the link, this once.

    Else only who reads that mailbox has it: an admin who had it could join in the place of somebody whom the admins of another
    account will trust with theirs.
    """
    link = invitation_mail.link_of(request, invited)
    trouble = invitation_mail.send(invited, link)
    context = {"invited": invited.invitation, "link": link if trouble else "", "trouble": trouble}
    return _page(request, sight, "settings/invited.html", context)


def _invite_page(
    request: HttpRequest, sight: Sight, form: InviteForm, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    find = request.POST.get("find", "").replace("\0", "").strip()[:LONGEST_SEARCH]
    found = members.clients_named(sight.account, find).exclude(pk__in=form.chosen.values("pk"))
    context = {
        "form": form,
        "find": find,
        "found": found[:FOUND_SHOWN] if find else (),
        "found_count": found.count() if find else 0,
        "was_looked": "look" in request.POST,
    }
    return _page(request, sight, "settings/invite.html", context, status)


# --- One person -------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def member(request: HttpRequest, sight: Sight, pk: int) -> HttpResponse:
    """What somebody is at the account; sent, the form changes that."""
    found = _known_member(sight, pk)
    if request.method != "POST":
        kept = {"role": found.role.value, "sees_totals": found.membership.sees_totals}
        return _member_page(request, sight, found, RoleForm(initial=kept))
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _member_page(request, sight, found, form, HTTPStatus.BAD_REQUEST)
    return _changed(
        request,
        sight,
        lambda: membership.change_role(found.membership, **form.cleaned_data, by=person(request), request=request),
        f"{_name(found)} is now {form.cleaned_data['role'].label}.",
        ("member", pk),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def member_clients(request: HttpRequest, sight: Sight, pk: int) -> HttpResponse:
    """The clients of somebody, and the others: either list is searched, and what is ticked there moves to the other one."""
    found = _known_member(sight, pk)
    if request.method == "POST":
        return _moved(request, sight, found)
    q, is_adding = _text(request, "q"), request.GET.get("show") == "others"
    shown = members.assignable if is_adding else members.assigned
    context = {
        "member": found,
        "q": q,
        "is_adding": is_adding,
        "page": shown(found.membership, q=q, page=request.GET.get("page")),
        "kept": _kept(request, sight, q=q, show="others" if is_adding else ""),
    }
    return _page(request, sight, "settings/member_clients.html", context)


def _moved(request: HttpRequest, sight: Sight, found: Member) -> HttpResponse:
    """Assign what is ticked, or take it away. An id that is none of the account's changes nothing at all."""
    change = membership.unassign if "remove" in request.POST else membership.assign
    form = InviteForm(account=sight.account, chosen=request.POST.getlist("clients"))
    address = ("member_clients", found.membership.pk)
    if form.has_unknown:
        messages.error(request, "A client that was ticked is not one of this account. Nothing was changed.")
        return _to(request, sight, *address)
    try:
        count = change(found.membership, form.chosen, by=person(request), request=request)
    except NoAdminAnyMore:
        raise
    except MembershipError as error:
        messages.error(request, str(error))
        return _to(request, sight, *address)
    done = "taken away" if "remove" in request.POST else "assigned"
    messages.success(request, f"{count} client{'' if count == 1 else 's'} {done}.")
    return _to(request, sight, *address)


@require_POST
@for_admins
def member_remove(request: HttpRequest, sight: Sight, pk: int) -> HttpResponse:
    """Ends somebody's role at the account."""
    found = _known_member(sight, pk)
    return _changed(
        request,
        sight,
        lambda: membership.remove(found.membership, by=person(request), request=request),
        f"{_name(found)} does not belong to {sight.account.name} any more.",
        ("people",),
        back=("member", pk),
    )


@require_POST
@for_admins
def member_deactivate(request: HttpRequest, sight: Sight, pk: int) -> HttpResponse:
    """Switches the person off."""
    found = _known_member(sight, pk)
    user = found.membership.user
    return _changed(
        request,
        sight,
        lambda: membership.deactivate(user, account=sight.account, by=person(request), request=request),
        f"{_name(found)} is deactivated: signed out everywhere, and without tokens.",
        ("member", pk),
    )


@require_POST
@for_admins
def member_reactivate(request: HttpRequest, sight: Sight, pk: int) -> HttpResponse:
    """Lets the person in again."""
    found = _known_member(sight, pk)
    user = found.membership.user
    return _changed(
        request,
        sight,
        lambda: membership.reactivate(user, account=sight.account, by=person(request), request=request),
        f"{_name(found)} may sign in again.",
        ("member", pk),
    )


def _member_page(
    request: HttpRequest, sight: Sight, found: Member, form: RoleForm, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    user = found.membership.user
    context = {
        "member": found,
        "form": form,
        "is_self": user == request.user,
        "may_deactivate": user != request.user and membership.may_deactivate(user, by=person(request)),
    }
    return _page(request, sight, "settings/member.html", context, status)


def _changed(
    request: HttpRequest,
    sight: Sight,
    change: Callable[[], object],
    done: str,
    target: tuple[Any, ...],
    *,
    back: tuple[Any, ...] | None = None,
) -> HttpResponse:
    """Make a change and say so on the page `target`; why it cannot be made is said on `back`, which is `target` if not given.

    Whoever has made themselves something else than an admin is led to where everybody may be.
    """
    try:
        change()
    except NoAdminAnyMore:
        raise
    except MembershipError as error:
        messages.error(request, str(error))
        return _to(request, sight, *(back or target))
    messages.success(request, done)
    if not membership.administers(person(request), sight.account):
        return redirect("overview")
    return _to(request, sight, *target)


def _known_member(sight: Sight, pk: int) -> Member:
    """Raises Http404, also for one of another account."""
    try:
        return members.member(sight.account, pk)
    except Membership.DoesNotExist as missing:
        raise Http404("There is no such person.") from missing


def _known_invitation(sight: Sight, pk: int) -> Invitation:
    """Raises Http404, also for one of another account, and for one that was used or withdrawn."""
    try:
        return members.invitation_of(sight.account, pk)
    except Invitation.DoesNotExist as missing:
        raise Http404("There is no such invitation.") from missing


def _name(found: Member) -> str:
    return found.membership.user.name or found.membership.user.email


def _text(request: HttpRequest, name: str) -> str:
    """A parameter to search for, as far as anything can be called that."""
    return request.GET.get(name, "").replace("\0", "").strip()[:LONGEST_SEARCH]


def _kept(request: HttpRequest, sight: Sight, **parameters: str) -> str:
    """What goes on from page to page of a list, behind the number of the page."""
    pairs = urlencode({name: value for name, value in parameters.items() if value})
    return "".join(f"&{part}" for part in (pairs, account_query(request, sight)) if part)


def _to(request: HttpRequest, sight: Sight, page: str, *args: object) -> HttpResponse:
    return redirect(account_address(request, sight, page, *args))


def _page(
    request: HttpRequest, sight: Sight, template: str, context: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    frame = frame_of(request, sight) | {"section": "people"}
    return render(request, template, frame | context, status=status)
