"""Campaigns and the comparisons they want judged."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from feedback.identifiers import Row
from feedback.pool.models import Choice, Comparison


class CampaignState(models.TextChoices):
    """Whether a campaign hands out tasks."""

    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class Campaign(Row):
    """What is to be labelled, how often, and how many human judgments it may spend."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    guidelines = models.TextField(blank=True)
    aspects = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    overlap = models.PositiveSmallIntegerField(default=1)
    human_budget = models.PositiveIntegerField(null=True)  # None: every task goes to people
    explore_share = models.FloatField(default=0.1)
    source = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=8, choices=CampaignState, default=CampaignState.OPEN)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1), name="campaign_overlap_positive"),
            models.CheckConstraint(
                condition=Q(explore_share__gte=0, explore_share__lte=1),
                name="campaign_explore_share_in_0_1",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GoldItem(Row):
    """A comparison whose right answer a campaign knows."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="gold_items")
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="+")
    choice = models.CharField(max_length=8, choices=Choice)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "comparison"], name="gold_item_unique")
        ]

    def __str__(self) -> str:
        return f"gold {self.comparison_id}"


class Task(Row):
    """A comparison to label in a campaign: `wanted` judgments, `taken` of them leased or given.

    `taken` is kept by a trigger on the assignments, so that overlap is exact whoever writes.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="tasks")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="tasks")
    wanted = models.PositiveSmallIntegerField()
    taken = models.PositiveSmallIntegerField(default=0)
    submitted = models.PositiveSmallIntegerField(default=0)
    priority = models.FloatField(default=0.0)
    shuffle_key = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "comparison"], name="task_unique"),
            models.CheckConstraint(
                condition=Q(taken__lte=F("wanted")), name="task_never_taken_beyond_overlap"
            ),
            models.CheckConstraint(
                condition=Q(submitted__lte=F("taken")), name="task_submitted_within_taken"
            ),
        ]
        indexes = [
            models.Index(
                F("campaign"),
                F("priority").desc(),
                F("shuffle_key"),
                condition=Q(taken__lt=F("wanted")),
                name="task_open",
            )
        ]

    def __str__(self) -> str:
        return f"task {self.id}"
