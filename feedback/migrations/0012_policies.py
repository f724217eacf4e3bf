"""What the policies of routing need: constraints and thresholds, and what models cost."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

import feedback.identifiers


def price() -> "models.DecimalField[Any, Any]":
    """What a million tokens cost."""
    return models.DecimalField(decimal_places=4, max_digits=12, null=True)


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0011_vectors")]

    operations = [
        migrations.AddField("modelversion", "input_price", price()),
        migrations.AddField("modelversion", "output_price", price()),
        migrations.AddConstraint(
            "modelversion",
            models.CheckConstraint(
                condition=(Q(input_price=None) | Q(input_price__gte=0))
                & (Q(output_price=None) | Q(output_price__gte=0)),
                name="version_prices_not_negative",
            ),
        ),
        migrations.AddIndex(
            "response",
            models.Index(
                fields=["version", "-id"],
                include=["latency_ms"],
                condition=Q(latency_ms__isnull=False),
                name="response_timed",
            ),
        ),
        migrations.AlterField("modelroute", "policy", models.CharField(max_length=64)),
        migrations.AddField("modelroute", "constraints", models.JSONField(default=dict)),
        migrations.AddField("modelroute", "strong_chance", models.FloatField(null=True)),
        migrations.AddField("modelroute", "threshold", models.FloatField(null=True)),
        migrations.CreateModel(
            name="Threshold",
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
                ("name", models.SlugField(max_length=40, unique=True)),
                ("share", models.FloatField()),
                ("threshold", models.FloatField(null=True)),
                ("prompts", models.PositiveIntegerField(default=0)),
                ("calibrated_at", models.DateTimeField(null=True)),
                (
                    "checkpoint",
                    models.ForeignKey(
                        "feedback.checkpoint", django.db.models.deletion.PROTECT, null=True
                    ),
                ),
                *(
                    (
                        side,
                        models.ForeignKey(
                            "feedback.modelversion",
                            django.db.models.deletion.PROTECT,
                            related_name="+",
                        ),
                    )
                    for side in ("strong", "weak")
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(share__gte=0.05, share__lte=0.95),
                        name="threshold_share_5_to_95",
                    ),
                    models.CheckConstraint(
                        condition=~Q(strong=F("weak")), name="threshold_of_two_versions"
                    ),
                    models.CheckConstraint(
                        condition=Q(threshold=None) | Q(checkpoint__isnull=False),
                        name="threshold_of_a_checkpoint",
                    ),
                ]
            },
        ),
    ]
