"""Changing the password, and getting a new one when it is forgotten."""

from __future__ import annotations

from typing import Any

from allauth.core.ratelimit import consume
from axes.utils import reset
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordChangeView, PasswordResetConfirmView
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit.record import Action, record
from accounts.forms import ForgottenForm
from accounts.mail import send_later, write_mail
from accounts.models import User
from accounts.people import person
from accounts.signing_in.allauth_adapters import notify
from accounts.signing_in.sessions import end_others_after_new_password, end_sessions
from accounts.signing_in.throttle import client_address, name_tried, too_many


class OwnPasswordForm(PasswordChangeForm):
    """The old password is counted as a try, as at the sign-in: a session that was left open must not let anybody guess it."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        password = str(self.cleaned_data["old_password"])
        if authenticate(self.request, username=self.user.email, password=password) != self.user:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return password


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
class OwnPasswordView(PasswordChangeView):
    """A new password for the person who is signed in; the old one is asked for. Their other sessions end."""

    template_name = "accounts/password_change.html"
    form_class = OwnPasswordForm
    success_url = reverse_lazy("profile")
    extra_context = {"section": "password"}

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"request": self.request}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        user, old_key = person(self.request), self.request.session.session_key
        with transaction.atomic():
            answer = super().form_valid(form)
            end_others_after_new_password(self.request, user, old_key=old_key)
            record(Action.PASSWORD_CHANGED, request=self.request, subject=user.email)
        notify(self.request, user, "Your password was changed.")
        messages.success(self.request, "Your password is changed. You are signed out everywhere else.")
        return answer


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_not_required
def forgotten(request: HttpRequest) -> HttpResponse:
    """Sends a link to who has an account, and answers everybody alike, in the same time."""
    form = ForgottenForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "accounts/password_forgotten.html", {"form": form}, status=400 if form.is_bound else 200)
    email = form.cleaned_data["email"]
    if not consume(request, action="reset_password", key=name_tried(request, {"username": email})):
        return too_many(request, None, None)
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    # Written for nobody as well, which takes as long.
    mail = write_mail("password_forgotten", user.email if user else email, {"link": _link(request, user or User(pk=0))})
    if user and user.has_usable_password():
        send_later(mail)
    return redirect("password_sent")


@require_safe
@never_cache
@login_not_required
def sent(request: HttpRequest) -> HttpResponse:
    """What everybody is told."""
    return render(request, "accounts/password_sent.html")


def _link(request: HttpRequest, user: User) -> str:
    """It works until it is used, somebody signs in, or the time is over (PASSWORD_RESET_TIMEOUT)."""
    parts = {"uidb64": urlsafe_base64_encode(force_bytes(user.pk)), "token": default_token_generator.make_token(user)}
    return request.build_absolute_uri(reverse("password_new", kwargs=parts))


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
@method_decorator(login_not_required, name="dispatch")
class NewPasswordView(PasswordResetConfirmView):
    """Where the link leads: a new password, with which one then signs in, by the second factor if there is one."""

    template_name = "accounts/password_new.html"
    success_url = reverse_lazy("sign_in")

    def get_user(self, uidb64: str) -> User | None:
        """Nobody who was switched off since."""
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_active else None

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:  # type: ignore[type-arg]  # Django's own takes none
        user = form.user
        with transaction.atomic():
            answer = super().form_valid(form)
            end_sessions(user)
            record(Action.PASSWORD_CHANGED, request=self.request, actor=user, subject=user.email, by="a link by mail")
        # Whoever reads this mailbox need not wait for the tries before.
        reset(ip=client_address(self.request), username=name_tried(self.request, {"username": user.email}))
        notify(self.request, user, "Your password was set anew, with a link that was sent to this address.")
        messages.success(self.request, "Your new password is set. Sign in with it.")
        return answer
