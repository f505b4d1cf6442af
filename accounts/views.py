"""Signing in and out, changing the password, and the profile."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse, reverse_lazy
from django.utils.decorators import method_decorator

from accounts.audit import Action, record
from accounts.forms import ProfileForm, SignInForm
from accounts.models import User
from accounts.people import person

# Addresses that take a POST only, and the page whose form leads to each.
PAGE_BEHIND = {
    "pull_now": "pulls",
    "reference_import_apply": "references",
    "transactions_columns": "transactions",
    "balance_columns": "balance",
    "sign_out": "overview",
    "token_revoke": "tokens",
    "screen_revoke": "screens",
}


@method_decorator(login_not_required, name="dispatch")
class SignInView(LoginView):
    """The door. LoginView lets `next` lead to our own host only."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.headers.get("HX-Request") == "true":
            # A fragment was asked for after the session had ended: the whole page has to come here, not a part of it.
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return super().dispatch(request, *args, **kwargs)

    def get_success_url(self) -> str:
        return page_behind(super().get_success_url())

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        guess = form.cleaned_data["time_zone"]
        if not user.time_zone and guess:
            User.objects.filter(pk=user.pk).update(time_zone=guess)
        return super().form_valid(form)


def page_behind(target: str) -> str:
    """`target`, or the page whose form leads there: after a session that ended under an open form, nobody can GET the rest."""
    address = urlsplit(target)
    try:
        name = resolve(address.path).url_name or ""
    except Resolver404:
        return target
    return address._replace(path=reverse(PAGE_BEHIND[name])).geturl() if name in PAGE_BEHIND else target


class OwnPasswordView(PasswordChangeView):
    """A new password for the person who is signed in; the old one is asked for."""

    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("profile")
    extra_context = {"section": "password"}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, "Your password is changed.")
        with transaction.atomic():
            answer = super().form_valid(form)
            record(Action.PASSWORD_CHANGED, request=self.request, subject=form.user.email)
        return answer


def profile(request: HttpRequest) -> HttpResponse:
    """Name, time zone and theme of the person who is signed in."""
    form = ProfileForm(request.POST or None, instance=person(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("profile")
    status = 400 if form.is_bound else 200
    return render(request, "accounts/profile.html", {"form": form, "section": "profile"}, status=status)
