"""Elo, for comparison only: the same judgments in another order give other ratings.

    R_i += K (y - E),   R_j -= K (y - E),   E = 1 / (1 + 10^((R_j - R_i) / 400))

one judgment after another. Models do not change between judgments, so the order is noise (Boubdir
et al., "Elo Uncovered", arXiv 2311.17295, who advise at least 100 orders). All orders are
gone through side by side; of a large pool JUDGMENTS are drawn, by their weights.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from trainers.arrays import Floats, Indices
from trainers.ranking.bradley_terry import CENTRE
from trainers.ranking.counts import PairCounts

K: Final = 4.0
ORDERS: Final = 100
JUDGMENTS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EloRating:
    """A model's mean rating over the orders, and its standard deviation between them."""

    model: str
    mean: float
    sd: float


def elo(
    counts: PairCounts, rng: np.random.Generator, orders: int = ORDERS
) -> tuple[EloRating, ...]:
    """Return ratings over random orders of the judgments, in the order of the counts."""
    if not counts.models:
        return ()
    rows = _judgments(counts, rng)  # the row of each judgment, [judgments]
    order = np.stack([rng.permutation(rows) for _ in range(orders)], axis=1)  # [judgments, orders]
    ratings = rate_in_order(
        counts.first[order], counts.second[order], counts.score[order], len(counts.models)
    )
    mean, sd = ratings.mean(axis=0), ratings.std(axis=0, ddof=1)
    return tuple(
        EloRating(model=model, mean=float(mean[i]), sd=float(sd[i]))
        for i, model in enumerate(counts.models)
    )


def rate_in_order(first: Indices, second: Indices, score: Floats, models: int) -> Floats:
    """Return the ratings [orders, models] after all judgments, one after another.

    first, second, score: [judgments, orders], each column one order of the same judgments.
    """
    orders = np.arange(first.shape[1])
    ratings = np.full((len(orders), models), CENTRE)
    # The t-th judgment of every order at once; i, j, y: [orders].
    for i, j, y in zip(first, second, score, strict=True):
        gap = ratings[orders, j] - ratings[orders, i]
        step = K * (y - 1 / (1 + 10 ** (gap / 400)))
        # Each row of `ratings` occurs once in the index, so that += loses nothing.
        ratings[orders, i] += step
        ratings[orders, j] -= step
    return ratings


def _judgments(counts: PairCounts, rng: np.random.Generator) -> Indices:
    """Return the row of each judgment: all of a small pool that weigh alike, else a sample.

    Elo has no weights: where judgments weigh differently, they are drawn by their weights instead.
    """
    n = np.rint(counts.n).astype(int)
    if n.sum() <= JUDGMENTS and np.allclose(counts.count, counts.n):
        return np.repeat(np.arange(len(n)), n)
    size = min(JUDGMENTS, int(n.sum()))
    return rng.choice(len(n), size=size, p=counts.count / counts.count.sum())
