"""A toy snapshot and what is trained on it, once for all tests."""

import io
from pathlib import Path

import pytest

from tests.trainers.toys import small_config, write_toy_snapshot
from trainers.artifacts import Artifact
from trainers.data.snapshot import Snapshot


@pytest.fixture(scope="session")
def toy_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return write_toy_snapshot(tmp_path_factory.mktemp("toy") / "snapshot")


@pytest.fixture(scope="session")
def toy_policy(toy_snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A tiny base and an adapter that prefers `gladly`."""
    from trainers.policy.train import train
    from trainers.progress import Progress

    out = tmp_path_factory.mktemp("policies") / "first"
    return train(toy_snapshot, out, small_config(), Progress(io.StringIO()))


@pytest.fixture(scope="session")
def toy_reward(toy_snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model of the same preference."""
    from trainers.progress import Progress
    from trainers.reward.config import REWARD
    from trainers.reward.train import train

    out = tmp_path_factory.mktemp("rewards") / "first"
    train(
        toy_snapshot,
        out,
        REWARD.read({"optim.num_train_epochs": 5, "head.architecture": "linear"}),
        Progress(io.StringIO()),
    )
    return out
