from typing import Any

import pytest

from partners.secrets import UnreadableSecret, decrypt, encrypt, ending

SECRET = "key/with+odd=letters é 東"


@pytest.mark.parametrize("keys", [[], ["one"], ["two", "one"]])
def test_secret_comes_back_as_it_was(settings: Any, keys: list[str]) -> None:
    settings.FIELD_ENCRYPTION_KEYS = keys
    sealed = encrypt(SECRET)
    assert decrypt(sealed) == SECRET
    assert SECRET not in sealed
    assert sealed.isascii()


def test_secret_is_sealed_differently_each_time() -> None:
    assert encrypt(SECRET) != encrypt(SECRET)


def test_secret_can_be_read_with_an_old_key_that_is_still_listed(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["old"]
    sealed = encrypt(SECRET)
    settings.FIELD_ENCRYPTION_KEYS = ["new", "old"]
    assert decrypt(sealed) == SECRET


def test_secret_is_sealed_with_the_newest_key(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["new", "old"]
    sealed = encrypt(SECRET)
    settings.FIELD_ENCRYPTION_KEYS = ["new"]
    assert decrypt(sealed) == SECRET


def test_secret_without_listed_keys_is_sealed_with_the_secret_key(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    sealed = encrypt(SECRET)
    settings.FIELD_ENCRYPTION_KEYS = [settings.SECRET_KEY]
    assert decrypt(sealed) == SECRET


@pytest.mark.parametrize("change", ["key", "text", "empty", "nonsense", "not_ascii"])
def test_secret_that_no_key_opens_says_what_to_do(settings: Any, change: str) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["one"]
    sealed = encrypt(SECRET)
    if change == "key":
        settings.FIELD_ENCRYPTION_KEYS = ["other"]
    texts = {"text": sealed[:-3] + "xyz", "empty": "", "nonsense": "nonsense", "not_ascii": "é"}
    with pytest.raises(UnreadableSecret, match="connect the account again") as raised:
        decrypt(texts.get(change, sealed))
    assert (raised.value.kind, raised.value.retryable) == ("unreadable_secret", False)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("secret", "shown"), [("0123456789ab", "89ab"), ("0123456789a", ""), ("", ""), ("é" * 11 + "ø東", "ééø東")]
)
def test_ending_of_a_secret_is_shown_only_of_a_long_one(secret: str, shown: str) -> None:
    assert ending(encrypt(secret)) == shown
