"""Writes about quality: all that follows from the judgments, read once."""

from django.db import transaction
from django.utils import timezone

from feedback.database.locks import Lock, transaction_try_lock
from feedback.quality.agreement.services import agreements_refresh
from feedback.quality.consensus import consensus_write
from feedback.quality.judgments import Judgments, judgments_load
from feedback.quality.raters.quarantine import quarantine_refresh, without_quarantined
from feedback.quality.selectors import consensus_is_stale


def quality_refresh(*, even_if_current: bool = False) -> int:
    """Weigh all judgments anew, check their raters, and see what follows from it.

    Nothing is done where no judgment came or went. All of it reads the same judgments, so that
    the pool is read once; who goes into quarantine no longer counts for agreement. Return how many
    raters did.
    """
    judgments, changed = _consensus(even_if_current=even_if_current)
    if judgments is None or not (changed or even_if_current):
        return 0
    quarantined = quarantine_refresh(judgments)
    agreements_refresh(without_quarantined(judgments))
    return quarantined


def consensus_refresh(*, even_if_current: bool = False) -> int:
    """Weigh all active judgments anew; return how many consensus rows changed.

    Nothing is done where no judgment came or went, or where another process is at it.
    """
    _judgments, changed = _consensus(even_if_current=even_if_current)
    return changed


def _consensus(*, even_if_current: bool) -> tuple[Judgments | None, int]:
    """Return the judgments that were read, if any were, and how many rows changed."""
    with transaction.atomic():
        if not transaction_try_lock(Lock.CONSENSUS):
            return None, 0
        if not even_if_current and not consensus_is_stale():
            return None, 0
        now = timezone.now()
        judgments = judgments_load()
        return judgments, consensus_write(judgments.active_only(), now)
