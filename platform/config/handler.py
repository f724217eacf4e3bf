"""Django's ASGI handler, with one step into a thread for a whole request instead of dozens.

Our views and middleware are synchronous. Django's own handler makes a thread for each request,
runs each hook of each middleware as a turn of that thread, and goes back to the event loop in
between; that costs more than most of our requests do (decision 0007).
Here the chain is synchronous as under WSGI and runs in one go in one of a few threads. What a
response streams is iterated on the event loop.
"""

import asyncio
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

THREADS = 16  # as many as a process has connections to the database
TOO_LARGE = json.dumps(
    {"error": {"code": "too_large", "message": "This is more than the site takes at once."}}
).encode()


class BodyTooLarge(Exception):  # noqa: N818 - answered, not reported
    """More was sent than the site takes."""


class ThreadHandler(ASGIHandler):
    """Serves each request by the synchronous chain, in one thread."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            raise ValueError(f"Only HTTP is served here, not {scope['type']}.")
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        except BodyTooLarge:
            await _refuse(send)
            return
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self._threads, self._respond, scope, body)
        if not response.streaming:
            await self.send_response(response, send)
            return
        try:
            await self._stream(response, receive, send)
        finally:
            await loop.run_in_executor(self._threads, response.close)
            body.close()

    def _respond(self, scope: Any, body: IO[bytes]) -> Any:
        """Run the whole chain; close what does not stream, so that its connection goes back."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self.get_response(request)
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if response.streaming:
            close_old_connections()
        else:
            response.close()
            body.close()
        return response

    async def _stream(self, response: HttpResponseBase, receive: Any, send: Any) -> None:
        """Send what the response yields, until its end or the client's."""
        sending = asyncio.create_task(self.send_response(response, send))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        left = leaving.done()
        for task in (sending, leaving):
            task.cancel()
        results = await asyncio.gather(sending, leaving, return_exceptions=True)
        if not left and isinstance(results[0], Exception):
            raise results[0]

    async def read_body(self, receive: Any) -> IO[bytes]:
        """Return the body, in memory; raise BodyTooLarge beyond `DATA_UPLOAD_MAX_MEMORY_SIZE`."""
        body = io.BytesIO()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                body.close()
                raise RequestAborted
            body.write(message.get("body", b""))
            if body.tell() > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                body.close()
                raise BodyTooLarge
            if not message.get("more_body", False):
                body.seek(0)
                return body


async def _refuse(send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    headers.append((b"content-length", str(len(TOO_LARGE)).encode()))
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": TOO_LARGE})
