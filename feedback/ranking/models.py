"""The aggregate that rankings read."""

from django.db import models

from feedback.people.models import RaterKind
from feedback.registry.models import ModelVersion, Topic


class VoteTally(models.Model):
    """How many judgments of a kind a pair of versions has; appended to by a trigger.

    Rows are increments (negative when a judgment leaves the pool), so that two people who judge
    the same pair never wait for each other. A beat task folds them together. `outcome` is seen
    from `version_low`, the smaller key; `topic` is empty in the row that counts all topics.
    """

    version_low = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    version_high = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    outcome = models.CharField(max_length=8)  # low, high, tie, both_bad
    rater_kind = models.CharField(max_length=8, choices=RaterKind)
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, null=True, related_name="+")
    n = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["topic", "rater_kind"])]

    def __str__(self) -> str:
        return f"{self.n} × {self.outcome}"
