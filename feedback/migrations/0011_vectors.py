"""Vectors of prompts by their content and encoder; of model versions by their checkpoint."""

import django.db.models.deletion
from django.contrib.postgres.indexes import OpClass
from django.db import migrations, models
from django.db.models.functions import Cast
from pgvector.django import HnswIndex, VectorField

import feedback.identifiers

# The dimension that is written beside a vector is the vector's own and its encoder's.
DIMENSION = """
ALTER TABLE feedback_promptvector
  ADD CONSTRAINT prompt_vector_dimension CHECK (vector_dims(vector) = dimension),
  ADD CONSTRAINT prompt_vector_of_its_encoder FOREIGN KEY (encoder_id, dimension)
    REFERENCES feedback_promptencoder (id, dimension) DEFERRABLE INITIALLY DEFERRED;
"""
DIMENSION_BACK = """
ALTER TABLE feedback_promptvector
  DROP CONSTRAINT prompt_vector_dimension, DROP CONSTRAINT prompt_vector_of_its_encoder;
"""


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0010_search")]

    operations = [
        migrations.CreateModel(
            name="ModelVector",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=feedback.identifiers.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("vector", VectorField()),
                ("seen", models.PositiveIntegerField()),
                (
                    "checkpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="vectors",
                        to="feedback.checkpoint",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="vectors",
                        to="feedback.modelversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("checkpoint", "version"), name="model_vector_unique"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PromptEncoder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=feedback.identifiers.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=200)),
                ("version", models.CharField(blank=True, max_length=64)),
                ("dimension", models.PositiveIntegerField()),
                ("seen_at", models.DateTimeField(auto_now_add=True)),
                ("adopted_at", models.DateTimeField(null=True)),
                ("walked", models.UUIDField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("name", "version", "dimension"), name="prompt_encoder_unique"
                    ),
                    models.UniqueConstraint(
                        fields=("id", "dimension"), name="prompt_encoder_id_dimension"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PromptVector",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=feedback.identifiers.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("content_hash", models.BinaryField(max_length=32)),
                ("dimension", models.PositiveIntegerField()),
                ("vector", VectorField()),
                (
                    "encoder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="vectors",
                        to="feedback.promptencoder",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("content_hash", "encoder"), name="prompt_vector_unique"
                    )
                ],
                "indexes": [
                    HnswIndex(
                        OpClass(
                            Cast("vector", VectorField(dimensions=384)), name="vector_cosine_ops"
                        ),
                        condition=models.Q(("dimension", 384)),
                        name="prompt_vector_near",
                    )
                ],
            },
        ),
        migrations.RunSQL(DIMENSION, DIMENSION_BACK),
        # Models come back to the map with the next promotion: what was kept of them were no places.
        migrations.DeleteModel(name="Embedding"),
    ]
