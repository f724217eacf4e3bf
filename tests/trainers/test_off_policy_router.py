"""An embedding judged as a router by the decisions in a snapshot, through the command line too."""

import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from tests.trainers.pools import snapshot_of, specialists
from trainers.artifacts import Artifact, write_artifact
from trainers.commands.main import main
from trainers.data.snapshot import SCHEMAS, Snapshot, SnapshotWriter
from trainers.embedding.config import EMBEDDING
from trainers.embedding.evaluate import evaluate
from trainers.embedding.predict import predict_rows
from trainers.embedding.train import train
from trainers.errors import InputError
from trainers.model_vectors.scorer import TENSORS
from trainers.off_policy.paired import compare_routers
from trainers.progress import Progress

pytestmark = pytest.mark.training
CONFIG = EMBEDDING.read({"dimension": 8, "optim.learning_rate": 1e-2, "device": "cpu"})
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINERS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """400 prompts of four subjects, each of the four models an expert in one."""
    return snapshot_of(tmp_path_factory.mktemp("pool") / "snapshot", specialists(400))


@pytest.fixture(scope="module")
def trained(pool: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return train(pool, tmp_path_factory.mktemp("out") / "good", CONFIG, quiet())


@pytest.fixture(scope="module")
def inverted(trained: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The same embedding, which serves the model that it should serve last."""
    tensors = load_file(trained.path / TENSORS)
    tensors["models"] = -tensors["models"]
    # What depends on the files, the digests, is written anew.
    return write_artifact(
        tmp_path_factory.mktemp("out") / "bad",
        kind="embedding",
        card_fields=trained.card,
        write_files=lambda folder: save_file(tensors, folder / TENSORS),
    )


@pytest.fixture(scope="module")
def logged(pool: Snapshot, trained: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Decisions of before and after the embedding was made, and two single answers with thumbs."""
    made = datetime.fromisoformat(trained.card["created_at"])
    prompts, rng = pool.table("prompts").to_pylist(), np.random.default_rng(0)
    old = [duel(row, BEFORE, rng) for row in prompts for _ in range(3)]
    new = [duel(row, made + timedelta(hours=1), rng) for row in prompts for _ in range(3)]
    singles = [single(row, made + timedelta(hours=1), rng) for row in prompts for _ in range(2)]
    return with_decisions(pool, tmp_path_factory.mktemp("logged") / "s", [*old, *new, *singles])


def quiet() -> Progress:
    return Progress(io.StringIO())


def duel(prompt: dict[str, Any], when: datetime, rng: np.random.Generator) -> dict[str, Any]:
    """Uniform pairs; the expert in the prompt's subject is preferred nine times in ten."""
    models = experts()
    first, second = rng.choice(len(models), 2, replace=False)
    strong = [is_expert(model, text_of(prompt)) for model in models]
    chance = 0.5 + 0.4 * (float(strong[first]) - float(strong[second]))
    won = float(rng.random() < chance)
    return {
        "decision_id": f"{rng.integers(2**62):x}",
        "prompt_id": prompt["prompt_id"],
        "models": models,
        "propensities": [2 / len(models)] * len(models),
        "chosen": [models[first], models[second]],
        "pair_propensity": 1 / (len(models) * (len(models) - 1)),
        "policy": "explore",
        "router_version": "uniform",
        "rewards": [won, 1.0 - won],
        "rater": f"r{rng.integers(60)}",
        "created_at": when,
    }


def single(prompt: dict[str, Any], when: datetime, rng: np.random.Generator) -> dict[str, Any]:
    """One answer of a model drawn evenly; a thumb up where it is the expert."""
    models = experts()
    chosen = models[rng.integers(len(models))]
    up = is_expert(chosen, text_of(prompt))
    return duel(prompt, when, rng) | {
        "chosen": [chosen],
        "propensities": [1 / len(models)] * len(models),
        "pair_propensity": 1 / len(models),
        "rewards": [float(up)],
    }


def experts() -> list[str]:
    found = {record.model for record in specialists(4)}
    return sorted(model for model in found if model)


def with_decisions(
    pool: Snapshot, out: Path, rows: Sequence[dict[str, Any]] | pa.Table
) -> Snapshot:
    with SnapshotWriter(out) as writer:
        for name in SCHEMAS:
            writer.write(name, pool.table(name) if name != "decisions" else rows)
        writer.finish(filters={}, licence=["MIT"])
    return Snapshot.open(out)


def test_the_router_is_judged_by_what_it_has_not_seen(trained: Artifact, logged: Snapshot) -> None:
    """Decisions of before count on test prompts alone, later ones on every prompt."""
    prompts = logged.table("prompts").to_pylist()
    tested = sum(row["split"] == "test" for row in prompts)
    metrics = evaluate(trained, logged)
    assert metrics["duels_n"] == 3 * tested + 3 * len(prompts)
    assert metrics["singles_n"] == 2 * len(prompts)
    assert trained.card["metrics"].get("duels_n") is None  # its own snapshot held no decision


def test_the_estimates_are_near_the_truth(trained: Artifact, logged: Snapshot) -> None:
    """Of uniform pairs an expert is worth 1/2 against itself and 0.9 against the three others; a
    model that is none 1/2 against itself and two others, and 0.1 against the expert."""
    texts = {row["prompt_id"]: text_of(row) for row in logged.table("prompts").to_pylist()}
    served = {
        prompt: max(row["scores"], key=row["scores"].get)
        for prompt, row in zip(texts, predict_rows(trained, as_rows(texts)), strict=True)
    }
    right = {prompt: is_expert(model, texts[prompt]) for prompt, model in served.items()}
    split = {row["prompt_id"]: row["split"] for row in logged.table("prompts").to_pylist()}
    seen = [prompt for prompt in texts for _ in range(6 if split[prompt] == "test" else 3)]
    truth = float(np.mean([0.8 if right[prompt] else 0.4 for prompt in seen]))
    metrics = evaluate(trained, logged)
    thumbs = float(np.mean(list(right.values())))
    for kind, value in (("duels", truth), ("singles", thumbs)):
        for name in ("ips", "snips", "dr"):
            low, high = metrics[f"{kind}_{name}_ci"]
            error = (high - low) / (2 * 1.96)
            assert abs(metrics[f"{kind}_{name}"] - value) < 4 * error < 0.3, (kind, name)
    assert truth > 0.6
    assert metrics["duels_warnings"] == []
    json.dumps(metrics, allow_nan=False)


def text_of(prompt: dict[str, Any]) -> str:
    return str(prompt["messages"][0]["content"])


def as_rows(texts: dict[str, str]) -> Iterator[dict[str, str]]:
    return ({"prompt": text} for text in texts.values())


def is_expert(model: str, text: str) -> bool:
    return model.removeprefix("expert in ") in text


def test_its_own_training_reports_the_test_prompts(logged: Snapshot, tmp_path: Path) -> None:
    again = train(logged, tmp_path / "again", CONFIG, quiet())
    tested = sum(row["split"] == "test" for row in logged.table("prompts").to_pylist())
    assert again.card["metrics"]["duels_n"] == 6 * tested


def test_two_routers_are_compared_on_the_same_duels(
    trained: Artifact, inverted: Artifact, logged: Snapshot, tmp_path: Path
) -> None:
    tables = []
    for artifact in (trained, inverted):
        file = tmp_path / f"{artifact.path.name}.parquet"
        arguments = ["--artifact", str(artifact.path), "--snapshot", str(logged.path)]
        assert main(["evaluate", *arguments, "--per-decision", str(file)]) == 0
        tables.append(pq.read_table(file))
    good, bad = tables
    found = compare_routers(bad, good)
    assert found is not None
    assert found.difference.interval[1] < -0.3
    assert found.difference.value == pytest.approx(found.candidate.value - found.incumbent.value)
    assert found.n == sum(good["duel"].to_pylist())  # made later, the other saw no more
    same = compare_routers(good, good)
    assert same is not None
    assert (same.difference.value, same.difference.error) == (0.0, 0.0)
    assert compare_routers(good, bad.slice(0, 0)) is None


def test_only_an_embedding_is_a_router(
    pool: Snapshot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reward = write_artifact(
        tmp_path / "reward", kind="ranking", card_fields={"config": {}}, write_files=lambda _: None
    )
    arguments = ["--artifact", str(reward.path), "--snapshot", str(pool.path)]
    assert main(["evaluate", *arguments, "--per-decision", str(tmp_path / "x")]) == 2
    assert "a ranking artifact is no router" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pair_propensity": 0.0}, "a propensity is not in"),
        ({"propensities": [0.5]}, "models and propensities do not belong together"),
        ({"chosen": ["nobody", "else"]}, "what was chosen was not considered"),
        ({"rewards": [1.0, 1.0]}, "the rewards of a duel do not sum to one"),
        ({"rewards": [2.0, -1.0]}, "a reward is not in"),
    ],
)
def test_a_broken_decision_is_named(
    change: dict[str, Any], message: str, trained: Artifact, pool: Snapshot, tmp_path: Path
) -> None:
    prompt = next(row for row in pool.table("prompts").to_pylist() if row["split"] == "test")
    row = duel(prompt, BEFORE, np.random.default_rng(0)) | {"decision_id": "broken"} | change
    broken = with_decisions(pool, tmp_path / "s", [row])
    with pytest.raises(InputError, match=f"decision broken: {message}"):
        evaluate(trained, broken)
