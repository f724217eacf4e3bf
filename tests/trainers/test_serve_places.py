"""Places at the server: who waits, who is refused, who leaves, and what fits, over HTTP."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.trainers.inference_server import LONG, Served, point, running
from tests.trainers.writers import endless_policy
from trainers.serve.engine.engine import MAX_WAITING
from trainers.serve.engine.room import MAX_ROWS

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    return endless_policy(tmp_path_factory.mktemp("endless") / "policy")


@pytest.fixture(scope="module")
def server(endless, tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("promoted")
    point(folder / "endless", endless.path)
    with running(folder) as served:
        yield served


def test_sigterm_ends_the_server_soon_even_while_it_writes(endless, tmp_path):
    point(tmp_path / "endless", endless.path)
    with running(tmp_path) as served:
        assert served.post("/score", json={"items": [{}]}).status_code == 404  # no reward model
        body = LONG | {"stream": True}
        with httpx.stream(
            "POST", f"{served.url}/v1/chat/completions", json=body, timeout=120
        ) as stream:
            served.wait(lambda health: health["answers"]["writing"] == 1)
            started = time.monotonic()
            served.process.send_signal(signal.SIGTERM)
            rest = stream.read().decode()
            assert served.process.wait(60) == 0
            assert time.monotonic() - started < 2
            # Not `[DONE]`: what was written so far is no whole answer.
            assert "the server is stopping" in rest
            assert "[DONE]" not in rest


def streams(server: Served, many: int, opened: ExitStack) -> list[httpx.Response]:
    """Long answers that are under way or wait."""
    client = opened.enter_context(httpx.Client(timeout=120, limits=httpx.Limits()))
    url = f"{server.url}/v1/chat/completions"
    return [
        opened.enter_context(client.stream("POST", url, json=LONG | {"stream": True}))
        for _ in range(many)
    ]


def test_beyond_the_queue_a_request_is_refused_before_its_headers(server):
    with ExitStack() as opened:
        begun = streams(server, MAX_ROWS + MAX_WAITING, opened)
        assert {answer.status_code for answer in begun} == {200}
        for stream in (True, False):
            refused = server.post("/v1/chat/completions", json=LONG | {"stream": stream})
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "overloaded"
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        # One that waits has its first event, and then signs of life.
        lines = begun[-1].iter_lines()
        assert next(lines).startswith("data: {")
        assert next(line for line in lines if line) == ": waiting"
    # All have left.
    server.wait(lambda health: health["answers"] == {"writing": 0, "waiting": 0})


def test_a_client_that_leaves_frees_its_place_streamed_or_not(server):
    for stream in (True, False):
        with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port)) as client:
            body = json.dumps(LONG | {"stream": stream}).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}"
            client.sendall(head.encode() + b"\r\n\r\n" + body)
            server.wait(lambda health: health["answers"]["writing"] == 1)
        began = time.monotonic()
        server.wait(lambda health: health["answers"]["writing"] == 0)
        assert time.monotonic() - began < 1


def test_a_conversation_that_is_too_long_hears_by_how_much(server):
    words = [{"role": "user", "content": "tea " * 3000}]
    refused = server.post("/v1/chat/completions", json=LONG | {"messages": words})
    assert refused.status_code == 413
    said = refused.json()["error"]["message"]
    assert re.search(r"has \d{4,} tokens; at most 2047 can be read", said)


def test_an_answer_is_capped_so_that_it_fits_behind_its_prompt(server):
    almost = [{"role": "user", "content": "a " * 1000}]
    body = LONG | {"messages": almost, "max_tokens": 100_000}
    usage = server.post("/v1/chat/completions", json=body).json()["usage"]
    assert usage["prompt_tokens"] > 1990
    assert usage["total_tokens"] == 2048
