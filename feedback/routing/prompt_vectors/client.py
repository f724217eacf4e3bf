"""A prompt's vector from the inference server, or a reason why there is none in time.

A person never waits for the encoder longer than the deadline. After a failure, or while an answer
is overdue, nobody waits at all: routing goes on without the prompt, and one call a second carries
its prompt to the server in the background, so that a server that came back is found.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from concurrent.futures import TimeoutError as DeadlinePassed
from functools import lru_cache

import httpx
from django.conf import settings

from feedback.routing.prompt_vectors.protocol import (
    PATH,
    AnswerError,
    Encoded,
    read_vectors,
    request_body,
)

PATIENCE_SECONDS = 2.0  # how long an answer may be overdue before it is given up
RETRY_SECONDS = 1.0  # between attempts at a server that is down
MOST_ASKED = 16  # texts under way at once; more would only wait behind them
KEPT = 4096  # vectors: 6 MB of 384 numbers each
IDLE_SECONDS = 4.0  # a connection is given up before the server, after five, does it


class PromptUnusedError(Exception):
    """Routing cannot look at this prompt; the message is the reason that is logged."""


class EncoderClient:
    """Ask one inference server, from a thread with an event loop of its own.

    A request can be left there when its deadline has passed, and a late answer is still kept. So
    no number of people can be stuck behind a server that hangs.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Encoded] = OrderedDict()
        self._asked: dict[bytes, Future[Encoded]] = {}
        self._is_down = False
        self._retry_at = 0.0
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=None,  # noqa: S113 - the requests have one limit for all that they do
            trust_env=False,
            limits=httpx.Limits(max_connections=MOST_ASKED, keepalive_expiry=IDLE_SECONDS),
        )
        threading.Thread(target=self._loop.run_forever, name="encoder", daemon=True).start()

    def known(self, key: bytes) -> Encoded | None:
        """Return what is kept under a key."""
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: bytes, found: Encoded) -> None:
        """Keep a vector under its key; where there are too many, drop the least recently used."""
        with self._lock:
            self._kept[key] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def encode(self, key: bytes, text: str, deadline: float) -> Encoded:
        """Return the vector of a text within `deadline` seconds.

        Raises PromptUnusedError: `encoder_late`, `encoder_failed`, `encoder_down`, `encoder_busy`.
        """
        asked = self._ask(key, text)
        try:
            return asked.result(timeout=deadline)
        except DeadlinePassed:
            with self._lock:
                self._is_down |= key in self._asked  # unless it has come just now
            raise PromptUnusedError("encoder_late") from None
        except AnswerError:
            raise PromptUnusedError("encoder_failed") from None

    def _ask(self, key: bytes, text: str) -> Future[Encoded]:
        """Return the request for a text: the one under way, or a new one where one may be made."""
        with self._lock:
            if self._is_down:
                if not self._asked and time.monotonic() >= self._retry_at:
                    self._send(key, text)  # for the next ones: this one does not wait for it
                raise PromptUnusedError("encoder_down")
            if asked := self._asked.get(key):
                return asked
            if len(self._asked) >= MOST_ASKED:
                raise PromptUnusedError("encoder_busy")
            return self._send(key, text)

    def _send(self, key: bytes, text: str) -> Future[Encoded]:
        asked = asyncio.run_coroutine_threadsafe(self._request(key, text), self._loop)
        self._asked[key] = asked
        return asked

    async def _request(self, key: bytes, text: str) -> Encoded:
        is_down = True  # unless an answer says otherwise: a text that is refused is not its fault
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await self._client.post(PATH, json=request_body([text]))
            is_down = answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error
            (found,) = read_vectors(answer, 1)
        finally:
            with self._lock:
                self._is_down = is_down
                self._retry_at = time.monotonic() + RETRY_SECONDS
                del self._asked[key]
        self.keep(key, found)
        return found


@lru_cache(maxsize=4)
def client_of(url: str) -> EncoderClient:
    """Return the process's client of an inference server."""
    return EncoderClient(url)


def encoder_client() -> EncoderClient:
    """Return the process's client of the inference server of the settings."""
    return client_of(settings.EMBEDDINGS_URL)
