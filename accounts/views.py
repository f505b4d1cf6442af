"""Signing in, and the profile."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from accounts.forms import ProfileForm, SignInForm
from accounts.models import User
from accounts.people import person
from accounts.signing_in.door import sign_in_person
from accounts.signing_in.next_page import wanted_page
from accounts.signing_in.throttle import comes_too_often, too_many


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
@method_decorator(login_not_required, name="dispatch")
class SignInView(LoginView):
    """The door."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.headers.get("HX-Request") == "true":
            # A fragment was asked for after the session had ended: the whole page has to come here, not a part of it.
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Also who tries one password with many names has to wait: axes counts by name."""
        return too_many(request, None, None) if comes_too_often(request) else super().post(request, *args, **kwargs)

    def get_success_url(self) -> str:
        return wanted_page(self.request) or self.get_default_redirect_url()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        single_sign_on = settings.OIDC_NAME if settings.OIDC_SERVER_URL else ""
        return super().get_context_data(**kwargs) | {"single_sign_on": single_sign_on}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        guess = form.cleaned_data["time_zone"]
        if not user.time_zone and guess:
            User.objects.filter(pk=user.pk).update(time_zone=guess)
        return sign_in_person(self.request, user, method="password", target=self.get_success_url())


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Name, time zone and theme of the person who is signed in."""
    form = ProfileForm(request.POST or None, instance=person(request))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("profile")
    status = 400 if form.is_bound else 200
    return render(request, "accounts/profile.html", {"form": form, "section": "profile"}, status=status)
