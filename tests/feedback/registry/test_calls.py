"""What servers send, good and bad: pieces of text or a reason, bounded, the key never told."""

import logging

import httpx
import pytest

from feedback.registry import providers, sse_parser
from feedback.registry.errors import NoAnswerError, reason_text
from feedback.registry.models import Provider
from feedback.registry.providers import Call
from tests.feedback.registry.bad_server import GOOD
from tests.loops import run_async

pytestmark = pytest.mark.django_db(transaction=True)
ASKED = [{"role": "user", "content": "What is tea?"}]
SECRET = "sk-very-secret"
BAD = {
    "garbage": "unreadable answer",
    "badjson": "unreadable answer",
    "shape": "unreadable answer",
    "silence": "unreadable answer",
    "zipped": "unreadable answer",
    "half": "broken off",
    "cut": "broken off",
    "error": "error in the stream",
    "never": "timeout",
    "huge": "too large",
    "redirect": "status 302",
    "many": "status 429",
    "500": "status 500",
    "400": "status 400",
    "401": "status 401",
    "404": "status 404",
}


def read(call: Call) -> str:
    return "".join(call.pieces())


def read_in_a_loop(call: Call) -> str:
    async def collect() -> str:
        return "".join([piece async for piece in call.pieces_async()])

    return run_async(collect())


@pytest.fixture(params=[read, read_in_a_loop], ids=["thread", "loop"])
def way_to_read(request):
    return request.param


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(providers, "SILENCE", httpx.Timeout(1.0, connect=1.0))
    providers._client.cache_clear()
    yield
    providers._client.cache_clear()


def test_a_good_server_is_read_to_its_end(version_at, way_to_read):
    call = Call(version_at("good"), ASKED, {"stream_options": {"include_usage": True}})
    assert way_to_read(call) == "".join(GOOD)
    assert call.reading.finish == "stop"
    assert call.reading.usage == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@pytest.mark.parametrize(("way", "reason"), BAD.items())
def test_a_bad_one_is_a_reason_in_plain_words_without_the_key(
    way, reason, version_at, bad_server, way_to_read, monkeypatch, caplog
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("THEIR_API_KEY", SECRET)
    version = version_at(way, api_key_variable="THEIR_API_KEY")
    with pytest.raises(NoAnswerError) as caught:
        way_to_read(Call(version, ASKED))
    assert str(caught.value) == reason
    assert reason_text(reason) != reason
    assert bad_server.asked[0][2]["Authorization"] == f"Bearer {SECRET}"
    assert len(bad_server.asked) == 1  # a redirect is not followed, with the key least of all
    stored = str(list(Provider.objects.values()))
    assert SECRET not in stored + caplog.text + str(caught.value) + repr(caught.value)


def test_an_answer_without_an_end_is_cut_and_the_server_is_left(
    version_at, bad_server, way_to_read
):
    call = Call(version_at("long"), ASKED)
    assert len(way_to_read(call)) == sse_parser.ANSWER_LIMIT
    assert call.reading.finish == "length"
    assert bad_server.left.wait(5)


def test_a_server_that_trickles_is_left_when_the_time_is_over(version_at, way_to_read, monkeypatch):
    monkeypatch.setattr(sse_parser, "ANSWER_SECONDS", 0.5)
    with pytest.raises(NoAnswerError, match="timeout"):
        way_to_read(Call(version_at("slow"), ASKED))


def test_who_stops_listening_closes_the_connection_and_blames_nobody(version_at, bad_server):
    version = version_at("slow")
    pieces = Call(version, ASKED).pieces()
    assert next(pieces) == "word0 "
    pieces.close()
    assert bad_server.left.wait(5)
    version.provider.refresh_from_db()
    assert (version.provider.failures, version.provider.last_error) == (0, "")


def test_what_is_sent_is_the_versions_own(version_at, bad_server):
    version = version_at(
        "good",
        version={
            "remote_name": "tea-1",
            "system_prompt": "Be brief.",
            "sampling": {"temperature": 0.5, "top_p": 0.9, "stream_options": None},
        },
    )
    options = {"temperature": 0.1, "stream_options": {"include_usage": True}}
    read(Call(version, ASKED, options))
    read(Call(version, [{"role": "system", "content": "In French."}, *ASKED]))
    (_, plain, _), (_, merged, _) = bad_server.asked
    assert plain == {
        "model": "tea-1",
        "messages": [{"role": "system", "content": "Be brief."}, *ASKED],
        "stream": True,
        "temperature": 0.1,
        "top_p": 0.9,
    }
    assert merged["messages"] == [
        {"role": "system", "content": "Be brief.\n\nIn French."},
        *ASKED,
    ]


def test_a_key_that_is_missing_or_no_header_is_told_by_its_name_only(version_at, monkeypatch):
    version = version_at("good", api_key_variable="THEIR_API_KEY")
    for value in (None, "two\nlines"):
        if value:
            monkeypatch.setenv("THEIR_API_KEY", value)
        with pytest.raises(NoAnswerError, match="no key in THEIR_API_KEY") as caught:
            read(Call(version, ASKED))
        assert "lines" not in str(caught.value)


def test_nothing_listens(version_at):
    version = version_at("good", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(NoAnswerError, match="unreachable"):
        read(Call(version, ASKED))
