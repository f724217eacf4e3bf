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


@dataclass(frozen=True, slots=True)
class Rasch:
    """Ability theta (I,) of rows and difficulty beta (J,) of columns, up to one common shift."""

    theta: Floats
    beta: Floats

    @property
    def expected(self) -> Floats:
        """P(y_ij = 1), (I, J)."""
        return sigmoid(self.theta[:, None] - self.beta)


def fit_rasch(scores: Floats, seen: Bools, features: Floats) -> Rasch:
    """Penalised logistic regression on the seen cells of scores (I, J) in [0, 1].

    `features` (I, f) of the rows. Both kinds of parameters have the prior N(0, 100), which also
    settles the shift between them.
    """
    row, column = np.nonzero(seen)
    y, z = scores[seen], features[row]
    gamma, beta = np.zeros(features.shape[1]), np.zeros(scores.shape[1])
    loss = np.inf
    for _ in range(NEWTON_STEPS):
        probability = sigmoid(z @ gamma - beta[column])
        down = z.T @ (probability - y) + gamma / VARIANCE
        along = np.bincount(column, y - probability, len(beta)) + beta / VARIANCE
        step, other = _solved(z, column, probability * (1.0 - probability), down, along)
        size = 1.0
        while size > SMALLEST_STEP:
            tried = gamma - size * step, beta - size * other
            value = _objective(z, column, y, *tried)
            if value < loss:
                break
            size /= 2.0
        else:
            break
        (gamma, beta), loss = tried, value
    return Rasch(features @ gamma, beta)


def _solved(
    z: Floats, column: Ints, bend: Floats, down: Floats, along: Floats
) -> tuple[Floats, Floats]:
    """Newton's step; the columns' part of the Hessian is diagonal and is eliminated first."""
    own = np.bincount(column, bend, len(along)) + 1.0 / VARIANCE  # (J,)
    cross = np.zeros((len(along), z.shape[1]))
    np.subtract.at(cross, column, bend[:, None] * z)
    hessian = (z * bend[:, None]).T @ z + np.eye(z.shape[1]) / VARIANCE
    reduced = hessian - cross.T @ (cross / own[:, None])
    step = np.asarray(np.linalg.solve(reduced, down - cross.T @ (along / own)), np.float64)
    return step, (along - cross @ step) / own


def _objective(z: Floats, column: Ints, y: Floats, gamma: Floats, beta: Floats) -> float:
    logits = z @ gamma - beta[column]
    loss = float((np.logaddexp(0.0, logits) - y * logits).sum())
    return loss + float(gamma @ gamma + beta @ beta) / (2.0 * VARIANCE)


def row_scores(scores: Floats, seen: Bools, features: Floats) -> Floats:
    """The mean of every row over all columns, (I,): seen cells as they are, the others expected."""
    filled = np.where(seen, scores, fit_rasch(scores, seen, features).expected)
    return np.asarray(filled.mean(1), np.float64)
