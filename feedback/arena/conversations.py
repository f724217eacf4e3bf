"""A conversation of either mode: what its page shows, and what of that still changes."""

from typing import Any

from feedback.arena.duel import duel_context, duel_progress
from feedback.arena.thread import thread_context, thread_progress
from feedback.pool.models import Conversation, Mode


def conversation_context(conversation: Conversation) -> dict[str, Any]:
    """Return all that the templates show of a conversation."""
    if conversation.mode == Mode.ASSIST:
        return thread_context(conversation)
    return duel_context(conversation)


def conversation_progress(conversation: Conversation) -> dict[str, Any]:
    """Return what is shown of the newest answers and of what can be done about them.

    A stream asks for this at every change, so it costs the same however long the conversation is.
    """
    if conversation.mode == Mode.ASSIST:
        return thread_progress(conversation)
    return duel_progress(conversation)
