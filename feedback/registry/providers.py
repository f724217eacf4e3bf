"""How a version answers: a stream of text from a server that speaks the OpenAI-compatible API.

Our own inference server is one of them. Recorded answers are no provider of this kind: whoever
shows them reads them from the pool. There is one way to ask, and two ways to wait: in a thread of
its own (`Call.pieces`), and in an event loop (`Call.pieces_async`).
"""

import json
import os
import re
import ssl
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from feedback.database.db_async import stored
from feedback.errors import RateLimitedError
from feedback.people.rate_limits.limits import Rate, limit_take
from feedback.registry.errors import (
    BROKEN_OFF,
    BUSY,
    CONTEXT_EXCEEDED,
    OWN_LIMIT,
    TOO_MANY,
    UNAVAILABLE,
    UNREACHABLE,
    NoAnswerError,
    TooLongError,
)
from feedback.registry.health import call_ended
from feedback.registry.models import LIVE_KINDS, ModelVersion, Provider, ProviderKind
from feedback.registry.sse_parser import Reading

SHORT_WAIT = 20.0  # seconds: who asks for no more is busy, and is not left alone by everybody
EXPLAINED = {400, 413, 422}  # statuses of a request that cannot be answered: the body says why
REFUSAL_LIMIT = 64 * 1024  # bytes of such a body that are read
SILENCE = httpx.Timeout(30.0, connect=3.0)  # seconds without a sign of the server
WHOLE = re.compile(r"\b\d{2,9}\b")
SECONDS = re.compile(r"\d{1,9}(\.\d+)?")

Messages = Sequence[Mapping[str, str]]


class Call:
    """One question to one version. What the server said at the end is then in `reading`.

    `options` stand above the version's own sampling. Where that says None, the option is never
    sent: some servers refuse what they do not know.
    """

    def __init__(
        self, version: ModelVersion, messages: Messages, options: Mapping[str, Any] | None = None
    ) -> None:
        self.version = version
        self.reading = Reading("")
        body = version.sampling | dict(options or {})
        never = [name for name, value in version.sampling.items() if value is None]
        self._body = {
            **{name: value for name, value in body.items() if name not in never},
            "model": version.remote_name or version.label,
            "messages": _instructed(version.system_prompt, messages),
            "stream": True,
        }

    def pieces(self) -> Generator[str, None, None]:
        """Yield the answer, for a thread that waits."""
        with self._noted(), _translated(), _client().stream("POST", **self._request()) as answer:
            if answer.status_code in EXPLAINED:
                raise _refusal(answer, next(answer.iter_raw(REFUSAL_LIMIT), b""))
            self._begin(answer)
            for data in answer.iter_raw():
                yield from self.reading.feed(data)
                if self.reading.is_over:
                    break
            else:
                yield from self.reading.close()

    async def pieces_async(self) -> AsyncGenerator[str, None]:
        """Yield the answer, for an event loop; a cancelled task closes the connection."""
        try:
            with _translated():
                request = await stored(self._request)()
                async with (
                    httpx.AsyncClient(timeout=SILENCE, trust_env=False, verify=_trust()) as client,
                    client.stream("POST", **request) as answer,
                ):
                    if answer.status_code in EXPLAINED:
                        raise _refusal(answer, await anext(answer.aiter_raw(REFUSAL_LIMIT), b""))
                    self._begin(answer)
                    async for data in answer.aiter_raw():
                        for piece in self.reading.feed(data):
                            yield piece
                        if self.reading.is_over:
                            break
                    else:
                        for piece in self.reading.close():
                            yield piece
        except NoAnswerError as error:
            await stored(call_ended)(self.version, error)
            raise
        await stored(call_ended)(self.version, None)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except NoAnswerError as error:
            call_ended(self.version, error)
            raise
        call_ended(self.version, None)

    def _request(self) -> dict[str, Any]:
        """Return what goes over the wire; raises where the provider may not be asked now."""
        provider = self.version.provider
        if provider is None or provider.kind not in LIVE_KINDS:
            raise NoAnswerError("no live provider")
        if provider.requests_per_minute:
            try:
                limit_take(
                    key=f"provider:{provider.pk}", rate=Rate(provider.requests_per_minute, 60)
                )
            except RateLimitedError as error:
                raise NoAnswerError(OWN_LIMIT, retry_after=error.retry_after) from None
        return {
            "url": f"{base_url(provider)}/v1/chat/completions",
            "json": self._body,
            "headers": _headers(provider),
        }

    def _begin(self, answer: httpx.Response) -> None:
        if answer.status_code != HTTPStatus.OK:
            raise _refusal(answer)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise NoAnswerError("unreadable answer")  # it was asked for plain bytes
        self.reading = Reading(answer.headers.get("content-type", ""))


def _refusal(answer: httpx.Response, body: bytes = b"") -> NoAnswerError:
    """Return why a server refuses, from its status, its headers and the beginning of its body."""
    if told := _context_exceeded(body):
        return TooLongError(*told)
    reason = f"status {answer.status_code}"
    if reason not in (TOO_MANY, UNAVAILABLE):
        return NoAnswerError(reason)
    wait = _seconds(answer.headers.get("retry-after", ""))
    if wait is not None and wait <= SHORT_WAIT:
        return NoAnswerError(BUSY, retry_after=wait)
    return NoAnswerError(reason, retry_after=wait)


def _context_exceeded(body: bytes) -> tuple[int | None, int | None] | None:
    """Return the tokens of a prompt that is too long, and how many fit; None of another error.

    There is no field for the two numbers. Every server known names them first in its message, in
    either order: the prompt's is the larger one.
    """
    try:
        error = json.loads(body)["error"]
        if error["code"] != CONTEXT_EXCEEDED:
            return None
        numbers = sorted(int(one) for one in WHOLE.findall(str(error["message"]))[:2])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return (numbers[1], numbers[0]) if len(numbers) == 2 else (None, None)


def _instructed(system_prompt: str, messages: Messages) -> list[Mapping[str, str]]:
    """Return the messages under the version's own instructions, as one system message."""
    if not system_prompt:
        return list(messages)
    first, rest = messages[0], messages[1:]
    if first["role"] == "system":
        return [{"role": "system", "content": f"{system_prompt}\n\n{first['content']}"}, *rest]
    return [{"role": "system", "content": system_prompt}, *messages]


def _seconds(text: str) -> float | None:
    """Parse `Retry-After`: seconds, or a date."""
    if SECONDS.fullmatch(text):
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - datetime.now(UTC)
    except (TypeError, ValueError):
        return None
    return max(wait.total_seconds(), 1.0)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise NoAnswerError for what goes wrong between two machines."""
    try:
        yield
    except httpx.TimeoutException:
        raise NoAnswerError("timeout") from None
    except (httpx.RemoteProtocolError, httpx.ReadError):
        raise NoAnswerError(BROKEN_OFF) from None
    except (httpx.HTTPError, httpx.InvalidURL):
        raise NoAnswerError(UNREACHABLE) from None


def base_url(provider: Provider) -> str:
    """Return the address before `/v1`."""
    base = settings.CHAT_URL if provider.kind == ProviderKind.INFERENCE else provider.base_url
    return base.rstrip("/").removesuffix("/v1")


def _headers(provider: Provider) -> dict[str, str]:
    """Return the headers with the key, from the environment or from a file it names."""
    plain = {"Accept-Encoding": "identity"}
    name = provider.api_key_variable
    if not name:
        return plain
    try:
        path = os.environ.get(f"{name}_FILE")
        key = Path(path).read_text(encoding="utf-8").strip() if path else os.environ[name]
    except (OSError, KeyError):
        raise NoAnswerError(f"no key in {name}") from None
    if not (key.isascii() and key.isprintable()):
        raise NoAnswerError(f"no key in {name}")
    return plain | {"Authorization": f"Bearer {key}"}


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    return httpx.Client(timeout=SILENCE, trust_env=False, verify=_trust())


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
