"""The body of a chat call, checked: what is not understood is refused and not silently dropped."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from feedback.arena.openai.errors import GatewayError

AUTO = "auto"
ROUTER = "router-"  # and the name of a threshold: that pair answers, as RouteLLM's clients ask
TEXT_LIMIT = 1_000_000  # characters of all messages
MESSAGES_LIMIT = 500
STOPS_LIMIT = 4
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
NUMBERS: dict[str, tuple[type, float, float]] = {  # handed on: kind, lowest, highest
    "temperature": (float, 0, 2),
    "top_p": (float, 0, 1),
    "presence_penalty": (float, -2, 2),
    "frequency_penalty": (float, -2, 2),
    "max_tokens": (int, 1, 2**31 - 1),
    "seed": (int, -(2**63), 2**63 - 1),
}
LABELS = {  # about the call and not about the answer
    *("user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"),
}
NEUTRAL: dict[str, tuple[Any, ...]] = {  # understood as far as they ask for nothing
    "n": (1,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "functions": ([],),
    "logprobs": (False,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
}
REFUSALS = {
    "n": "n must be 1: ask again for another answer.",
    "tools": "Tools are not supported here: the answers are texts for people.",
    "functions": "Functions are not supported here: the answers are texts for people.",
}
READ = {
    *("model", "messages", "stream", "stream_options", "stop", "max_completion_tokens"),
    *NUMBERS,
    *LABELS,
    *NEUTRAL,
}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked, of whom, and how."""

    model: str
    messages: list[dict[str, str]]
    stream: bool
    include_usage: bool
    sampling: dict[str, Any]


def read_chat(data: bytes) -> ChatRequest:
    """Parse a call; raises an error that names the parameter which is wrong."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise GatewayError(400, "invalid_json", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise GatewayError(400, "invalid_json", "The body is not a JSON object.")
    body = {name: value for name, value in body.items() if value is not None}
    _refuse_others(body)
    options = body.get("stream_options", {})
    if not isinstance(options, dict):
        raise _invalid("stream_options", "must be an object")
    if not isinstance(body.get("model"), str):
        raise _invalid("model", f'must be a name from /v1/models, or "{AUTO}"')
    return ChatRequest(
        model=body["model"],
        messages=_messages(body.get("messages")),
        stream=_flag(body, "stream"),
        include_usage=_flag(options, "include_usage"),
        sampling=_sampling(body),
    )


def _refuse_others(body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        if name not in READ:
            raise _invalid(name, "is not supported here")
        if name in NEUTRAL and value not in NEUTRAL[name]:
            message = REFUSALS.get(name, f"{name} is not supported here.")
            raise GatewayError(400, "unsupported_parameter", message, param=name)


def _sampling(body: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(body)
    if "max_completion_tokens" in body:
        values["max_tokens"] = body["max_completion_tokens"]
    found: dict[str, Any] = {
        name: _number(values[name], name) for name in NUMBERS if name in values
    }
    if "stop" in body:
        found["stop"] = _stops(body["stop"])
    return found


def _number(value: object, name: str) -> int | float:
    kind, low, high = NUMBERS[name]
    allowed = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed) or not low <= value <= high:
        words = "a whole number" if kind is int else "a number"
        raise _invalid(name, f"must be {words} from {low:g} to {high:g}")
    return value


def _stops(value: Any) -> list[str]:
    stops = [value] if isinstance(value, str) else value
    good = isinstance(stops, list) and len(stops) <= STOPS_LIMIT
    if not good or not all(isinstance(stop, str) and stop for stop in stops):
        raise _invalid("stop", f"must be a text or at most {STOPS_LIMIT} texts, none empty")
    return list(stops)


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise _invalid(name, "must be true or false")
    return value


def _messages(value: object) -> list[dict[str, str]]:
    if not isinstance(value, list) or not 1 <= len(value) <= MESSAGES_LIMIT:
        raise _invalid("messages", f"must be a list of 1 to {MESSAGES_LIMIT} messages")
    messages = [_message(f"messages[{place}]", one) for place, one in enumerate(value)]
    if sum(len(message["content"]) for message in messages) > TEXT_LIMIT:
        raise _invalid("messages", f"must have at most {TEXT_LIMIT:,} characters")
    if messages[-1]["role"] != "user" or not messages[-1]["content"].strip():
        raise _invalid("messages", "must end with what the user says")
    return messages


def _message(place: str, value: object) -> dict[str, str]:
    role = value.get("role") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(role, str) or role not in ROLES:
        raise _invalid(place, f"must have a role among {', '.join(ROLES)}")
    content = value.get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
    if not all(isinstance(text, str) and _is_storable(text) for text in texts):
        raise _invalid(place, "must have a text, or a list of text parts, as its content")
    return {"role": ROLES[role], "content": "".join(map(str, texts))}


def _is_storable(text: str) -> bool:
    """Say whether the database can keep it: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _invalid(name: str, words: str) -> GatewayError:
    return GatewayError(400, "invalid_value", f"{name} {words}.", param=name)
