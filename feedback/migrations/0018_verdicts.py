"""Verdicts of the gate as a code with numbers; the sentences written so far stay as they are."""

from django.db import migrations, models

KEEP_TEXT = """
UPDATE feedback_checkpoint SET verdict = jsonb_build_object('text', reason) WHERE reason <> ''
"""
TEXT_BACK = """
UPDATE feedback_checkpoint SET reason = COALESCE(verdict ->> 'text', verdict ->> 'code', '')
"""


class Migration(migrations.Migration):
    dependencies = [("feedback", "0017_sql_files")]

    operations = [
        migrations.AddField("checkpoint", "verdict", models.JSONField(default=dict)),
        migrations.RunSQL(KEEP_TEXT, TEXT_BACK),
        migrations.RemoveField("checkpoint", "reason"),
    ]
