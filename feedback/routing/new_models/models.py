"""Posteriors of models since the live embedding was trained, and the calibration prompts."""

from typing import Any, Self

from django.db import models
from pgvector.django import VectorField

from feedback.identifiers import Row
from feedback.pool.models import Turn
from feedback.registry.models import ModelVersion
from feedback.routing.prompt_vectors.models import PromptEncoder
from feedback.training.models import Checkpoint


class PosteriorSource(models.TextChoices):
    """The ground of a posterior; one of evidence began with the one of calibration, if any."""

    CALIBRATION = "probe", "Probe"  # answers to the calibration prompts, which nobody has judged
    EVIDENCE = "evidence"  # outcomes and judgments


class ModelPosteriorQuerySet(models.QuerySet["ModelPosterior"]):
    """Filters of posteriors."""

    def resting_on(self, source: PosteriorSource, checkpoint: Checkpoint | None) -> Self:
        """Keep the posteriors in the space of one embedding that rest on `source`."""
        return self.filter(checkpoint=checkpoint, source=source)


class ModelPosterior(Row):
    """The Gaussian belief about a version's vector in the space of one embedding.

    `vector` [k]; `covariance` [k, k] as little-endian float64, row by row. `evidence` is a
    fingerprint of the observations that went in, so that a change of any of them is noticed.
    """

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="posteriors")
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="posteriors")
    source = models.CharField(max_length=16, choices=PosteriorSource)
    vector: Any = VectorField()
    covariance = models.BinaryField()
    observations = models.PositiveIntegerField()
    evidence = models.CharField(max_length=64)
    updated_at = models.DateTimeField()

    objects = ModelPosteriorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["checkpoint", "version", "source"], name="model_posterior_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(source__in=PosteriorSource.values),
                name="model_posterior_source_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} from {self.observations} observations ({self.source})"


class ProbePrompt(Row):
    """A calibration prompt: new models are asked it, and it stands for `weight` of all prompts."""

    turn = models.OneToOneField(Turn, on_delete=models.CASCADE, related_name="probe")
    weight = models.FloatField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(weight__gt=0, weight__lte=1), name="probe_weight_in_0_1"
            )
        ]

    def __str__(self) -> str:
        return f"probe {self.turn_id}"


class AnswerVector(Row):
    """The vector of an answer to a calibration prompt, known by the hash of its text."""

    text_hash = models.BinaryField(max_length=32)
    encoder = models.ForeignKey(PromptEncoder, on_delete=models.CASCADE, related_name="answers")
    vector: Any = VectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["text_hash", "encoder"], name="answer_vector_unique")
        ]

    def __str__(self) -> str:
        return f"answer {bytes(self.text_hash).hex()[:12]}"
