"""The deletion of old decisions that nobody judged."""

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from feedback.pool.models import Preference, Reaction
from feedback.routing.models import ModelRoute

KEPT = timedelta(days=90)
BATCH = 10_000  # rows of one call


def routes_collect() -> int:
    """Delete decisions past their time that no judgment and no reaction came of; return how many.

    The others stay: they are what a new router is judged on.
    """
    judged = Preference.objects.filter(comparison__turn=OuterRef("turn"))
    reacted = Reaction.objects.filter(response__turn=OuterRef("turn"))
    old = ModelRoute.objects.filter(created_at__lt=timezone.now() - KEPT)
    unused = old.exclude(Exists(judged)).exclude(Exists(reacted)).order_by("id")[:BATCH]
    deleted, _by_table = ModelRoute.objects.filter(pk__in=unused.values("pk")).delete()
    return deleted
