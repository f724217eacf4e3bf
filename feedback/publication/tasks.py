"""Background work of publication."""

from celery import shared_task

from feedback.pool.lifecycle import judgments_publish


@shared_task(name="publication.publish_due")
def publish_due() -> None:
    """Publish what has waited long enough; run by beat."""
    judgments_publish()
