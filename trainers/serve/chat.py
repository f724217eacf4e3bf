"""`POST /v1/chat/completions`: served policies answer, whole or as a stream of events."""

import asyncio
import json
import logging
import threading
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from trainers.policy.adapter import Policy
from trainers.serve.chat_request import ChatRequest, read_chat
from trainers.serve.errors import ApiError, error_body
from trainers.serve.generation import TextPiece, generate_pieces
from trainers.serve.model_store import ModelStore, ServedModel
from trainers.serve.request_bodies import read_object

logger = logging.getLogger(__name__)

# An arena asks two policies at once; more would only slow each other, and the encoder, down.
MAX_CONCURRENT = 2
DONE = "data: [DONE]\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The fields that all objects of one answer have in common, as OpenAI's API names them."""

    id: str
    created: int
    model: str
    system_fingerprint: str

    def completion(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """Return a whole answer."""
        return self._object("chat.completion", choices, more)

    def chunk(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """Return a part of a streamed answer."""
        return self._object("chat.completion.chunk", choices, more)

    def _object(
        self, kind: str, choices: list[dict[str, Any]], more: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the object of a kind, with the fields of the frame."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.system_fingerprint,
            "choices": choices,
            **more,
        }


class Chat:
    """The served policies; each answer is generated in a thread of its own, a few at a time."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End every answer after its current token."""
        self._stopping.set()

    async def answer(self, request: Request) -> Response:
        """Answer OpenAI's chat call, whole or as a stream of server-sent events."""
        body = await read_object(request)
        served, policy = self._chosen(body.get("model"))
        # In a thread: tokenising a long conversation would hold up every other call.
        asked = await asyncio.to_thread(read_chat, body, policy)
        digest = served.artifact.digest[:12]
        frame = Frame(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=served.name,
            system_fingerprint=digest,
        )
        if asked.stream:
            events = self._events(policy, asked, frame)
            return StreamingResponse(events, media_type="text/event-stream")
        return JSONResponse(await self._whole(policy, asked, frame))

    def _chosen(self, name: object) -> tuple[ServedModel, Policy]:
        """Return the policy of a name. Raises ApiError 404."""
        served = self._store.models.get(name) if isinstance(name, str) else None
        if served is None or served.policy is None:
            known = [item.name for item in self._store.models.values() if item.policy]
            message = f"no policy {name!r} is served; served: {', '.join(known) or 'none'}"
            raise ApiError(404, message, code="model_not_found", param="model")
        return served, served.policy

    async def _whole(self, policy: Policy, asked: ChatRequest, frame: Frame) -> dict[str, Any]:
        """Return a whole answer."""
        pieces = [piece async for piece in self._pieces(policy, asked)]
        text = "".join(piece.text for piece in pieces)
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": None,
            "finish_reason": pieces[-1].finish,
        }
        return frame.completion([choice], usage=_usage(asked, pieces[-1].tokens))

    async def _events(self, policy: Policy, asked: ChatRequest, frame: Frame) -> AsyncIterator[str]:
        """Yield an answer as server-sent events.

        Status and headers are sent by the time a failure shows: it becomes an event, too.
        """
        yield _event(frame.chunk([_delta({"role": "assistant", "content": ""})]))
        tokens = 0
        try:
            # Closed at once when this stream is left early, which ends the generation, too.
            async with aclosing(self._pieces(policy, asked)) as pieces:
                async for piece in pieces:
                    tokens = piece.tokens
                    if piece.text:
                        yield _event(frame.chunk([_delta({"content": piece.text})]))
                    if piece.finish:
                        yield _event(frame.chunk([_delta({}, piece.finish)]))
        except Exception:
            logger.exception("an answer failed after it had begun")
            yield _event(error_body("the server failed on this answer", "server_error"))
            return
        if asked.include_usage:
            yield _event(frame.chunk([], usage=_usage(asked, tokens)))
        yield DONE

    async def _pieces(self, policy: Policy, asked: ChatRequest) -> AsyncGenerator[TextPiece, None]:
        """Yield the pieces as a thread generates them; who stops listening ends the generation."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[TextPiece | Exception | None] = asyncio.Queue()
        abandoned = threading.Event()

        def cancelled() -> bool:
            return abandoned.is_set() or self._stopping.is_set()

        def generate() -> None:
            try:
                for piece in generate_pieces(
                    policy, asked.prompt, asked.sampling, asked.stops, cancelled
                ):
                    # An asyncio queue belongs to its loop's thread.
                    loop.call_soon_threadsafe(queue.put_nowait, piece)
                last: Exception | None = None
            except Exception as error:
                last = error
            # At shutdown the loop may be gone before its threads: there is nobody to tell.
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, last)

        async with self._slots:
            threading.Thread(target=generate, name="generation", daemon=True).start()
            try:
                while (item := await queue.get()) is not None:
                    if isinstance(item, Exception):
                        raise item
                    yield item
            finally:
                abandoned.set()


def _delta(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    """Return the one choice of a streamed part."""
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _usage(asked: ChatRequest, tokens: int) -> dict[str, int]:
    """Return how many tokens were read and generated."""
    prompt = len(asked.prompt)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": tokens,
        "total_tokens": prompt + tokens,
    }


def _event(value: dict[str, Any]) -> str:
    """Return a server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
