"""How far a contributor has come along a campaign's line."""

from django.db import models

from feedback.campaigns.models import Campaign
from feedback.people.models import Contributor


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
