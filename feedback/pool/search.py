"""The words of a prompt, as an index keeps them and as a search looks them up."""

from django.contrib.postgres.search import SearchVector
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Left

SEARCHED = 20_000  # characters of the newest message that a search sees
CONFIG = "simple"  # prompts are of any language: no stemming


def prompt_words() -> SearchVector:
    """Return the words of a turn's newest message, as the index `turn_words` has them."""
    newest = KeyTextTransform("content", KeyTransform(-1, "messages"))
    return SearchVector(Left(newest, SEARCHED), config=CONFIG)
