"""Answers that were caught are marked, and the site reports them in nobody's name."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0021_small_policies"),
    ]

    operations = [
        migrations.AddField(
            model_name="response",
            name="flaw",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="report",
            name="reason",
            field=models.CharField(
                choices=[
                    ("unsafe", "It is dangerous or hateful"),
                    ("personal_data", "It contains personal data"),
                    ("illegal", "It is against the law"),
                    ("spam", "It is advertising or spam"),
                    ("flawed", "It is broken: repeated without end, unreadable or empty"),
                    ("other", "Something else"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="report",
            name="reporter",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reports",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="response",
            index=models.Index(
                condition=models.Q(("flaw", ""), _negated=True),
                fields=["version"],
                name="response_flawed",
            ),
        ),
    ]
