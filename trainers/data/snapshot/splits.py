"""Which part of the data a prompt belongs to: a function of its first user message alone."""

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Literal

from trainers.data.formats.records import Message

Split = Literal["train", "validation", "test"]

TRAIN, VALIDATION = 0.8, 0.1


def split_of(first_user_message: str) -> Split:
    """Return the split, 80/10/10 by the SHA-256 of the NFC-normalised, stripped text.

    Turns of one conversation and repeats of one prompt therefore stay on one side, and a
    prompt never moves when the pool grows.
    """
    text = unicodedata.normalize("NFC", first_user_message).strip()
    digest = hashlib.sha256(text.encode()).digest()
    # Uniform on [0, 1): the first 64 bits of the digest.
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < TRAIN:
        return "train"
    return "validation" if position < TRAIN + VALIDATION else "test"


def first_user_message(messages: Sequence[Message]) -> str:
    """Return the user's first message; without one, the conversation's first message."""
    for message in messages:
        if message["role"] == "user":
            return message["content"]
    return messages[0]["content"] if messages else ""
