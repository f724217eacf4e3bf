"""A model's vector from its answers alone: Know2Vec's idea, by ridge regression; numpy only.

Models that are alike answer alike. The answers to one set of prompts, encoded and compared with
the known models' answers to the same prompts, are regressed onto the known models' vectors. With
M known models and many more numbers an answer set, the regression is done on the M x M Gram matrix
of the answer sets (kernel ridge), whose leave-one-out errors have a closed form.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats
from trainers.model_vectors.posterior import Prior, spread_of

RIDGES = np.logspace(-3, 3, 25)  # times the mean of the Gram matrix' diagonal


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMap:
    """Maps answer vectors to model vectors.

    weights    of the prompts, [n]
    centre     the known models' mean answer to each prompt, [n, d]
    answers    the known models' answers less the centre, weighed and flattened, [M, n d]
    duals      what turns likenesses to those into a vector, [M, k]
    mean       of the known models' vectors, [k]
    spread     covariance of the leave-one-out errors, [k, k]
    explained  share of the vectors' spread that leave-one-out prediction explains, at most 1
    """

    weights: Floats
    centre: Floats
    answers: Floats
    duals: Floats
    mean: Floats
    spread: Floats
    explained: float

    def prior_of(self, answers: Floats) -> Prior:
        """Return what the answers [n, d] of a new model say of its vector."""
        likeness = self.answers @ _flat(answers[None] - self.centre, self.weights)[0]  # [M]
        return Prior(self.mean + likeness @ self.duals, self.spread)


def fit_answer_map(answers: Floats, vectors: Floats, weights: Floats) -> AnswerMap:
    """Regress vectors [M, k] on the answers [M, n, d] to n prompts of weights [n], M >= 3.

    The ridge is the one with the least squared leave-one-out error. Where even that is no better
    than the models' mean vector, the strongest ridge makes the answers say nothing.
    """
    centre, mean = answers.mean(0), vectors.mean(0)
    rows = _flat(answers - centre, weights)  # [M, n d]
    gram = rows @ rows.T  # [M, M]: far smaller than a regression on n d numbers
    values, basis = np.linalg.eigh(gram)
    values = np.maximum(values, 0.0)  # a Gram matrix has none below zero but by rounding
    deviations = vectors - mean
    tried = [
        _leave_one_out(values, basis, deviations, ridge)
        # Relative to the mean of the diagonal: the grid suits answers of any scale.
        for ridge in RIDGES * gram.trace() / len(gram)
    ]
    best = min(range(len(tried)), key=lambda number: np.square(tried[number]).sum())
    errors = tried[best]
    ridge = RIDGES[best] * gram.trace() / len(gram)
    # (Gram + ridge I)⁻¹ times the deviations, by the eigenvectors at hand: [M, k].
    duals = basis @ ((basis.T @ deviations) / (values + ridge)[:, None])
    # What the mean of the others misses: (M / (M - 1)) times the deviation from the mean of all.
    alone = deviations * len(deviations) / (len(deviations) - 1)
    explained = 1.0 - float(np.square(errors).sum() / np.square(alone).sum())
    return AnswerMap(
        weights=weights,
        centre=centre,
        answers=rows,
        duals=duals,
        mean=mean,
        spread=spread_of(errors),
        explained=explained,
    )


def _flat(answers: Floats, weights: Floats) -> Floats:
    """Return answer sets [M, n, d] as rows [M, n d], whose products weigh the prompts."""
    # A root on either side of a product weighs the prompt once.
    weighed = answers * np.sqrt(weights)[:, None]
    return weighed.reshape(len(answers), -1)


def _leave_one_out(values: Floats, basis: Floats, deviations: Floats, ridge: float) -> Floats:
    """Return the errors [M, k] of predicting each model from the others, by the hat matrix.

    H = U diag(l / (l + ridge)) U^T + 1 1^T / M, with eigenvalues l [M] and eigenvectors U [M, M];
    the error is (y - H y) / (1 - H_ii), so that no model is fitted M times. The deviations [M, k]
    are centred, so that the mean adds nothing to H y.
    """
    shrunk = values / (values + ridge)
    fitted = basis @ (shrunk[:, None] * (basis.T @ deviations))
    own = np.square(basis) @ shrunk + 1.0 / len(values)  # H_ii, [M]
    errors: Floats = (deviations - fitted) / (1.0 - own)[:, None]
    return errors
