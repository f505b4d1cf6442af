"""What the reader of a page may see, for what stands on pages that have no figures, too."""

from __future__ import annotations

from django import template
from django.template import Context

from accounts.access import Sight
from accounts.people import sights_seen

register = template.Library()


@register.simple_tag(takes_context=True)
def seen_here(context: Context) -> Sight | None:
    """The sight that the page is made for, or else the first one that its reader has; None for who has none."""
    sight: Sight | None = context.get("sight")
    if sight is not None or "request" not in context:
        return sight
    return next(iter(sights_seen(context["request"])), None)
