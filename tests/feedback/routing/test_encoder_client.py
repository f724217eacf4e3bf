"""The client of the inference server: a deadline, and nobody waits for a server that is down."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from config.supervisor.plan import any_port
from feedback.routing.prompt_vectors import client
from feedback.routing.prompt_vectors.client import EncoderClient, PromptUnusedError
from feedback.routing.prompt_vectors.protocol import MOST_CHARACTERS, Encoded
from tests.feedback.routing.encoder_server import EncoderServer, serving

DEADLINE = 0.15
AMPLE = 60.0


@pytest.fixture
def server() -> Iterator[EncoderServer]:
    """An inference server that answers at once, until the test wants otherwise."""
    with serving() as server:
        yield server


@pytest.fixture
def encoder(server: EncoderServer) -> EncoderClient:
    """A client of it."""
    return EncoderClient(server.url)


def ask(encoder: EncoderClient, text: str, deadline: float = AMPLE) -> Encoded:
    return encoder.encode(text.encode("utf-8", "replace"), text, deadline)


def reason(encoder: EncoderClient, text: str, deadline: float = AMPLE) -> str:
    """Why there is no vector."""
    with pytest.raises(PromptUnusedError) as refused:
        ask(encoder, text, deadline)
    return str(refused.value)


def wait_until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + AMPLE
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_vector_comes_with_the_encoder_that_gave_it_and_is_kept(
    server: EncoderServer, encoder: EncoderClient
) -> None:
    found = ask(encoder, "Why?")
    np.testing.assert_array_equal(found.vector, np.array([1.0, 0.0], np.float32))
    assert (found.encoder, found.version) == ("encoder", "f1")
    assert encoder.known(b"Why?") is found
    assert encoder.known(b"Who?") is None


def test_the_vector_that_was_not_used_for_longest_goes_first(
    encoder: EncoderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "KEPT", 2)
    for text in ("a", "b"):
        ask(encoder, text)
    encoder.known(b"a")
    ask(encoder, "c")
    assert [encoder.known(key) is not None for key in (b"a", b"b", b"c")] == [True, False, True]


def test_a_server_that_hangs_costs_a_deadline_and_then_nothing(
    server: EncoderServer, encoder: EncoderClient
) -> None:
    server.delay = 60
    began = time.monotonic()
    assert reason(encoder, "first", DEADLINE) == "encoder_late"
    assert DEADLINE <= time.monotonic() - began < server.delay / 4
    began = time.monotonic()
    assert {reason(encoder, f"next {n}", DEADLINE) for n in range(50)} == {"encoder_down"}
    assert time.monotonic() - began < server.delay / 4
    assert server.calls == 1


def test_people_who_come_together_all_leave_at_the_deadline_and_leave_no_thread_behind(
    server: EncoderServer, encoder: EncoderClient
) -> None:
    server.delay = 60
    threads = threading.active_count()
    with ThreadPoolExecutor(40) as people:
        began = time.monotonic()
        reasons = list(people.map(lambda n: reason(encoder, f"prompt {n}", DEADLINE), range(40)))
        assert time.monotonic() - began < server.delay / 4
    assert set(reasons) <= {"encoder_late", "encoder_busy", "encoder_down"}
    assert server.calls <= client.MOST_ASKED
    assert threading.active_count() - threads <= server.calls  # the test server's own


def test_a_late_answer_is_kept_and_ends_the_silence(
    server: EncoderServer, encoder: EncoderClient
) -> None:
    server.delay = 1.0
    assert reason(encoder, "slow", DEADLINE) == "encoder_late"
    assert reason(encoder, "meanwhile", DEADLINE) == "encoder_down"
    wait_until(lambda: encoder.known(b"slow") is not None)
    server.delay = 0.0
    assert ask(encoder, "afterwards").version == "f1"


def test_an_answer_that_never_comes_is_given_up(
    server: EncoderServer, encoder: EncoderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.0)
    server.delay = 60
    assert reason(encoder, "first", DEADLINE) == "encoder_late"
    server.delay = 0.0
    wait_until(lambda: reason_or_none(encoder, "again") is None)


def reason_or_none(encoder: EncoderClient, text: str) -> str | None:
    try:
        ask(encoder, text, DEADLINE)
    except PromptUnusedError as unused:
        return str(unused)
    return None


def test_a_server_that_came_back_is_found_and_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.3)
    port = any_port()
    encoder = EncoderClient(f"http://127.0.0.1:{port}")
    assert reason(encoder, "first") == "encoder_failed"
    assert reason(encoder, "second") == "encoder_down"
    with serving(port) as server:
        server.delay = 1.0
        time.sleep(0.4)
        began = time.monotonic()
        assert reason(encoder, "carried along") == "encoder_down"
        assert time.monotonic() - began < server.delay
        wait_until(lambda: encoder.known(b"carried along") is not None)
        assert server.calls == 1
        assert ask(encoder, "served").version == "f1"


def test_one_call_at_a_time_tries_a_server_that_is_down(
    server: EncoderServer, encoder: EncoderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.0)
    server.delay = 1.0
    assert reason(encoder, "first", DEADLINE) == "encoder_late"
    wait_until(lambda: encoder.known(b"first") is not None)
    server.refuses = lambda _: 503
    assert reason(encoder, "second") == "encoder_failed"
    before = server.calls
    assert {reason(encoder, f"next {n}") for n in range(20)} == {"encoder_down"}
    wait_until(lambda: server.calls == before + 1)


def test_the_same_prompt_at_once_is_asked_once(
    server: EncoderServer, encoder: EncoderClient
) -> None:
    server.delay = 0.5
    with ThreadPoolExecutor(8) as people:
        found = list(people.map(lambda _: ask(encoder, "the same"), range(8)))
    assert all(one is found[0] for one in found)
    assert server.calls == 1


@pytest.mark.parametrize(
    "body",
    [
        b"not JSON",
        b"{}",
        b"[]",
        b"null",
        json.dumps({"data": []}).encode(),
        json.dumps({"data": [{"embedding": "AAAA"}]}).encode(),
        json.dumps({"data": [{"embedding": []}]}).encode(),
        json.dumps({"data": [{"embedding": [0.0, 0.0]}]}).encode(),  # points nowhere
        json.dumps({"data": [{"embedding": [float("nan"), 1.0]}]}).encode(),
        json.dumps({"data": [{"embedding": [[1.0]]}]}).encode(),
        json.dumps({"data": [{"embedding": [1.0]}, {"embedding": [1.0]}]}).encode(),
    ],
)
def test_what_is_no_vector_is_not_used(
    server: EncoderServer, encoder: EncoderClient, body: bytes
) -> None:
    server.body = body
    assert reason(encoder, "odd") == "encoder_failed"
    server.body = None
    assert ask(encoder, "even").version == "f1"


def test_a_prompt_that_is_refused_leaves_the_server_in_use(
    server: EncoderServer, encoder: EncoderClient
) -> None:
    server.refuses = lambda text: 400 if text == "refused" else 0
    assert reason(encoder, "refused") == "encoder_failed"
    assert ask(encoder, "taken").version == "f1"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_left_alone_for_a_while(
    server: EncoderServer, encoder: EncoderClient, status: int
) -> None:
    server.refuses = lambda _: status
    assert reason(encoder, "first") == "encoder_failed"
    assert reason(encoder, "second") == "encoder_down"
    assert server.calls == 1


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("", ""),
        ("a\x00b", "a\x00b"),
        ("\ud800", "?"),
        ("ẞ🂡 ꙮ", "ẞ🂡 ꙮ"),
        ("x" * 100_000, "x" * MOST_CHARACTERS),
    ],
)
def test_any_text_can_be_asked_about(
    server: EncoderServer, encoder: EncoderClient, text: str, sent: str
) -> None:
    ask(encoder, text)
    assert server.asked == [[sent]]
