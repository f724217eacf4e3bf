"""A benchmark's score from few of its items: tinyBenchmarks' estimates; numpy only.

Maia Polo et al., "tinyBenchmarks" (arXiv 2402.14992), section 4: model l is right on item i with
the chance sigma(a_i . theta_l - b_i), with one b_i an item. The items are fitted on models that
were run on all of them, here by alternating penalised Newton steps instead of by sampling. The
plain "IRT" estimate is the anchors' own, `trainers.calibration_prompts.anchors.Anchors.estimate`.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats
from trainers.statistics.logistic import sigmoid

ROUNDS = 30
NEWTON_STEPS = 4  # within a round: the next one goes on from there
SETTLED = 1e-7  # a Newton step this small ends them
SPREAD = 10.0  # variance of the prior of b; theta and a have N(0, 1)


@dataclass(frozen=True, slots=True)
class Items:
    """Discriminations a (N, D) and difficulties b (N,) of a benchmark's items."""

    slopes: Floats
    difficulties: Floats

    def expected(self, abilities: Floats) -> Floats:
        """P(right) on every item, (R, N), of models of these abilities theta (R, D)."""
        return sigmoid(abilities @ self.slopes.T - self.difficulties)


def fit_items(scores: Floats, dimensions: int = 2, seed: int = 0) -> Items:
    """The items of scores (models, items) in [0, 1], by maximum a posteriori; NaN: not run."""
    models, items = scores.shape
    theta = _start(scores, dimensions, np.random.default_rng(seed))
    weights = np.zeros((items, dimensions + 1))
    precision = np.diag([*np.ones(dimensions), 1.0 / SPREAD])
    for _ in range(ROUNDS):
        inputs = np.column_stack([theta, -np.ones(models)])
        weights = _regressed(inputs, scores.T, weights, precision, np.zeros(models))
        slopes, difficulties = weights[:, :-1], weights[:, -1]
        theta = _regressed(slopes, scores, theta, np.eye(dimensions), -difficulties)
    return Items(weights[:, :-1], weights[:, -1])


def fit_abilities(items: Items, scores: Floats) -> Floats:
    """theta (R, D) of new models from their scores (R, N) on the items; NaN: not run."""
    seen = np.flatnonzero(~np.isnan(scores).all(0))
    slopes, offset = items.slopes[seen], -items.difficulties[seen]
    found = np.zeros((len(scores), slopes.shape[1]))
    for _ in range(ROUNDS):
        found = _regressed(slopes, scores[:, seen], found, np.eye(slopes.shape[1]), offset)
    return found


def _start(scores: Floats, dimensions: int, rng: np.random.Generator) -> Floats:
    """Abilities (models, D) to begin with: the leading directions of the centred scores."""
    told = ~np.isnan(scores)
    means = np.where(told, scores, 0.0).sum(0) / np.maximum(told.sum(0), 1)
    left = np.linalg.svd(np.where(told, scores - means, 0.0), full_matrices=False)[0]
    theta = np.zeros((len(scores), dimensions))
    kept = min(dimensions, left.shape[1])
    theta[:, :kept] = left[:, :kept] * np.sqrt(len(scores))
    return theta + 1e-3 * rng.standard_normal(theta.shape)


def _regressed(
    inputs: Floats, targets: Floats, start: Floats, precision: Floats, offset: Floats
) -> Floats:
    """Many penalised logistic regressions at once, by a few Newton steps from `start` (R, F).

    They share the inputs (n, F) and the offset (n,) of the logits; targets are (R, n), and NaN
    where a regression has no such row.
    """
    found, told = start, ~np.isnan(targets)
    for _ in range(NEWTON_STEPS):
        probability = sigmoid(found @ inputs.T + offset)
        slope = np.where(told, probability - targets, 0.0) @ inputs + found @ precision
        bend = np.where(told, probability * (1.0 - probability), 0.0)
        squares = np.einsum("nf,ng->nfg", inputs, inputs).reshape(len(inputs), precision.size)
        hessian = (bend @ squares).reshape(-1, *precision.shape) + precision
        step = np.linalg.solve(hessian, slope[..., None])[..., 0]
        found = found - step
        if np.abs(step).max(initial=0.0) < SETTLED:
            break
    return found


def p_irt(items: Items, scores: Floats) -> Floats:
    """The mean on all items, (R,), of models with scores (R, N), NaN where not run.

    Seen items count as they were scored, the others as the fitted ability expects them.
    """
    expected = items.expected(fit_abilities(items, scores))
    return np.asarray(np.where(np.isnan(scores), expected, scores).mean(1), np.float64)


def gp_irt(plain: Floats, model: Floats, seen: int, error: float, variance: float) -> Floats:
    """lam * `plain` + (1 - lam) * `model` (p-IRT): the one with less error weighs more.

    `plain` is the mean of the seen items, or what anchors say. lam = b^2 / (b^2 + v / (4 n)) with
    b the p-IRT's error on validation models, v the mean variance of a model's scores, n the items
    seen.
    """
    share = error**2 / (error**2 + variance / (4.0 * seen)) if error else 0.0
    return share * plain + (1.0 - share) * model
