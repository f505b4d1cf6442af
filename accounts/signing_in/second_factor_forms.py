"""Proofs by a second factor, and what is set up of them."""

from __future__ import annotations

import json
from typing import Any

from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.models import User
from accounts.signing_in.second_factors import authenticator_of_code, authenticator_of_passkey, check_new_passkey

_AS_TYPED = {"autocomplete": "one-time-code", "autocapitalize": "off", "spellcheck": "false", "dir": "ltr"}


class CodeForm(forms.Form):
    """A code of an authenticator app, or a recovery code."""

    authenticator: Authenticator

    code = forms.CharField(
        max_length=50,
        help_text="Of your authenticator app, or one of your recovery codes.",
        widget=forms.TextInput(attrs=_AS_TYPED),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        # Five in five minutes for one person, from wherever they come; what is counted by address is counted by axes.
        forget = _slowly(self.user)
        found = authenticator_of_code(self.user, code)
        if found is None:
            raise ValidationError("This code is not right, or was used already. A new one comes every 30 seconds.")
        forget()
        self.authenticator = found
        return code


class SignedField(forms.CharField):
    """What a device has signed: JSON of a few thousand letters.

    Not a JSONField, which takes any length, and to which numbers of too many digits and brackets without end are defects.
    """

    widget = forms.HiddenInput

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=20_000, **options)

    def clean(self, value: Any) -> Any:
        try:
            return json.loads(super().clean(value))
        except (ValueError, RecursionError) as error:
            raise ValidationError("This is not what a device signs. Try again.") from error


class PasskeyForm(forms.Form):
    """What a device has signed; of `user`, or of anybody where that is None."""

    authenticator: Authenticator

    credential = SignedField()

    def __init__(self, *args: Any, user: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_credential(self) -> Any:
        credential = self.cleaned_data["credential"]
        self.authenticator = authenticator_of_passkey(self.user, credential)
        return credential


class PasswordAgainForm(forms.Form):
    """The password of who is signed in, once more."""

    password = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True})
    )

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        # By way of authenticate(), which counts what is wrong.
        if authenticate(self.request, username=self.user.email, password=password) != self.user:
            raise ValidationError("This password is not right.")
        return password


class AppForm(ActivateTOTPForm):  # type: ignore[misc]  # allauth comes without types
    """The first code of a new authenticator app shows that its secret has arrived there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Code that the app shows"
        self.fields["code"].widget = forms.TextInput(attrs=_AS_TYPED | {"inputmode": "numeric"})

    def clean_code(self) -> str:
        try:
            return str(super().clean_code())
        except ValidationError as error:
            raise ValidationError("This code is not right. Is the clock of your phone?") from error


class PasskeyNameForm(forms.Form):
    """What a passkey is called in the list."""

    name = forms.CharField(
        max_length=60,
        help_text="Such as “work laptop”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )


class NewPasskeyForm(PasskeyNameForm):
    """A new passkey."""

    credential = SignedField(error_messages={"required": "No passkey came along. This needs JavaScript."})

    def clean_credential(self) -> Any:
        credential = self.cleaned_data["credential"]
        check_new_passkey(credential)
        return credential


def _slowly(user: User) -> Any:
    """Count one more proof of `user`; what is returned forgets all of them. Raises ValidationError where there were too many."""
    try:
        return check_rate_limit(user)
    except ValidationError as error:
        raise ValidationError("Too many tries. Wait five minutes, then try again.") from error
