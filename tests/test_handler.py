"""The ASGI handler: whole requests in one thread, streams on the event loop, bounded bodies."""

import asyncio
import json
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from config.handler import ThreadHandler
from tests.loops import run_async

pytestmark = pytest.mark.django_db


async def numbers() -> Any:
    for number in range(3):
        yield f"{number} "
        await asyncio.sleep(0)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(numbers())


def length(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.body)))


urlpatterns = [path("stream", stream), path("length", length)]


def ask(where: str, *parts: bytes, leaves: bool = False) -> tuple[int, bytes]:
    """Status and body of one request whose body comes in parts."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": where,
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    bodies = parts or (b"",)
    incoming = [
        {"type": "http.request", "body": body, "more_body": place < len(bodies) - 1}
        for place, body in enumerate(bodies)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop(0)
        if not leaves:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    run_async(asyncio.wait_for(ThreadHandler()(scope, receive, send), 20))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])
def test_a_stream_is_sent_to_its_end() -> None:
    assert ask("/stream") == (200, b"0 1 2 ")


@override_settings(ROOT_URLCONF=__name__, DATA_UPLOAD_MAX_MEMORY_SIZE=10, MIDDLEWARE=[])
def test_a_body_is_read_in_parts_and_refused_beyond_the_limit() -> None:
    assert ask("/length", b"12345", b"67890") == (200, b"10")
    status, body = ask("/length", b"12345", b"678901")
    assert (status, json.loads(body)["error"]["code"]) == (413, "too_large")


def test_what_the_site_takes_at_once_is_bounded() -> None:
    assert 0 < settings.DATA_UPLOAD_MAX_MEMORY_SIZE <= 10 * 2**20
