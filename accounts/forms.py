"""Signing in, what people set for themselves, and their tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypedDict
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import ApiToken, User, validate_time_zone

# Old names and technical ones, of no use in a list to choose from.
_UNLISTED = ("Etc/", "SystemV/", "US/", "posix/", "right/")


@cache
def time_zone_names() -> tuple[str, ...]:
    """The IANA names that this machine knows and people use, sorted: "Europe/Copenhagen" …, and "UTC"."""
    names = (name for name in available_timezones() if "/" in name and not name.startswith(_UNLISTED))
    return (*sorted(names), "UTC")


class GuessedTimeZone(forms.CharField):
    """The browser's zone, filled in by a script where there is one; nothing where we do not know it.

    A guess must not keep anybody out.
    """

    widget = forms.HiddenInput

    def clean(self, value: Any) -> str:
        try:
            guess = str(super().clean(value))
            validate_time_zone(guess)
        except ValidationError:
            return ""
        return guess


class SignInForm(AuthenticationForm):
    """E-mail and password; and the browser's time zone, filled in by a script where there is one."""

    time_zone = GuessedTimeZone(required=False)

    error_messages = {
        "invalid_login": "This e-mail address and password do not match. Check both; only the password cares about case.",
        "inactive": "This account is switched off. Ask your administrator.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "E-mail"
        self.fields["username"].widget = forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})


class ForgottenForm(forms.Form):
    """Whose password is forgotten."""

    email = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's own class takes no parameter
    """Name, time zone and theme."""

    time_zone = forms.ChoiceField(required=False, help_text="Dates and months are shown and filtered in this zone.")

    class Meta:
        model = User
        fields = ("name", "time_zone", "theme")
        widgets = {"theme": forms.RadioSelect, "name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = self.fields["time_zone"]
        assert isinstance(zone, forms.ChoiceField)  # noqa: S101  for the type checker
        default = ("", f"The server's own ({settings.DEFAULT_USER_TIME_ZONE})")
        # A zone that was guessed under an old name stays selectable.
        names = dict.fromkeys((*time_zone_names(), self.instance.time_zone))
        zone.choices = [default, *((name, name.replace("_", " ")) for name in names if name)]


class WantedToken(TypedDict):
    """What ApiToken.issue takes."""

    name: str
    scopes: list[str]
    expires_at: datetime | None


class TokenForm(forms.Form):
    """What a new API token of `owner` is called, may do, and when it ends."""

    NEVER = "never"
    # The page shows all of them.
    MOST_TOKENS = 100

    name = forms.CharField(
        max_length=ApiToken.LONGEST_NAME,
        help_text="What uses it, such as “month-end script”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=ApiToken.Scope.choices,
        initial=[ApiToken.Scope.READ.value],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what the token may do."},
    )
    lifetime = forms.ChoiceField(
        label="Expires",
        choices=[("30", "In 30 days"), ("90", "In 90 days"), ("365", "In 1 year"), (NEVER, "Never")],
        initial="90",
    )

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner

    def clean(self) -> dict[str, Any]:
        if self.owner.api_tokens.count() >= self.MOST_TOKENS:
            raise ValidationError(
                f"You have {self.MOST_TOKENS} tokens. Revoke one that you no longer need, then try again."
            )
        return self.cleaned_data

    def wanted(self) -> WantedToken:
        """The token that was asked for, with its end counted from now."""
        lifetime = self.cleaned_data["lifetime"]
        end = None if lifetime == self.NEVER else timezone.now() + timedelta(days=int(lifetime))
        return {"name": self.cleaned_data["name"], "scopes": self.cleaned_data["scopes"], "expires_at": end}
