"""Background work of publication."""

from celery import shared_task

from feedback.publication.services import due_publish


@shared_task(name="publication.publish_due")
def publish_due() -> None:
    """Beat: make public what has waited long enough."""
    due_publish()
