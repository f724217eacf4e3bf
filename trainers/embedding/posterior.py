"""Gaussian posteriors of model vectors, given the frozen projection of the questions; numpy only.

With W, b, C, c0 fixed the logit of model m on question q is z . p_m + c0 with z = C * (W q + b),
so p_m has the posterior of a logistic regression, here in Laplace's approximation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEWTON_STEPS = 50
SMALLEST_STEP = 1e-9


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a model that no one has tried: N(mean, diag(variance)), both (k,)."""

    mean: Floats
    variance: Floats


def prior_of(vectors: Floats, counts: NDArray[np.int64]) -> Prior:
    """The spread of the vectors (M, k) of models that were observed (empirical Bayes).

    The variance has a floor of a hundredth of its average, so that no direction is certain.
    """
    seen = vectors[counts > 0]
    variance: Floats = np.square(seen - seen.mean(0)).mean(0)
    floor = 0.01 * float(variance.mean()) + 1e-6
    return Prior(seen.mean(0), np.maximum(variance, floor))


def covariance(features: Floats, curvature: Floats, prior: Prior) -> Floats:
    """(sum_i c_i z_i z_i^T + diag(1 / variance))^-1, (k, k), of rows z (n, k).

    `curvature` c_i = w_i sigma(s_i) (1 - sigma(s_i)), the second derivative of the log-loss.
    """
    precision = (features * curvature[:, None]).T @ features + np.diag(1.0 / prior.variance)
    return np.asarray(np.linalg.inv(precision), np.float64)


def fit_newcomer(
    features: Floats, scores: Floats, offset: float, prior: Prior
) -> tuple[Floats, Floats]:
    """Vector (k,) and covariance (k, k) of a new model from its scores (n,) on n questions.

    Minimises sum log-loss(z_i . p + c0, y_i) + sum (p - mean)^2 / (2 variance), which is strictly
    convex, by Newton's method with halved steps: no model is retrained to add one.
    """

    def objective(vector: Floats) -> float:
        logits = features @ vector + offset
        loss = np.logaddexp(0.0, logits) - scores * logits
        return float(loss.sum() + ((vector - prior.mean) ** 2 / prior.variance).sum() / 2)

    vector = prior.mean
    for _ in range(NEWTON_STEPS):
        probability = sigmoid(features @ vector + offset)
        slope = features.T @ (probability - scores) + (vector - prior.mean) / prior.variance
        step = covariance(features, probability * (1.0 - probability), prior) @ slope
        while objective(vector - step) > objective(vector) and np.abs(step).max() > SMALLEST_STEP:
            step = 0.5 * step
        vector = vector - step
        if np.abs(step).max() < SMALLEST_STEP:
            break
    probability = sigmoid(features @ vector + offset)
    return vector, covariance(features, probability * (1.0 - probability), prior)


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + e^-s) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits))
