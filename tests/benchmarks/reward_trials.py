"""What the reward benchmarks share: pairs, divided at will, fitted and measured by the product."""

import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("OMP_NUM_THREADS", "1")
import torch

from trainers.data.formats import read
from trainers.data.holdout import Holdout
from trainers.data.snapshot import Snapshot
from trainers.data.snapshot.build import build_snapshot
from trainers.progress import Progress
from trainers.reward.calibrate import calibrate, pair_outputs
from trainers.reward.config import FrozenConfig, RewardConfig
from trainers.reward.data import Pairs, read_pairs
from trainers.reward.features import Features, Readers, answer_features
from trainers.reward.folds import make_folds
from trainers.reward.frozen_mode import HeadTrials
from trainers.reward.head import pair_gaps
from trainers.reward.head_fit import HeadResult
from trainers.reward.model import HeldOutPredictions, RewardModel
from trainers.statistics.measures import (
    calibration_error,
    mean,
    row_accuracy,
    row_log_loss,
    with_intervals,
)
from trainers.tuning.devices import make_deterministic

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PROFILES = Path(__file__).resolve().parents[2] / "trainers" / "data" / "formats" / "profiles"
Floats = NDArray[np.float64]


class Bound:
    """Says when the time that a benchmark may take is over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() > self._end


def note(text: str) -> None:
    """A line for whoever watches."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def read_file(name: str) -> Pairs:
    """All pairs of a shared file, by its profile; their split is not used."""
    path = DATA / f"{name}.parquet"
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "snapshot"
        records = read(path, format="preferences", profile=PROFILES / f"{name}.toml")
        build_snapshot(records, built, filters={})
        return read_pairs(Snapshot.open(built))


class Bench(RewardModel):
    """A fitted head over features that are there already: outputs by answer number."""

    def __init__(self, fitted: HeadResult, features: Features, pairs: Pairs) -> None:
        self.fitted = fitted
        self._said = fitted.model.outputs(features).numpy()
        self._row = {id(answer): row for row, answer in enumerate(pairs.answers)}

    def outputs(self, answers: Any) -> Floats:
        return self._said[[self._row[id(answer)] for answer in answers]]

    def rescale(self, temperature: float) -> None:
        self.fitted.model.rescale(temperature)
        self._said = self._said / (
            temperature**0.5 if self.fitted.model.kind == "gpm" else temperature
        )

    def gaps(self, first: Floats, second: Floats) -> Floats:
        return pair_gaps(self.fitted.model.kind, first, second)


@dataclass(frozen=True)
class Trial:
    """One fit on one division: calibrated logits of the test pairs, and how it went inside."""

    logits: Floats
    inner_log_loss: float
    temperature: float
    head: str


def features_of(pairs: Pairs, config: RewardConfig) -> Features:
    """Features of every answer, computed once."""
    return answer_features(Readers.of(config.features, cached=True), pairs.answers)


def run_trial(pairs: Pairs, features: Features, config: RewardConfig) -> Trial:
    """Fit, calibrate on held-out training pairs, and judge the pairs of the test part."""
    make_deterministic(config.seed)
    torch.set_num_threads(1)
    assert isinstance(config, FrozenConfig)
    config = replace(config, train_baseline=False)
    fitted, _ = HeadTrials(pairs, features, config, Progress(io.StringIO())).fit()
    folds = make_folds(pairs, config.head.ensemble_size)
    model = Bench(fitted, features, pairs)
    held_out = HeldOutPredictions(rows=folds.rows[folds.held], gaps=fitted.gaps)
    found = calibrate(model, pairs, held_out)
    logits = model.gaps(*pair_outputs(model, pairs, pairs.holdout.test)).mean(1)
    head = "mlp" if fitted.model.hidden else "linear"
    return Trial(logits, fitted.log_loss, found.temperature, head)


def divided(pairs: Pairs, train: Floats, validation: Floats, test: Floats) -> Pairs:
    """The same pairs in another division; row numbers of each part."""
    return replace(pairs, holdout=Holdout(train=train, validation=validation, test=test))


def measured(logits: Floats, labels: Floats, cluster: NDArray[np.int64]) -> dict[str, Any]:
    """Accuracy, log-loss and calibration error with 95 % intervals over clusters."""
    right, loss = row_accuracy(logits, labels), row_log_loss(logits, labels)

    def statistics(weights: Floats) -> dict[str, float]:
        return {
            "accuracy": mean(right, weights),
            "log_loss": mean(loss, weights),
            "ece": calibration_error(logits, labels, weights),
        }

    return rounded(with_intervals(statistics, cluster))


def rounded(value: Any) -> Any:
    """Four digits are what these numbers can bear."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


def folds_of(prompts: NDArray[Any], seed: int, count: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers of `count` folds of whole prompts, in random order."""
    random = np.random.default_rng(seed)
    names, cluster = np.unique(prompts.astype(str), return_inverse=True)
    fold = random.permutation(len(names)) % count
    for number in range(count):
        yield np.flatnonzero(fold[cluster] == number)
