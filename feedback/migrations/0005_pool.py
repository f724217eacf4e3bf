"""Changes of the tables of pool."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import feedback.identifiers

# A judgment that was published, left because a text of it was withheld, and is active, may come
# back: it waits for publication anew and remembers the first number it had.
PREFERENCE = """
CREATE OR REPLACE FUNCTION feedback_preference_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  allowed CONSTANT text[] := ARRAY['active>superseded', 'active>quarantined', 'active>withdrawn',
    'quarantined>active', 'quarantined>withdrawn', 'superseded>withdrawn'];
  expected feedback_preference := OLD;
  comes_back CONSTANT boolean := NEW.state = 'active' AND OLD.removed_number IS NOT NULL
    AND NEW.removed_number IS NULL AND NEW.published_number IS NULL
    AND NEW.first_number = COALESCE(OLD.first_number, OLD.published_number);
BEGIN
  IF NEW.state <> OLD.state AND NOT (OLD.state || '>' || NEW.state) = ANY (allowed) THEN
    RAISE EXCEPTION 'a preference does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF NOT comes_back AND (
       (OLD.published_number IS NOT NULL
        AND NEW.published_number IS DISTINCT FROM OLD.published_number)
       OR (OLD.removed_number IS NOT NULL
        AND NEW.removed_number IS DISTINCT FROM OLD.removed_number)
       OR NEW.first_number IS DISTINCT FROM OLD.first_number) THEN
    RAISE EXCEPTION 'a publication number is given once' USING ERRCODE = 'restrict_violation';
  END IF;
  expected.state := NEW.state;
  expected.visibility := NEW.visibility;
  expected.published_number := NEW.published_number;
  expected.removed_number := NEW.removed_number;
  expected.first_number := NEW.first_number;
  IF NEW.state = 'withdrawn' THEN
    expected.rationale := '';
    expected.reasons := '{}';
    expected.aspects := '{}';
  END IF;
  IF NEW IS DISTINCT FROM expected THEN
    RAISE EXCEPTION 'a preference is append-only: supersede it instead'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""


def contributor(related_name: str, *, null: bool = False) -> "models.ForeignKey[Any, Any]":
    """Somebody's key."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        django.db.models.deletion.PROTECT,
        null=null,
        related_name=related_name,
    )


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0004_registry")]

    operations = [
        *(
            migrations.AddField(model, "withheld_at", models.DateTimeField(null=True))
            for model in ("turn", "response", "comparison")
        ),
        migrations.AddField("preference", "first_number", models.BigIntegerField(null=True)),
        migrations.RunSQL(PREFERENCE, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Report",
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
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("unsafe", "It is dangerous or hateful"),
                            ("personal_data", "It holds personal data"),
                            ("illegal", "It is against the law"),
                            ("spam", "It is advertising or spam"),
                            ("other", "Something else"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("upheld", "Upheld"),
                            ("dismissed", "Dismissed"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("resolved_at", models.DateTimeField(null=True)),
                ("reporter", contributor("reports")),
                ("resolved_by", contributor("reports_resolved", null=True)),
                (
                    "response",
                    models.ForeignKey(
                        "feedback.response",
                        django.db.models.deletion.CASCADE,
                        null=True,
                        related_name="reports",
                    ),
                ),
                (
                    "turn",
                    models.ForeignKey(
                        "feedback.turn",
                        django.db.models.deletion.CASCADE,
                        null=True,
                        related_name="reports",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(response=None) ^ models.Q(turn=None),
                        name="report_of_one_text",
                    ),
                    models.UniqueConstraint(
                        fields=["reporter", "response"],
                        condition=models.Q(state="open"),
                        name="report_open_once_a_response",
                    ),
                    models.UniqueConstraint(
                        fields=["reporter", "turn"],
                        condition=models.Q(state="open"),
                        name="report_open_once_a_turn",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(state="open") ^ models.Q(resolved_by__isnull=False),
                        name="report_resolved_by_somebody",
                    ),
                ],
            },
        ),
    ]
