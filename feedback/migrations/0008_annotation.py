"""Changes of the tables of annotation."""

from django.conf import settings
from django.db import migrations, models

# Rows that change at every judgment: room for the new version beside the old one, and a vacuum
# before the dead outnumber what a walk along the line meets anyway.
ROOM = """
ALTER TABLE feedback_task SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE feedback_assignment SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE feedback_place SET (fillfactor = 50);
"""
ROOM_BACK = """
ALTER TABLE feedback_task RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE feedback_assignment RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE feedback_place RESET (fillfactor);
"""


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0007_quality")]

    operations = [
        migrations.CreateModel(
            name="Place",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "contributor",
                        "campaign",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "contributor",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="places",
                        to=settings.AUTH_USER_MODEL,
                        db_index=False,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="places", to="feedback.campaign"
                    ),
                ),
                ("rank", models.FloatField(null=True)),
                ("shuffle_key", models.BigIntegerField(null=True)),
                ("first_rank", models.FloatField(null=True)),
                ("began_at", models.DateTimeField()),
                ("steps", models.PositiveIntegerField(default=0)),
                ("empty_at", models.DateTimeField(null=True)),
            ],
        ),
        # Each is the first column of another index.
        migrations.AlterField(
            model_name="assignment",
            name="task",
            field=models.ForeignKey(
                on_delete=models.PROTECT,
                related_name="assignments",
                to="feedback.task",
                db_index=False,
            ),
        ),
        migrations.AlterField(
            model_name="assignment",
            name="contributor",
            field=models.ForeignKey(
                on_delete=models.PROTECT,
                related_name="assignments",
                to=settings.AUTH_USER_MODEL,
                db_index=False,
            ),
        ),
        migrations.RunSQL(ROOM, ROOM_BACK),
    ]
