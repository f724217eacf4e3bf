"""Texts in the rows of an input file, or an error that names the row and the column."""

from collections.abc import Mapping
from typing import Any

from trainers.data.texts import Conversation, prompt_text
from trainers.errors import InputError


def row_prompt(number: int, row: Mapping[str, Any]) -> str:
    """Return the text of a row's `messages`, or else its `prompt`; `number` is for the error."""
    return prompt_text(row_messages(number, row))


def row_messages(number: int, row: Mapping[str, Any]) -> Conversation:
    """Return a row's `messages`, or else its `prompt` as the one message of a user."""
    if "messages" not in row:
        return [{"role": "user", "content": row_text(number, row, "prompt")}]
    messages = row["messages"]
    if not isinstance(messages, list) or not all(_is_message(message) for message in messages):
        raise InputError(f"row {number}, column 'messages': not a list of role and content")
    checked: Conversation = messages
    return checked


def row_text(number: int, row: Mapping[str, Any], column: str) -> str:
    """Return a column that must hold a text. Raises InputError, with the row, where it does not."""
    value = row.get(column)
    if not isinstance(value, str):
        raise InputError(f"row {number}, column {column!r}: not a text")
    return value


def _is_message(message: object) -> bool:
    """Return whether a value is a message with a content."""
    return isinstance(message, dict) and isinstance(message.get("content"), str)
