"""How good a reward model is on the decided comparisons of a test split, and what biases it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trainers.arrays import Bools, Floats, Ints
from trainers.artifacts import Artifact
from trainers.data.snapshot import Snapshot
from trainers.reward.calibrate import pair_outputs
from trainers.reward.data import Pairs, read_pairs
from trainers.reward.model import RewardModel
from trainers.reward.modes import load_baseline, load_model
from trainers.statistics.logistic import sigmoid
from trainers.statistics.measures import (
    calibration_bins,
    calibration_error,
    mean,
    row_accuracy,
    row_log_loss,
    with_intervals,
)


def evaluate(artifact: Artifact, snapshot: Snapshot) -> dict[str, Any]:
    """Return the metrics of the artifact's card, on the test split of another snapshot."""
    pairs = read_pairs(snapshot)
    return held_out_metrics(
        pairs, predict_test(pairs, load_model(artifact)), load_baseline(artifact)
    )


def evaluate_prompts(artifact: Artifact, snapshot: Snapshot) -> pa.Table:
    """Return `score` (accuracy) and `n` (comparisons) of every test prompt.

    What a promotion gate compares two reward models by, in a paired bootstrap over prompts.
    """
    pairs = read_pairs(snapshot)
    found = predict_test(pairs, load_model(artifact))
    # `first` is some row of each prompt: it holds the prompt's id.
    _, first, cluster = np.unique(found.cluster, return_index=True, return_inverse=True)
    n = np.bincount(cluster)
    right = np.bincount(cluster, row_accuracy(found.logits, found.labels))
    prompts = pairs.comparisons.prompt_id[pairs.holdout.test][first]
    return pa.table({"prompt_id": list(prompts), "score": right / n, "n": n})


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """What a model says of the n decided test comparisons.

    logits   [n] calibrated, of a over b
    swapped  [n] of b over a, asked the other way round
    labels   [n] winners: 1 where a won, 0 where b did
    cluster  [n] numbers of the prompts
    """

    logits: Floats
    swapped: Floats
    labels: Floats
    cluster: Ints


def predict_test(pairs: Pairs, model: RewardModel) -> EvaluationResult:
    """Return what a model says of the test comparisons."""
    rows = pairs.holdout.test
    first, second = pair_outputs(model, pairs, rows)
    _, cluster = np.unique(pairs.comparisons.prompt_id[rows].astype(str), return_inverse=True)
    return EvaluationResult(
        logits=model.gaps(first, second).mean(1),  # [n, members] to [n]
        swapped=model.gaps(second, first).mean(1),
        # The test split has no ties.
        labels=(pairs.comparisons.label[rows] > 0.5).astype(np.float64),
        cluster=cluster,
    )


def held_out_metrics(
    pairs: Pairs, found: EvaluationResult, baseline: RewardModel | None
) -> dict[str, Any]:
    """Return the metrics, each with its interval; `baseline` is the Bradley–Terry model."""
    labels = found.labels
    loss, right = row_log_loss(found.logits, labels), row_accuracy(found.logits, labels)
    others = {
        "baseline_majority_accuracy": row_accuracy(_majority(pairs), labels),
        "baseline_length_accuracy": row_accuracy(_longer(pairs), labels),
    }
    if baseline is not None:
        others["bradley_terry_accuracy"] = row_accuracy(
            predict_test(pairs, baseline).logits, labels
        )

    def statistics(weights: Floats) -> Mapping[str, float]:
        return {
            "accuracy": mean(right, weights),
            "log_loss": mean(loss, weights),
            "ece": calibration_error(found.logits, labels, weights),
            **{name: mean(values, weights) for name, values in others.items()},
        }

    # Clusters are numbered without gaps.
    counts = {"n": len(labels), "n_prompts": int(found.cluster.max()) + 1}
    bins = {"calibration": calibration_bins(found.logits, labels)}
    return {**with_intervals(statistics, found.cluster), **counts, **bins}


def _longer(pairs: Pairs) -> Floats:
    """Return numbers [n] that are positive where response a has more characters."""
    rows, lengths = pairs.holdout.test, pairs.lengths
    return lengths[pairs.first[rows]] - lengths[pairs.second[rows]]


def _majority(pairs: Pairs) -> Floats:
    """Return numbers [n], positive where the side that wins more training comparisons is a.

    Sides are drawn by the order of the two response ids and not taken from a and b: in data of
    chosen and rejected answers a always wins, which no one could know of an unlabelled pair.
    """
    side = np.where(pairs.comparisons.response_a < pairs.comparisons.response_b, 1.0, -1.0)
    train = np.concatenate([pairs.holdout.train, pairs.holdout.validation])
    lean = side[train] * (pairs.comparisons.label[train] - 0.5) * pairs.comparisons.weight[train]
    # The side that leads in training, as a guess about each test pair.
    return (1.0 if lean.sum() >= 0 else -1.0) * side[pairs.holdout.test]


def measure_bias(pairs: Pairs, found: EvaluationResult) -> dict[str, Any]:
    """Return position and length bias on the decided test comparisons.

    position: how often the first answer wins by the people and by the model, and the most that
    P(a over b) + P(b over a) differs from one when the two are shown in the other order.
    length: how often the longer answer wins by either; the correlation of the gap with the
    difference of log lengths; accuracy where the longer and where the shorter answer had won.
    """
    logits, labels = found.logits, found.labels
    return {
        "position": {
            "first_wins_by_people": float(labels.mean()),
            "first_wins_by_model": float(row_accuracy(logits, np.ones_like(logits)).mean()),
            # 0 but for rounding: gaps are antisymmetric.
            "swap_difference": float(np.abs(sigmoid(logits) + sigmoid(found.swapped) - 1.0).max()),
        },
        "length": _length(pairs, logits, labels),
    }


def _length(pairs: Pairs, logits: Floats, labels: Floats) -> dict[str, float | None]:
    # Logarithms: how many times longer an answer is, not by how much.
    rows, lengths = pairs.holdout.test, np.log1p(pairs.lengths)
    longer = lengths[pairs.first[rows]] - lengths[pairs.second[rows]]
    differ = longer != 0  # equal lengths have no longer answer
    side = np.where(longer > 0, 1.0, -1.0)
    # [n] of people and, below, of the model: 1 where the longer answer won.
    people, right = np.where(side > 0, labels, 1.0 - labels), row_accuracy(logits, labels)
    model = row_accuracy(side * logits, np.ones(len(rows)))

    def share(values: Floats, of: Bools) -> float | None:
        return mean(values[of], np.ones(int(of.sum()))) if of.any() else None

    return {
        "longer_wins_by_people": share(people, differ),
        "longer_wins_by_model": share(model, differ),
        "correlation": _correlation(logits, longer),
        "accuracy_where_longer_won": share(right, differ & (people == 1.0)),
        "accuracy_where_shorter_won": share(right, differ & (people == 0.0)),
    }


def _correlation(gaps: Floats, differences: Floats) -> float:
    """Return the uncentred correlation of gaps[n] and differences[n]; 0 where nothing differs.

    Uncentred, since swapping the sides of a pair changes both signs.
    """
    size = float(np.sqrt((gaps @ gaps) * (differences @ differences)))
    return float(gaps @ differences) / size if size else 0.0
