"""Changes of the tables of registry."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

# What was asked when a version answered stays as it is; a change is a new version.
IMMUTABLE = """
CREATE FUNCTION feedback_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF ROW(NEW.model_id, NEW.version, NEW.label, NEW.remote_name, NEW.system_prompt, NEW.sampling,
         NEW.base_id, NEW.output_licence)
     IS NOT DISTINCT FROM
     ROW(OLD.model_id, OLD.version, OLD.label, OLD.remote_name, OLD.system_prompt, OLD.sampling,
         OLD.base_id, OLD.output_licence)
     AND (OLD.provider_id IS NULL OR NEW.provider_id IS NOT DISTINCT FROM OLD.provider_id) THEN
    RETURN NEW;
  END IF;
  IF EXISTS (SELECT FROM feedback_response
              WHERE version_id = OLD.id AND state IN ('finished', 'stopped')) THEN
    RAISE EXCEPTION 'a version that has answered is immutable: make a new one'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER immutable_once_it_answered BEFORE UPDATE ON feedback_modelversion
  FOR EACH ROW EXECUTE FUNCTION feedback_version_change();
"""
IMMUTABLE_BACK = """
DROP TRIGGER immutable_once_it_answered ON feedback_modelversion;
DROP FUNCTION feedback_version_change();
"""


def health(model_name: str) -> list[migrations.AddField]:
    """How the last calls went."""
    fields: dict[str, models.Field[Any, Any]] = {
        "failures": models.PositiveIntegerField(default=0),
        "failing_since": models.DateTimeField(null=True),
        "resting_until": models.DateTimeField(null=True),
        "last_error": models.CharField(blank=True, max_length=200),
        "last_error_at": models.DateTimeField(null=True),
    }
    return [migrations.AddField(model_name, name, field) for name, field in fields.items()]


def state() -> "models.CharField[Any, Any]":
    """Whether people can meet it."""
    choices = [("active", "Active"), ("paused", "Paused"), ("retired", "Retired")]
    return models.CharField(choices=choices, default="active", max_length=16)


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0003_people")]

    operations = [
        *health("provider"),
        *health("modelversion"),
        migrations.AddField(
            "provider", "requests_per_minute", models.PositiveIntegerField(null=True)
        ),
        migrations.AddField("provider", "state", state()),
        migrations.AlterField("modelversion", "state", state()),
        migrations.AddField("modelversion", "system_prompt", models.TextField(blank=True)),
        migrations.AlterField(
            "modelversion",
            "provider",
            models.ForeignKey(
                "feedback.provider",
                django.db.models.deletion.PROTECT,
                null=True,
                related_name="versions",
            ),
        ),
        migrations.RunSQL(IMMUTABLE, IMMUTABLE_BACK),
    ]
