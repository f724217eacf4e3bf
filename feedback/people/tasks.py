"""Background work about people."""

from celery import shared_task

from feedback.people.cache import cache_sweep
from feedback.people.rate_limits.limits import limits_sweep


@shared_task(name="people.sweep_limits")
def sweep_limits() -> None:
    """Beat: forget rate limits and cached values that have run out."""
    limits_sweep()
    cache_sweep()
