"""Which passwords are refused beyond Django's own rules. Nobody outside is asked whether one has leaked."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError

from accounts.models import User

# What somebody who guesses at a password of this product begins with.
OWN_WORDS = (
    "feeboard",
    "debitura",
    "dashboard",
    "referral",
    "password",
    "passwort",
    "welcome",
    "admin",
    "login",
    "letmein",
)
# Letters that have to be left when those are taken away.
LETTERS_LEFT = 6
_NO_LETTERS = re.compile(r"[\W\d_]+")


class OwnWordsValidator:
    """Refuses "Feeboard-2026!": words of this product and of every list, made longer with digits and signs."""

    def validate(self, password: str, user: User | None = None) -> None:
        rest = password.lower()
        for word in OWN_WORDS:
            rest = rest.replace(word, "")
        if rest != password.lower() and len(_NO_LETTERS.sub("", rest)) < LETTERS_LEFT:
            raise ValidationError(
                "This password is little more than a word that everybody tries first.", code="own_words"
            )

    def get_help_text(self) -> str:
        return "Your password can’t be little more than “feeboard”, “password” or a word like them."
