"""The body of a chat call, checked against what the model can read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainers.errors import InputError
from trainers.generation.sampling import Sampling
from trainers.serve.errors import ApiError
from trainers.serve.policies import ServedPolicy
from trainers.serve.request_bodies import flag, number, texts, whole_number

DEFAULT_TOKENS = 256
MAX_STOPS = 4
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What to generate from prompt token ids, and how to send it."""

    prompt: list[int]
    sampling: Sampling
    stops: list[str]
    stream: bool
    include_usage: bool


def read_chat(body: Mapping[str, Any], policy: ServedPolicy) -> ChatRequest:
    """Return a checked request.

    Raises ApiError: 400 for a field that cannot be used, 413 for a conversation that does not fit.
    """
    if body.get("n") not in (None, 1):
        raise ApiError(400, "n must be 1", param="n")
    if body.get("tools"):
        raise ApiError(400, "tools are not supported", param="tools")
    try:
        prompt = policy.prompt_ids(_messages(body))
    except InputError as error:
        raise ApiError(400, str(error), param="messages") from error
    base = policy.engine.base
    if len(prompt) > base.longest_prompt:
        raise ApiError(
            413,
            f"the conversation has {len(prompt)} tokens; "
            f"at most {base.longest_prompt} can be read: shorten it or begin a new one",
            code="context_length_exceeded",
            param="messages",
        )
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise ApiError(400, "stream_options must be an object", param="stream_options")
    return ChatRequest(
        prompt=prompt,
        sampling=_sampling(body, base.window - len(prompt)),
        stops=_stops(body),
        stream=flag(body, "stream"),
        include_usage=flag(options, "include_usage"),
    )


def _sampling(body: Mapping[str, Any], room: int) -> Sampling:
    """Return how to sample; `room` is how many tokens the window has left."""
    # `max_completion_tokens` is OpenAI's newer name of `max_tokens`.
    asked = whole_number(body, "max_completion_tokens", low=1, high=2**31)
    asked = asked or whole_number(body, "max_tokens", low=1, high=2**31) or DEFAULT_TOKENS
    seed = whole_number(body, "seed", low=-(2**63), high=2**63 - 1)
    return Sampling(
        max_tokens=min(asked, room),
        temperature=number(body, "temperature", 1.0, low=0, high=2),
        top_p=number(body, "top_p", 1.0, low=0, high=1),
        frequency_penalty=number(body, "frequency_penalty", 0.0, low=-2, high=2),
        presence_penalty=number(body, "presence_penalty", 0.0, low=-2, high=2),
        seed=seed,
    )


def _stops(body: Mapping[str, Any]) -> list[str]:
    """Return the stop strings."""
    stops = texts(body["stop"], "stop") if body.get("stop") is not None else []
    if len(stops) > MAX_STOPS or not all(stops):
        raise ApiError(400, f"stop must be at most {MAX_STOPS} texts, none empty", param="stop")
    return stops


def _messages(body: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the conversation with roles that templates know."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "messages must be a list of at least one message", param="messages")
    return [_message(f"messages[{index}]", message) for index, message in enumerate(messages)]


def _message(param: str, message: object) -> dict[str, str]:
    """Return one message; `param` names it in errors."""
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise ApiError(400, f"{param}.role must be one of {', '.join(ROLES)}", param=param)
    return {"role": ROLES[message["role"]], "content": _content(param, message.get("content"))}


def _content(param: str, content: object) -> str:
    """Return a text, or the texts of OpenAI's list of parts, of which only texts can be read."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [None]
    found = [part.get("text") if isinstance(part, dict) else None for part in parts]
    if not all(isinstance(text, str) for text in found):
        raise ApiError(400, f"{param}.content must be a text or a list of text parts", param=param)
    return "".join(text for text in found if text)
