"""Gaussian posteriors of model vectors, given the frozen features of the questions; numpy only.

With the features fixed the logit of model m on question q is z(q) . p_m + c0, so p_m has the
posterior of a logistic regression, here in Laplace's approximation.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.statistics.logistic import sigmoid

NEWTON_STEPS = 50
SMALLEST_STEP = 1e-9


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a model beforehand: N(mean, covariance), (k,) and (k, k)."""

    mean: Floats
    covariance: Floats


def prior_of(vectors: Floats, counts: Ints) -> Prior:
    """The spread of the vectors (M, k) of models that were observed (empirical Bayes)."""
    seen = vectors[counts > 0]
    return Prior(seen.mean(0), spread_of(seen - seen.mean(0)))


def spread_of(deviations: Floats) -> Floats:
    """The covariance (k, k) of deviations (M, k) from a mean, of which there may be few.

    Models differ most along a few directions (most of all in how good they are everywhere), which
    the diagonal alone does not know. Few models do not know them either: their share of the
    diagonal is 1 / M. A floor of a hundredth of its average leaves no direction certain.
    """
    models, k = deviations.shape
    full = deviations.T @ deviations / models
    diagonal = np.diag(full)
    floor = 0.01 * float(diagonal.mean()) + 1e-6
    return np.asarray(full + (np.diag(diagonal) - full) / models + floor * np.eye(k), np.float64)


@dataclass(frozen=True, slots=True)
class Sightings:
    """What was seen of one model: n observations, each a logistic regression's row.

    features  z of the prompt, (n, k)
    known     the part of the logit that is not the model's own, (n,): c0 for an outcome, minus
              the opponent's z . p for a duel
    score     in [0, 1], (n,): a tie is one half
    weight    how many observations each counts for, (n,)
    """

    features: Floats
    known: Floats
    score: Floats
    weight: Floats

    def __add__(self, other: "Sightings") -> "Sightings":
        """Both, one after the other."""
        return Sightings(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.known, other.known]),
            np.concatenate([self.score, other.score]),
            np.concatenate([self.weight, other.weight]),
        )


def covariance(features: Floats, curvature: Floats, prior: Prior) -> Floats:
    """(sum_i c_i z_i z_i^T + prior covariance^-1)^-1, (k, k), of rows z (n, k).

    `curvature` c_i = w_i sigma(s_i) (1 - sigma(s_i)), the second derivative of the log-loss.
    """
    precision = (features * curvature[:, None]).T @ features + np.linalg.inv(prior.covariance)
    return np.asarray(np.linalg.inv(precision), np.float64)


def fit_newcomer(seen: Sightings, prior: Prior) -> tuple[Floats, Floats]:
    """Vector (k,) and covariance (k, k) of a model from what was seen of it.

    Minimises sum w_i log-loss(z_i . p + known_i, y_i) + (p - mean)^T covariance^-1 (p - mean) / 2,
    which is strictly convex, by Newton's method with halved steps: no model is retrained to add
    one.
    """
    precision = np.linalg.inv(prior.covariance)

    def objective(vector: Floats) -> float:
        logits = seen.features @ vector + seen.known
        loss = seen.weight @ (np.logaddexp(0.0, logits) - seen.score * logits)
        around = vector - prior.mean
        return float(loss + around @ precision @ around / 2)

    def spread(vector: Floats) -> tuple[Floats, Floats]:
        probability = sigmoid(seen.features @ vector + seen.known)
        miss = seen.weight * (probability - seen.score)
        slope = seen.features.T @ miss + precision @ (vector - prior.mean)
        bend = seen.weight * probability * (1.0 - probability)
        return covariance(seen.features, bend, prior), slope

    vector = prior.mean
    for _ in range(NEWTON_STEPS):
        inverse, slope = spread(vector)
        step, here = inverse @ slope, objective(vector)
        while objective(vector - step) > here and np.abs(step).max() > SMALLEST_STEP:
            step = 0.5 * step
        vector = vector - step
        if np.abs(step).max() < SMALLEST_STEP:
            break
    return vector, spread(vector)[0]
