"""A conversation of either mode: what its page shows."""

from typing import Any

from feedback.arena.duel import duel_context
from feedback.arena.thread import thread_context
from feedback.pool.models import Conversation, Mode


def conversation_context(conversation: Conversation) -> dict[str, Any]:
    """All that the templates show of a conversation."""
    if conversation.mode == Mode.ASSIST:
        return thread_context(conversation)
    return duel_context(conversation)
