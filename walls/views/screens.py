"""Where admins pair screens, set what they show, and revoke them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Sight
from accounts.audit.record import Action, record
from accounts.people import account_address, frame_of, person
from accounts.settings_pages import admin_sight
from accounts.signing_in.reauthentication import ask_again, is_recent
from walls import credentials, pairing
from walls.build import build
from walls.darkness import is_dark
from walls.forms import ClaimForm, ScreenForm
from walls.models import BoardKey, Privacy, Screen
from walls.picture import picture_of
from walls.views.wall import board_page

# What the list shows; more screens than any office has.
MOST_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class ScreenLine:
    """A screen in the list. is_dark: it has been silent for longer than it should."""

    screen: Screen
    boards: str
    privacy: str
    is_dark: bool
    is_of_this_build: bool


@require_safe
@cache_control(private=True, no_store=True)
def screens(request: HttpRequest) -> HttpResponse:
    """The screens of an account. One query beside those of every page."""
    sight, now = _admin(request), timezone.now()
    found = Screen.objects.filter(account=sight.account, revoked_at=None).order_by("name", "pk")[:MOST_SHOWN]
    context = {"lines": [_line(screen, now) for screen in found], "now": now, "wall": _wall_address(request)}
    return _render(request, sight, "settings/screens.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def claim(request: HttpRequest) -> HttpResponse:
    """Pair the screen that shows a code. The code may come with the address, from the square that a telephone reads.

    Who does so proves who they are: a screen shows the figures for years, also one that stands in somebody's home.
    """
    sight = _admin(request)
    if not is_recent(request):
        return ask_again(request)
    by = person(request)
    initial = {"code": request.GET.get("code", "")[: 2 * pairing.LENGTH], "time_zone": by.zone.key}
    form = ClaimForm(_sent(request), instance=Screen(account=sight.account, paired_by=by), initial=initial)
    if request.method == "POST" and form.is_valid() and (made := _claimed(request, sight, form)):
        messages.success(request, f"“{made.name}” is paired. It shows its boards within seconds.")
        return redirect(account_address(request, sight, "screens"))
    context = {"form": form, "wall": _wall_address(request)}
    return _render(request, sight, "settings/screen_claim.html", context, is_wrong=form.is_bound)


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def screen(request: HttpRequest, pk: int) -> HttpResponse:
    """What a screen is set to."""
    sight = _admin(request)
    if not is_recent(request):
        return ask_again(request)
    found = _screen(sight, pk)
    before = _settings_of(found)
    form = ScreenForm(_sent(request), instance=found)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            changed = form.save()
            what = [name for name, value in _settings_of(changed).items() if value != before[name]]
            if what:
                record(
                    Action.SCREEN_CHANGED, request=request, account=sight.account, subject=changed.name, changed=what
                )
        messages.success(request, f"“{changed.name}” is saved. The screen shows it with its next refresh.")
        return redirect(account_address(request, sight, "screens"))
    return _render(
        request,
        sight,
        "settings/screen.html",
        {"form": form, "screen": found, "now": timezone.now()},
        is_wrong=form.is_bound,
    )


@require_safe
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What a screen shows now, as it shows it."""
    sight, now = _admin(request), timezone.now()
    found = credentials.watched(_screen(sight, pk).pk)
    if found is None:
        raise Http404("There is no such screen.")
    return board_page(found, picture_of(found, now), now, is_preview=True)


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """A screen shows nothing any more but a code, from its next refresh on."""
    sight = _admin(request)
    found = _screen(sight, pk)
    with transaction.atomic():
        Screen.objects.filter(pk=found.pk).update(
            revoked_at=timezone.now(), digest="", next_digest="", previous_digest=""
        )
        record(Action.SCREEN_REVOKED, request=request, account=sight.account, subject=found.name)
    messages.success(request, f"“{found.name}” is revoked. It shows a code with its next refresh.")
    return redirect(account_address(request, sight, "screens"))


def _admin(request: HttpRequest) -> Sight:
    """Raises Http404 and PermissionDenied as admin_sight does, and Http404 before an account is connected."""
    sight = admin_sight(request)
    if sight is None:
        raise Http404("No partner account is connected yet.")
    return sight


def _screen(sight: Sight, pk: int) -> Screen:
    found = Screen.objects.filter(account=sight.account, revoked_at=None, pk=pk).first()
    if found is None:
        raise Http404("There is no such screen.")
    return found


def _claimed(request: HttpRequest, sight: Sight, form: ClaimForm) -> Screen | None:
    """The screen that was paired; None where its code is not to be had, which the form then says."""

    def make() -> Screen:
        made: Screen = form.save()
        detail = {"place": made.place or None, "boards": made.boards, "privacy": made.privacy}
        record(Action.SCREEN_PAIRED, request=request, account=sight.account, subject=made.name, **detail)
        return made

    try:
        return pairing.claim(form.cleaned_data["code"], person(request), timezone.now(), make)
    except pairing.TooManyWrong:
        form.add_error("code", "You have tried too many wrong codes. Wait two minutes, then try again.")
    except pairing.UnknownCode:
        form.add_error("code", "No screen shows this code now. Look at the screen: its code may have changed.")
    return None


def _settings_of(screen: Screen) -> dict[str, Any]:
    return {name: getattr(screen, name) for name in (*ScreenForm.Meta.fields, "boards")}


def _line(screen: Screen, now: datetime) -> ScreenLine:
    return ScreenLine(
        screen,
        boards=", ".join(BoardKey(key).label for key in screen.boards),
        privacy=Privacy(screen.privacy).label.partition(":")[0],
        is_dark=is_dark(screen, now),
        is_of_this_build=screen.build in ("", build()),
    )


def _wall_address(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("wall"))


def _sent(request: HttpRequest) -> QueryDict | None:
    """The form that was sent, also an empty one."""
    return request.POST if request.method == "POST" else None


def _render(
    request: HttpRequest, sight: Sight, template: str, context: dict[str, Any], *, is_wrong: bool = False
) -> HttpResponse:
    status = HTTPStatus.BAD_REQUEST if is_wrong else HTTPStatus.OK
    return render(request, template, {"section": "screens", **frame_of(request, sight), **context}, status=status)
