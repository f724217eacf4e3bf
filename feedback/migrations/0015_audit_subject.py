"""Room for the longest name wherever one is noted: a version's label has 240 letters.

PostgreSQL widens such a column without a look at its rows.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0014_style")]

    operations = [
        migrations.AlterField("auditevent", "subject", models.CharField(max_length=240)),
        migrations.AlterField("influence", "leader", models.CharField(max_length=240)),
        migrations.AlterField(
            "influence", "challenger", models.CharField(blank=True, max_length=240)
        ),
    ]
