import pytest
from django.test import Client

from accounts.models import User
from tests.factories import make_user, sign_in_now


@pytest.fixture
def reader(db) -> User:
    """A person in Copenhagen."""
    return make_user()


@pytest.fixture
def signed_in(client: Client, reader: User) -> Client:
    """The browser of `reader`."""
    sign_in_now(client, reader)
    return client
