"""The log of routing decisions, and the pairs of models that thresholds choose between."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from feedback.identifiers import Row, new_public_id
from feedback.people.models import Contributor
from feedback.pool.models import Comparison, Turn
from feedback.registry.models import ModelVersion
from feedback.training.models import Checkpoint


class PolicyName(models.TextChoices):
    """The ways to choose from the posterior; the name of a threshold is a policy, too.

    `auto` explores where two models are compared and serves the best where one answers.
    """

    AUTO = "auto"
    BEST = "best"
    EXPLORE = "explore"


class ModelRouteQuerySet(models.QuerySet["ModelRoute"]):
    """Filters of decisions."""

    def blind(self) -> Self:
        """Keep decisions for duels whose model names the person has not seen yet."""
        compared = Comparison.objects.filter(turn=OuterRef("turn"))
        return self.filter(Exists(compared), turn__conversation__revealed_at__isnull=True)


class ModelRoute(Row):
    """One routing decision, kept as it was made: off-policy estimates and explanations read it.

    `considered`: `[{"version", "label", "score", "deviation", "propensity"}]`, where `score` is in
    [0, 1] and `deviation` is the standard deviation of its logit, and `held_back` is there where
    the model is clearly worse than all others. `constraints`: what was asked of
    the models, as `Constraints.asked` writes it. Where a threshold decided, `strong_chance` is how
    likely the strong model was believed to beat the weak one, and `threshold` the chance from
    which on it is shown.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, null=True, related_name="routes")
    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True)
    policy = models.CharField(max_length=64)  # a `PolicyName`, or the name of a threshold
    constraints = models.JSONField(default=dict)
    considered = models.JSONField()
    chosen = ArrayField(models.UUIDField())  # model versions, in the order to show
    pair_propensity = models.FloatField()  # of exactly these models in this order
    router_version = models.CharField(max_length=64)
    fallback = models.CharField(max_length=64, blank=True)  # why the prompt was not used
    latency_ms = models.FloatField()
    strong_chance = models.FloatField(null=True)
    threshold = models.FloatField(null=True)

    objects = ModelRouteQuerySet.as_manager()

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
    """A strong and a weak model, and the chance of the strong one from which on it is asked.

    RouteLLM's terms (arXiv 2406.18665): `share` of the prompts are for the strong model, and
    `threshold` on P(strong beats weak | prompt) is calibrated so that they are. `checkpoint` is
    the embedding that it was calibrated on, with `prompts` of them; null: not calibrated yet.
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
