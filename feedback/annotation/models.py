"""One contributor's hold of one task, and how far they have come along a campaign's line."""

from django.db import models
from django.db.models import Q

from feedback.campaigns.models import Campaign, Task
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
    # Each of these two is the first column of another index.
    task = models.ForeignKey(
        Task, on_delete=models.PROTECT, related_name="assignments", db_index=False
    )
    contributor = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, related_name="assignments", db_index=False
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
            # What a person holds, and what they have answered since midnight.
            models.Index(fields=["contributor", "state", "finished_at"]),
        ]

    def __str__(self) -> str:
        return f"assignment {self.token}"


class Place(models.Model):
    """Where a contributor stands in a campaign's line: a shortcut past the tasks they have met.

    A place is only a hint, forgotten after a while (`leasing`): whether a task may be theirs is
    decided by their assignments and judgments. Ranks are negative priorities, so that the line
    ascends.
    """

    pk = models.CompositePrimaryKey("contributor", "campaign")
    contributor = models.ForeignKey(
        Contributor, on_delete=models.CASCADE, related_name="places", db_index=False
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="places")
    rank = models.FloatField(null=True)  # of the task last taken; with its shuffle key
    shuffle_key = models.BigIntegerField(null=True)
    first_rank = models.FloatField(null=True)  # of the line's first task, when the walk began
    began_at = models.DateTimeField()
    steps = models.PositiveIntegerField(default=0)  # tasks taken since
    empty_at = models.DateTimeField(null=True)  # when the whole line had nothing for them

    def __str__(self) -> str:
        return f"{self.contributor_id} in {self.campaign_id}"
