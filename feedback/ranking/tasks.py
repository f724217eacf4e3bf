"""Background work of the ranking."""

from celery import shared_task

from feedback.ranking.services import tally_fold


@shared_task(name="ranking.fold_tally")
def fold_tally() -> None:
    """Beat: keep what rankings read small."""
    tally_fold()
