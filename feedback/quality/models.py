"""What the raters together say, and how far each can be relied on."""

from django.db import models
from django.db.models import F, Q

from feedback.identifiers import Row
from feedback.people.models import Rater
from feedback.pool.models import Comparison


class Consensus(Row):
    """The posterior over the four choices of a comparison (Dawid–Skene over people and judges)."""

    comparison = models.OneToOneField(
        Comparison, on_delete=models.CASCADE, related_name="consensus"
    )
    p_a = models.FloatField()
    p_b = models.FloatField()
    p_tie = models.FloatField()
    p_both_bad = models.FloatField()
    n_human = models.PositiveIntegerField()
    n_ai = models.PositiveIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(p_a__gte=0, p_b__gte=0, p_tie__gte=0, p_both_bad__gte=0)
                & Q(p_a__lt=1.000001 - F("p_b") - F("p_tie") - F("p_both_bad"))
                & Q(p_a__gt=0.999999 - F("p_b") - F("p_tie") - F("p_both_bad")),
                name="consensus_is_a_distribution",
            )
        ]

    def __str__(self) -> str:
        return f"consensus of {self.comparison_id}"


class RaterReliability(Row):
    """A rater's estimated chance of naming the consensus, and the judgments behind it."""

    rater = models.OneToOneField(Rater, on_delete=models.CASCADE, related_name="reliability")
    accuracy = models.FloatField()
    judgments = models.PositiveIntegerField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.rater} {self.accuracy:.2f}"
