"""How well a ranking predicts the judgments of another snapshot."""

from typing import Any

import numpy as np

from trainers.arrays import Floats
from trainers.artifacts import Artifact
from trainers.data.snapshot import Snapshot
from trainers.errors import InputError
from trainers.ranking.bradley_terry import SCALE, difference
from trainers.ranking.config import RANKING
from trainers.ranking.counts import PairCounts
from trainers.ranking.votes import read_counts
from trainers.statistics.intervals import Z
from trainers.statistics.measures import row_log_loss


def evaluate(artifact: Artifact, snapshot: Snapshot) -> dict[str, Any]:
    """Return the ranking's models, and the log-loss of its win probabilities (nats a judgment).

    A tie counts as half a win; models that the ranking does not know are left out. 0.6931 is
    the log-loss of a coin. The interval is the normal one of a mean over judgments.
    Raises InputError where no judgment is between models of the ranking.
    """
    models = artifact.card["metrics"]["models"]
    rating = {row["model"]: row["rating"] for row in models}
    counts = read_counts(snapshot, RANKING.stored(artifact.card["config"]))
    known = np.array([model in rating for model in counts.models])
    kept = known[counts.first] & known[counts.second]
    if not kept.any():
        raise InputError.at(snapshot.path, "holds no judgment between models of this ranking")
    loss, count = _losses(counts, rating)[kept], counts.count[kept]
    n, mean = counts.n[kept].sum(), float(np.average(loss, weights=count))
    # Weighted by the judgments' weights, but as certain as their number n allows.
    half = Z * float(np.sqrt(np.average((loss - mean) ** 2, weights=count) / n))
    return {
        "models": models,
        "log_loss": mean,
        "log_loss_ci": [mean - half, mean + half],
        "n": int(n),
    }


def _losses(counts: PairCounts, rating: dict[str, float]) -> Floats:
    """Return the log-loss [rows] in nats of each row's score under the ratings."""
    # The centre of the scale cancels in differences. Rows of unknown models are never used.
    r = np.array([rating.get(model, 0.0) for model in counts.models]) / SCALE
    return row_log_loss(difference(counts, r), counts.score)
