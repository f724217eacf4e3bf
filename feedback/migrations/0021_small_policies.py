"""The time to an answer's first words; and no policy on the tiny test base is live any more."""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TINY = "tiny"  # the base where a run names none


def tiny_policies_leave(apps: Apps, _schema: BaseDatabaseSchemaEditor) -> None:
    """Make the live policy a candidate again where its base is the tiny one, and pause its version.

    What the promotion rested on stays in its own row.
    """
    checkpoints: Any = apps.get_model("feedback", "Checkpoint")
    events: Any = apps.get_model("feedback", "AuditEvent")
    for checkpoint in checkpoints.objects.filter(kind="policy", state="live").select_related(
        "run", "model_version"
    ):
        if checkpoint.run.config.get("model_name_or_path", TINY) != TINY:
            continue
        before = checkpoint.verdict
        checkpoint.state = "candidate"
        checkpoint.verdict = {"code": "made_for_tests", "evidence": {}}
        checkpoint.save(update_fields=["state", "verdict"])
        version = checkpoint.model_version
        if version is not None and version.state == "active":
            version.state = "paused"
            version.save(update_fields=["state"])
        events.objects.create(
            actor=None,
            action="checkpoint.made_for_tests",
            subject=f"policy v{checkpoint.version}",
            detail={"version": version.label if version else None, "verdict": before},
        )


class Migration(migrations.Migration):
    dependencies = [("feedback", "0020_choice_words")]

    operations = [
        migrations.AddField(
            model_name="response",
            name="first_text_ms",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.RunPython(tiny_policies_leave, migrations.RunPython.noop),
    ]
