"""Changes of the tables of quality: weights, standings, signals, agreement; weights in the tally."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

import feedback.identifiers

# What a judgment says to a ranking, one row for all topics and one for each topic of its prompt.
COUNTED = """
CREATE VIEW feedback_counted AS
SELECT p.id, p.rater_id, p.comparison_id, p.campaign_id, p.state,
       LEAST(c.version_a_id, c.version_b_id) AS version_low_id,
       GREATEST(c.version_a_id, c.version_b_id) AS version_high_id,
       CASE WHEN p.choice IN ('tie', 'both_bad') THEN p.choice
            WHEN (p.choice = 'a') = (c.version_a_id < c.version_b_id) THEN 'low'
            ELSE 'high' END AS outcome,
       t.topic_id
  FROM feedback_preference p
  JOIN feedback_comparison c ON c.id = p.comparison_id
 CROSS JOIN LATERAL (
   SELECT NULL::uuid AS topic_id
   UNION ALL SELECT tt.topic_id FROM feedback_turn_topics tt WHERE tt.turn_id = c.turn_id
 ) t
 WHERE c.unranked_reason = '' AND c.version_a_id <> c.version_b_id;
"""
COUNTED_BACK = "DROP VIEW feedback_counted;"

# Increments carry the rater's weight of the moment; a weight that changes adds the difference for
# all its judgments. The raters are locked first, so that no judgment slips in between with the
# old weight. Answers to known questions say how good a rater is, not how good a model is.
TALLY = """
CREATE OR REPLACE FUNCTION feedback_tally_add(judged uuid[], weights int[]) RETURNS void
LANGUAGE sql AS $$
  SELECT 1 FROM feedback_rater
    WHERE id IN (SELECT rater_id FROM feedback_preference WHERE id = ANY (judged))
    ORDER BY id FOR SHARE;
  INSERT INTO feedback_votetally
    (version_low_id, version_high_id, outcome, rater_kind, topic_id, n, weight, square)
  SELECT c.version_low_id, c.version_high_id, c.outcome, r.kind, c.topic_id,
         sum(j.weight), sum(j.weight * r.weight), sum(j.weight * r.weight * r.weight)
    FROM unnest(judged, weights) AS j (id, weight)
    JOIN feedback_counted c ON c.id = j.id
    JOIN feedback_rater r ON r.id = c.rater_id
   WHERE NOT EXISTS (SELECT FROM feedback_golditem g
      WHERE g.comparison_id = c.comparison_id AND g.campaign_id = c.campaign_id)
   GROUP BY 1, 2, 3, 4, 5 HAVING sum(j.weight) <> 0 OR sum(j.weight * r.weight) <> 0;
$$;
CREATE FUNCTION feedback_tally_reweigh() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO feedback_votetally
    (version_low_id, version_high_id, outcome, rater_kind, topic_id, n, weight, square)
  SELECT c.version_low_id, c.version_high_id, c.outcome, NEW.kind, c.topic_id, 0,
         count(*) * (NEW.weight - OLD.weight),
         count(*) * (NEW.weight * NEW.weight - OLD.weight * OLD.weight)
    FROM feedback_counted c
   WHERE c.rater_id = NEW.id AND c.state = 'active'
     AND NOT EXISTS (SELECT FROM feedback_golditem g
      WHERE g.comparison_id = c.comparison_id AND g.campaign_id = c.campaign_id)
   GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;
CREATE TRIGGER tally_reweigh AFTER UPDATE OF weight ON feedback_rater
  FOR EACH ROW WHEN (NEW.weight <> OLD.weight) EXECUTE FUNCTION feedback_tally_reweigh();
CREATE FUNCTION feedback_tally_gold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  gold feedback_golditem := COALESCE(NEW, OLD);
  sign int := CASE TG_OP WHEN 'INSERT' THEN -1 ELSE 1 END;
BEGIN
  INSERT INTO feedback_votetally
    (version_low_id, version_high_id, outcome, rater_kind, topic_id, n, weight, square)
  SELECT c.version_low_id, c.version_high_id, c.outcome, r.kind, c.topic_id,
         sign * count(*), sign * sum(r.weight), sign * sum(r.weight * r.weight)
    FROM feedback_counted c JOIN feedback_rater r ON r.id = c.rater_id
   WHERE c.comparison_id = gold.comparison_id AND c.campaign_id = gold.campaign_id
     AND c.state = 'active'
   GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;
CREATE TRIGGER tally_gold AFTER INSERT OR DELETE ON feedback_golditem
  FOR EACH ROW EXECUTE FUNCTION feedback_tally_gold();
"""
TALLY_BACK = """
DROP TRIGGER tally_reweigh ON feedback_rater;
DROP FUNCTION feedback_tally_reweigh();
DROP TRIGGER tally_gold ON feedback_golditem;
DROP FUNCTION feedback_tally_gold();
"""

# Judgments until now each counted one; accounts then start at the weight of their tier.
WEIGHTS = """
UPDATE feedback_votetally SET weight = n, square = n;
"""
TIERS = """
UPDATE feedback_rater r SET weight = CASE c.trust_tier WHEN 0 THEN 0.3 WHEN 1 THEN 0.7 ELSE 1 END
  FROM feedback_contributor c WHERE c.id = r.contributor_id;
"""


def key() -> tuple[str, Any]:
    """The key that every table of ours has."""
    return "id", models.UUIDField(
        default=feedback.identifiers.new_id, editable=False, primary_key=True, serialize=False
    )


def made() -> tuple[str, Any]:
    """When a row was made."""
    return "created_at", models.DateTimeField(auto_now_add=True)


def rater(related_name: str, field: Any = models.ForeignKey) -> Any:
    """Whose row it is."""
    return field("feedback.rater", django.db.models.deletion.CASCADE, related_name=related_name)


SIGNALS = [
    ("sequential", "Chooses unlike the others"),
    ("gold", "Known answers"),
    ("pace", "Faster than one can read"),
    ("position", "Favours a place"),
    ("streak", "The same again and again"),
    ("ties", "Avoids deciding"),
    ("repeats", "The same words again and again"),
]


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0006_campaigns")]

    operations = [
        migrations.AddField("rater", "reliability", models.FloatField(default=1.0)),
        migrations.AddField("rater", "weight", models.FloatField(default=1.0)),
        migrations.AddConstraint(
            "rater",
            models.CheckConstraint(
                condition=models.Q(
                    reliability__gte=0, reliability__lte=1, weight__gte=0, weight__lte=1
                ),
                name="rater_weight_in_0_1",
            ),
        ),
        migrations.AddField("votetally", "weight", models.FloatField(default=0.0)),
        migrations.AddField("votetally", "square", models.FloatField(default=0.0)),
        migrations.RunSQL(WEIGHTS, migrations.RunSQL.noop),
        migrations.RunSQL(COUNTED, COUNTED_BACK),
        migrations.RunSQL(TALLY, TALLY_BACK),
        migrations.RunSQL(TIERS, migrations.RunSQL.noop),
        migrations.AddField("task", "is_gold", models.BooleanField(default=False)),
        migrations.AddIndex(
            "task",
            models.Index(fields=["campaign"], condition=models.Q(is_gold=True), name="task_gold"),
        ),
        migrations.AlterField("raterreliability", "rater", rater("+", models.OneToOneField)),
        migrations.AddField("raterreliability", "confusion", models.JSONField(default=list)),
        migrations.AddField("raterreliability", "compared", models.PositiveIntegerField(default=0)),
        migrations.AddField("raterreliability", "agreement", models.FloatField(null=True)),
        migrations.AddField("raterreliability", "low", models.FloatField(default=0.0)),
        migrations.AddField("raterreliability", "high", models.FloatField(default=1.0)),
        migrations.AddField("raterreliability", "skill", models.FloatField(default=1.0)),
        migrations.CreateModel(
            name="QualitySignal",
            fields=[
                key(),
                made(),
                ("kind", models.CharField(choices=SIGNALS, max_length=16)),
                ("statistic", models.FloatField()),
                ("threshold", models.FloatField()),
                ("n", models.PositiveIntegerField()),
                ("concern", models.BooleanField()),
                ("evidence", ArrayField(models.UUIDField(), default=list)),
                ("since", models.DateTimeField(null=True)),
                ("updated_at", models.DateTimeField()),
                ("rater", rater("signals")),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["since"],
                        condition=models.Q(concern=True),
                        name="signal_concern",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["rater", "kind"], name="signal_once_a_kind"),
                    models.CheckConstraint(
                        condition=models.Q(kind__in=[kind for kind, _ in SIGNALS]),
                        name="signal_kind_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RaterStanding",
            fields=[
                key(),
                made(),
                (
                    "state",
                    models.CharField(
                        choices=[("counted", "Counted"), ("quarantined", "Set aside")],
                        default="counted",
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("changed_at", models.DateTimeField()),
                (
                    "decided_by",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL, django.db.models.deletion.PROTECT, null=True
                    ),
                ),
                ("rater", rater("standing", models.OneToOneField)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=~models.Q(state="quarantined", reason=""),
                        name="standing_quarantine_has_a_reason",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CampaignAgreement",
            fields=[
                key(),
                made(),
                ("aspect", models.CharField(blank=True, max_length=64)),
                ("cohort", models.CharField(max_length=80)),
                ("level", models.CharField(max_length=8)),
                ("alpha", models.FloatField(null=True)),
                ("low", models.FloatField(null=True)),
                ("high", models.FloatField(null=True)),
                ("units", models.PositiveIntegerField()),
                ("ratings", models.PositiveIntegerField()),
                ("updated_at", models.DateTimeField()),
                (
                    "campaign",
                    models.ForeignKey(
                        "feedback.campaign",
                        django.db.models.deletion.CASCADE,
                        null=True,
                        related_name="+",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["campaign", "aspect", "cohort", "level"],
                        name="agreement_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Influence",
            fields=[
                key(),
                made(),
                ("leader", models.CharField(max_length=200)),
                ("challenger", models.CharField(blank=True, max_length=200)),
                ("dropped", models.PositiveIntegerField(null=True)),
                ("judgments", models.PositiveIntegerField()),
                ("cells", models.JSONField(default=list)),
                ("updated_at", models.DateTimeField()),
            ],
        ),
    ]
