"""Background work of the ranking."""

from celery import shared_task

from feedback.ranking.influence import influence_refresh
from feedback.ranking.services import (
    check_refresh,
    style_tally_fold,
    styled_boards_refresh,
    tally_fold,
)


@shared_task(name="ranking.fold_tally")
def fold_tally() -> None:
    """Beat: keep what rankings read small, and what takes long to compute from it at hand."""
    tally_fold()
    style_tally_fold()
    influence_refresh()
    styled_boards_refresh()


@shared_task(name="ranking.check")
def check() -> None:
    """Beat: check how far the ranking may be believed."""
    check_refresh()
