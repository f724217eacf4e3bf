"""What an encoder reads of a conversation."""

from collections.abc import Mapping, Sequence


def prompt_text(messages: Sequence[Mapping[str, str]]) -> str:
    """The newest message first, then the earlier ones back to the start.

    An encoder reads the beginning of a text, so what falls off its window is the oldest turn and
    never the question at hand. One message is its own content; no message is the empty text.
    """
    return "\n\n".join(message["content"] for message in reversed(messages))
