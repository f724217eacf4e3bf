"""Vectors of prompts: known by the hash of their content and by the encoder that gave them."""

from typing import Any

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast
from pgvector.django import HnswIndex, VectorField

from feedback.identifiers import Row

INDEXED_DIMENSION = 384  # of the packaged encoder
VERSION_SHOWN = 24  # letters: a fingerprint of ours whole, with its window


class PromptEncoder(Row):
    """An encoder as its server names it; `version` is the fingerprint that it tells, if any.

    The one that was adopted last is in use: prompts are compared among its vectors alone. The one
    that was seen last is what the inference server has now.
    """

    name = models.CharField(max_length=200)
    version = models.CharField(max_length=64, blank=True)
    dimension = models.PositiveIntegerField()
    seen_at = models.DateTimeField(auto_now_add=True)
    adopted_at = models.DateTimeField(null=True)
    walked = models.UUIDField(null=True)  # the cursor: prompts up to this turn have been encoded

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name", "version", "dimension"], name="prompt_encoder_unique"
            ),
            # The target of the composite key that gives a vector its encoder's dimension.
            models.UniqueConstraint(fields=["id", "dimension"], name="prompt_encoder_id_dimension"),
        ]

    def __str__(self) -> str:
        version = f" {self.version[:VERSION_SHOWN]}" if self.version else ""
        return f"{self.name}{version} ({self.dimension} numbers)"


class PromptVector(Row):
    """The vector [dimension] of a prompt, which is known by its hash, as `Turn` has it.

    A turn does not own its vector: the same text asked twice is encoded once.
    """

    content_hash = models.BinaryField(max_length=32)
    encoder = models.ForeignKey(PromptEncoder, on_delete=models.CASCADE, related_name="vectors")
    dimension = models.PositiveIntegerField()
    vector: Any = VectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["content_hash", "encoder"], name="prompt_vector_unique")
        ]
        indexes = [
            HnswIndex(
                OpClass(
                    Cast("vector", VectorField(dimensions=INDEXED_DIMENSION)),
                    name="vector_cosine_ops",
                ),
                condition=Q(dimension=INDEXED_DIMENSION),
                name="prompt_vector_near",
            )
        ]

    def __str__(self) -> str:
        return f"prompt {bytes(self.content_hash).hex()[:12]}"
