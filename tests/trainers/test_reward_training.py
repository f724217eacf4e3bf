"""Training, measuring and using a reward model, on a pool whose truth is known."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.trainers.command_line import run
from tests.trainers.configs import changed
from tests.trainers.pools import careful_answers_win, judgment, pair_record, snapshot_of
from trainers.artifacts import Artifact, open_artifact
from trainers.data.snapshot import Snapshot
from trainers.errors import InputError
from trainers.progress import Progress
from trainers.reward.config import REWARD
from trainers.reward.evaluate import evaluate, evaluate_prompts
from trainers.reward.score import score_rows
from trainers.reward.train import train

pytestmark = pytest.mark.training
CONFIG = REWARD.read(
    {
        "optim.num_train_epochs": 15,
        "features.hidden_size": 16,
        "head.ensemble_size": 3,
        "device": "cpu",
    }
)
METRICS = (
    "accuracy",
    "log_loss",
    "ece",
    "baseline_majority_accuracy",
    "baseline_length_accuracy",
    "bradley_terry_accuracy",
)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINERS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return snapshot_of(tmp_path_factory.mktemp("pool") / "snapshot", careful_answers_win(160))


@pytest.fixture(scope="module")
def trained(pool: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return train(pool, tmp_path_factory.mktemp("out") / "reward", CONFIG, quiet())


def quiet() -> Progress:
    return Progress(io.StringIO())


def test_it_learns_what_the_raters_prefer(trained: Artifact) -> None:
    metrics = trained.card["metrics"]
    assert metrics["accuracy"] > 0.85
    assert metrics["bradley_terry_accuracy"] > 0.85
    assert metrics["baseline_length_accuracy"] == 0.5  # both answers are equally long
    assert metrics["accuracy"] > metrics["baseline_majority_accuracy"] + 0.2


@pytest.mark.parametrize(("tau", "chosen"), [(3.0, "adaptive"), (30.0, "bradley_terry")])
def test_the_loss_that_is_better_on_validation_is_chosen(
    pool: Snapshot, tmp_path: Path, tau: float, chosen: str
) -> None:
    """One temperature for all pairs makes the adaptive loss better or worse here, by its size."""
    config = changed(
        CONFIG,
        {
            "optim.num_train_epochs": 4,
            "head.architecture": "linear",
            "scaling.tau0": tau,
            "scaling.tau_max": tau,
        },
    )
    artifacts = {
        loss: train(pool, tmp_path / loss, changed(config, {"loss.type": loss}), quiet())
        for loss in ("auto", "adaptive")
    }
    found, other = (artifacts[loss].card["training"] for loss in ("auto", "adaptive"))
    adaptive = other["validation_log_loss"]
    plain = found["bradley_terry_validation_log_loss"]
    assert found["chosen_loss"] == chosen
    assert other["chosen_loss"] == "adaptive"
    assert found["validation_log_loss"] == min(adaptive, plain)
    assert (plain < adaptive) == (chosen == "bradley_terry")
    metrics = artifacts["auto"].card["metrics"]
    words = f"{chosen.replace('_', ' ')} loss (chosen on validation)"
    assert words in (artifacts["auto"].path / "README.md").read_text()
    again = evaluate(artifacts["auto"], pool)
    assert again["log_loss"] == pytest.approx(metrics["log_loss"], abs=1e-5)
    assert again["bradley_terry_accuracy"] == metrics["bradley_terry_accuracy"]


def test_every_metric_of_the_contract_has_an_interval_around_it(trained: Artifact) -> None:
    metrics = trained.card["metrics"]
    for name in METRICS:
        low, high = metrics[f"{name}_ci"]
        assert low <= metrics[name] <= high or name == "ece"  # a resampled ECE is biased upwards
    assert metrics["n"] == metrics["n_prompts"] > 5


def test_it_prefers_the_careful_answer_to_a_question_it_has_not_seen(trained: Artifact) -> None:
    prompt = [{"role": "user", "content": "Explain lighthouses"}]
    rows = [
        {
            "prompt": "Explain lighthouses",
            "response": "A clear and careful explanation, with care.",
        },
        {
            "prompt": "Explain lighthouses",
            "response": "idk maybe google lighthouses lol ..........",
        },
        {"messages": prompt, "response": "A clear and careful explanation, with care."},
    ]
    good, bad, again = (row["score"] for row in score_rows(trained, rows))
    assert good > bad
    assert again == pytest.approx(good, abs=1e-5)  # float32 sums depend on the batch


def test_scores_are_the_calibrated_logits_that_the_metrics_use(
    trained: Artifact, pool: Snapshot
) -> None:
    prompts = {
        row["prompt_id"]: row["messages"]
        for row in pool.table("prompts").to_pylist()
        if row["split"] == "test"
    }
    rows = [row for row in pool.table("responses").to_pylist() if row["prompt_id"] in prompts]
    inputs = [{"messages": prompts[row["prompt_id"]], "response": row["text"]} for row in rows]
    scored = zip(rows, score_rows(trained, inputs), strict=True)
    scores = {row["response_id"]: score["score"] for row, score in scored}
    shares = {row["comparison_id"]: row for row in pool.table("consensus").to_pylist()}
    losses = []
    for pair in {
        row["comparison_id"]: row for row in pool.table("preferences").to_pylist()
    }.values():
        share = shares[pair["comparison_id"]]
        if pair["prompt_id"] in prompts and share["p_a"] != share["p_b"]:
            gap = scores[pair["response_a"]] - scores[pair["response_b"]]
            losses.append(np.logaddexp(0, -gap if share["p_a"] > share["p_b"] else gap))
    assert trained.card["metrics"]["log_loss"] == pytest.approx(np.mean(losses), abs=1e-4)


def test_the_same_snapshot_config_and_seed_give_the_same_files(
    trained: Artifact, pool: Snapshot, tmp_path: Path
) -> None:
    assert train(pool, tmp_path / "again", CONFIG, quiet()).digest == trained.digest
    other = changed(CONFIG, {"seed": 1})
    assert train(pool, tmp_path / "other", other, quiet()).card["files"] != trained.card["files"]


def test_evaluating_on_its_own_snapshot_repeats_the_card(trained: Artifact, pool: Snapshot) -> None:
    assert evaluate(open_artifact(trained.path), pool) == trained.card["metrics"]


def test_scores_by_prompt_average_to_the_accuracy(trained: Artifact, pool: Snapshot) -> None:
    table = evaluate_prompts(trained, pool).to_pydict()
    metrics = trained.card["metrics"]
    assert sum(table["n"]) == metrics["n"]
    assert np.average(table["score"], weights=table["n"]) == pytest.approx(metrics["accuracy"])


def test_votes_without_texts_are_left_out_and_counted(tmp_path: Path) -> None:
    records = list(careful_answers_win(120))
    told = records[0].judgments
    records += [pair_record(f"q{n}", (None, None), judgments=told) for n in range(7)]
    pool = snapshot_of(tmp_path / "pool", records)
    artifact = train(
        pool, tmp_path / "out", changed(CONFIG, {"optim.num_train_epochs": 2}), quiet()
    )
    counts = artifact.card["training"]["comparisons"]
    assert counts["without_texts"] == 7
    assert counts["train"] + counts["validation"] + counts["test"] == 120


def test_a_snapshot_without_a_decided_test_comparison_is_refused(tmp_path: Path) -> None:
    tied = (judgment("r", "tie"),)
    prompts = [f"question {number}" for number in range(60)]
    pool = snapshot_of(
        tmp_path / "pool", [pair_record(p, ("x", "y"), judgments=tied) for p in prompts]
    )
    with pytest.raises(InputError, match="no decided comparison in the test split"):
        train(pool, tmp_path / "out", CONFIG, quiet())
    assert not (tmp_path / "out").exists()


def test_a_snapshot_without_texts_is_refused(tmp_path: Path) -> None:
    vote = (judgment("r", "a"),)
    pool = snapshot_of(tmp_path / "pool", [pair_record("q", (None, None), judgments=vote)])
    with pytest.raises(InputError, match="no comparison has the texts"):
        train(pool, tmp_path / "out", CONFIG, quiet())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "x"}, "row 1, column 'response'"),
        ({"response": "x"}, "row 1, column 'prompt'"),
        ({"prompt": 3, "response": "x"}, "row 1, column 'prompt'"),
        ({"messages": "hi", "response": "x"}, "row 1, column 'messages'"),
    ],
)
def test_a_broken_row_is_named(trained: Artifact, row: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(score_rows(trained, [row]))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("rho0", 0.7), ("tau_max", 0.05), ("head", "forest"), ("dropout", 1.0), ("epochs", 0)],
)
def test_a_meaningless_setting_is_refused_by_name(setting: str, value: object) -> None:
    with pytest.raises(InputError, match=setting):
        REWARD.read({setting: value})


def test_the_command_line_trains_evaluates_and_scores(pool: Snapshot, tmp_path: Path) -> None:
    out = tmp_path / "reward"
    settings = ("--set", "optim.num_train_epochs=3", "device=cpu")
    command = [sys.executable, "-m", "trainers", "reward", "--snapshot", pool.path, "--out", out]
    made = subprocess.run(
        [*map(str, command), *settings], capture_output=True, text=True, timeout=300
    )
    assert made.returncode == 0, made.stderr
    report = json.loads(made.stdout.splitlines()[-1])
    assert report["kind"] == "reward"
    assert set(METRICS) < set(report["metrics"])
    shown = [json.loads(line)["progress"] for line in made.stderr.splitlines()]
    assert shown == sorted(shown)
    assert shown[-1] == 1.0

    table = tmp_path / "prompts.parquet"
    again = run("evaluate", "--artifact", out, "--snapshot", pool.path, "--per-prompt", table)
    assert again.rows[-1]["metrics"] == report["metrics"]
    assert pq.read_table(table).column_names == ["prompt_id", "score", "n"]

    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "Why?", "response": "Because."}\n' * 2)
    scores = run("score", "--artifact", out, "--input", rows).rows
    assert len(scores) == 2
    assert isinstance(scores[0]["score"], float)


def test_real_annotators_are_learned_from(shared_data: Path, tmp_path: Path) -> None:
    """The test prompts are two, so the numbers are rough; that they beat a coin is not."""
    from trainers.data.formats import read

    profile = Path(__file__).parents[2] / "trainers/data/formats/profiles/llmfao_votes.toml"
    records = read(shared_data / "llmfao_votes.parquet", format="preferences", profile=profile)
    pool = snapshot_of(tmp_path / "pool", records)
    metrics = train(
        pool, tmp_path / "out", REWARD.read({"features.max_length": 48, "device": "cpu"}), quiet()
    ).card["metrics"]
    assert metrics["n"] > 100
    assert metrics["accuracy"] > 0.6
    assert metrics["log_loss"] < np.log(2)
