"""One contributor's hold of one task."""

from django.db import models
from django.db.models import Q

from feedback.campaigns.models import Task
from feedback.identifiers import Row, new_public_id
from feedback.people.models import Contributor
from feedback.pool.models import Order


class AssignmentState(models.TextChoices):
    """A hold is live until it is answered, put back, or runs out."""

    LIVE = "live"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class SkipReason(models.TextChoices):
    """Why a task was put back; none of these is a judgment."""

    CANNOT_JUDGE = "cannot_judge"
    UNSAFE = "unsafe"
    BROKEN = "broken"
    OTHER = "other"


class Assignment(Row):
    """A lease with a token: who comes back with an old token is told so."""

    token = models.CharField(max_length=32, unique=True, default=new_public_id)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="assignments")
    contributor = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, related_name="assignments"
    )
    order_shown = models.CharField(max_length=2, choices=Order)
    state = models.CharField(max_length=16, choices=AssignmentState, default=AssignmentState.LIVE)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    skip_reason = models.CharField(max_length=16, choices=SkipReason, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["task", "contributor"], name="assignment_once_per_contributor"
            )
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state=AssignmentState.LIVE),
                name="assignment_live",
            ),
            models.Index(fields=["contributor", "state"]),
        ]

    def __str__(self) -> str:
        return f"assignment {self.token}"
