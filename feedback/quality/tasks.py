"""Background work of quality."""

from celery import shared_task

from feedback.quality.priorities import priorities_follow
from feedback.quality.services import quality_refresh


@shared_task(name="quality.refresh_consensus")
def refresh_consensus() -> None:
    """Beat: weigh the judgments anew where some came or went, and see what follows from it."""
    quality_refresh()
    priorities_follow()
