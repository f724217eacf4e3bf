"""The log of which models were chosen, and the pairs that thresholds choose between."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from feedback.identifiers import Row, new_public_id
from feedback.people.models import Contributor
from feedback.pool.models import Turn
from feedback.registry.models import ModelVersion
from feedback.training.models import Checkpoint


class ModelRoute(Row):
    """One routing decision.

    `considered`: `[{"version", "label", "score", "deviation", "propensity"}]`, where `deviation` is
    the standard deviation of the score's logit. `constraints`: what was asked of the models, as
    `feedback.routing.constraints.Constraints` writes it. `strong_chance` and `threshold`: how
    likely the strong model was believed to beat the weak one and from which chance on it is
    shown, where a threshold decided.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, null=True, related_name="routes")
    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True)
    policy = models.CharField(max_length=64)  # its name: of `PolicyName`, or of a threshold
    constraints = models.JSONField(default=dict)
    considered = models.JSONField()
    chosen = ArrayField(models.UUIDField())  # model versions, in the order to show
    pair_propensity = models.FloatField()
    router_version = models.CharField(max_length=64)
    fallback = models.CharField(max_length=64, blank=True)  # why the prompt was not used
    latency_ms = models.FloatField()
    strong_chance = models.FloatField(null=True)
    threshold = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(pair_propensity__gt=0, pair_propensity__lte=1),
                name="model_route_propensity_in_0_1",
            )
        ]

    def __str__(self) -> str:
        return f"route {self.public_id}"


class Threshold(Row):
    """A strong and a weak model, and from which chance of the strong one on it is worth asking.

    RouteLLM's terms (arXiv 2406.18665): `share` of the prompts are for the strong model, and
    `threshold` on P(strong beats weak | prompt) is calibrated so that they are. `checkpoint` is
    the embedding that it was calibrated on, with so many `prompts`; none: not calibrated yet.
    """

    name = models.SlugField(max_length=40, unique=True)
    strong = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    weak = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    share = models.FloatField()
    threshold = models.FloatField(null=True)
    prompts = models.PositiveIntegerField(default=0)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, null=True)
    calibrated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(share__gte=0.05, share__lte=0.95), name="threshold_share_5_to_95"
            ),
            models.CheckConstraint(
                condition=~Q(strong=F("weak")), name="threshold_of_two_versions"
            ),
            models.CheckConstraint(
                condition=Q(threshold=None) | Q(checkpoint__isnull=False),
                name="threshold_of_a_checkpoint",
            ),
        ]

    def __str__(self) -> str:
        return self.name
