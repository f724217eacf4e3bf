"""Answers that say what their version is like."""

from django.db.models import QuerySet

from feedback.pool.models import Response, ResponseState


def recorded_answers() -> QuerySet[Response]:
    """Return the answers in circulation to the prompt as it is: complete, with text."""
    finished = Response.objects.in_circulation().filter(state=ResponseState.FINISHED)
    return finished.filter(own_messages__isnull=True).exclude(text="")
