import pytest

from accounts.forms import ProfileForm, SignInForm, time_zone_names
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["Europe/Copenhagen", "Asia/Kathmandu", "America/Argentina/Buenos_Aires", "UTC"])
def test_time_zone_names_hold_what_people_use(name):
    assert time_zone_names().count(name) == 1


@pytest.mark.parametrize("name", ["Etc/GMT+5", "US/Pacific", "EST", "posixrules"])
def test_time_zone_names_leave_out_old_and_technical_ones(name):
    assert name not in time_zone_names()


@pytest.mark.parametrize(
    ("guess", "kept"),
    [
        ("Europe/Copenhagen", "Europe/Copenhagen"),
        ("", ""),
        ("Nowhere/Atlantis", ""),
        ("../../etc/passwd", ""),
        ("A\0B", ""),
    ],
)
def test_sign_in_keeps_a_known_time_zone_and_survives_any_other(guess, kept):
    make_user("maria@example.com", password="a long enough pass phrase")
    data = {"username": "maria@example.com", "password": "a long enough pass phrase", "time_zone": guess}
    form = SignInForm(data=data)
    form.full_clean()
    assert form.cleaned_data.get("time_zone", "") == kept


def test_profile_offers_a_zone_under_an_old_name_to_who_has_it():
    user = make_user(time_zone="US/Pacific")
    form = ProfileForm({"name": "", "time_zone": "US/Pacific", "theme": "dark"}, instance=user)
    assert form.is_valid()


def test_profile_refuses_an_unknown_zone():
    form = ProfileForm({"name": "", "time_zone": "Nowhere/Atlantis", "theme": "dark"}, instance=make_user())
    assert list(form.errors) == ["time_zone"]
