"""Changes of the tables of people."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

ROLES = [
    ("contributor", "Contributor"),
    ("curator", "Curator"),
    ("operator", "Operator"),
    ("admin", "Admin"),
]
TIERS = [(0, "Anonymous"), (1, "Registered"), (2, "Trusted")]

# Written all the time and worth nothing after a crash: no write-ahead log, and room in each page
# for updates that touch no index.
LIGHT = """
ALTER TABLE feedback_ratelimit SET UNLOGGED, SET (fillfactor = 50);
ALTER TABLE feedback_cacheentry SET UNLOGGED, SET (fillfactor = 50);
"""


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0002_guarantees")]

    operations = [
        migrations.CreateModel(
            name="RateLimit",
            fields=[
                ("key", models.TextField(primary_key=True, serialize=False)),
                ("paid_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="CacheEntry",
            fields=[
                ("key", models.TextField(primary_key=True, serialize=False)),
                ("value", models.JSONField()),
                ("expires_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RunSQL(LIGHT, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="contributor",
            name="adopted_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="adopted",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RenameModel(old_name="OperatorLink", new_name="Invitation"),
        # The links so far were the operators'.
        migrations.AddField(
            model_name="invitation",
            name="role",
            field=models.CharField(choices=ROLES, default="operator", max_length=16),
        ),
        migrations.AlterField(
            model_name="invitation",
            name="role",
            field=models.CharField(choices=ROLES, default="contributor", max_length=16),
        ),
        migrations.AddField(
            model_name="invitation",
            name="trust_tier",
            field=models.SmallIntegerField(choices=TIERS, default=1),
        ),
        migrations.AddField(
            model_name="invitation",
            name="note",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="invitation",
            name="created_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="invitations",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="invitation", name="expires_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(
            model_name="invitation", name="revoked_at", field=models.DateTimeField(null=True)
        ),
        migrations.AlterField(
            model_name="invitation",
            name="used_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="invited_with",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
