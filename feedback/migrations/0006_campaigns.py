"""Changes of the tables of campaigns."""

import django.db.models.deletion
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models import Q

TIERS = [(0, "Anonymous"), (1, "Registered"), (2, "Trusted")]
ORDERS = [
    ("shuffled", "Shuffled"),
    ("oldest", "Oldest first"),
    ("uncertain", "Most uncertain first"),
]
MODES = [("silent", "Silent"), ("training", "Training")]

# Until now, who asked for aspects asked for the strength and the reason, too.
ASKED = """
UPDATE feedback_campaign SET asks_strength = true, asks_rationale = true
 WHERE cardinality(aspects) > 0
"""


def _words() -> "ArrayField[list[str], list[str]]":
    return ArrayField(models.CharField(max_length=64), blank=True, default=list)


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0005_pool")]

    operations = [
        migrations.AddField("campaign", "asks_rationale", models.BooleanField(default=False)),
        migrations.AddField("campaign", "asks_strength", models.BooleanField(default=False)),
        migrations.AddField("campaign", "expertise", _words()),
        migrations.AddField("campaign", "gold_share", models.FloatField(default=0.1)),
        migrations.AddField("campaign", "language", models.CharField(blank=True, max_length=16)),
        migrations.AddField(
            "campaign", "minimum_tier", models.SmallIntegerField(choices=TIERS, default=0)
        ),
        migrations.AddField(
            "campaign",
            "order",
            models.CharField(choices=ORDERS, default="shuffled", max_length=16),
        ),
        migrations.AddField("campaign", "reasons", _words()),
        migrations.AddField(
            "campaign",
            "topic",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="feedback.topic",
            ),
        ),
        migrations.AddField("golditem", "explanation", models.TextField(blank=True)),
        migrations.AddField(
            "golditem",
            "mode",
            models.CharField(choices=MODES, default="silent", max_length=8),
        ),
        migrations.AddConstraint(
            "campaign",
            models.CheckConstraint(
                condition=Q(gold_share__gte=0, gold_share__lte=1),
                name="campaign_gold_share_in_0_1",
            ),
        ),
        migrations.RunSQL(ASKED, migrations.RunSQL.noop),
        # The line of open tasks: it ascends in both columns, so that "after this one" is one range.
        migrations.RemoveIndex(model_name="task", name="task_open"),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                models.F("campaign"),
                models.F("priority") * -1,
                models.F("shuffle_key"),
                condition=models.Q(taken__lt=models.F("wanted")),
                name="task_line",
            ),
        ),
    ]
