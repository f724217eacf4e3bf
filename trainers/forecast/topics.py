"""How often a model may be expected to win on the prompts of a topic; numpy only."""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats
from trainers.statistics.logistic import sigmoid

DRAWS = 200
OUTSIDE = 2.5  # percent on either side of the interval


@dataclass(frozen=True, slots=True)
class WinRate:
    """The expected win rate in [0, 1], and a 95 % interval around it."""

    expected: float
    low: float
    high: float


class Contest:
    """A model against each of the others, whose vectors are Gaussian.

    The win rate is the mean over prompts and opponents of sigma(z . (p_m - p_o)): of meeting any
    of the others as often. Its interval is over draws of all vectors, each with a resample of the
    prompts, so that both few judgments and few prompts make it wide.
    """

    def __init__(
        self, vectors: Floats, covariance: Floats, model: int, rng: np.random.Generator
    ) -> None:
        """Vectors (M, k), covariances (M, k, k), and the row of the model; M >= 2."""
        roots = np.linalg.cholesky(covariance)
        normal = rng.standard_normal((DRAWS, *vectors.shape))
        draws = vectors + np.einsum("mij,dmj->dmi", roots, normal)
        self._gaps = draws[:, [model]] - np.delete(draws, model, axis=1)
        self._middle = vectors[model] - np.delete(vectors, model, axis=0)
        self._rng = rng

    def on(self, features: Floats) -> WinRate:
        """The win rate on prompts of these features z (n, k), n >= 1."""
        count = len(features)
        shares = self._rng.multinomial(count, np.full(count, 1.0 / count), DRAWS) / count
        rates = np.array(
            [
                weights @ sigmoid(features @ gaps.T).mean(1)
                for gaps, weights in zip(self._gaps, shares, strict=True)
            ]
        )
        expected = float(sigmoid(features @ self._middle.T).mean())
        low, high = np.percentile(rates, [OUTSIDE, 100.0 - OUTSIDE])
        return WinRate(expected, min(float(low), expected), max(float(high), expected))
