"""What is believed of models that the live embedding has not met, and the probe put to them."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q
from pgvector.django import VectorField

import feedback.identifiers

ROW: "list[tuple[str, models.Field[Any, Any]]]" = [
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
]

# Of k numbers each: a vector and, in float64, its covariance.
SQUARE = """
ALTER TABLE feedback_modelposterior ADD CONSTRAINT model_posterior_covariance_is_square
  CHECK (octet_length(covariance) = 8 * vector_dims(vector) * vector_dims(vector));
"""
SQUARE_BACK = """
ALTER TABLE feedback_modelposterior DROP CONSTRAINT model_posterior_covariance_is_square;
"""


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0012_policies")]

    operations = [
        migrations.CreateModel(
            name="ModelPosterior",
            fields=[
                *ROW,
                (
                    "source",
                    models.CharField(
                        choices=[("probe", "Probe"), ("evidence", "Evidence")], max_length=16
                    ),
                ),
                ("vector", VectorField()),
                ("covariance", models.BinaryField()),
                ("observations", models.PositiveIntegerField()),
                ("evidence", models.CharField(max_length=64)),
                ("updated_at", models.DateTimeField()),
                (
                    "checkpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="posteriors",
                        to="feedback.checkpoint",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="posteriors",
                        to="feedback.modelversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("checkpoint", "version", "source"), name="model_posterior_unique"
                    ),
                    models.CheckConstraint(
                        condition=Q(source__in=["probe", "evidence"]),
                        name="model_posterior_source_is_known",
                    ),
                ],
            },
        ),
        migrations.RunSQL(SQUARE, SQUARE_BACK),
        migrations.CreateModel(
            name="ProbePrompt",
            fields=[
                *ROW,
                ("weight", models.FloatField()),
                (
                    "turn",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="probe",
                        to="feedback.turn",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(weight__gt=0, weight__lte=1), name="probe_weight_in_0_1"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AnswerVector",
            fields=[
                *ROW,
                ("text_hash", models.BinaryField(max_length=32)),
                ("vector", VectorField()),
                (
                    "encoder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="feedback.promptencoder",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("text_hash", "encoder"), name="answer_vector_unique"
                    )
                ],
            },
        ),
    ]
