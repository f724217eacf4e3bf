"""The OpenAI-compatible embeddings call: what is asked of an inference server, what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

PATH = "/v1/embeddings"
MODEL = "encoder"
# No encoder reads more: 8,192 tokens of four letters. The rest of a paste is not sent.
MOST_CHARACTERS = 32_768

# What can be wrong with an answer: the line, its status, its JSON, what it holds.
AnswerError = (httpx.HTTPError, LookupError, ValueError, TypeError)


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A text's vector (d,), and who gave it: the encoder's name and fingerprint, where told."""

    vector: NDArray[np.float32]
    encoder: str
    version: str


def question(texts: Sequence[str]) -> dict[str, Any]:
    """The body of the call. Lone surrogates, which UTF-8 has no bytes for, become '?'."""
    return {"model": MODEL, "input": [_sendable(text) for text in texts]}


def encoded(answer: httpx.Response, count: int) -> list[Encoded]:
    """The vectors of an answer, in the order of the texts; an `AnswerError` where it has none."""
    answer.raise_for_status()
    body = answer.json()
    rows = sorted(body["data"], key=lambda row: row.get("index", 0))
    vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != count or not vectors.any(axis=1).all():
        raise ValueError(f"{vectors.shape} is not the shape of {count} vectors")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector is not finite")
    name, version = str(body.get("model") or MODEL), str(body.get("system_fingerprint") or "")
    return [Encoded(vector, name[:200], version[:64]) for vector in vectors]


def _sendable(text: str) -> str:
    return text[:MOST_CHARACTERS].encode("utf-8", "replace").decode()
