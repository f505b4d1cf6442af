"""What every error promises."""

import pickle

import pytest

from partners.debitura import errors
from partners.debitura.errors import DebituraError, RateLimited, ServerFailed

KINDS = {
    "InsecureAddress": ("insecure_address", False),
    "UnusableKey": ("unusable_key", False),
    "Unauthorized": ("unauthorized", False),
    "BadRequest": ("bad_request", False),
    "NotFound": ("not_found", False),
    "Redirected": ("redirected", False),
    "RateLimited": ("rate_limited", True),
    "ServerFailed": ("server_error", False),
    "Unreachable": ("unreachable", True),
    "NotSent": ("unreachable", True),
    "Malformed": ("malformed", True),
}


def test_every_error_is_listed_here():
    own = (name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, DebituraError))
    assert set(own) == {"DebituraError", *KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_error_tells_kind_message_and_whether_to_try_again(name):
    error = getattr(errors, name)("Something happened.")
    assert (error.kind, error.retryable) == KINDS[name]
    assert str(error) == error.message == "Something happened."


def test_error_is_unclear_where_the_work_may_have_been_done():
    assert {name for name in KINDS if getattr(errors, name)("x").unclear} == {
        "ServerFailed",
        "Unreachable",
        "Malformed",
    }


@pytest.mark.parametrize(
    ("status", "retryable"), [(500, True), (501, False), (502, True), (503, True), (504, True), (505, False)]
)
def test_server_failure_is_retryable_where_it_passes(status, retryable):
    assert ServerFailed("x", status=status).retryable is retryable


def test_error_survives_pickling_with_its_reason():
    error = RateLimited("Full.", retry_after=9.0)
    error.add_reason("Gave up.")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.status, copy.retry_after) == ("Full. Gave up.", 429, 9.0)
