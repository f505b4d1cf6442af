"""What admins type under /settings/, checked before Debitura is asked. A key that was typed is never shown again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django import forms
from django.http import QueryDict

from partners.connecting import COLLECTION_API, OfAnotherPartner, check_is_elsewhere, check_lifecycle_path
from partners.debitura.errors import DebituraError, InsecureAddress
from partners.models import PartnerAccount

LONGEST_KEY = 500
# Which kinds of error speak of the address, and which of the key.
_OF_ADDRESS = frozenset({"insecure_address", "not_found", "redirected", "unreachable"})
_OF_KEY = frozenset({"unusable_key", "unusable_secret", "unauthorized"})
_WRONG_KEY = "Debitura rejects this key. Check that it is the whole key, and one for this API."
_PASTE_KEY = "Paste the new key."
_KEY_FOR_ADDRESS = (
    "Paste the key, too. The stored one was given for another address, and is not sent to a new one, whose owner would have it "
    "then."
)


class AccountForm(forms.Form):
    """What an account is called, and how its people prove who they are.

    The hidden first values tell what somebody has changed: what they left alone, others may have changed meanwhile.
    """

    name = forms.CharField(
        max_length=200,
        show_hidden_initial=True,
        help_text="What people read; links and commands keep the short name.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    requires_second_factor = forms.BooleanField(
        required=False, show_hidden_initial=True, label="Show this account only to people with a second factor"
    )

    def clean_name(self) -> str:
        """On one line: it stands in subjects of mail and names of files."""
        return " ".join(str(self.cleaned_data["name"]).split())

    @property
    def changes(self) -> dict[str, Any]:
        """What was changed, by column."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class SecretForm(forms.Form):
    """A secret that is written and never read. seen: when the one was set of which the page told."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    key = forms.CharField(
        required=False,
        max_length=LONGEST_KEY,
        label="New key",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: QueryDict | None, *, prefix: str, set_at: datetime | None, **initial: str) -> None:
        super().__init__(data, prefix=prefix, initial={"seen": _instant(set_at), **initial})

    def missed(self, before: datetime | None) -> bool:
        """Whether the secret that was replaced, set at `before`, is not the one of which the page told."""
        return _instant(before) != str(self.cleaned_data["seen"])

    def add_refusal(self, error: DebituraError | OfAnotherPartner) -> None:
        """Say why it is not stored, at the field that it is about."""
        if isinstance(error, OfAnotherPartner):
            text = f"{error} Its figures must not replace those of this account: it needs an account of its own."
            self.add_error("key", text)
        elif error.kind in _OF_KEY:
            self.add_error("key", _WRONG_KEY if error.status == HTTPStatus.UNAUTHORIZED else str(error))
        else:
            self.add_error("base_url" if error.kind in _OF_ADDRESS else None, str(error))


class AddressedForm(SecretForm):
    """A key and the address that it is for."""

    stored_url: str
    base_url = forms.CharField(
        max_length=300,
        label="Base URL",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_base_url(self) -> str:
        """An address that is new here must not lead to this machine."""
        base_url = str(self.cleaned_data["base_url"]).rstrip("/")
        if base_url != self.stored_url:
            _refuse_insecure(check_is_elsewhere, base_url)
        return base_url

    def clean(self) -> dict[str, Any]:
        if not self.cleaned_data.get("key") and "key" not in self.errors and not self.has_enough_without_key():
            has_moved = self.cleaned_data.get("base_url", self.stored_url) != self.stored_url
            self.add_error("key", _KEY_FOR_ADDRESS if has_moved and self.stored_url else _PASTE_KEY)
        return self.cleaned_data

    def has_enough_without_key(self) -> bool:
        """Whether something else was changed, for which no key is needed."""
        return False


class KeyForm(AddressedForm):
    """The key of the Referral Partner API."""

    def __init__(self, account: PartnerAccount, data: QueryDict | None = None) -> None:
        self.stored_url = account.base_url
        super().__init__(data, prefix="referral", set_at=account.api_key_set_at, base_url=account.base_url)


class CollectionForm(AddressedForm):
    """The key of the Collection Partner API, and where that is told of changed references."""

    lifecycle_path = forms.CharField(
        required=False,
        max_length=200,
        label="Lifecycle path",
        help_text=(
            "Where Debitura takes the state of a case, such as <code>/cases/{id}/lifecycle</code>: changed references are told "
            "there. Empty: nowhere."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, account: PartnerAccount, data: QueryDict | None = None) -> None:
        self.stored_url, self.stored_path = account.collection_base_url, account.lifecycle_path
        super().__init__(
            data,
            prefix="collection",
            set_at=account.collection_key_set_at,
            base_url=self.stored_url or COLLECTION_API,
            lifecycle_path=self.stored_path,
        )

    def clean_lifecycle_path(self) -> str:
        path = str(self.cleaned_data["lifecycle_path"])
        _refuse_insecure(check_lifecycle_path, path)
        return path

    def has_enough_without_key(self) -> bool:
        """Only the path was changed."""
        same_address = bool(self.stored_url) and self.cleaned_data.get("base_url") == self.stored_url
        return same_address and self.cleaned_data.get("lifecycle_path", self.stored_path) != self.stored_path


class WebhookForm(SecretForm):
    """The secret that Debitura shows when a webhook is made."""

    def __init__(self, account: PartnerAccount, data: QueryDict | None = None) -> None:
        super().__init__(data, prefix="webhook", set_at=account.webhook_secret_set_at)
        self.fields["key"].label = "New secret"

    def clean_key(self) -> str:
        if not self.cleaned_data["key"]:
            raise forms.ValidationError("Paste the new secret.")
        return str(self.cleaned_data["key"])


def _refuse_insecure(check: Callable[[str], None], value: str) -> None:
    try:
        check(value)
    except InsecureAddress as error:
        raise forms.ValidationError(str(error)) from None


def _instant(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
