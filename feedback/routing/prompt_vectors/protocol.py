"""The OpenAI-compatible embeddings call: its body, and how its answer is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from trainers.arrays import Floats32

PATH = "/v1/embeddings"
MODEL = "encoder"
# No encoder reads more: 8,192 tokens of four letters. The rest of a paste is not sent.
MOST_CHARACTERS = 32_768

# What can be wrong with an answer: the connection, its status, its JSON, what it holds.
AnswerError = (httpx.HTTPError, LookupError, ValueError, TypeError)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Encoded:
    """A text's vector [d], and who gave it: the encoder's name and fingerprint, where told."""

    vector: Floats32
    encoder: str
    version: str


def request_body(texts: Sequence[str]) -> dict[str, Any]:
    """Return the body of the call. Lone surrogates, which UTF-8 has no bytes for, become '?'."""
    return {"model": MODEL, "input": [_sendable(text) for text in texts]}


def read_vectors(answer: httpx.Response, count: int) -> list[Encoded]:
    """Return the vectors of an answer, in the order of the texts.

    Raises an `AnswerError` where it does not hold `count` finite vectors of one length, none zero.
    """
    answer.raise_for_status()
    body = answer.json()
    rows = sorted(body["data"], key=lambda row: row.get("index", 0))
    vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != count or not vectors.any(axis=1).all():
        raise ValueError(f"{vectors.shape} is not the shape of {count} vectors")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector is not finite")
    name, version = str(body.get("model") or MODEL), str(body.get("system_fingerprint") or "")
    return [Encoded(vector=vector, encoder=name[:200], version=version[:64]) for vector in vectors]


def _sendable(text: str) -> str:
    return text[:MOST_CHARACTERS].encode("utf-8", "replace").decode()
