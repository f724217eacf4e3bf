"""The index of the words of prompts."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import migrations
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Left

NEWEST = KeyTextTransform("content", KeyTransform(-1, "messages"))


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0009_arena")]

    operations = [
        migrations.AddIndex(
            "turn",
            GinIndex(SearchVector(Left(NEWEST, 20_000), config="simple"), name="turn_words"),
        ),
    ]
