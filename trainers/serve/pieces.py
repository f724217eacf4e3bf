"""One answer's pieces on their way from the engine's thread to the event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from trainers.serve.chat_request import ChatRequest
from trainers.serve.engine.requests import Asked, OverloadedError, TextPiece
from trainers.serve.errors import ApiError
from trainers.serve.policies import ServedPolicy


class Pieces:
    """Asks an engine for an answer, and takes its pieces as they come."""

    def __init__(self, policy: ServedPolicy, asked: ChatRequest) -> None:
        """Raise ApiError 503 where too many answers wait already."""
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[TextPiece | Exception] = asyncio.Queue()
        self._asked = Asked(
            prompt=asked.prompt,
            sampling=asked.sampling,
            stops=asked.stops,
            adapter=policy.adapter,
            tell=self._tell,
        )
        try:
            policy.engine.submit(self._asked)
        except OverloadedError as error:
            raise ApiError(
                503, str(error), code="overloaded", retry_after=error.retry_after
            ) from error

    async def next(self, seconds: float | None = None) -> TextPiece:
        """Return the next piece; raises EngineError, or TimeoutError where none came in time."""
        async with asyncio.timeout(seconds):
            item = await self._queue.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def all(self) -> list[TextPiece]:
        """Return all pieces; raises EngineError where the answer ended early."""
        found = [await self.next()]
        while not found[-1].finish:
            found.append(await self.next())
        return found

    def leave(self) -> None:
        """Let the engine stop writing."""
        self._asked.leave()

    def _tell(self, item: TextPiece | Exception) -> None:
        # At shutdown the loop may be gone before the engine: there is nobody to tell.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)


class EventStream(StreamingResponse):
    """Server-sent events of an answer, which ends with the connection, however that ends."""

    def __init__(self, pieces: Pieces, events: AsyncIterator[str]) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events. A client may leave before the first one: `events` never began then."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pieces.leave()
