"""Background work of the screens. Thin: it says when, walls.darkness does it."""

from celery import shared_task
from django.utils import timezone

from walls import darkness


@shared_task
def tell_of_dark_screens() -> None:
    """Tell admins of screens that have gone dark."""
    darkness.tell_of_dark_screens(timezone.now())
