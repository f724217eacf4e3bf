"""What follows from telling the author of a conversation who answered."""

from django.db import transaction
from django.utils import timezone

from feedback.pool.models import Comparison, Conversation

REVEALED = "revealed"  # why a comparison that is judged with the names known does not count


def conversation_reveal(conversation: Conversation) -> None:
    """The author knows the names from now on; what nobody has judged yet does not rank any more."""
    with transaction.atomic():
        hidden = Conversation.objects.filter(pk=conversation.pk, revealed_at=None)
        if not hidden.update(revealed_at=timezone.now()):
            return
        unjudged = Comparison.objects.filter(
            turn__conversation=conversation, preferences=None, unranked_reason=""
        )
        unjudged.update(unranked_reason=REVEALED)
