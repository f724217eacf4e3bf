"""What was learned of a model since the live embedding was trained, and the probe put to it."""

from typing import Any

from django.db import models
from pgvector.django import VectorField

from feedback.identifiers import Row
from feedback.pool.models import Turn
from feedback.registry.models import ModelVersion
from feedback.routing.prompt_vectors.models import PromptEncoder
from feedback.training.models import Checkpoint


class PosteriorSource(models.TextChoices):
    """What a posterior rests on; one that rests on evidence began with the probe's, if any."""

    PROBE = "probe"  # the model's answers to the probe set, which nobody has judged
    EVIDENCE = "evidence"  # outcomes and judgments


class ModelPosterior(Row):
    """The Gaussian belief about a version's vector in the space of one embedding.

    `covariance`: k * k little-endian float64 numbers, row by row, for a vector of k numbers.
    `evidence` says which observations went in, so that a change of any of them is noticed.
    """

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="posteriors")
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="posteriors")
    source = models.CharField(max_length=16, choices=PosteriorSource)
    vector: Any = VectorField()
    covariance = models.BinaryField()
    observations = models.PositiveIntegerField()
    evidence = models.CharField(max_length=64)
    updated_at = models.DateTimeField()

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
    """A prompt that new models are asked; `weight`: the share of all prompts it stands for."""

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
    """What an encoder makes of an answer to the probe, known by the hash of its text."""

    text_hash = models.BinaryField(max_length=32)
    encoder = models.ForeignKey(PromptEncoder, on_delete=models.CASCADE, related_name="answers")
    vector: Any = VectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["text_hash", "encoder"], name="answer_vector_unique")
        ]

    def __str__(self) -> str:
        return f"answer {bytes(self.text_hash).hex()[:12]}"
