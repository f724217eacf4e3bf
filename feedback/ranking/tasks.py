"""Background work of the ranking."""

from celery import shared_task

from feedback.ranking.influence import influence_refresh
from feedback.ranking.services import (
    check_refresh,
    style_counts_compact,
    styled_boards_refresh,
    vote_counts_compact,
)


@shared_task(name="ranking.fold_tally")
def compact_vote_counts() -> None:
    """Beat: keep what rankings read small, and what takes long to compute from it at hand."""
    vote_counts_compact()
    style_counts_compact()
    influence_refresh()
    styled_boards_refresh()


@shared_task(name="ranking.check")
def check() -> None:
    """Beat: check how far the ranking may be believed."""
    check_refresh()
