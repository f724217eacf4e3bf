"""Revealing the model names to the author of a conversation, and what follows."""

from django.db import transaction
from django.utils import timezone

from feedback.pool.models import Comparison, Conversation

REVEALED = "revealed"  # why a comparison that is judged with the names known does not count


def model_names_reveal(conversation: Conversation) -> None:
    """Note that the author knows the names from now on.

    What nobody has judged yet does not count in rankings: it would not be judged blind.
    """
    with transaction.atomic():
        hidden = Conversation.objects.filter(pk=conversation.pk, revealed_at=None)
        if not hidden.update(revealed_at=timezone.now()):
            return
        unjudged = Comparison.objects.filter(
            turn__conversation=conversation, preferences=None, unranked_reason=""
        )
        unjudged.update(unranked_reason=REVEALED)
