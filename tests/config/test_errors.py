"""The pages for what went wrong."""

from __future__ import annotations

import re

import pytest
from django.test import Client, RequestFactory
from django.views.defaults import server_error

from tests.factories import make_user, sign_in_now


def heading(html: str) -> str:
    return str(re.findall(r"<h1>(.*?)</h1>", html)[0])


def test_unknown_address_has_a_page_for_anybody(client):
    response = client.get("/nothing/")
    assert (response.status_code, heading(response.content.decode())) == (404, "Nothing is here")


@pytest.mark.django_db
def test_unknown_address_keeps_the_navigation_of_who_is_signed_in(client):
    sign_in_now(client, make_user())
    assert '<nav class="nav"' in client.get("/nothing/").content.decode()


def test_request_for_another_host_has_a_page(client):
    response = client.get("/", headers={"Host": "evil.example"})
    assert (response.status_code, heading(response.content.decode())) == (400, "This request makes no sense to us")


@pytest.mark.django_db
def test_form_without_its_token_is_not_allowed():
    client = Client(enforce_csrf_checks=True)
    sign_in_now(client, make_user())
    response = client.post("/pulls/now/")
    assert (response.status_code, heading(response.content.decode())) == (403, "Not allowed")


def test_broken_page_has_one_that_needs_nothing(rf: RequestFactory):
    response = server_error(rf.get("/"))
    assert (response.status_code, heading(response.content.decode())) == (500, "Something broke on our side")


@pytest.mark.django_db
def test_pages_allow_no_inline_script_or_style(client):
    sign_in_now(client, make_user())
    response = client.get("/profile/")
    policy = response["Content-Security-Policy"].split("; ")
    assert {"script-src 'self'", "style-src 'self'", "default-src 'none'"} - set(policy) == set()
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", response.content.decode()) == []
