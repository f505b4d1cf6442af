"""Reading pages as their readers do."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.utils.html import strip_tags

# A test's browser answers in a class of its own.
Answer = HttpResponse | Any


def words(response: Answer) -> str:
    """What a page says, without markup, each stretch of white space as one blank."""
    html = re.sub(r"<(script|datalist|select)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(strip_tags(html.replace("<", " <"))).split())


def card(response: HttpResponse, stage: str) -> str:
    """What the card of a stage says."""
    found = re.search(
        rf'<article class="card[^"]*" data-stage="{stage}">.*?</article>', response.content.decode(), re.DOTALL
    )
    assert found, f"no card of {stage}"
    return " ".join(unescape(strip_tags(found[0].replace("<", " <"))).split())


def links(response: Answer) -> list[str]:
    """The addresses that a page links to."""
    return [unescape(address) for address in re.findall(r'<a\b[^>]*?href="([^"]*)"', response.content.decode())]
