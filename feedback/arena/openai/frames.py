"""Answers in the words of OpenAI's API: whole, and as a stream of events."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from feedback.arena.openai.answering import Answer
from feedback.arena.openai.errors import gateway_error
from feedback.registry.errors import NoAnswerError
from feedback.registry.models import ModelVersion

DONE = b"data: [DONE]\n\n"
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def headers_of(answer: Answer) -> dict[str, str]:
    """Return the headers that say what feedback is sent for, and which decision chose."""
    headers = {"X-Response-Id": answer.attempt.response.public_id}
    if answer.attempt.route:
        headers["X-Route-Id"] = answer.attempt.route
    return headers


def completion(answer: Answer) -> dict[str, Any]:
    """Return an answer that was read to its end in one object."""
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
    usage = _usage(answer)
    return _frame(answer, "chat.completion") | {"choices": [choice]} | _if(usage)


async def events(answer: Answer, *, include_usage: bool) -> AsyncIterator[bytes]:
    """Yield the pieces as they come; an error in the middle is an event, too."""
    frame = _frame(answer, "chat.completion.chunk")
    try:
        async with aclosing(answer.read()) as pieces:
            yield _event(frame | _delta({"role": "assistant", "content": ""}))
            async for piece in pieces:
                yield _event(frame | _delta({"content": piece}))
    except NoAnswerError as error:
        told = gateway_error(error)
        yield _event(told.body if told else {})
        return
    yield _event(frame | _delta({}, answer.finish))
    if include_usage and (usage := _usage(answer)):
        yield _event(frame | {"choices": [], "usage": usage})
    yield DONE


def model_list(routers: list[str], versions: list[ModelVersion]) -> dict[str, Any]:
    """Say who can be asked, with the names that let routing choose first."""
    rows: list[dict[str, Any]] = [
        {"id": name, "object": "model", "created": 0, "owned_by": "routing"} for name in routers
    ]
    rows += [
        {
            "id": version.label,
            "object": "model",
            "created": int(version.created_at.timestamp()),
            "owned_by": str(version.provider),
        }
        for version in versions
    ]
    return {"object": "list", "data": rows}


def _frame(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.attempt.response.public_id}",
        "object": kind,
        "created": int(time.time()),
        "model": answer.attempt.version.label,
    }


def _delta(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"choices": [choice]}


def _usage(answer: Answer) -> dict[str, int] | None:
    """Return the counts that the server gave, if they are counts."""
    given = answer.usage or {}
    counts = {name: given.get(name) for name in COUNTS}
    whole = {name: n for name, n in counts.items() if isinstance(n, int)}
    return whole if len(whole) == len(COUNTS) else None


def _if(usage: dict[str, int] | None) -> dict[str, Any]:
    return {"usage": usage} if usage else {}


def _event(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()
