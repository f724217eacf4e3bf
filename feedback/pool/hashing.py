"""The keys of prompts and texts: SHA-256 of their content."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def text_hash(text: str) -> bytes:
    """Return the digest of a response's text."""
    return hashlib.sha256(text.encode()).digest()


def messages_hash(messages: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the digest of a conversation up to and with the prompt."""
    return text_hash(json.dumps(list(messages), sort_keys=True, ensure_ascii=False))


def question_hash(source: str, question_id: str) -> bytes:
    """Return the digest of a prompt of which only an identifier in its source is known."""
    return text_hash(f"question:{source}:{question_id}")
