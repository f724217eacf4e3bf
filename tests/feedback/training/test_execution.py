"""A run from the pool to a live checkpoint, with real trainers as child processes."""

from pathlib import Path

import pytest
from pyarrow import parquet

from feedback.training.execution import worker
from feedback.training.execution.leases import run_claim
from feedback.training.models import Checkpoint, CheckpointState, RunState, TrainingRun
from feedback.training.promotion.services import checkpoint_roll_back
from feedback.training.services import run_request
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version, withdraw
from trainers.data.snapshot import Snapshot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def data_dir(settings, tmp_path: Path) -> Path:
    """An empty DATA_DIR."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def three_models() -> list:
    """Six judgments between three models."""
    versions = [make_version() for _ in range(3)]
    judge_ = make_contributor()
    for a, b, choice in ((0, 1, "a"), (1, 2, "a"), (0, 2, "a"), (2, 0, "a"), (1, 0, "tie")):
        judge(make_comparison(None, versions[a], versions[b]), judge_, choice)
    return versions


def finished(run: TrainingRun) -> TrainingRun:
    """The run after a worker has worked on it."""
    assert worker.next_run_execute()
    run.refresh_from_db()
    return run


def test_a_ranking_is_trained_registered_and_live(data_dir: Path, three_models: list) -> None:
    run = finished(run_request(kind="ranking"))
    assert run.state == RunState.SUCCEEDED, run.error
    assert {row["model"] for row in run.metrics["models"]} == {v.label for v in three_models}
    checkpoint = run.checkpoint
    assert (checkpoint.state, checkpoint.version) == (CheckpointState.LIVE, 1)
    assert (data_dir / "promoted" / "ranking" / "card.json").is_file()
    assert run.events.exists()
    assert run.progress == 1.0
    snapshot = Snapshot.open(data_dir / "snapshots" / run.snapshot_digest)
    assert snapshot.manifest["counts"]["preferences"] == 5
    assert snapshot.manifest["licence"] == ["CC-BY-4.0"]
    assert not worker.next_run_execute()


def test_the_same_data_settings_and_code_are_not_trained_twice(
    data_dir: Path, three_models: list
) -> None:
    first = finished(run_request(kind="ranking"))
    again = finished(run_request(kind="ranking"))
    assert again.state == RunState.CANCELLED
    assert f"run {first.number} has exactly the same" in again.error
    assert Checkpoint.objects.count() == 1
    assert len(list((data_dir / "snapshots").iterdir())) == 1


def test_new_judgments_make_a_new_version_and_rolling_back_brings_the_old_one_back(
    data_dir: Path, three_models: list, olivia
) -> None:
    first = finished(run_request(kind="ranking"))
    judge(make_comparison(None, *three_models[:2]), make_contributor(), "b")
    second = finished(run_request(kind="ranking"))
    link = data_dir / "promoted" / "ranking"
    assert link.resolve() == Path(second.checkpoint.path)
    checkpoint_roll_back(checkpoint=second.checkpoint, actor=olivia)
    assert link.resolve() == Path(first.checkpoint.path)
    states = dict(Checkpoint.objects.values_list("version", "state"))
    assert states == {1: CheckpointState.LIVE, 2: CheckpointState.REPLACED}


def test_an_empty_pool_is_a_clear_failure(data_dir: Path, db: None) -> None:
    run = finished(run_request(kind="ranking"))
    assert (run.state, run.error) == (
        RunState.FAILED,
        "Nothing to train on: the pool has no judgments or outcomes.",
    )
    assert list((data_dir / "snapshots").iterdir()) == []


def test_a_run_that_the_trainer_refuses_fails_with_its_words(
    data_dir: Path, three_models: list
) -> None:
    run = run_request(kind="ranking")
    TrainingRun.objects.filter(pk=run.pk).update(config={"wishes": 3})
    run = finished(run)
    assert run.state == RunState.FAILED
    assert "wishes: unknown setting" in run.error
    assert list((data_dir / "artifacts" / "ranking").glob("*")) == []


def test_an_attempt_after_a_vanished_worker_takes_over_what_was_finished(
    data_dir: Path, three_models: list, expire
) -> None:
    run = finished(run_request(kind="ranking"))
    before = (Path(run.checkpoint.path) / "card.json").stat().st_mtime_ns
    # As if the worker had been killed after training and before the checkpoint was registered.
    rewound = run_request(kind="ranking", seed=1)
    claim = run_claim(worker="killed")
    assert claim is not None
    TrainingRun.objects.filter(pk=rewound.pk).update(snapshot_digest=run.snapshot_digest)
    expire(rewound)
    out = data_dir / "artifacts" / "ranking" / str(rewound.id)
    Path(run.checkpoint.path).rename(out)
    finished(rewound)
    assert rewound.state == RunState.SUCCEEDED, rewound.error
    assert (out / "card.json").stat().st_mtime_ns == before


def test_withdrawn_judgments_and_those_without_consent_to_training_stay_out(
    data_dir: Path, three_models: list
) -> None:
    person = make_contributor()
    withdrawn = judge(make_comparison(None, *three_models[:2]), person, "b")
    withdraw(withdrawn, person)
    run = finished(run_request(kind="ranking"))
    table = parquet.read_table(data_dir / "snapshots" / run.snapshot_digest / "preferences.parquet")
    assert str(withdrawn.id) not in table["preference_id"].to_pylist()
    assert table.num_rows == 5
