"""A live answer is written under a lease, so that one that a dead process left is taken up again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("feedback", "0002_guarantees")]

    operations = [
        migrations.AddField(
            model_name="response",
            name="writing_until",
            field=models.DateTimeField(null=True),
        )
    ]
