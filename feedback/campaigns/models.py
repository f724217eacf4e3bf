"""Campaigns, the comparisons they want judged, and who has leased them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from feedback.campaigns.querysets import CampaignQuerySet, TaskQuerySet
from feedback.identifiers import Row, new_public_id
from feedback.people.models import Contributor, TrustTier
from feedback.pool.models import Choice, Comparison, Order
from feedback.registry.models import Topic


class CampaignState(models.TextChoices):
    """Whether a campaign hands out tasks."""

    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")


class TaskOrder(models.TextChoices):
    """Which task comes first; each is stored with the tasks, so that taking one stays cheap."""

    SHUFFLED = "shuffled", _("Shuffled")
    OLDEST = "oldest", _("Oldest first")
    UNCERTAIN = "uncertain", _("Most uncertain first")


class Campaign(Row):
    """What is to be labelled, by whom, how often, and how many human judgments it may spend."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    guidelines = models.TextField(blank=True)
    aspects = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    overlap = models.PositiveSmallIntegerField(default=1)
    human_budget = models.PositiveIntegerField(null=True)  # None: every task goes to people
    explore_share = models.FloatField(default=0.1)
    source = models.CharField(max_length=100, blank=True)
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, null=True, related_name="+")
    language = models.CharField(max_length=16, blank=True)
    order = models.CharField(max_length=16, choices=TaskOrder, default=TaskOrder.SHUFFLED)
    expertise = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    minimum_tier = models.SmallIntegerField(choices=TrustTier, default=TrustTier.ANONYMOUS)
    asks_strength = models.BooleanField(default=False)
    asks_rationale = models.BooleanField(default=False)
    reasons = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    gold_share = models.FloatField(default=0.1)
    state = models.CharField(max_length=8, choices=CampaignState, default=CampaignState.OPEN)

    objects = CampaignQuerySet["Campaign"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1), name="campaign_overlap_positive"),
            models.CheckConstraint(
                condition=Q(explore_share__gte=0, explore_share__lte=1),
                name="campaign_explore_share_in_0_1",
            ),
            models.CheckConstraint(
                condition=Q(gold_share__gte=0, gold_share__lte=1),
                name="campaign_gold_share_in_0_1",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def asks_more(self) -> bool:
        """Return whether a judgment takes more than one press."""
        return bool(self.aspects or self.reasons or self.asks_strength or self.asks_rationale)


class GoldMode(models.TextChoices):
    """Whether the person who judges a known answer learns of it afterwards."""

    SILENT = "silent", _("Silent")
    TRAINING = "training", _("Training")


class GoldItem(Row):
    """A comparison whose right answer a campaign knows."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="gold_items")
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="+")
    choice = models.CharField(max_length=8, choices=Choice)
    mode = models.CharField(max_length=8, choices=GoldMode, default=GoldMode.SILENT)
    explanation = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "comparison"], name="gold_item_unique")
        ]

    def __str__(self) -> str:
        return f"gold {self.comparison_id}"


class Task(Row):
    """A comparison to label in a campaign: `wanted` judgments, `taken` of them leased or given.

    `taken` and `submitted` follow the assignments (`sql/task_overlap.sql`), so that overlap is
    exact whoever writes.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="tasks")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="tasks")
    wanted = models.PositiveSmallIntegerField()
    taken = models.PositiveSmallIntegerField(default=0)
    submitted = models.PositiveSmallIntegerField(default=0)
    priority = models.FloatField(default=0.0)
    shuffle_key = models.BigIntegerField()
    is_gold = models.BooleanField(default=False)  # handed out by chance, not by its turn

    objects = TaskQuerySet["Task"].as_manager()

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
            # The queue that people work along (`annotation.leasing`); it ascends in both columns,
            # so that "after this one" is one range.
            models.Index(
                F("campaign"),
                F("priority") * -1,
                F("shuffle_key"),
                condition=Q(taken__lt=F("wanted")),
                name="task_line",
            ),
            models.Index(fields=["campaign"], condition=Q(is_gold=True), name="task_gold"),
        ]

    def __str__(self) -> str:
        return f"task {self.id}"


class AssignmentState(models.TextChoices):
    """A lease is live until it is answered, skipped, or expires."""

    LIVE = "live"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class SkipReason(models.TextChoices):
    """Why a task was skipped; none of these is a judgment."""

    CANNOT_JUDGE = "cannot_judge"
    UNSAFE = "unsafe"
    BROKEN = "broken"
    OTHER = "other"


class Assignment(Row):
    """One contributor's lease of a task, by a token: who comes back with an old one is told so."""

    token = models.CharField(max_length=32, unique=True, default=new_public_id)
    # Each of these two is the first column of another index.
    task = models.ForeignKey(
        Task, on_delete=models.PROTECT, related_name="assignments", db_index=False
    )
    contributor = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, related_name="assignments", db_index=False
    )
    order_shown = models.CharField(max_length=2, choices=Order)
    state = models.CharField(max_length=16, choices=AssignmentState, default=AssignmentState.LIVE)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    skip_reason = models.CharField(max_length=16, choices=SkipReason, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["task", "contributor"], name="assignment_once_per_contributor"
            )
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state=AssignmentState.LIVE),
                name="assignment_live",
            ),
            # What a person holds, and what they have answered since midnight.
            models.Index(fields=["contributor", "state", "finished_at"]),
        ]

    def __str__(self) -> str:
        return f"assignment {self.token}"
