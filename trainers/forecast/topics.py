"""Forecast how often a model wins on the prompts of a topic; numpy only."""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats
from trainers.statistics.logistic import sigmoid

DRAWS = 200
OUTSIDE = 2.5  # per cent of the draws on either side of the interval


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """The expected win rate in [0, 1], and a 95 % interval around it."""

    expected: float
    low: float
    high: float


class Contest:
    """One model against each of the others, whose vectors are Gaussian.

    The win rate is the mean over prompts and opponents of sigma(z . (p_m - p_o)): of meeting any
    of the others as often. Its interval is over draws of all vectors, each with a resample of the
    prompts, so that both few judgments and few prompts make it wide.
    """

    def __init__(
        self, vectors: Floats, covariance: Floats, model: int, rng: np.random.Generator
    ) -> None:
        """Draw all vectors N([M, k], [M, k, k]), M >= 2, against the row of one model."""
        # One set of draws for all topics, so that two topics are compared on the same draws.
        roots = np.linalg.cholesky(covariance)
        normal = rng.standard_normal((DRAWS, *vectors.shape))  # [DRAWS, M, k]
        draws = vectors + np.einsum("mij,dmj->dmi", roots, normal)
        # [DRAWS, M - 1, k]; the list keeps the model's axis, against which the others are taken.
        self._gaps = draws[:, [model]] - np.delete(draws, model, axis=1)
        self._expected_gaps = vectors[model] - np.delete(vectors, model, axis=0)
        self._rng = rng

    def on(self, features: Floats) -> WinRate:
        """Return the win rate on prompts of these features z [n, k], n >= 1."""
        # A resample of prompts is a weight of each: one product instead of n picked rows.
        count = len(features)
        shares = self._rng.multinomial(count, np.full(count, 1.0 / count), DRAWS) / count
        # A draw's rate: [n, M - 1] of all opponents, their mean [n], weighted over prompts.
        rates = np.array(
            [
                weights @ sigmoid(features @ gaps.T).mean(1)
                for gaps, weights in zip(self._gaps, shares, strict=True)
            ]
        )
        expected = float(sigmoid(features @ self._expected_gaps.T).mean())
        low, high = np.percentile(rates, [OUTSIDE, 100.0 - OUTSIDE])
        # Draws of few prompts may all miss the expectation: the interval is made to hold it.
        return WinRate(
            expected=expected, low=min(float(low), expected), high=max(float(high), expected)
        )
