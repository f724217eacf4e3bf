"""The unchanged OpenAI client against the real site: routed answers, streams, feedback, errors."""

import time

import httpx
import openai
import pytest

from feedback.people.services import contributor_create
from feedback.pool.models import Reaction, Response, ResponseState, Turn
from feedback.pool.moderation.models import Report
from feedback.registry.models import Provider
from feedback.routing.models import ModelRoute
from feedback.routing.thresholds.services import threshold_create
from feedback.text.flaws import Flaw
from feedback.training.promotion.verdict_text import VerdictCode
from tests.feedback.arena.builders import QUESTION, two_recorded
from tests.feedback.registry.bad_server import GOOD
from tests.feedback.routing.test_guard import gated

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
ASKED = [{"role": "user", "content": "What is tea?"}]
TEXT = "".join(GOOD)


def until(condition) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, "it did not happen in a minute"
        time.sleep(0.05)


def test_auto_is_routed_logged_kept_and_can_be_judged(
    alice, served_at, client_at, site, bad_server
):
    served_at("good")
    client = client_at(alice)
    raw = client.chat.completions.with_raw_response.create(
        model="auto", messages=ASKED, temperature=0.3, max_tokens=20, seed=5, stop="x", top_p=0.9
    )
    answer = raw.parse()
    assert answer.choices[0].message.content == TEXT
    assert (answer.model, answer.choices[0].finish_reason) == ("Good Model", "stop")
    assert answer.usage.total_tokens == 10
    stored = Response.objects.select_related("turn__conversation").get()
    assert raw.headers["X-Response-Id"] == stored.public_id
    assert answer.id == f"chatcmpl-{stored.public_id}"
    assert (stored.text, stored.state, stored.source) == (TEXT, "finished", "api")
    assert (stored.completion_tokens, stored.turn.messages) == (3, ASKED)
    assert stored.turn.conversation.contributor == alice
    assert stored.latency_ms is not None
    route = ModelRoute.objects.get()
    assert raw.headers["X-Route-Id"] == route.public_id
    assert (route.turn, route.contributor, route.chosen) == (
        stored.turn,
        alice,
        [stored.version_id],
    )
    _, body, _ = bad_server.asked[0]
    options = {"temperature": 0.3, "max_tokens": 20, "seed": 5, "stop": ["x"], "top_p": 0.9}
    assert options == stored.sampling
    assert options.items() <= body.items()
    sent = httpx.post(
        f"{site}/api/v1/responses/{raw.headers['X-Response-Id']}/reactions/",
        json={"kind": "thumb", "value": "up"},
        headers={"Authorization": f"Bearer {client.api_key}"},
    )
    assert sent.status_code == 201
    assert Reaction.objects.get().response == stored


def test_a_stream_comes_as_it_is_written(alice, served_at, client_at):
    served_at("slow")
    started, times = time.monotonic(), []
    with client_at(alice).chat.completions.with_streaming_response.create(
        model="auto", messages=ASKED, stream=True
    ) as raw:
        assert raw.headers["X-Response-Id"]
        for chunk in raw.parse():
            if chunk.choices[0].delta.content:
                times.append(time.monotonic() - started)
            if len(times) == 5:
                break
    assert times[-1] < 9  # the server writes for ten seconds
    assert times[-1] - times[0] > 0.3  # a tenth of a second lies between two words


def test_a_stream_ends_with_its_reason_and_its_usage(alice, served_at, client_at):
    served_at("good")
    chunks = list(
        client_at(alice).chat.completions.create(
            model="Good Model", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == 3
    assert {chunk.model for chunk in chunks} == {"Good Model"}
    until(lambda: Response.objects.get().state == ResponseState.FINISHED)
    assert Response.objects.get().text == TEXT
    assert not ModelRoute.objects.exists()  # a name is used as it is


@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_stops_the_writer(stream, alice, served_at, client_at, bad_server):
    served_at("slow")
    client = client_at(alice).with_options(timeout=60.0 if stream else 2.0)
    if stream:
        with client.chat.completions.create(model="auto", messages=ASKED, stream=True) as answer:
            for chunk in answer:
                if chunk.choices[0].delta.content:
                    break
    else:
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(model="auto", messages=ASKED)
    assert bad_server.left.wait(60), "the writer went on"
    until(lambda: Response.objects.get().state == ResponseState.STOPPED)
    assert Response.objects.get().text.startswith("word0 ")
    assert Provider.objects.get().failures == 0


def test_the_next_model_answers_where_one_fails_before_its_first_word(alice, served_at, client_at):
    served_at("500"), served_at("401"), served_at("good")
    client = client_at(alice)
    for _ in range(4):  # whoever routing draws first
        answer = client.chat.completions.create(model="auto", messages=ASKED)
        assert answer.choices[0].message.content == TEXT
    for turn in Turn.objects.all():
        states = sorted(turn.responses.values_list("state", flat=True))
        assert states.count("finished") == 1
        assert turn.routes.count() == len(states)


def test_a_failure_in_the_middle_is_an_error_of_the_stream(alice, served_at, client_at):
    served_at("half")
    stream = client_at(alice).chat.completions.create(model="auto", messages=ASKED, stream=True)
    with pytest.raises(openai.APIError, match="stopped in the middle"):
        list(stream)
    until(lambda: Response.objects.get().state == ResponseState.FAILED)
    assert (Response.objects.get().text, Response.objects.get().error) == ("Tea is ", "broken off")


@pytest.mark.parametrize("model", ["auto", "Dizzy Model"])
def test_a_whole_answer_that_goes_round_in_circles_is_asked_for_once_more(
    model, alice, served_at, client_at, bad_server
):
    served_at("dizzy")
    raw = client_at(alice).chat.completions.with_raw_response.create(
        model=model, messages=ASKED, seed=7
    )
    assert raw.parse().choices[0].message.content == TEXT
    assert [body["seed"] for _way, body, _headers in bad_server.asked] == [7, 8]
    first, second = Response.objects.order_by("sample_index")
    assert (first.state, first.flaw) == (ResponseState.FAILED, Flaw.REPETITION)
    assert (second.state, second.flaw) == (ResponseState.FINISHED, "")
    assert raw.headers["X-Response-Id"] == second.public_id
    assert Report.objects.get().response == first
    assert Provider.objects.get().failures == 0
    assert bad_server.left.wait(10), "the loop was not hung up on"


def test_a_second_loop_is_an_error_and_names_what_happened(alice, served_at, client_at):
    served_at("loop")
    client = client_at(alice)
    with pytest.raises(openai.InternalServerError, match="repeated itself") as looped:
        client.chat.completions.create(model="auto", messages=ASKED)
    assert (looped.value.status_code, looped.value.code) == (502, "flawed_answer")
    assert Response.objects.filter(state=ResponseState.FAILED, flaw=Flaw.REPETITION).count() == 2
    assert Report.objects.count() == 1


def test_a_stream_that_begins_to_loop_ends_early_and_says_why(
    alice, served_at, client_at, bad_server
):
    served_at("loop")
    stream = client_at(alice).chat.completions.create(model="auto", messages=ASKED, stream=True)
    came = []
    with pytest.raises(openai.APIError, match="repeated itself") as looped:
        came.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    assert looped.value.code == "flawed_answer"
    assert bad_server.left.wait(10), "the loop was not hung up on"
    until(lambda: Response.objects.get().state == ResponseState.FAILED)
    stored = Response.objects.get()
    assert stored.text.startswith("Tea is a leaf.")
    assert len(stored.text) < 700
    assert len(bad_server.asked) == 1  # what was sent cannot be taken back


def test_a_full_server_and_a_long_prompt_are_told_as_they_are(alice, served_at, client_at):
    served_at("crowded"), served_at("short")
    client = client_at(alice)
    with pytest.raises(openai.InternalServerError) as full:
        client.chat.completions.create(model="Crowded Model", messages=ASKED)
    assert (full.value.status_code, full.value.code) == (503, "overloaded")
    assert full.value.response.headers["Retry-After"] == "2"
    with pytest.raises(openai.BadRequestError, match="4\u202f927 tokens") as long:
        client.chat.completions.create(model="Short Model", messages=ASKED)
    assert long.value.code == "context_length_exceeded"
    assert not Provider.objects.filter(failures__gt=0).exists()


def test_a_model_that_failed_its_gate_answers_by_its_name_alone(alice, served_at, client_at):
    served_at("good")
    failed = served_at("shape")
    failed.provider = Provider.objects.get(name="good")
    failed.save()
    gated(failed, VerdictCode.WORSE)
    client = client_at(alice)
    for _ in range(30):
        assert client.chat.completions.create(model="auto", messages=ASKED).model == "Good Model"
    assert len(ModelRoute.objects.latest("created_at").considered) == 1
    named = client.chat.completions.create(model="Shape Model", messages=ASKED)
    assert named.model == "Shape Model"


def test_a_queue_is_waited_for(alice, served_at, client_at):
    served_at("queue")
    stream = client_at(alice).chat.completions.create(model="auto", messages=ASKED, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == TEXT


def test_nobody_can_answer(alice, served_at, client_at):
    client = client_at(alice)
    with pytest.raises(openai.InternalServerError) as none:
        client.chat.completions.create(model="auto", messages=ASKED)
    assert (none.value.status_code, none.value.code) == (503, "model_unavailable")
    served_at("500")
    with pytest.raises(openai.InternalServerError, match="answered with an error") as failed:
        client.chat.completions.create(model="auto", messages=ASKED)
    assert failed.value.status_code == 503
    assert int(failed.value.response.headers["Retry-After"]) > 0


def test_too_many_and_refused_are_told_as_they_are(alice, served_at, client_at):
    served_at("many"), served_at("400"), served_at("good", requests_per_minute=1)
    client = client_at(alice)
    with pytest.raises(openai.RateLimitError) as many:
        client.chat.completions.create(model="Many Model", messages=ASKED)
    assert many.value.response.headers["Retry-After"] == "120"
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="400 Model", messages=ASKED)
    assert refused.value.code == "refused_by_the_model"
    client.chat.completions.create(model="Good Model", messages=ASKED)
    with pytest.raises(openai.RateLimitError, match="limit of requests a minute"):
        client.chat.completions.create(model="Good Model", messages=ASKED)


def test_one_person_is_limited(alice, bob, served_at, client_at):
    served_at("good")
    client = client_at(alice)

    def ask_often() -> None:
        for _ in range(200):
            client.chat.completions.create(model="auto", messages=ASKED)

    with pytest.raises(openai.RateLimitError) as limited:
        ask_often()
    assert int(limited.value.response.headers["Retry-After"]) >= 1
    client_at(bob).chat.completions.create(model="auto", messages=ASKED)


def test_who_may_ask(alice, served_at, client_at, site):
    served_at("good")
    client = client_at(alice, "pool:read")
    with pytest.raises(openai.PermissionDeniedError, match="models:use"):
        client.chat.completions.create(model="auto", messages=ASKED)
    undecided = client_at(contributor_create(name="carol"))
    with pytest.raises(openai.PermissionDeniedError, match="Agree to the terms"):
        undecided.chat.completions.create(model="auto", messages=ASKED)
    stranger = openai.OpenAI(base_url=f"{site}/v1", api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as refused:
        stranger.chat.completions.create(model="auto", messages=ASKED)
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    assert httpx.post(f"{site}/v1/chat/completions", json={}).status_code == 401
    assert httpx.get(f"{site}/v1/chat/completions").status_code == 405
    assert not Response.objects.exists()


def test_the_models_are_those_that_answer_now(alice, served_at, client_at):
    served_at("good"), served_at("slow", state="paused")
    two_recorded()
    client = client_at(alice)
    assert [model.id for model in client.models.list()] == ["auto", "Good Model"]
    for name in ("Nobody", "good-1", "", "\x00"):
        with pytest.raises(openai.NotFoundError) as unknown:
            client.chat.completions.create(model=name, messages=ASKED)
        assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="Slow Model", messages=ASKED)


def test_a_machine_without_a_model_replays_what_is_recorded(alice, client_at, transactional_db):
    two_recorded()
    client = client_at(alice)
    asked = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=asked)
    recorded = set(Response.objects.filter(source="records").values_list("text", flat=True))
    assert raw.parse().choices[0].message.content in recorded
    stored = Response.objects.get(public_id=raw.headers["X-Response-Id"])
    assert (stored.licence, set(stored.sampling)) == ("CC-BY-4.0", {"replay_of"})
    with pytest.raises(openai.InternalServerError, match="No model can answer now"):
        client.chat.completions.create(model="auto", messages=ASKED)


def test_a_threshold_is_a_model_by_the_name_of_its_router(alice, served_at, client_at):
    strong, weak = served_at("good"), served_at("500")
    served_at("400")  # of neither
    threshold_create(name="economy", strong=strong, weak=weak, share=0.5, actor=None)
    client = client_at(alice)
    assert {"auto", "router-economy"} < {model.id for model in client.models.list()}
    for _ in range(4):  # where the weak one is drawn it fails, and the strong one answers
        raw = client.chat.completions.with_raw_response.create(
            model="router-economy", messages=ASKED
        )
        assert raw.parse().model == "Good Model"
        route = ModelRoute.objects.get(public_id=raw.headers["X-Route-Id"])
        assert route.policy == "economy"
    first = ModelRoute.objects.earliest("id")
    assert {one["label"]: one["propensity"] for one in first.considered} == {
        "Good Model": pytest.approx(0.5),
        "500 Model": pytest.approx(0.5),
    }
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="router-nosuch", messages=ASKED)
    assert unknown.value.code == "model_not_found"
