"""Today's judgments of a person are counted without a look at all that they ever gave."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0015_audit_subject")]

    operations = [
        migrations.AddIndex(
            "assignment",
            models.Index(
                fields=["contributor", "state", "finished_at"],
                name="feedback_as_contrib_5fe0d1_idx",
            ),
        ),
        migrations.RemoveIndex("assignment", "feedback_as_contrib_4316f6_idx"),
    ]
