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
SMALLEST_STEP = 1e-7  # a Newton step this small ends them
SPREAD = 10.0  # variance of the prior of b; theta and a have N(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """Discriminations a [N, D] and difficulties b [N] of a benchmark's items."""

    slopes: Floats
    difficulties: Floats

    def expected(self, abilities: Floats) -> Floats:
        """Return P(right) on every item, [R, N], of models of abilities theta [R, D]."""
        return sigmoid(abilities @ self.slopes.T - self.difficulties)


def fit_items(scores: Floats, dimensions: int = 2, seed: int = 0) -> Items:
    """Return the items of scores [M, N] in [0, 1], by maximum a posteriori; NaN: not run.

    Given abilities the items are penalised logistic regressions, and the other way round: the two
    alternate, which never lowers the posterior.
    """
    models, items = scores.shape
    theta = _start(scores, dimensions, np.random.default_rng(seed))
    weights = np.zeros((items, dimensions + 1))
    # Of the priors of a, N(0, 1), and of b: [D + 1, D + 1].
    precision = np.diag([*np.ones(dimensions), 1.0 / SPREAD])
    for _ in range(ROUNDS):
        # An item's logit a . theta - b is linear in (a, b) with inputs (theta, -1).
        inputs = np.column_stack([theta, -np.ones(models)])
        weights = _regressed(inputs, scores.T, weights, precision, np.zeros(models))
        slopes, difficulties = weights[:, :-1], weights[:, -1]
        # The other way round b is known: it is an offset of the logit, minus as in a . theta - b.
        theta = _regressed(slopes, scores, theta, np.eye(dimensions), -difficulties)
    return Items(slopes=weights[:, :-1], difficulties=weights[:, -1])


def fit_abilities(items: Items, scores: Floats) -> Floats:
    """Return theta [R, D] of new models from their scores [R, N] on the items; NaN: not run."""
    # Items that no model here has met say nothing of any.
    seen = np.flatnonzero(~np.isnan(scores).all(0))
    slopes, offset = items.slopes[seen], -items.difficulties[seen]
    found = np.zeros((len(scores), slopes.shape[1]))
    for _ in range(ROUNDS):
        found = _regressed(slopes, scores[:, seen], found, np.eye(slopes.shape[1]), offset)
    return found


def _start(scores: Floats, dimensions: int, rng: np.random.Generator) -> Floats:
    """Return abilities [M, D] to begin with: the leading directions of the centred scores."""
    seen = ~np.isnan(scores)
    means = np.where(seen, scores, 0.0).sum(0) / np.maximum(seen.sum(0), 1)
    # A missing score counts as the item's mean: it leads in no direction.
    left = np.linalg.svd(np.where(seen, scores - means, 0.0), full_matrices=False)[0]
    theta = np.zeros((len(scores), dimensions))
    kept = min(dimensions, left.shape[1])
    # Columns of unit length, times √M: entries of size one, as the prior of abilities wants them.
    theta[:, :kept] = left[:, :kept] * np.sqrt(len(scores))
    # A little noise, so that models with equal scores do not move as one for ever.
    return theta + 1e-3 * rng.standard_normal(theta.shape)


def _regressed(
    inputs: Floats, targets: Floats, start: Floats, precision: Floats, offset: Floats
) -> Floats:
    """Return many penalised logistic regressions [R, F], by a few Newton steps from `start`.

    They share the inputs [n, F], the offset [n] of the logits and the precision [F, F] of the
    normal prior; targets are [R, n], and NaN where a regression has no such row.
    """
    found, seen = start, ~np.isnan(targets)
    for _ in range(NEWTON_STEPS):
        probability = sigmoid(found @ inputs.T + offset)
        gradient = np.where(seen, probability - targets, 0.0) @ inputs + found @ precision  # [R, F]
        curvature = np.where(seen, probability * (1.0 - probability), 0.0)  # [R, n]
        # All R Hessians by one product of [R, n] with the n outer products [n, F F].
        squares = np.einsum("nf,ng->nfg", inputs, inputs).reshape(len(inputs), precision.size)
        hessian = (curvature @ squares).reshape(-1, *precision.shape) + precision
        # [R, F, 1]: without the last axis numpy would take the vectors for one matrix.
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        found = found - step
        if np.abs(step).max(initial=0.0) < SMALLEST_STEP:
            break
    return found


def p_irt(items: Items, scores: Floats) -> Floats:
    """Return the mean on all items, [R], of models with scores [R, N], NaN where not run.

    p-IRT of section 4: seen items count as they were scored, the others as expected.
    """
    expected = items.expected(fit_abilities(items, scores))
    return np.asarray(np.where(np.isnan(scores), expected, scores).mean(1), np.float64)


def gp_irt(plain: Floats, model: Floats, seen: int, error: float, variance: float) -> Floats:
    """Return lam * `plain` + (1 - lam) * `model` (p-IRT), [R]: less error weighs more.

    `plain` is the mean of the seen items, or what anchors say. lam = b^2 / (b^2 + v / (4 n)) with
    b the p-IRT's error on validation models, v the mean variance of a model's scores, n the items
    seen.
    """
    # A p-IRT without any error gets all the weight; the formula would divide nil by nil there
    # where scores do not vary either.
    share = error**2 / (error**2 + variance / (4.0 * seen)) if error else 0.0
    return share * plain + (1.0 - share) * model
