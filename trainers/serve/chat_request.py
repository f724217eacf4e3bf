"""The body of a chat call, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainers.policy.adapter import Policy
from trainers.policy.generate import Sampling
from trainers.serve.errors import ApiError
from trainers.serve.generation import context_length
from trainers.serve.request_bodies import flag, number, texts, whole_number

DEFAULT_TOKENS = 256
MOST_STOPS = 4
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What to write, and how to send it."""

    prompt: list[int]
    how: Sampling
    stops: list[str]
    stream: bool
    include_usage: bool


def read_chat(body: Mapping[str, Any], policy: Policy) -> ChatRequest:
    """Check a body against what the policy can do."""
    if body.get("n") not in (None, 1):
        raise ApiError(400, "n must be 1", param="n")
    if body.get("tools"):
        raise ApiError(400, "tools are not supported", param="tools")
    prompt = policy.dialogue.prompt_ids(_messages(body))
    room = context_length(policy.model) - len(prompt)
    if room < 1:
        raise ApiError(
            413,
            f"the conversation has {len(prompt)} tokens; the model reads "
            f"{context_length(policy.model) - 1}",
            code="context_length_exceeded",
            param="messages",
        )
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise ApiError(400, "stream_options must be an object", param="stream_options")
    stops = _stops(body)
    return ChatRequest(
        prompt, _sampling(body, room), stops, flag(body, "stream"), flag(options, "include_usage")
    )


def _sampling(body: Mapping[str, Any], room: int) -> Sampling:
    asked = whole_number(body, "max_completion_tokens", low=1, high=2**31)
    asked = asked or whole_number(body, "max_tokens", low=1, high=2**31) or DEFAULT_TOKENS
    seed = whole_number(body, "seed", low=-(2**63), high=2**63 - 1)
    return Sampling(
        max_tokens=min(asked, room),
        temperature=number(body, "temperature", 1.0, low=0, high=2),
        top_p=number(body, "top_p", 1.0, low=0, high=1),
        seed=seed,
    )


def _stops(body: Mapping[str, Any]) -> list[str]:
    stops = texts(body["stop"], "stop") if body.get("stop") is not None else []
    if len(stops) > MOST_STOPS or not all(stops):
        raise ApiError(400, f"stop must be at most {MOST_STOPS} texts, none empty", param="stop")
    return stops


def _messages(body: Mapping[str, Any]) -> list[dict[str, str]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "messages must be a list of at least one message", param="messages")
    return [_message(f"messages[{place}]", message) for place, message in enumerate(messages)]


def _message(place: str, message: object) -> dict[str, str]:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise ApiError(400, f"{place}.role must be one of {', '.join(ROLES)}", param=place)
    return {"role": ROLES[message["role"]], "content": _content(place, message.get("content"))}


def _content(place: str, content: object) -> str:
    """A text, or OpenAI's list of parts, of which only texts can be read."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [None]
    found = [part.get("text") if isinstance(part, dict) else None for part in parts]
    if not all(isinstance(text, str) for text in found):
        raise ApiError(400, f"{place}.content must be a text or a list of text parts", param=place)
    return "".join(text for text in found if text)
