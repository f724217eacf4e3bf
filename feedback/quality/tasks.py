"""Background work of quality."""

from celery import shared_task

from feedback.quality.services import consensus_refresh


@shared_task(name="quality.refresh_consensus")
def refresh_consensus() -> None:
    """Beat: weigh the judgments anew where some came or went."""
    consensus_refresh()
