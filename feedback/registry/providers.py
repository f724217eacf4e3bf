"""How a version answers: a stream of text from a server that speaks the OpenAI-compatible API.

Our own inference server is one of them. Recorded answers are no provider of this kind: whoever
shows them reads them from the pool.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from feedback.registry.models import ModelVersion, Provider, ProviderKind

LIVE_KINDS = (ProviderKind.INFERENCE, ProviderKind.OPENAI)
SILENCE = httpx.Timeout(30.0, connect=3.0)  # seconds without a sign of the server
ANSWER_SECONDS = 180.0  # the longest that one answer may take
ANSWER_LIMIT = 200_000  # characters; what is longer is cut


class NoAnswerError(Exception):
    """The version did not answer; the message is the reason that is stored."""


def answer_stream(version: ModelVersion, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """The pieces of an answer as they arrive; `NoAnswerError` where the server fails."""
    if version.provider is None or version.provider.kind not in LIVE_KINDS:
        raise NoAnswerError("no live provider")
    body = {
        **version.sampling,
        "model": version.remote_name or version.label,
        "messages": list(messages),
        "stream": True,
    }
    ends, length = time.monotonic() + ANSWER_SECONDS, 0
    try:
        for piece in _pieces(version.provider, body):
            yield piece[: ANSWER_LIMIT - length]
            length += len(piece)
            if length >= ANSWER_LIMIT:
                return
            if time.monotonic() > ends:
                raise NoAnswerError("timeout")
    except httpx.TimeoutException:
        raise NoAnswerError("timeout") from None
    except httpx.HTTPError:
        raise NoAnswerError("unreachable") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise NoAnswerError("unreadable answer") from None


def _pieces(provider: Provider, body: dict[str, Any]) -> Iterator[str]:
    url = f"{_base_url(provider)}/v1/chat/completions"
    with _client().stream("POST", url, json=body, headers=_headers(provider)) as answer:
        if answer.status_code != httpx.codes.OK:
            raise NoAnswerError(f"status {answer.status_code}")
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
            yield answer.json()["choices"][0]["message"]["content"]
            return
        for line in answer.iter_lines():
            if line.startswith("data:") and (data := line[5:].strip()) != "[DONE]":
                yield _piece(json.loads(data))


def _piece(event: dict[str, Any]) -> str:
    """The new text of one event; an event may carry none, such as the last one."""
    if event.get("error"):
        raise NoAnswerError("error in the stream")
    choices = event["choices"]
    return (choices[0]["delta"].get("content") or "") if choices else ""


def _base_url(provider: Provider) -> str:
    base = settings.CHAT_URL if provider.kind == ProviderKind.INFERENCE else provider.base_url
    return base.rstrip("/").removesuffix("/v1")


def _headers(provider: Provider) -> dict[str, str]:
    """The key lives in the environment, or in a file that the environment names; nowhere else."""
    name = provider.api_key_variable
    if not name:
        return {}
    try:
        path = os.environ.get(f"{name}_FILE")
        key = Path(path).read_text(encoding="utf-8").strip() if path else os.environ[name]
    except (OSError, KeyError):
        raise NoAnswerError(f"no key in {name}") from None
    return {"Authorization": f"Bearer {key}"}


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    return httpx.Client(timeout=SILENCE, trust_env=False)
