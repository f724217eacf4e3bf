"""What a reward model leans on besides the answers: their order and their length."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.reward.data import Pairs
from trainers.reward.evaluate import Judged
from trainers.statistics.measures import mean, row_accuracy

Floats = NDArray[np.float64]


def measure_bias(pairs: Pairs, judged: Judged) -> dict[str, Any]:
    """Position and length bias on the decided test comparisons.

    position: how often the first answer wins by the people and by the model, and the most that
    P(a over b) + P(b over a) differs from one when the two are shown in the other order.
    length: how often the longer answer wins by either; the correlation of the gap with the
    difference of log lengths; accuracy where the longer and where the shorter answer had won.
    """
    logits, labels = judged.logits, judged.labels
    return {
        "position": {
            "first_wins_by_people": float(labels.mean()),
            "first_wins_by_model": float(row_accuracy(logits, np.ones_like(logits)).mean()),
            "swap_difference": float(np.abs(_chance(logits) + _chance(judged.swapped) - 1.0).max()),
        },
        "length": _length(pairs, logits, labels),
    }


def _length(pairs: Pairs, logits: Floats, labels: Floats) -> dict[str, float | None]:
    rows, lengths = pairs.holdout.test, np.log1p(pairs.lengths)
    longer = lengths[pairs.first[rows]] - lengths[pairs.second[rows]]
    differ = longer != 0
    side = np.where(longer > 0, 1.0, -1.0)
    people, right = np.where(side > 0, labels, 1.0 - labels), row_accuracy(logits, labels)
    model = row_accuracy(side * logits, np.ones(len(rows)))

    def share(values: Floats, of: NDArray[np.bool_]) -> float | None:
        return mean(values[of], np.ones(int(of.sum()))) if of.any() else None

    return {
        "longer_wins_by_people": share(people, differ),
        "longer_wins_by_model": share(model, differ),
        "correlation": _correlation(logits, longer),
        "accuracy_where_longer_won": share(right, differ & (people == 1.0)),
        "accuracy_where_shorter_won": share(right, differ & (people == 0.0)),
    }


def _correlation(gaps: Floats, differences: Floats) -> float:
    """Uncentred, since swapping the sides of a pair changes both signs; 0 where nothing differs."""
    size = float(np.sqrt((gaps @ gaps) * (differences @ differences)))
    return float(gaps @ differences) / size if size else 0.0


def _chance(logits: Floats) -> Floats:
    chance: Floats = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return chance
