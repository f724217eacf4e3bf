"""The prompt's vector, from the inference server, or a reason why there is none in time.

A person never waits for the encoder: the call ends at a deadline, and after a failure a breaker
lets the next calls fail at once for a while.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as DeadlinePassed
from functools import lru_cache

import httpx
import numpy as np
from django.conf import settings
from numpy.typing import NDArray

BREAKER_SECONDS = 5.0
MODEL = "encoder"


class PromptUnusedError(Exception):
    """Routing cannot look at this prompt; the message is the reason that is logged."""


class Breaker:
    """Open for a while after a failure, so that nobody waits for what is known to be down."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._open_until = 0.0

    def is_open(self) -> bool:
        """Whether calls should fail at once."""
        return time.monotonic() < self._open_until

    def trip(self) -> None:
        """Remember a failure."""
        self._open_until = time.monotonic() + self.seconds

    def reset(self) -> None:
        """Forget about failures."""
        self._open_until = 0.0


breaker = Breaker(BREAKER_SECONDS)
_vectors: dict[str, NDArray[np.float32]] = {}
_vectors_lock = threading.Lock()
_VECTORS_KEPT = 4096


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="encoder")


@lru_cache(maxsize=4)
def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=10.0, trust_env=False)


def encode(text: str) -> NDArray[np.float32]:
    """The vector of a prompt, (d,), within the deadline; `PromptUnusedError` says why not."""
    with _vectors_lock:
        if (known := _vectors.get(text)) is not None:
            return known
    if breaker.is_open():
        raise PromptUnusedError("encoder_down")
    future = _pool().submit(_request, text)
    try:
        vector = future.result(timeout=settings.ROUTING_DEADLINE_SECONDS)
    except DeadlinePassed:
        breaker.trip()
        raise PromptUnusedError("encoder_late") from None
    except (httpx.HTTPError, LookupError, ValueError, TypeError):
        breaker.trip()
        raise PromptUnusedError("encoder_failed") from None
    with _vectors_lock:
        if len(_vectors) >= _VECTORS_KEPT:
            _vectors.pop(next(iter(_vectors)))
        _vectors[text] = vector
    return vector


def _request(text: str) -> NDArray[np.float32]:
    answer = _client(settings.EMBEDDINGS_URL).post(
        "/v1/embeddings", json={"model": MODEL, "input": text}
    )
    answer.raise_for_status()
    breaker.reset()  # a late answer still shows that the server is back
    return np.asarray(answer.json()["data"][0]["embedding"], dtype=np.float32)
