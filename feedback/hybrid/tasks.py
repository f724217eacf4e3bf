"""Background work of hybrid labelling."""

from celery import shared_task

from feedback.hybrid.services import campaigns_route


@shared_task(name="hybrid.route_labels")
def route_labels() -> None:
    """Beat: decide who labels what has come in."""
    campaigns_route()
