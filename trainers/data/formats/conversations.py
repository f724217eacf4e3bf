"""Conversations in the shapes that public files hold them in."""

import re
from collections.abc import Sequence

from trainers.data.formats.fields import Row, RowError, checked, optional_text, structure
from trainers.data.formats.records import Message

SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant):")


def prompt_messages(row: Row) -> tuple[Message, ...]:
    """Return the conversation before the response.

    It stands in `messages`, or in `dialogue` as a transcript (a text without speakers is one
    message there), or in `prompt` as one message of the user.
    """
    if row.get("messages") is not None:
        return messages_in(row, "messages")
    transcript = optional_text(row, "dialogue")
    if transcript is not None:
        spoken = SPEAKER.match(transcript) is not None
        return dialogue("dialogue", transcript) if spoken else (user(transcript),)
    prompt = optional_text(row, "prompt")
    return (user(prompt),) if prompt is not None else ()


def user(content: str) -> Message:
    """Return a message of the user."""
    return {"role": "user", "content": content}


def assistant(content: str) -> Message:
    """Return a message of the assistant."""
    return {"role": "assistant", "content": content}


def messages_in(row: Row, column: str) -> tuple[Message, ...]:
    """Return a list of {role, content}, given as objects or as JSON text."""
    found = structure(row, column, list) or ()
    return tuple(_message(column, item) for item in found)


def _message(column: str, item: object) -> Message:
    """Return one message. Raises RowError for what is none."""
    if not isinstance(item, dict) or not isinstance(item.get("role"), str) or not item["role"]:
        raise RowError(column, "wrong type", "a message needs a role and a content")
    content = item.get("content")
    if isinstance(content, list):  # parts of one message, as multimodal files write them
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n\n".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise RowError(column, "wrong type", "a message's content is not text")
    return {"role": checked(column, item["role"]), "content": checked(column, content)}


def dialogue(column: str, transcript: str) -> tuple[Message, ...]:
    """Return the turns of a transcript whose paragraphs start with "Human:" or "Assistant:"."""
    # The pattern's group is kept by `split`: speaker, text, speaker, text …
    opening, *turns = SPEAKER.split(transcript)
    if opening.strip() or not turns:
        raise RowError(column, "not a dialogue", f"{opening.strip()!r:.60} has no speaker")
    said = zip(turns[::2], turns[1::2], strict=True)
    return tuple(
        user(content.strip()) if speaker == "Human" else assistant(content.strip())
        for speaker, content in said
    )


def split_pair(
    a: Sequence[Message], b: Sequence[Message], column: str
) -> tuple[tuple[Message, ...], str, str]:
    """Return the shared context and the two final responses of two conversations.

    They must differ in their last message alone, and it must be the assistant's.
    """
    if not a or not b or a[-1]["role"] != "assistant" or b[-1]["role"] != "assistant":
        raise RowError(column, "no response", "a conversation does not end with the assistant")
    if list(a[:-1]) != list(b[:-1]):
        raise RowError(column, "contexts differ", "the conversations differ before their end")
    return tuple(a[:-1]), a[-1]["content"], b[-1]["content"]
