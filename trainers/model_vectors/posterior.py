"""Gaussian posteriors of model vectors, given the frozen features of the questions; numpy only.

With the features fixed the logit of model m on question q is z(q) . p_m + c0, so p_m has the
posterior of a logistic regression, here in Laplace's approximation (Bishop, "Pattern Recognition
and Machine Learning", section 4.5).
"""

from dataclasses import dataclass, fields

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.statistics.logistic import sigmoid

NEWTON_STEPS = 50
SMALLEST_STEP = 1e-9


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a model beforehand: N(mean [k], covariance [k, k])."""

    mean: Floats
    covariance: Floats


def prior_of(vectors: Floats, counts: Ints) -> Prior:
    """Return the spread of the vectors [M, k] of models with counts [M] > 0 (empirical Bayes)."""
    seen = vectors[counts > 0]
    return Prior(seen.mean(0), spread_of(seen - seen.mean(0)))


def spread_of(deviations: Floats) -> Floats:
    """Return the covariance [k, k] of deviations [M, k] from a mean, of which there may be few.

    Models differ most along a few directions (most of all in how good they are everywhere), which
    the diagonal alone does not know: with independent entries an unknown model's mean logit had a
    deviation of 0.17 where models really spread by 0.73, and new models were hardly explored.
    """
    models, k = deviations.shape
    full = deviations.T @ deviations / models  # [k, k]
    diagonal = np.diag(full)
    # Few models do not know the directions either: 1 / M of the covariance is its diagonal.
    # The floor, a hundredth of the average variance, leaves no direction certain, and the matrix
    # invertible where there are fewer models than entries.
    floor = 0.01 * float(diagonal.mean()) + 1e-6
    return np.asarray(full + (np.diag(diagonal) - full) / models + floor * np.eye(k), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """What was observed of one model: n rows of a logistic regression.

    features  z of the prompt, [n, k]
    known     the part of the logit that is not the model's own, [n]: c0 for an outcome, minus
              the opponent's z . p for a pairwise comparison
    score     in [0, 1], [n]: a tie is one half
    weight    how many observations each counts for, [n]
    """

    features: Floats
    known: Floats
    score: Floats
    weight: Floats

    def __add__(self, other: "Observations") -> "Observations":
        """Return both, one after the other."""
        return Observations(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)])
                for field in fields(self)
            }
        )


def covariance(features: Floats, curvature: Floats, prior: Prior) -> Floats:
    """Return (sum_i c_i z_i z_i^T + prior covariance^-1)^-1, [k, k], of rows z [n, k].

    curvature [n]: c_i = w_i sigma(s_i) (1 - sigma(s_i)), the second derivative of the log-loss.
    """
    precision = (features * curvature[:, None]).T @ features + np.linalg.inv(prior.covariance)
    return np.asarray(np.linalg.inv(precision), np.float64)


def fit_new_model(observed: Observations, prior: Prior) -> tuple[Floats, Floats]:
    """Return the vector [k] and covariance [k, k] of a model from what was observed of it.

    Minimises sum w_i log-loss(z_i . p + known_i, y_i) + (p - mean)^T covariance^-1 (p - mean) / 2,
    which is strictly convex, by Newton's method with halved steps: no model is retrained to add
    one. Without observations the result is the prior.
    """
    precision = np.linalg.inv(prior.covariance)

    def objective(vector: Floats) -> float:
        logits = observed.features @ vector + observed.known
        loss = observed.weight @ (np.logaddexp(0.0, logits) - observed.score * logits)
        deviation = vector - prior.mean
        return float(loss + deviation @ precision @ deviation / 2)

    def laplace(vector: Floats) -> tuple[Floats, Floats]:
        """Return the inverse Hessian [k, k] and the gradient [k] at a vector."""
        probability = sigmoid(observed.features @ vector + observed.known)
        residual = observed.weight * (probability - observed.score)
        gradient = observed.features.T @ residual + precision @ (vector - prior.mean)
        curvature = observed.weight * probability * (1.0 - probability)
        return covariance(observed.features, curvature, prior), gradient

    # From what is believed without data: with no observations the gradient there is nil.
    vector = prior.mean
    for _ in range(NEWTON_STEPS):
        inverse, gradient = laplace(vector)
        step, here = inverse @ gradient, objective(vector)
        # Far from the minimum a full step may overshoot: the loss is nearly linear there, so its
        # curvature promises more than it keeps.
        # The second condition ends the halving at the minimum, where only rounding is left to gain.
        while objective(vector - step) > here and np.abs(step).max() > SMALLEST_STEP:
            step = 0.5 * step
        vector = vector - step
        if np.abs(step).max() < SMALLEST_STEP:
            break
    return vector, laplace(vector)[0]
