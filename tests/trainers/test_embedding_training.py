"""Training, measuring and using an embedding through snapshots and real texts."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainers.command_line import run
from tests.trainers.pools import (
    judgment,
    outcome_record,
    pair_record,
    snapshot_of,
    specialists,
)
from trainers.artifacts import Artifact, open_artifact
from trainers.data.formats import OutcomeRecord, PairRecord, read
from trainers.data.snapshot import Snapshot, SnapshotWriter
from trainers.embedding.config import EMBEDDING, EmbeddingConfig
from trainers.embedding.evaluate import evaluate, evaluate_prompts
from trainers.embedding.predict import predict_rows
from trainers.embedding.train import train
from trainers.errors import InputError
from trainers.model_vectors.scorer import Scorer
from trainers.progress import Progress

pytestmark = pytest.mark.training
CONFIG = EMBEDDING.read({"dimension": 8, "optim.num_train_epochs": 8, "device": "cpu"})
METRICS = (
    "auc",
    "log_loss",
    "accuracy",
    "routed_score",
    "best_single_score",
    "random_score",
    "oracle_score",
    "knn_routed_score",
    "knn_accuracy",
)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINERS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return snapshot_of(tmp_path_factory.mktemp("pool") / "snapshot", specialists(500))


@pytest.fixture(scope="module")
def trained(pool: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return train(pool, tmp_path_factory.mktemp("out") / "embedding", CONFIG, quiet())


def quiet() -> Progress:
    return Progress(io.StringIO())


def test_prompts_go_to_their_specialist(trained: Artifact) -> None:
    rows = [{"prompt": "Explain the sea to me"}, {"prompt": "A proof in algebra, please: algebra"}]
    sea, algebra = (row["scores"] for row in predict_rows(trained, rows))
    assert max(sea, key=sea.get) == "expert in the sea"
    assert max(algebra, key=algebra.get) == "expert in algebra"


def test_a_huge_prompt_and_one_in_no_known_language_are_answered(trained: Artifact) -> None:
    texts = ["word " * 20_000, "\u1234\U0001f30a\u0000\ud800 ꙮ" * 50, ""]
    for row in predict_rows(trained, [{"prompt": text} for text in texts]):
        chances = np.array(list(row["scores"].values()))
        assert chances.shape == (4,)
        assert ((chances > 0.0) & (chances < 1.0)).all()


def test_an_artifact_of_another_layout_is_refused(trained: Artifact, tmp_path: Path) -> None:
    copy = tmp_path / "older"
    shutil.copytree(trained.path, copy)
    card = json.loads((copy / "card.json").read_text())
    del card["layout"]
    (copy / "card.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="older version of the trainer; train it again"):
        Scorer.load(copy)


def test_routing_specialists_beats_any_one_of_them(trained: Artifact) -> None:
    metrics = trained.card["metrics"]
    assert set(METRICS) <= set(metrics)
    assert metrics["routed_score"] > metrics["best_single_score"] + 0.2
    assert metrics["auc"] > 0.7


def test_the_artifact_opens_without_the_trainer(trained: Artifact) -> None:
    scorer = Scorer.load(trained.path)
    assert list(scorer.models) == sorted(trained.card["models"])
    assert (scorer.encoder, scorer.dimension) == ("all-MiniLM-L6-v2", 384)
    assert scorer.fingerprint.endswith(f"-{CONFIG.max_length}")
    assert scorer.vectors.shape == (4, 9)
    assert scorer.covariance.shape == (4, 9, 9)
    assert (scorer.counts > 300).all()


def test_the_same_snapshot_config_and_seed_give_the_same_files(
    trained: Artifact, pool: Snapshot, tmp_path: Path
) -> None:
    assert train(pool, tmp_path / "again", CONFIG, quiet()).digest == trained.digest


def test_evaluating_on_its_own_snapshot_repeats_the_card(trained: Artifact, pool: Snapshot) -> None:
    again = evaluate(open_artifact(trained.path), pool)
    for name in METRICS:
        assert again[name] == pytest.approx(trained.card["metrics"][name], abs=1e-9)


def test_scores_by_prompt_average_to_minus_the_log_loss(trained: Artifact, pool: Snapshot) -> None:
    table = evaluate_prompts(trained, pool).to_pydict()
    average = np.average(table["score"], weights=table["n"])
    assert average == pytest.approx(-trained.card["metrics"]["log_loss"])


def test_a_model_that_came_later_is_predicted_to_be_average(
    trained: Artifact, tmp_path: Path
) -> None:
    """So an incumbent can be compared with a candidate that knows more models."""
    late = [
        outcome_record(record.messages[0]["content"], "newcomer", 1.0)
        for record in specialists(200)
    ]
    pool = snapshot_of(tmp_path / "pool", [*specialists(200), *late[::4]])
    table = evaluate_prompts(trained, pool).to_pydict()
    assert set(table["n"]) == {5}
    assert np.isfinite(table["score"]).all()


def votes(prompts: int) -> Iterator[PairRecord]:
    """Arena votes without texts: `strong` beats `weak` in four of five."""
    for number in range(prompts):
        won = "a" if number % 5 else "b"
        vote = (judgment("r", won if number % 2 else "ba"["ab".index(won)]),)
        names = ("strong", "weak") if number % 2 else ("weak", "strong")
        yield pair_record(
            "",
            (None, None),
            question_id=f"q{number}",
            model_a=names[0],
            model_b=names[1],
            judgments=vote,
        )


def test_votes_without_texts_teach_who_is_better_on_the_whole(tmp_path: Path) -> None:
    pool = snapshot_of(tmp_path / "pool", list(votes(300)))
    artifact = train(pool, tmp_path / "out", CONFIG, quiet())
    metrics = artifact.card["metrics"]
    assert metrics["basis"] == "preferences"
    assert metrics["accuracy"] == metrics["best_single_score"]
    assert metrics["accuracy"] > 0.65
    assert metrics["log_loss"] < np.log(2)


def test_a_score_outside_its_range_is_named(tmp_path: Path) -> None:
    prompts = [
        {"prompt_id": split, "messages": [], "topics": [], "language": "", "split": split}
        for split in ("train", "test")
    ]
    rows = [{"prompt_id": "train", "model": "a", "score": 0.5}]
    rows += [{"prompt_id": "test", "model": "b", "score": 1.5}]
    with SnapshotWriter(tmp_path / "pool") as writer:
        writer.write("prompts", prompts)
        writer.write("outcomes", rows)
        writer.finish(filters={}, licence="MIT")
    with pytest.raises(InputError, match=r"outcomes\.parquet, row 2, column 'score'"):
        train(Snapshot.open(tmp_path / "pool"), tmp_path / "out", CONFIG, quiet())


def test_one_model_alone_is_refused(tmp_path: Path) -> None:
    records: list[OutcomeRecord] = [outcome_record(f"q{n}", "only", 1.0) for n in range(30)]
    pool = snapshot_of(tmp_path / "pool", records)
    with pytest.raises(InputError, match="at least two models"):
        train(pool, tmp_path / "out", CONFIG, quiet())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("dimension", 0),
        ("optim.weight_decay", -0.1),
        ("method", "knn"),
        ("loss", "hinge"),
        ("optim.train_batch_size", 0),
    ],
)
def test_a_meaningless_setting_is_refused_by_name(setting: str, value: Any) -> None:
    with pytest.raises(InputError, match=setting):
        EMBEDDING.read({setting: value})


def test_the_command_line_trains_and_predicts(pool: Snapshot, tmp_path: Path) -> None:
    out = tmp_path / "embedding"
    train = [
        "embedding",
        "--snapshot",
        str(pool.path),
        "--out",
        str(out),
        "--set",
        "optim.num_train_epochs=2",
    ]
    command = [sys.executable, "-m", "trainers", *train]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["kind"] == "embedding"
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"prompt": "Explain bread"}\n{"messages": [{"role": "user", "content": "?"}]}\n'
    )
    scores = run("predict", "--artifact", out, "--input", rows).rows
    assert len(scores) == 2
    assert all(0 < value < 1 for value in scores[0]["scores"].values())


def test_real_models_are_told_apart(shared_data: Path, tmp_path: Path) -> None:
    """Five hundred questions of MMLU-Pro by 33 models: better than knowing each model's mean."""
    profile = Path(__file__).parents[2] / "trainers/data/formats/profiles/mmlu_pro_correctness.toml"
    path = shared_data / "mmlu_pro_correctness.parquet"
    records = read(path, format="outcomes", profile=profile, limit=500)
    pool = snapshot_of(tmp_path / "pool", records)
    config = EmbeddingConfig(max_length=48, device="cpu")
    metrics = train(pool, tmp_path / "out", config, quiet()).card["metrics"]
    assert metrics["n"] > 500
    assert metrics["log_loss"] < metrics["model_mean_log_loss"] + 0.02
    assert metrics["auc"] > 0.6
    assert metrics["random_score"] < metrics["routed_score"] < metrics["oracle_score"]
