"""Background work of quality."""

from celery import shared_task

from feedback.quality.agreements import agreements_refresh
from feedback.quality.quarantine import standings_refresh
from feedback.quality.services import consensus_refresh
from feedback.quality.uncertainty import priorities_follow


@shared_task(name="quality.refresh_consensus")
def refresh_consensus() -> None:
    """Beat: weigh the judgments anew where some came or went, and see what follows from it."""
    if consensus_refresh():
        standings_refresh()
        agreements_refresh()
    priorities_follow()
