"""What the raters together say, how far each can be relied on, and what came of that."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from feedback.campaigns.models import Campaign
from feedback.identifiers import Row
from feedback.people.models import Contributor, Rater
from feedback.pool.models import Comparison
from feedback.quality.checks import CHECKS

CHECK_CHOICES = [(check.kind, check.label) for check in CHECKS.values()]


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
    """A rater's estimated chance of naming the consensus, and the judgments behind it.

    `confusion` is the estimated matrix, truth by row, in the order of the choices. `compared`
    counts judgments of what others judged too; in those the others are right about what the
    rater said with mean chance `agreement`, 95 % interval `low` to `high`.
    """

    rater = models.OneToOneField(Rater, on_delete=models.CASCADE, related_name="+")
    accuracy = models.FloatField()
    judgments = models.PositiveIntegerField()
    confusion = models.JSONField(default=list)
    compared = models.PositiveIntegerField(default=0)
    agreement = models.FloatField(null=True)
    low = models.FloatField(default=0.0)
    high = models.FloatField(default=1.0)
    skill = models.FloatField(default=1.0)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.rater} {self.accuracy:.2f}"


class QualitySignalQuerySet(models.QuerySet["QualitySignal"]):
    """Findings of the checks, by what they come to."""

    def concerns(self) -> Self:
        """Keep the findings that pass their threshold."""
        return self.filter(concern=True)


class QualitySignal(Row):
    """What one check found of one rater: a statistic, its threshold, the judgments behind it.

    `concern` says that the threshold is passed; `evidence` holds keys of judgments, the newest of
    those that made it so. `since` is when it first was a concern.
    """

    rater = models.ForeignKey(Rater, on_delete=models.CASCADE, related_name="signals")
    kind = models.CharField(max_length=16, choices=CHECK_CHOICES)
    statistic = models.FloatField()
    threshold = models.FloatField()
    n = models.PositiveIntegerField()
    concern = models.BooleanField()
    evidence = ArrayField(models.UUIDField(), default=list)
    since = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    objects = QualitySignalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rater", "kind"], name="signal_once_a_kind"),
            models.CheckConstraint(condition=Q(kind__in=list(CHECKS)), name="signal_kind_is_known"),
        ]
        indexes = [models.Index(fields=["since"], condition=Q(concern=True), name="signal_concern")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.rater}"


class StandingState(models.TextChoices):
    """Whether a rater's judgments count; it always has a reason and can be lifted."""

    COUNTED = "counted", _("Counted")
    QUARANTINED = "quarantined", _("Quarantined")


class RaterStandingQuerySet(models.QuerySet["RaterStanding"]):
    """Raters by whether their judgments count."""

    def quarantined(self) -> Self:
        """Keep those whose judgments do not count now."""
        return self.filter(state=StandingState.QUARANTINED)


class RaterStanding(Row):
    """Whether a rater is in quarantine, and why. Where a person decided, the rules do not."""

    rater = models.OneToOneField(Rater, on_delete=models.CASCADE, related_name="standing")
    state = models.CharField(max_length=16, choices=StandingState, default=StandingState.COUNTED)
    reason = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True)
    changed_at = models.DateTimeField()

    objects = RaterStandingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=StandingState.QUARANTINED, reason=""),
                name="standing_quarantine_has_a_reason",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rater} {self.state}"


class CampaignAgreement(Row):
    """Krippendorff's alpha of some ratings with its 95 % interval; none where nothing varies.

    Without a campaign: all judgments. `aspect` is empty for the choice itself; `cohort` names
    who judged: all, a kind of rater, a trust tier, a field of expertise.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, null=True, related_name="+")
    aspect = models.CharField(max_length=64, blank=True)
    cohort = models.CharField(max_length=80)
    level = models.CharField(max_length=8)
    alpha = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    units = models.PositiveIntegerField()
    ratings = models.PositiveIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "aspect", "cohort", "level"],
                name="agreement_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"agreement {self.campaign_id} {self.aspect} {self.cohort}"
