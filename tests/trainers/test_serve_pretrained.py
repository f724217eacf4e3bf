"""The packaged checkpoint served as a real process: made ready in the background, shared by all."""

import fcntl
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import peft
import pytest
import torch

from tests.trainers.inference_server import Served, point, running
from trainers.artifacts import Artifact, write_artifact
from trainers.policy.config import POLICY
from trainers.pretrained.checkpoints import PACKAGED
from trainers.settings.config import as_json

pytestmark = pytest.mark.processes

SMOLLM2 = PACKAGED["smollm2"]
BASE = "smollm2-135m"
SYSTEM = "You are a helpful assistant. Be brief."
ASKED = [{"role": "user", "content": "Why is the sky blue?"}]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A models folder of our own, whose lock we can hold, with the checkpoint in it."""
    ready = Path(os.environ.get("TRAINERS_MODELS", "")) / SMOLLM2.name
    if not (ready / "model.safetensors").is_file():
        pytest.skip("no checkpoint of SmolLM2 in $TRAINERS_MODELS")
    folder = tmp_path_factory.mktemp("models")
    (folder / SMOLLM2.name).symlink_to(ready)
    return folder


def policy(models: Path, out: Path, seed: int, weights: str) -> Artifact:
    """A policy over the checkpoint whose adapter is random, and says what it was trained on."""
    from transformers import AutoModelForCausalLM

    def write(folder: Path) -> None:
        base = AutoModelForCausalLM.from_pretrained(models / SMOLLM2.name)
        lora = peft.LoraConfig(r=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
        adapted = peft.get_peft_model(base, lora)
        torch.manual_seed(seed)
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.05)
        adapted.save_pretrained(folder)

    card = {
        "snapshot_digest": "",
        "config": as_json(POLICY.read({"model_name_or_path": SMOLLM2.name}))
        | {"system_prompt": SYSTEM},
        "seed": seed,
        "metrics": {},
        "base": {"name": SMOLLM2.name, "weights": weights},
    }
    return write_artifact(out, kind="policy", card_fields=card, write_files=write)


@pytest.fixture(scope="module")
def server(models, tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("promoted")
    made = tmp_path_factory.mktemp("policies")
    for name, weights in (("tuned", SMOLLM2.weights), ("astray", "0" * 64)):
        point(folder / name, policy(models, made / name, 1, weights).path)
    environment = {"TRAINERS_MODELS": str(models)}
    with (models / f".{SMOLLM2.name}.lock").open("a") as lock:
        # As another process that makes the checkpoint would hold it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        with running(folder, "--pretrained", SMOLLM2.name, environment=environment) as served:
            meanwhile(served)
            fcntl.flock(lock, fcntl.LOCK_UN)
            served.wait(lambda health: health["pretrained"]["state"] != "preparing")
            yield served


def meanwhile(server: Served) -> None:
    """What is true while the checkpoint is being made."""
    health = server.health()
    assert health["pretrained"] == {"name": "smollm2", "state": "preparing", "problem": None}
    assert health["problems"] == []
    assert server.post("/v1/embeddings", json={"input": "hello"}).status_code == 200
    for name in (BASE, "tuned"):
        refused = ask(server, name)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert "is being prepared" in refused.json()["error"]["message"]
    assert ask(server, "nobody").status_code == 404


def ask(server: Served, model: str, **more) -> httpx.Response:
    body = {"model": model, "messages": ASKED, "max_tokens": 12, "temperature": 0} | more
    return server.post("/v1/chat/completions", json=body)


def text(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


def test_it_is_ready_and_a_policy_of_other_weights_is_refused(server):
    health = server.health()
    assert health["pretrained"] == {"name": "smollm2", "state": "ready", "problem": None}
    names = {item["name"] for item in health["artifacts"]}
    assert {BASE, "tuned"} <= names
    assert "astray" not in names
    (problem,) = health["problems"]
    assert problem["name"] == "astray"
    assert "with other weights" in problem["problem"]
    assert ask(server, "astray").status_code == 503
    assert any("with other weights" in line for line in server.log)


def test_the_list_of_models_says_what_each_is(server):
    rows = {row["id"]: row for row in httpx.get(f"{server.url}/v1/models").json()["data"]}
    assert rows[BASE]["parameters"] == 134_515_008
    assert rows[BASE]["license"] == rows["tuned"]["license"] == "Apache-2.0"
    assert rows[BASE]["size_bytes"] in (2 * 134_515_008, 4 * 134_515_008)  # by the CPU
    assert rows["tuned"]["base"] == BASE
    # Rank 8 on queries (576 to 576) and values (576 to 192) of 30 layers.
    assert rows["tuned"]["parameters"] == 30 * 8 * (576 + 576 + 576 + 192)


def test_it_answers_and_its_adapter_answers_otherwise(server):
    answer = ask(server, BASE, max_tokens=40)
    assert "sky" in text(answer)
    assert answer.json()["system_fingerprint"] == SMOLLM2.weights[:12]
    assert text(ask(server, "tuned", max_tokens=40)) != text(answer)


def test_a_policy_reads_the_system_prompt_that_it_was_trained_under(server):
    plain = ask(server, "tuned").json()["usage"]["prompt_tokens"]
    said = [{"role": "system", "content": SYSTEM}, *ASKED]
    assert ask(server, "tuned", messages=said).json()["usage"]["prompt_tokens"] == plain
    assert ask(server, BASE).json()["usage"]["prompt_tokens"] != plain  # the template's own
    other = [{"role": "system", "content": "Hm."}, *ASKED]
    assert ask(server, "tuned", messages=other).json()["usage"]["prompt_tokens"] < plain


def test_eight_people_at_once_get_both_answers(server):
    """Base and adapter mixed; each answer is of its own model and question."""
    with ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(
                lambda number: ask(
                    server, (BASE, "tuned")[number % 2], max_tokens=24, temperature=1, seed=number
                ),
                range(16),
            )
        )
    assert all(answer.json()["usage"]["completion_tokens"] > 0 for answer in answers)
    assert len({text(answer) for answer in answers}) > 12


def test_a_prompt_may_have_2048_tokens_and_no_more(server):
    words = [{"role": "user", "content": "tea " * 2400}]
    refused = ask(server, BASE, messages=words)
    assert refused.status_code == 413
    assert refused.json()["error"]["code"] == "context_length_exceeded"
    assert "at most 2048 can be read" in refused.json()["error"]["message"]


def test_a_short_newcomer_passes_a_long_prompt(server):
    long = [{"role": "user", "content": "Tell me of rivers and of the sea. " * 200}]
    body = {"model": BASE, "messages": long, "max_tokens": 5, "stream": True}
    begun, written = threading.Event(), threading.Event()

    def read() -> None:
        url = f"{server.url}/v1/chat/completions"
        with httpx.stream("POST", url, json=body, timeout=120) as stream:
            for line in stream.iter_lines():
                begun.set()
                if '"content": "' in line and '"content": ""' not in line:
                    written.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(30)
    server.wait(lambda health: health["answers"]["writing"] == 1)
    assert text(ask(server, BASE, max_tokens=1))
    assert not written.is_set()  # its 1,600 tokens are still being read
    reader.join()
    assert written.is_set()


def test_a_machine_that_cannot_make_it_serves_the_rest_and_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    environment = {"TRAINERS_MODELS": str(tmp_path / "file" / "models")}
    with running(
        tmp_path / "promoted", "--pretrained", SMOLLM2.name, environment=environment
    ) as served:
        health = served.wait(lambda health: health["pretrained"]["state"] != "preparing")
        assert health["pretrained"]["state"] == "failed"
        assert "Not a directory" in health["pretrained"]["problem"]
        assert served.post("/v1/embeddings", json={"input": "hello"}).status_code == 200
        refused = ask(served, BASE)
        assert refused.status_code == 503
        assert "Not a directory" in refused.json()["error"]["message"]
