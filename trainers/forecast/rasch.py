"""Many cells from few: PromptEval's estimate of a score matrix; numpy only.

Maia Polo et al., "Efficient multi-prompt evaluation of LLMs" (arXiv 2405.17202): rows (prompt
templates, or models) meet columns (questions) with P(y_ij = 1) = sigma(theta_i - beta_j), where
theta_i = x_i . gamma of the rows' features. A row's score is the mean of its seen cells and of
what the model says of the others. Trust its centre: the quantiles over rows are over-dispersed.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Bools, Floats, Ints
from trainers.statistics.logistic import sigmoid

VARIANCE = 100.0  # of the prior of each parameter: scikit-learn's C, which the authors set to 100
NEWTON_STEPS = 50
SMALLEST_STEP = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rasch:
    """Ability theta [I] of rows and difficulty beta [J] of columns, up to one common shift."""

    theta: Floats
    beta: Floats

    @property
    def expected(self) -> Floats:
        """Return P(y_ij = 1), [I, J]."""
        return sigmoid(self.theta[:, None] - self.beta)


def fit_rasch(scores: Floats, seen: Bools, features: Floats) -> Rasch:
    """Fit a penalised logistic regression to the seen cells [I, J] of scores [I, J] in [0, 1].

    features: [I, f] of the rows. Both kinds of parameters have the prior N(0, 100), which also
    settles the shift between them.
    """
    row, column = np.nonzero(seen)  # [cells] each
    y, z = scores[seen], features[row]
    gamma, beta = np.zeros(features.shape[1]), np.zeros(scores.shape[1])
    loss = np.inf
    for _ in range(NEWTON_STEPS):
        probability = sigmoid(z @ gamma - beta[column])
        of_gamma = z.T @ (probability - y) + gamma / VARIANCE
        # The logit falls with beta, hence y - p and not p - y.
        of_beta = np.bincount(column, y - probability, len(beta)) + beta / VARIANCE
        curvature = probability * (1.0 - probability)
        step, other = _newton_step(z, column, curvature, of_gamma, of_beta)
        size = 1.0  # halved until the loss falls: a full step may overshoot far from the minimum
        while size > SMALLEST_STEP:
            tried = gamma - size * step, beta - size * other
            value = _objective(z, column, y, *tried)
            if value < loss:
                break
            size /= 2.0
        else:
            break  # no step lowers the loss any more: this is the minimum, up to rounding
        (gamma, beta), loss = tried, value
    return Rasch(theta=features @ gamma, beta=beta)


def _newton_step(
    z: Floats, column: Ints, curvature: Floats, of_gamma: Floats, of_beta: Floats
) -> tuple[Floats, Floats]:
    """Return Newton's step for gamma [f] and beta [J], from their gradients.

    z: [n, f] features and column, curvature: [n] of the seen cells. The columns' part of the
    Hessian is diagonal and is eliminated first (Schur complement), so that a benchmark of
    thousands of questions costs no more than its rows' few features.
    """
    own = np.bincount(column, curvature, len(of_beta)) + 1.0 / VARIANCE  # [J]
    cross = np.zeros((len(of_beta), z.shape[1]))
    # d²/(dγ dβ) has the minus of beta's sign. Columns repeat, which plain indexing would miss.
    np.subtract.at(cross, column, curvature[:, None] * z)
    hessian = (z * curvature[:, None]).T @ z + np.eye(z.shape[1]) / VARIANCE
    # With D diagonal: (A - Cᵀ D⁻¹ C) dγ = g_γ - Cᵀ D⁻¹ g_β, then D dβ = g_β - C dγ.
    reduced = hessian - cross.T @ (cross / own[:, None])
    step = np.asarray(np.linalg.solve(reduced, of_gamma - cross.T @ (of_beta / own)), np.float64)
    return step, (of_beta - cross @ step) / own


def _objective(z: Floats, column: Ints, y: Floats, gamma: Floats, beta: Floats) -> float:
    """Return the penalised log-loss in nats, summed over cells."""
    logits = z @ gamma - beta[column]
    loss = float((np.logaddexp(0.0, logits) - y * logits).sum())
    return loss + float(gamma @ gamma + beta @ beta) / (2.0 * VARIANCE)


def row_scores(scores: Floats, seen: Bools, features: Floats) -> Floats:
    """Return the mean of every row over all columns, [I]: unseen cells as expected."""
    filled = np.where(seen, scores, fit_rasch(scores, seen, features).expected)
    return np.asarray(filled.mean(1), np.float64)
