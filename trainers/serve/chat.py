"""`POST /v1/chat/completions`: served policies answer, whole or as a stream of events."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trainers.serve.chat_request import ChatRequest, read_chat
from trainers.serve.engine.requests import EngineError
from trainers.serve.errors import SERVER_ERROR, ApiError, error_body
from trainers.serve.model_store import ModelStore
from trainers.serve.pieces import EventStream, Pieces
from trainers.serve.policies import ServedPolicy
from trainers.serve.preparation import RETRY_SECONDS
from trainers.serve.request_bodies import read_object
from trainers.serve.served_model import ServedModel

DONE = "data: [DONE]\n\n"
WAITING = ": waiting\n\n"  # a comment: clients skip it, and nobody between takes the line for dead
WAITING_SECONDS = 3
CLIENT_GONE = 499  # nginx's name for it; nobody reads this answer


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
    """The served policies, each over the engine of its base."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    async def answer(self, request: Request) -> Response:
        """Answer OpenAI's chat call, whole or as a stream of server-sent events."""
        body = await read_object(request)
        served, policy = self._chosen(body.get("model"))
        # In a thread: tokenising a long conversation would hold up every other call.
        asked = await asyncio.to_thread(read_chat, body, policy)
        frame = Frame(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created=int(time.time()),
            model=served.name,
            system_fingerprint=served.digest[:12],
        )
        # Before any header is sent, so that who is refused hears it as a status.
        pieces = Pieces(policy, asked)
        if asked.stream:
            return EventStream(pieces, self._events(pieces, asked, frame))
        return await self._whole(pieces, asked, frame, request)

    def _chosen(self, name: object) -> tuple[ServedModel, ServedPolicy]:
        """Return the policy of a name. Raises ApiError: 404, or 503 while it is being prepared."""
        served = self._store.models.get(name) if isinstance(name, str) else None
        if served is not None and served.policy is not None:
            return served, served.policy
        if isinstance(name, str) and self._store.is_preparing(name):
            message = f"the model {name!r} is being prepared; it answers in a few seconds"
            raise ApiError(503, message, code="model_preparing", retry_after=RETRY_SECONDS)
        if isinstance(name, str) and (problem := self._store.problem(name)):
            raise ApiError(
                503, f"the model {name!r} cannot be served: {problem}", code="model_failed"
            )
        known = [item.name for item in self._store.models.values() if item.policy]
        message = f"no policy {name!r} is served; served: {', '.join(known) or 'none'}"
        raise ApiError(404, message, code="model_not_found", param="model")

    async def _whole(
        self, pieces: Pieces, asked: ChatRequest, frame: Frame, request: Request
    ) -> Response:
        """Answer in one object; an answer that nobody waits for any more is not written on."""
        written = asyncio.create_task(pieces.all())
        gone = asyncio.create_task(_disconnected(request))
        try:
            await asyncio.wait({written, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not written.done():
                return Response(status_code=CLIENT_GONE)
            found = written.result()
        except EngineError as error:
            raise ApiError(503, str(error), code="answer_failed", retry_after=1) from error
        finally:
            pieces.leave()
            written.cancel()
            gone.cancel()
        choice = {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "".join(piece.text for piece in found),
                "refusal": None,
            },
            "logprobs": None,
            "finish_reason": found[-1].finish,
        }
        return JSONResponse(frame.completion([choice], usage=_usage(asked, found[-1].tokens)))

    async def _events(self, pieces: Pieces, asked: ChatRequest, frame: Frame) -> AsyncIterator[str]:
        """Yield an answer as server-sent events.

        Status and headers are sent by the time a failure shows: it becomes an event, too.
        """
        yield _event(frame.chunk([_delta({"role": "assistant", "content": ""})]))
        tokens = 0
        finish: str | None = None
        while not finish:
            try:
                piece = await pieces.next(WAITING_SECONDS)
            except TimeoutError:
                yield WAITING
                continue
            except EngineError as error:
                yield _event(error_body(str(error), SERVER_ERROR, code="answer_failed"))
                return
            tokens, finish = piece.tokens, piece.finish
            if piece.text:
                yield _event(frame.chunk([_delta({"content": piece.text})]))
            if finish:
                yield _event(frame.chunk([_delta({}, finish)]))
        if asked.include_usage:
            yield _event(frame.chunk([], usage=_usage(asked, tokens)))
        yield DONE


async def _disconnected(request: Request) -> None:
    """Return when the client has gone; its body has been read, so nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        continue


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
