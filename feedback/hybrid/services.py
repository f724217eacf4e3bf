"""Writes about who labels what."""

from feedback.hybrid.models import AIJudge
from feedback.people.models import Rater, RaterKind


def judges_register() -> int:
    """Make every AI rater of an import an AI judge, whose labels are only recorded."""
    missing = Rater.objects.filter(kind=RaterKind.AI, judge=None)
    return len(AIJudge.objects.bulk_create(AIJudge(rater=rater) for rater in missing))
