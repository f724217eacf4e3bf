"""Training runs, what they made, and what replaced what."""

from typing import Any, Self

from django.db import models
from django.db.models import Func, Q, Value
from pgvector.django import VectorField

from feedback.identifiers import Row
from feedback.people.models import Contributor
from feedback.registry.models import ModelVersion
from feedback.training.promotion.verdict_text import FAILED, verdict_text


class Kind(models.TextChoices):
    """What can be trained from the pool."""

    REWARD = "reward"
    EMBEDDING = "embedding"
    POLICY = "policy"
    RANKING = "ranking"


class RunState(models.TextChoices):
    """The life of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = [RunState.QUEUED, RunState.RUNNING]
WITHOUT_RESULT = [RunState.FAILED, RunState.CANCELLED]  # what went into these may go in again

_NEXT_NUMBER = Func(
    Value("feedback_run_number"), function="nextval", output_field=models.BigIntegerField()
)


class TrainingRun(Row):
    """One retraining. The row is the truth: workers claim it by a lease and an attempt number."""

    number = models.BigIntegerField(unique=True, editable=False, db_default=_NEXT_NUMBER)
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=RunState, default=RunState.QUEUED)
    config = models.JSONField(default=dict)
    config_digest = models.CharField(max_length=64)
    snapshot_digest = models.CharField(max_length=64, blank=True)  # blank until it is written
    code_version = models.CharField(max_length=64)
    seed = models.IntegerField(default=0)
    requested_by = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True)
    schedule = models.CharField(max_length=200, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=200, blank=True)
    cancel_requested = models.BooleanField(default=False)
    phase = models.CharField(max_length=64, blank=True)
    progress = models.FloatField(default=0.0)
    metrics = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    log = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "snapshot_digest", "config_digest", "code_version", "seed"],
                condition=~Q(snapshot_digest="") & ~Q(state__in=WITHOUT_RESULT),
                name="run_unique_by_what_goes_in",
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="run_kind_is_known"),
            models.CheckConstraint(
                condition=Q(progress__gte=0, progress__lte=1), name="run_progress_in_0_1"
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=UNFINISHED),
                name="run_unfinished",
            )
        ]

    def __str__(self) -> str:
        return f"run {self.number} ({self.kind})"

    @property
    def is_unfinished(self) -> bool:
        """Return whether the run is queued or running."""
        return self.state in UNFINISHED


class RunEvent(models.Model):
    """A point of a run's curves, as the training child reported it."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="events")
    attempt = models.PositiveSmallIntegerField()
    step = models.PositiveIntegerField()
    phase = models.CharField(max_length=64)
    metrics = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["run", "attempt", "step"])]

    def __str__(self) -> str:
        return f"{self.phase} {self.step}"


class CheckpointState(models.TextChoices):
    """What became of an artifact."""

    CANDIDATE = "candidate"
    LIVE = "live"
    REFUSED = "refused"
    REPLACED = "replaced"


class CheckpointQuerySet(models.QuerySet["Checkpoint"]):
    """Filters of checkpoints that several domains share."""

    def live(self, kind: Kind | None = None) -> Self:
        """Keep the checkpoints in use: of one kind at most one, or those of all kinds."""
        found = self.filter(state=CheckpointState.LIVE)
        return found if kind is None else found.filter(kind=kind)


class Checkpoint(Row):
    """A trained artifact: its files with SHA-256, its metrics, and the model version it became."""

    run = models.OneToOneField(TrainingRun, on_delete=models.PROTECT, related_name="checkpoint")
    kind = models.CharField(max_length=16, choices=Kind)
    version = models.PositiveIntegerField()  # v1, v2 … of its kind
    path = models.CharField(max_length=500)
    digest = models.CharField(max_length=64)
    files = models.JSONField()
    metrics = models.JSONField(default=dict)
    state = models.CharField(
        max_length=16, choices=CheckpointState, default=CheckpointState.CANDIDATE
    )
    verdict = models.JSONField(default=dict)  # of the gate: a code and numbers (verdict_text)
    model_version = models.OneToOneField(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="checkpoint"
    )

    objects = CheckpointQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "version"], name="checkpoint_version_unique"),
            models.UniqueConstraint(
                fields=["kind"],
                condition=Q(state=CheckpointState.LIVE),
                name="checkpoint_one_live_per_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} v{self.version}"

    @property
    def reason(self) -> str:
        """Return why the gate promoted, kept or refused it, in the active language."""
        return verdict_text(self.verdict)

    @property
    def has_failed_gate(self) -> bool:
        """Say whether the gate found it to be no good, whoever promoted it since."""
        return self.verdict.get("code") in FAILED


class Promotion(Row):
    """What replaced what, on which evidence; by the gate or by a person."""

    kind = models.CharField(max_length=16, choices=Kind)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="promotions")
    replaced = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, null=True, related_name="+")
    evidence = models.JSONField(default=dict)
    decided_by = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True)

    def __str__(self) -> str:
        return f"{self.checkpoint} promoted"


class ModelVector(Row):
    """Where a model version lies in a trained embedding (trainers/model_map.py).

    The distance of two is how much their expected scores differ; the first two numbers are the map.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="vectors")
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="vectors")
    vector: Any = VectorField()
    seen = models.PositiveIntegerField()  # how often training saw it, in outcomes and judgments

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["checkpoint", "version"], name="model_vector_unique")
        ]

    def __str__(self) -> str:
        return f"{self.version_id} in {self.checkpoint_id}"
