"""How good a reward model is on the decided comparisons of a snapshot's test split."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.artifacts import Artifact
from trainers.data.snapshot import Snapshot
from trainers.reward.calibrate import pair_outputs
from trainers.reward.data import Pairs, read_pairs
from trainers.reward.judge import RewardJudge
from trainers.reward.modes import load_judge, load_twin
from trainers.statistics.measures import (
    calibration_bins,
    calibration_error,
    mean,
    row_accuracy,
    row_log_loss,
    with_intervals,
)

Floats = NDArray[np.float64]


def evaluate(artifact: Artifact, snapshot: Snapshot) -> dict[str, Any]:
    """The metrics of the artifact's card, on the test split of another snapshot."""
    pairs = read_pairs(snapshot)
    return held_out_metrics(pairs, judge_test(pairs, load_judge(artifact)), load_twin(artifact))


def evaluate_prompts(artifact: Artifact, snapshot: Snapshot) -> pa.Table:
    """`score` (accuracy) and `n` (comparisons) of every test prompt.

    What a promotion gate compares two reward models by, in a paired bootstrap over prompts.
    """
    pairs = read_pairs(snapshot)
    judged = judge_test(pairs, load_judge(artifact))
    _, first, cluster = np.unique(judged.cluster, return_index=True, return_inverse=True)
    n = np.bincount(cluster)
    right = np.bincount(cluster, row_accuracy(judged.logits, judged.labels))
    prompts = pairs.comparisons.prompt_id[pairs.holdout.test][first]
    return pa.table({"prompt_id": list(prompts), "score": right / n, "n": n})


@dataclass(frozen=True, slots=True)
class Judged:
    """The test comparisons, (n,) each.

    logits   calibrated, of a over b
    swapped  of b over a, asked the other way round
    labels   winners: 1 where a won, 0 where b did
    cluster  numbers of the prompts
    """

    logits: Floats
    swapped: Floats
    labels: Floats
    cluster: NDArray[np.int64]


def judge_test(pairs: Pairs, judge: RewardJudge) -> Judged:
    """What a model says of the test comparisons."""
    rows = pairs.holdout.test
    first, second = pair_outputs(judge, pairs, rows)
    _, cluster = np.unique(pairs.comparisons.prompt_id[rows].astype(str), return_inverse=True)
    return Judged(
        logits=judge.gaps(first, second).mean(1),
        swapped=judge.gaps(second, first).mean(1),
        labels=(pairs.comparisons.label[rows] > 0.5).astype(np.float64),
        cluster=cluster,
    )


def held_out_metrics(pairs: Pairs, judged: Judged, twin: RewardJudge | None) -> dict[str, Any]:
    """The metrics of the contract, each with its interval; `twin` is the Bradley–Terry model."""
    labels = judged.labels
    loss, right = row_log_loss(judged.logits, labels), row_accuracy(judged.logits, labels)
    others = {
        "baseline_majority_accuracy": row_accuracy(_majority(pairs), labels),
        "baseline_length_accuracy": row_accuracy(_longer(pairs), labels),
    }
    if twin is not None:
        others["bradley_terry_accuracy"] = row_accuracy(judge_test(pairs, twin).logits, labels)

    def statistics(weights: Floats) -> Mapping[str, float]:
        return {
            "accuracy": mean(right, weights),
            "log_loss": mean(loss, weights),
            "ece": calibration_error(judged.logits, labels, weights),
            **{name: mean(values, weights) for name, values in others.items()},
        }

    counts = {"n": len(labels), "n_prompts": int(judged.cluster.max()) + 1}
    bins = {"calibration": calibration_bins(judged.logits, labels)}
    return {**with_intervals(statistics, judged.cluster), **counts, **bins}


def _longer(pairs: Pairs) -> Floats:
    """Positive where response a has more characters."""
    rows, lengths = pairs.holdout.test, pairs.lengths
    return lengths[pairs.first[rows]] - lengths[pairs.second[rows]]


def _majority(pairs: Pairs) -> Floats:
    """Positive where the side that wins more training comparisons is a.

    Sides are drawn by the order of the two response ids and not taken from a and b: in data of
    chosen and rejected answers a always wins, which no one could know of an unlabelled pair.
    """
    side = np.where(pairs.comparisons.response_a < pairs.comparisons.response_b, 1.0, -1.0)
    train = np.concatenate([pairs.holdout.train, pairs.holdout.validation])
    lean = side[train] * (pairs.comparisons.label[train] - 0.5) * pairs.comparisons.weight[train]
    return (1.0 if lean.sum() >= 0 else -1.0) * side[pairs.holdout.test]
