"""How far a contributor has come along the queue of a campaign."""

from django.db import models

from feedback.campaigns.models import Campaign
from feedback.people.models import Contributor


class Place(models.Model):
    """The cursor of a contributor in a campaign's queue: a shortcut past the tasks they have seen.

    A cursor is only a hint, forgotten after a while (`leasing`): whether a task may be theirs is
    decided by their assignments and judgments. Ranks are negative priorities, so that the queue
    ascends.
    """

    pk = models.CompositePrimaryKey("contributor", "campaign")
    contributor = models.ForeignKey(
        Contributor, on_delete=models.CASCADE, related_name="places", db_index=False
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="places")
    rank = models.FloatField(null=True)  # of the task last taken; with its shuffle key
    shuffle_key = models.BigIntegerField(null=True)
    first_rank = models.FloatField(null=True)  # of the first task in the queue when the scan began
    began_at = models.DateTimeField()
    steps = models.PositiveIntegerField(default=0)  # tasks taken since
    empty_at = models.DateTimeField(null=True)  # when the whole queue had nothing for them

    def __str__(self) -> str:
        return f"{self.contributor_id} in {self.campaign_id}"
