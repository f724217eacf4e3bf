"""What an encoder reads of a conversation."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Conversation: TypeAlias = Sequence[Mapping[str, str]]  # messages of role and content


def prompt_text(messages: Conversation) -> str:
    """Return the newest message first, then the earlier ones back to the start.

    An encoder reads the beginning of a text, so what falls off its window is the oldest turn and
    never the question at hand. One message is its own content; no message is the empty text.
    """
    return "\n\n".join(message["content"] for message in reversed(messages))


def plain_prompt(messages: Sequence[Mapping[str, str]]) -> str:
    """Return the conversation for a model without a chat template, open for its next answer.

    One paragraph a message:

        User: How do I boil an egg?

        Assistant:
    """
    turns = [f"{message['role'].capitalize()}: {message['content']}\n\n" for message in messages]
    return "".join(turns) + "Assistant:"
