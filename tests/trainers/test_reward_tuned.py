"""A scalar head on any transformer: what it learns, what it writes, how others load it."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from starlette.testclient import TestClient
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.trainers.backbones import tiny_bert, tiny_llama, tiny_roberta
from tests.trainers.command_line import run
from tests.trainers.configs import changed
from tests.trainers.pools import careful_answers_win, snapshot_of
from trainers.artifacts import Artifact, open_artifact
from trainers.data.snapshot import Snapshot
from trainers.data.texts import plain_prompt, prompt_text
from trainers.encoding.encoder import Encoder
from trainers.errors import InputError
from trainers.progress import Progress
from trainers.reward.config import REWARD, RewardConfig
from trainers.reward.evaluate import evaluate
from trainers.reward.score import score_rows
from trainers.reward.train import train
from trainers.serve.app import Api, build_app
from trainers.serve.model_store import ModelStore

pytestmark = pytest.mark.training
MAKERS: dict[str, Callable[[Path], Path]] = {
    "bert": tiny_bert,
    "roberta": tiny_roberta,
    "llama with a template": tiny_llama,
    "llama without": lambda folder: tiny_llama(folder, chat=False),
}
ROWS = [
    {"prompt": "Explain the sea", "response": "a clear and careful explanation"},
    {"prompt": "Explain the sea", "response": "idk maybe google the sea lol"},
    {
        "messages": [
            {"role": "user", "content": "give me three facts about bread"},
            {"role": "assistant", "content": "here is an example"},
            {"role": "user", "content": "explain"},
        ],
        "response": "with an example that you can check",
    },
]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return snapshot_of(tmp_path_factory.mktemp("pool") / "snapshot", careful_answers_win(160))


@pytest.fixture(scope="module", params=MAKERS)
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return MAKERS[request.param](tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module", params=["full", "lora"])
def trained(
    request: pytest.FixtureRequest,
    backbone: Path,
    pool: Snapshot,
    tmp_path_factory: pytest.TempPathFactory,
) -> Artifact:
    config = settings(
        {"mode": request.param, "model_name_or_path": str(backbone), "optim.learning_rate": 3e-3}
    )
    return train(pool, tmp_path_factory.mktemp("out") / "reward", config, quiet())


def settings(chosen: dict[str, Any]) -> RewardConfig:
    return REWARD.read(
        {
            "mode": "full",
            "optim.train_batch_size": 16,
            "optim.num_train_epochs": 2,
            "device": "cpu",
            **chosen,
        }
    )


def quiet() -> Progress:
    return Progress(io.StringIO())


def scores(artifact: Artifact, rows: list[dict[str, Any]]) -> list[float]:
    return [row["score"] for row in score_rows(artifact, rows)]


def loaded_by_hand(artifact: Artifact) -> tuple[Any, Any]:
    """What somebody without this project would write."""
    config = artifact.card["config"]
    tokenizer = AutoTokenizer.from_pretrained(artifact.path)
    if config["mode"] == "full":
        model = AutoModelForSequenceClassification.from_pretrained(artifact.path)
    else:
        named = json.loads((artifact.path / "adapter_config.json").read_text())
        base = AutoModelForSequenceClassification.from_pretrained(
            named["base_model_name_or_path"], num_labels=1
        )
        base.config.pad_token_id = tokenizer.pad_token_id
        model = PeftModel.from_pretrained(base, artifact.path)
    return model.eval(), tokenizer


def inputs_by_hand(tokenizer: Any, row: dict[str, Any]) -> Any:
    messages = row.get("messages") or [{"role": "user", "content": row["prompt"]}]
    if tokenizer.chat_template:
        said = [*messages, {"role": "assistant", "content": row["response"]}]
        return tokenizer.apply_chat_template(
            said, return_tensors="pt", return_dict=True, truncation=True
        )
    if tokenizer.sep_token:
        return tokenizer(
            prompt_text(messages), row["response"], truncation="only_first", return_tensors="pt"
        )
    text = f"{plain_prompt(messages)} {row['response']}{tokenizer.eos_token}"
    return tokenizer(text, add_special_tokens=False, truncation=True, return_tensors="pt")


def test_it_learns_what_the_raters_prefer(trained: Artifact) -> None:
    metrics = trained.card["metrics"]
    assert metrics["accuracy"] > 0.9
    assert metrics["bradley_terry_accuracy"] > 0.9
    assert metrics["baseline_length_accuracy"] == 0.5  # both answers are equally long


def test_plain_transformers_and_peft_say_the_same_as_the_command_line_and_the_server(
    trained: Artifact, tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    found = scores(trained, ROWS)
    model, tokenizer = loaded_by_hand(trained)
    with torch.inference_mode():
        by_hand = [float(model(**inputs_by_hand(tokenizer, row)).logits) for row in ROWS]
    np.testing.assert_allclose(found, by_hand, atol=1e-5)

    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "reward").symlink_to(trained.path)
    store = ModelStore(tmp_path / "shelf")
    store.refresh()
    with TestClient(build_app(Api(store, Encoder(cached=False)))) as client:
        served = client.post("/score", json={"items": ROWS}).json()
    assert served["digest"] == trained.digest
    np.testing.assert_allclose(found, served["scores"], atol=1e-5)


def test_a_score_does_not_depend_on_its_company(trained: Artifact) -> None:
    together = scores(trained, ROWS * 3)
    apart = [scores(trained, [row])[0] for row in ROWS]
    np.testing.assert_allclose(together, apart * 3, atol=1e-5)


def test_evaluating_on_its_own_snapshot_repeats_the_card(trained: Artifact, pool: Snapshot) -> None:
    again = evaluate(open_artifact(trained.path), pool)
    metrics = dict(trained.card["metrics"])
    for now, then in zip(again.pop("calibration"), metrics.pop("calibration"), strict=True):
        assert now == pytest.approx(then, abs=1e-4)
    for name, value in metrics.items():
        assert again[name] == pytest.approx(value, abs=1e-4), name


def test_nothing_stays_beside_a_finished_artifact(trained: Artifact) -> None:
    assert [path.name for path in trained.path.parent.iterdir()] == [trained.path.name]


def test_the_same_snapshot_config_and_seed_give_the_same_files(
    pool: Snapshot, tmp_path: Path
) -> None:
    base = tiny_bert(tmp_path / "base")
    for mode in ("full", "lora"):
        made = [
            train(
                pool,
                tmp_path / f"{mode}{n}",
                settings({"mode": mode, "model_name_or_path": str(base)}),
                quiet(),
            )
            for n in range(2)
        ]
        assert made[0].digest == made[1].digest


@pytest.mark.parametrize("kind", MAKERS)
def test_too_long_conversations_lose_the_oldest_of_their_prompt_and_are_counted(
    kind: str, tmp_path: Path, pool: Snapshot
) -> None:
    base = MAKERS[kind](tmp_path / "base")
    config = settings(
        {
            "model_name_or_path": str(base),
            "optim.num_train_epochs": 1,
            "train_baseline": False,
            "max_length": 24,
        }
    )
    artifact = train(pool, tmp_path / "out", config, quiet())
    training = artifact.card["training"]
    assert training["cut_prompts"] > 0
    assert training["answers"] == 320
    assert training["max_length"] == 24
    long = {"prompt": "explain the sea " * 40, "response": "a clear example"}
    longer = {"prompt": "algebra " * 40 + "explain the sea " * 40, "response": "a clear example"}
    other = {"prompt": "explain the sea " * 40, "response": "idk lol"}
    first, second, third = scores(artifact, [long, longer, other])
    by_hand = inputs_by_hand(loaded_by_hand(artifact)[1], long)["input_ids"]
    assert by_hand.shape[1] == 24  # the tokenizer in the artifact cuts as the trainer does
    assert first != pytest.approx(third, abs=1e-7)  # the answer is still read
    if kind.startswith("llama"):  # these cut from the left: what is far back cannot matter
        assert first == pytest.approx(second, abs=1e-6)


def test_a_huge_answer_is_read_in_part_and_never_dropped(tmp_path: Path, pool: Snapshot) -> None:
    artifact = train(
        pool,
        tmp_path / "out",
        settings(
            {
                "model_name_or_path": str(tiny_bert(tmp_path / "base")),
                "optim.num_train_epochs": 1,
                "train_baseline": False,
            }
        ),
        quiet(),
    )
    found = scores(artifact, [{"prompt": "why", "response": "check " * 1_000_000}])
    assert np.isfinite(found).all()


def test_only_the_last_layers_learn_where_that_is_asked_for(tmp_path: Path, pool: Snapshot) -> None:
    base = tiny_bert(tmp_path / "base")
    config = settings(
        {
            "model_name_or_path": str(base),
            "trainable_layers": 1,
            "optim.num_train_epochs": 1,
            "train_baseline": False,
        }
    )
    artifact = train(pool, tmp_path / "out", config, quiet())
    before, after = (
        load_file(base / "model.safetensors"),
        load_file(artifact.path / "model.safetensors"),
    )
    changed = {
        name for name, value in before.items() if not torch.equal(value, after[f"bert.{name}"])
    }
    assert {name.split(".")[2] for name in changed if name.startswith("encoder")} == {"2"}
    assert not any(name.startswith("embeddings") for name in changed)


@pytest.mark.parametrize("tau", [0.3, 30.0])
def test_the_loss_that_is_better_on_validation_is_chosen(
    tau: float, tmp_path: Path, pool: Snapshot
) -> None:
    base = str(tiny_bert(tmp_path / "base"))
    config = settings(
        {
            "model_name_or_path": base,
            "optim.num_train_epochs": 2,
            "optim.learning_rate": 3e-3,
            "scaling.tau0": tau,
            "scaling.tau_max": tau,
        }
    )
    made = {
        loss: train(pool, tmp_path / loss, changed(config, {"loss.type": loss}), quiet())
        for loss in ("auto", "adaptive", "bradley_terry")
    }
    last = {
        loss: artifact.card["training"]["validation_log_loss"][-1]
        for loss, artifact in made.items()
    }
    best = min(("adaptive", "bradley_terry"), key=lambda loss: last[loss])
    assert last["adaptive"] != last["bradley_terry"]
    assert made["auto"].card["training"]["chosen_loss"] == best
    assert scores(made["auto"], ROWS) == pytest.approx(scores(made[best], ROWS), abs=1e-6)


@pytest.mark.parametrize("extra", [{"gradient_checkpointing": True}, {"precision": "bfloat16"}])
@pytest.mark.parametrize("mode", ["full", "lora"])
def test_memory_and_precision_change_little(
    mode: str, extra: dict[str, Any], tmp_path: Path, pool: Snapshot
) -> None:
    base = str(tiny_llama(tmp_path / "base"))
    plain = settings(
        {
            "mode": mode,
            "model_name_or_path": base,
            "optim.num_train_epochs": 1,
            "train_baseline": False,
            "optim.learning_rate": 3e-3,
        }
    )
    other = changed(plain, extra)
    found = [
        scores(train(pool, tmp_path / f"out{number}", config, quiet()), ROWS)
        for number, config in enumerate((plain, other))
    ]
    tolerance = 1e-4 if "gradient_checkpointing" in extra else 0.5
    np.testing.assert_allclose(*found, atol=tolerance)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"model_name_or_path": "/nowhere/at/all"}, "neither a folder nor reachable"),
        ({"max_length": 100_000}, "reads at most 64 tokens"),
        ({"trainable_layers": 9}, "has 3 layers"),
    ],
)
def test_what_a_backbone_cannot_do_is_said(
    chosen: dict[str, Any], message: str, tmp_path: Path, pool: Snapshot
) -> None:
    config = settings({"model_name_or_path": str(tiny_bert(tmp_path / "base")), **chosen})
    with pytest.raises(InputError, match=message):
        train(pool, tmp_path / "out", config, quiet())
    assert not (tmp_path / "out").exists()


def test_the_command_line_tunes_the_packaged_encoder(pool: Snapshot, tmp_path: Path) -> None:
    out = tmp_path / "reward"
    chosen = ["mode=lora", "optim.num_train_epochs=1", "train_baseline=false", "device=cpu"]
    chosen += ["optim.train_batch_size=64"]
    (report,) = run("reward", "--snapshot", pool.path, "--out", out, "--set", *chosen).rows
    assert report["metrics"]["n"] > 0
    named = json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert named == "sentence-transformers/all-MiniLM-L6-v2"  # and no path of this machine
