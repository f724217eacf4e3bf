"""The log of which models were chosen, and how likely each choice was."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from feedback.identifiers import Row, new_public_id
from feedback.people.models import Contributor
from feedback.pool.models import Turn


class ModelRoute(Row):
    """One routing decision. `considered`: `[{"version", "label", "score", "propensity"}]`."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, null=True, related_name="routes")
    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True)
    policy = models.CharField(max_length=16)
    considered = models.JSONField()
    chosen = ArrayField(models.UUIDField())  # model versions, in the order to show
    pair_propensity = models.FloatField()
    router_version = models.CharField(max_length=64)
    fallback = models.CharField(max_length=64, blank=True)  # why the prompt was not used
    latency_ms = models.FloatField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(pair_propensity__gt=0, pair_propensity__lte=1),
                name="model_route_propensity_in_0_1",
            )
        ]

    def __str__(self) -> str:
        return f"route {self.public_id}"
