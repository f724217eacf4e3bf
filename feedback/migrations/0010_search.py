"""The index of the words of prompts."""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations

from feedback.pool.search import prompt_words


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0009_arena")]

    operations = [
        migrations.AddIndex("turn", GinIndex(prompt_words(), name="turn_words")),
    ]
