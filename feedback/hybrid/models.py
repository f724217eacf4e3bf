"""AI judges, and the decisions about who labels what."""

from django.db import models
from django.db.models import Q

from feedback.campaigns.models import Campaign
from feedback.identifiers import Row
from feedback.people.models import Rater
from feedback.pool.models import Comparison
from feedback.registry.models import ModelVersion


class AIJudge(Row):
    """A model with a prompt template, judging as a rater of its own."""

    rater = models.OneToOneField(Rater, on_delete=models.PROTECT, related_name="judge")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True)
    template = models.TextField(blank=True)  # blank for recorded labels: only their result is known
    template_version = models.CharField(max_length=32, default="recorded")
    calibration = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(version__isnull=True) | ~Q(template=""),
                name="judge_that_is_called_has_a_template",
            )
        ]

    def __str__(self) -> str:
        return str(self.rater)


class Destination(models.TextChoices):
    """Who labels a comparison."""

    HUMAN = "human"
    AI = "ai"
    BOTH = "both"


class LabelRoute(Row):
    """One decision: who labels this comparison, why, and with which probability."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="label_routes")
    comparison = models.ForeignKey(
        Comparison, on_delete=models.CASCADE, related_name="label_routes"
    )
    destination = models.CharField(max_length=8, choices=Destination)
    reason = models.CharField(
        max_length=32
    )  # disagreement, contradiction, uncertainty, exploration …
    gain = models.FloatField()
    propensity = models.FloatField()
    router_version = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "comparison", "router_version"], name="label_route_unique"
            ),
            models.CheckConstraint(
                condition=Q(propensity__gt=0, propensity__lte=1),
                name="label_route_propensity_in_0_1",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.comparison_id} to {self.destination}"
