"""The inference server as a real process, spoken to by the real OpenAI client."""

import threading
import time
from collections.abc import Iterator

import httpx
import numpy as np
import openai
import pytest
from starlette.testclient import TestClient

from tests.trainers.inference_server import ASKED, LONG, Served, point, running
from tests.trainers.toys import small_config
from tests.trainers.writers import endless_policy
from trainers.artifacts import open_artifact
from trainers.encoding.encoder import Encoder
from trainers.policy.train import train
from trainers.progress import Progress
from trainers.reward.score import score_rows
from trainers.serve.app import Api, build_app
from trainers.serve.model_store import ModelStore

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    return endless_policy(tmp_path_factory.mktemp("endless") / "policy")


@pytest.fixture(scope="module")
def server(toy_policy, toy_reward, endless, tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("promoted")
    point(folder / "policy-toy", toy_policy.path)
    point(folder / "endless", endless.path)
    point(folder / "reward", toy_reward)
    (folder / "broken").mkdir()
    (folder / "broken" / "card.json").write_text("{}")
    with running(folder) as served:
        yield served


def test_a_broken_artifact_is_logged_and_skipped(server):
    health = httpx.get(f"{server.url}/healthz").json()
    assert health["status"] == "ok"
    assert [item["name"] for item in health["artifacts"]] == ["endless", "policy-toy", "reward"]
    assert any("skipped the artifact" in line and "broken" in line for line in server.log)
    assert [item["name"] for item in health["problems"]] == ["broken"]
    assert "not an artifact's card" in health["problems"][0]["problem"]
    assert health["pretrained"] is None


def test_embeddings_are_the_encoders_in_both_encodings(server):
    texts = ["How do I boil an egg?", "Name the capital of France."]
    wanted = Encoder(cached=False).encode(texts)
    as_floats = server.client.embeddings.create(
        model="encoder", input=texts, encoding_format="float"
    )
    by_default = server.client.embeddings.create(model="encoder", input=texts)  # asks for base64
    raw = server.post("/v1/embeddings", json={"input": texts, "encoding_format": "base64"}).json()
    assert isinstance(raw["data"][0]["embedding"], str)
    for answer in (as_floats, by_default):
        found = np.array([row.embedding for row in answer.data], np.float32)
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        assert [row.index for row in answer.data] == [0, 1]
    # [CLS] how do i boil an egg ? [SEP], and [CLS] name the capital of france . [SEP]
    assert as_floats.usage.prompt_tokens == 9 + 8


def test_embeddings_tell_which_encoder_gave_them(server):
    answer = server.post("/v1/embeddings", json={"input": "Which one?"}).json()
    assert answer["system_fingerprint"] == Encoder(cached=False).fingerprint


def test_a_server_with_another_window_tells_another_fingerprint(tmp_path):
    said = []
    for encoder in (Encoder(cached=False, max_tokens=16), Encoder(cached=False)):
        with TestClient(build_app(Api(ModelStore(tmp_path), encoder))) as client:
            body = client.post("/v1/embeddings", json={"input": "a long question " * 30}).json()
        said.append((body["system_fingerprint"], body["data"][0]["embedding"]))
    assert not np.allclose(said[0][1], said[1][1], atol=1e-3)
    assert [fingerprint.rsplit("-")[-1] for fingerprint, _ in said] == ["16", "256"]


def test_paraphrases_are_nearer_than_strangers(server):
    texts = [
        "How do I boil an egg?",
        "What is the way to cook an egg in water?",
        "Who won the chess championship?",
    ]
    rows = server.client.embeddings.create(model="encoder", input=texts).data
    egg, paraphrase, chess = (np.array(row.embedding) for row in rows)
    assert egg @ paraphrase > egg @ chess + 0.3


def test_many_calls_at_once_each_get_their_own_vectors(server):
    texts = [f"question number {number} about topic {number % 7}" for number in range(40)]
    wanted = Encoder(cached=False).encode(texts)
    found: dict[int, list[float]] = {}

    def ask(number: int) -> None:
        body = {"input": texts[number]}
        data = server.post("/v1/embeddings", json=body).json()["data"]
        found[number] = data[0]["embedding"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose([found[n] for n in range(len(texts))], wanted, atol=1e-5)


def test_one_call_with_many_texts_keeps_their_order(server):
    texts = [f"{'word ' * (number % 50)}{number}" for number in range(100)]
    rows = server.client.embeddings.create(model="encoder", input=texts).data
    np.testing.assert_allclose(
        [row.embedding for row in rows], Encoder(cached=False).encode(texts), atol=1e-5
    )


def test_a_prompt_does_not_wait_for_a_call_of_many_texts(server):
    many = [f"{'word ' * 200}{number}" for number in range(40)]
    ended: list[str] = []

    def ask_for_many() -> None:
        server.post("/v1/embeddings", json={"input": many})
        ended.append("many")

    thread = threading.Thread(target=ask_for_many)
    thread.start()
    time.sleep(0.3)  # its first texts are under way
    rows = server.post("/v1/embeddings", json={"input": "hello"}).json()["data"]
    ended.append("one")
    thread.join()
    assert ended == ["one", "many"]
    alone = Encoder(cached=False).encode(["hello"])[0]
    np.testing.assert_allclose(rows[0]["embedding"], alone, atol=1e-5)


def test_a_policy_answers_and_counts_its_tokens(server, toy_policy):
    answer = server.client.chat.completions.create(
        model="policy-toy", messages=ASKED, max_tokens=20, seed=3
    )
    again = server.client.chat.completions.create(
        model="policy-toy", messages=ASKED, max_tokens=20, seed=3
    )
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].message.content == again.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert 0 < answer.usage.completion_tokens <= 20
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert toy_policy.digest.startswith(answer.system_fingerprint)


def test_the_preference_that_was_trained_is_heard(server):
    """The toy policy answers gladly; greedy decoding shows what it is surest of."""
    answer = server.client.chat.completions.create(
        model="policy-toy", messages=ASKED, max_tokens=20, temperature=0
    )
    assert "gladly" in answer.choices[0].message.content
    assert "never" not in answer.choices[0].message.content


def test_a_stream_adds_up_to_the_whole_answer(server):
    how = {"model": "policy-toy", "messages": ASKED, "max_tokens": 24, "seed": 5}
    whole = server.client.chat.completions.create(**how)
    chunks = list(
        server.client.chat.completions.create(
            **how, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage


def test_a_stream_ends_with_done_as_openais_do(server):
    body = {"model": "policy-toy", "messages": ASKED, "max_tokens": 3, "stream": True}
    answer = server.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")
    assert all(event.startswith("data: ") for event in answer.text.split("\n\n") if event)


def test_a_stop_text_ends_the_answer_before_it(server):
    how = {"model": "policy-toy", "messages": ASKED, "max_tokens": 24, "temperature": 0}
    whole = server.client.chat.completions.create(**how).choices[0].message.content
    stop = whole[len(whole) // 2 :][:3]
    cut = server.client.chat.completions.create(**how, stop=[stop, "@@"]).choices[0]
    assert cut.message.content == whole[: whole.index(stop)]
    assert cut.finish_reason == "stop"
    streamed = server.client.chat.completions.create(**how, stop=[stop], stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in streamed) == cut.message.content


def test_text_parts_are_read_as_one_text(server):
    parts = [{"type": "text", "text": "Explain tea"}, {"type": "text", "text": ", please"}]
    how = {"model": "policy-toy", "max_tokens": 10, "seed": 1}
    one = server.client.chat.completions.create(messages=ASKED, **how)
    other = server.client.chat.completions.create(
        messages=[{"role": "user", "content": parts}], **how
    )
    assert one.choices[0].message.content == other.choices[0].message.content


def test_models_lists_what_answers(server):
    names = [model.id for model in server.client.models.list().data]
    assert names == ["encoder", "endless", "policy-toy", "reward"]


def test_scores_are_those_of_the_command(server, toy_reward):
    items = [
        {"prompt": "Explain tea, please", "response": "I gladly explain tea to you."},
        {"messages": ASKED, "response": "I never talk about tea here."},
    ] * 20
    wanted = [row["score"] for row in score_rows(open_artifact(toy_reward), items)]
    answer = server.post("/score", json={"items": items}).json()
    np.testing.assert_allclose(answer["scores"], wanted, atol=1e-5)
    assert answer["scores"][0] > answer["scores"][1]
    named = server.post("/score", json={"model": "reward", "items": items[:2]}).json()
    np.testing.assert_allclose(named["scores"], wanted[:2], atol=1e-5)


def chat_body(**changes) -> dict:
    return {"model": "policy-toy", "messages": ASKED} | changes


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/v1/embeddings", {"input": [1, 2, 3]}, 400, "token ids"),
        ("/v1/embeddings", {"input": [[1, 2], [3]]}, 400, "token ids"),
        ("/v1/embeddings", {"input": []}, 400, "input"),
        ("/v1/embeddings", {"input": ["a", 1]}, 400, "input"),
        ("/v1/embeddings", {}, 400, "input"),
        ("/v1/embeddings", {"input": ["a"] * 2049}, 400, "2048"),
        ("/v1/embeddings", {"input": "a", "encoding_format": "hex"}, 400, "encoding_format"),
        ("/v1/embeddings", {"input": "a", "model": "other"}, 404, "other"),
        ("/v1/chat/completions", chat_body(model="nobody"), 404, "policy-toy"),
        ("/v1/chat/completions", chat_body(model="reward"), 404, "policy-toy"),
        ("/v1/chat/completions", chat_body(messages=[]), 400, "messages"),
        ("/v1/chat/completions", chat_body(messages=[{"role": "x"}]), 400, "role"),
        ("/v1/chat/completions", chat_body(messages=[{"role": "user"}]), 400, "content"),
        ("/v1/chat/completions", chat_body(max_tokens=0), 400, "max_tokens"),
        ("/v1/chat/completions", chat_body(temperature="hot"), 400, "temperature"),
        ("/v1/chat/completions", chat_body(top_p=1.5), 400, "top_p"),
        ("/v1/chat/completions", chat_body(stop=[""]), 400, "stop"),
        ("/v1/chat/completions", chat_body(seed=1.5), 400, "seed"),
        ("/v1/chat/completions", chat_body(stream="yes"), 400, "stream"),
        ("/v1/chat/completions", chat_body(n=2), 400, "n must be 1"),
        ("/score", {"items": [{"prompt": "a"}]}, 400, "items[0]"),
        ("/score", {"items": [{"response": "a"}]}, 400, "items[0]"),
        ("/score", {"items": []}, 400, "items"),
        ("/score", {"model": "policy-toy", "items": [{}]}, 404, "reward"),
        ("/nowhere", {}, 404, "Not Found"),
        ("/healthz", {}, 405, "Method Not Allowed"),
    ],
)
def test_a_bad_body_is_answered_with_its_fault(server, path, body, status, says):
    answer = server.post(path, json=body)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[1]", b"null", b"[" * 100_000, b""])
def test_what_is_not_a_json_object_is_refused(server, content):
    answer = server.post("/v1/embeddings", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_json"


def test_what_is_too_long_is_refused(server):
    huge = server.post("/v1/embeddings", content=b'{"input": "' + b"a" * 9_000_000 + b'"}')
    assert (huge.status_code, huge.json()["error"]["code"]) == (413, "too_large")
    words = [{"role": "user", "content": "tea " * 5000}]
    with pytest.raises(openai.APIStatusError) as refused:
        server.client.chat.completions.create(model="policy-toy", messages=words)
    assert refused.value.status_code == 413
    assert refused.value.code == "context_length_exceeded"


def test_awkward_texts_are_embedded(server):
    texts = ["", "\x00", "🥚" * 3000, "long " * 100_000]
    rows = server.client.embeddings.create(model="encoder", input=texts).data
    assert np.allclose([np.linalg.norm(row.embedding) for row in rows], 1, atol=1e-5)
    lone = server.post("/v1/embeddings", content=rb'{"input": "a\ud800b"}')
    assert lone.status_code == 200


def test_others_are_answered_while_a_policy_writes(server):
    with httpx.stream(
        "POST", f"{server.url}/v1/chat/completions", json=LONG | {"stream": True}, timeout=120
    ) as stream:
        lines = stream.iter_lines()
        next(lines)
        started = time.monotonic()
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        assert server.post("/v1/embeddings", json={"input": "hello"}).status_code == 200
        assert time.monotonic() - started < 5
        assert next(line for line in lines if line) != "data: [DONE]"


def test_swapping_a_link_serves_the_new_policy_without_a_restart(
    server, toy_snapshot, toy_policy, tmp_path
):
    config = small_config({"tiny.max_steps": 2, "optim.max_steps": 1, "seed": 9})
    other = train(toy_snapshot, tmp_path / "second", config, Progress())
    link = server.folder / "policy-toy"
    try:
        point(link, other.path)
        wait_for(server, "policy-toy", other.digest)
        answer = server.client.chat.completions.create(
            model="policy-toy", messages=ASKED, max_tokens=2
        )
        assert other.digest.startswith(answer.system_fingerprint)
    finally:
        point(link, toy_policy.path)
    wait_for(server, "policy-toy", toy_policy.digest)


def test_a_name_appears_and_disappears_with_its_link(server, toy_policy):
    link = server.folder / "policy-more"
    point(link, toy_policy.path)
    wait_for(server, "policy-more", toy_policy.digest)
    link.unlink()
    wait_for(server, "policy-more", None)


def wait_for(server: Served, name: str, digest: str | None) -> None:
    """Until the server lists that digest under a name, or nothing for None."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        listed = httpx.get(f"{server.url}/healthz").json()["artifacts"]
        if {item["name"]: item["digest"] for item in listed}.get(name) == digest:
            return
        time.sleep(0.1)
    raise AssertionError(f"{name} is not {digest}")
