"""Forms about who belongs to a partner account: what somebody is there, whom to invite, and joining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.forms import GuessedTimeZone
from accounts.models import Role, User
from accounts.roster.joining import InvalidEmail, cleaned_email
from accounts.roster.members import clients_chosen
from partners.models import Client, PartnerAccount

MEANINGS = {
    Role.ADMIN: "Everything, and who else sees it: people, keys, screens, the audit trail",
    Role.FINANCE: "All figures of the account, its exports and its pulls",
    Role.MANAGER: "The clients that are assigned to them, and everything about those",
    Role.CLIENT: "A client's own person: its cases and payments, and never a fee or another client",
}


class RoleForm(forms.Form):
    """What somebody is at an account."""

    role = forms.ChoiceField(choices=Role.choices, widget=forms.RadioSelect)
    sees_totals = forms.BooleanField(
        required=False,
        label="Sees the totals of the whole portfolio, too",
        help_text="For account managers; others see them or not by their role.",
    )

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])

    def choices_of_role(self) -> list[tuple[Any, str]]:
        """Each radio button with what its role may do."""
        return [(radio, MEANINGS[Role(radio.data["value"])]) for radio in self["role"]]


class InviteForm(RoleForm):
    """Whom to invite as what. Clients are found by `find` and chosen by creditorIds; both survive any number of rounds."""

    email = forms.CharField(label="E-mail", max_length=320, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    find = forms.CharField(required=False, max_length=200)

    field_order = ("email", "role", "sees_totals")

    def __init__(self, *args: Any, account: PartnerAccount, chosen: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ids = set(filter(None, map(_uuid, chosen)))
        self.chosen: QuerySet[Client] = clients_chosen(account, ids)
        self.has_unknown = len(self.chosen) < len(set(chosen))

    def clean_email(self) -> str:
        try:
            return cleaned_email(self.cleaned_data["email"])
        except InvalidEmail as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        if self.has_unknown:
            raise ValidationError("A client that was chosen is not one of this account. Choose the clients again.")
        if self.cleaned_data.get("role") == Role.CLIENT and not self.chosen:
            raise ValidationError("Choose the client whose person this is: find it by its name first.")
        return self.cleaned_data


class JoinForm(SetPasswordForm):  # type: ignore[type-arg]  # Django's own class takes no parameter
    """What somebody who is new chooses: their name and password; and the browser's time zone, filled in by a script."""

    name = forms.CharField(label="Your name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = GuessedTimeZone(required=False)

    field_order = ("name", "new_password1", "new_password2")

    def __init__(self, email: str, *args: Any) -> None:
        super().__init__(User(email=email), *args)

    def clean_name(self) -> str:
        """A password must not be like it, either."""
        self.user.name = " ".join(self.cleaned_data["name"].split())
        return str(self.user.name)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
