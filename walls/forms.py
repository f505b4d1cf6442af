"""What an admin sets for a screen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from walls.models import BoardKey, Screen
from walls.pairing import LENGTH

_PLACES = ("First board", "Second board", "Third board", "Fourth board")


class ScreenForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's own class takes no parameter
    """Everything that a screen is set to. Its boards are chosen one by one, which gives their order."""

    class Meta:
        model = Screen
        fields = (
            "name",
            "place",
            "privacy",
            "time_zone",
            "numbers",
            "theme",
            "zoom",
            "rotation_seconds",
            "drift",
            "dark_after_minutes",
        )
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
            "place": forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
            "time_zone": forms.TextInput(attrs={"autocomplete": "off", "list": "zones"}),
            "privacy": forms.RadioSelect,
            "theme": forms.RadioSelect,
        }
        help_texts = {
            "name": "Such as “Sales, window side”.",
            "place": "Where it hangs: office, floor, room.",
            "time_zone": "Of its clocks, and of the months in its figures.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = list(self.instance.boards or BoardKey.values)
        for place, label in enumerate(_PLACES):
            choices = [("", "None"), *BoardKey.choices] if place else BoardKey.choices
            initial = chosen[place] if place < len(chosen) else ""
            self.fields[self.board_name(place)] = forms.ChoiceField(
                label=label, choices=choices, initial=initial, required=not place
            )

    @staticmethod
    def board_name(place: int) -> str:
        return f"board_{place + 1}"

    @property
    def board_fields(self) -> list[forms.BoundField]:
        return [self[self.board_name(place)] for place in range(len(_PLACES))]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        chosen = [values.get(self.board_name(place)) for place in range(len(_PLACES))]
        boards = [key for key in chosen if key]
        if len(set(boards)) < len(boards):
            raise ValidationError("A board is chosen twice. Choose each board once.")
        values["boards"] = boards
        return values

    def _post_clean(self) -> None:
        self.instance.boards = self.cleaned_data.get("boards") or self.instance.boards or []
        super()._post_clean()  # type: ignore[misc]  # Django's own, without a type


class ClaimForm(ScreenForm):
    """The settings of a new screen, and the code that it shows."""

    code = forms.CharField(
        label="Code on the screen",
        # With room for spaces and a hyphen.
        max_length=2 * LENGTH + 4,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        help_text="The screen shows it at /wall/. It changes every 15 minutes.",
    )
    field_order = ("code",)
