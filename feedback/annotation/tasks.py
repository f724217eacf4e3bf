"""Background work of the queue."""

from celery import shared_task

from feedback.annotation.services import assignments_expire


@shared_task(name="annotation.expire_leases")
def expire_leases() -> None:
    """Beat: give back what people took and left."""
    assignments_expire()
