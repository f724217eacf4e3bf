"""Bradley–Terry with style control: how good a model is, were its answers styled like the others'.

Style enters the logit of a win beside the ratings (Li, Angelopoulos & Chiang, "Does style matter?",
LMSYS 2024; arena-rank's contextual model):

    logit P(i beats j) = r_i - r_j + c·f,     Σ r = 0,

f being the relative differences of `trainers.data.style`, each divided by its root mean square, so
that c is the effect of one standard difference. (r, c) maximise the likelihood together with a
normal prior on c of unit variance, PRIOR / 2 · |c|², beside the *sum* over votes: what it takes
away from a coefficient shrinks as 1/n. arena-rank 0.1.1 adds the same term to the *mean*, which
leaves 0.045 of a coefficient of 0.25 (docs/algorithms/rankings.md).

A row of the counts stands for many votes with f of mean μ and covariance Σ. Within it the logit is
taken as normal, and its expectations by Gauss–Hermite quadrature with three nodes: exact for
polynomials up to the fifth degree. With z = (u, f), u = e_i - e_j, the sandwich is

    V = H⁻¹ (S + P) H⁻¹,   H = Σ w p(1-p) z zᵀ + P,   S = Σ w² (y-p)² z zᵀ,

P the prior's curvature. It stands in the middle too: a direction of which the votes say nothing
then has the prior's variance, not none.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from trainers.arrays import Bools, Floats
from trainers.data.style import FEATURES
from trainers.ranking.bradley_terry import (
    FEW,
    ModelRating,
    Strengths,
    anchor,
    anchored_variances,
    as_ratings,
    difference,
    pseudo_ties,
    win_probability,
)
from trainers.ranking.counts import PairCounts
from trainers.ranking.styled_counts import StyledCounts
from trainers.statistics.intervals import Z
from trainers.statistics.newton import minimise

PRIOR: Final = 1.0  # precision of a coefficient, per squared nat
CONSTANT: Final = 1e-9  # a difference of this root mean square says nothing
# Gauss–Hermite with three nodes, for a normal variable of mean 0 and deviation 1.
# Exact for polynomials up to degree five.
NODES: Final = np.sqrt(3.0) * np.array([-1.0, 0.0, 1.0])
SHARES: Final = np.array([1.0, 4.0, 1.0]) / 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleEffect:
    """What a standard difference (`scale`) of a feature adds to the logit of a win, with its 95 %
    interval; None where the feature never differs."""

    feature: str
    coefficient: float | None
    ci_low: float | None
    ci_high: float | None
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StyledRanking:
    """Ratings as of answers of equal style, best first; what style adds; votes with texts."""

    ratings: tuple[ModelRating, ...]
    effects: tuple[StyleEffect, ...]
    texts: int


def fit_styled(styled: StyledCounts) -> StyledRanking:
    """Rate the models with style held equal; without judgments there are no ratings."""
    scale = styled.scale()
    # A feature that never differs has no unit, and no coefficient that votes could tell.
    kept = scale > CONSTANT
    if not styled.counts.models:
        none = _effects(kept, np.zeros(0), np.zeros(0), scale)
        return StyledRanking(ratings=(), effects=none, texts=styled.texts)
    problem = _Problem(styled.counts, *styled.standardised(scale, kept))
    found = problem.maximum()
    error = np.sqrt(problem.variances(found))
    size = len(styled.counts.models)
    ratings = as_ratings(styled.counts, Strengths(r=found[:size], error=error[:size]))
    effects = _effects(kept, found[size:], error[size:], scale)
    return StyledRanking(ratings=ratings, effects=effects, texts=styled.texts)


class _Problem:
    """The penalised likelihood of (r, c), stacked as one vector."""

    def __init__(self, counts: PairCounts, mean: Floats, spread: Floats) -> None:
        """Keep the counts with the means [rows, k] and covariances [rows, k, k] of f."""
        self.counts, self.mean, self.spread = counts, mean, spread
        self.size = len(counts.models)
        self.pseudo_ties = pseudo_ties(counts)

    def maximum(self) -> Floats:
        """Return (r, c) at the maximum, [models + k], r counted from the anchor."""

        def newton_step(x: Floats) -> Floats:
            return np.asarray(np.linalg.solve(self._anchored(self._hessian(x)), self._gradient(x)))

        x = minimise(np.zeros(self.size + self.mean.shape[1]), self._loss, newton_step)
        # Counted from the anchor only now: the search keeps the strengths' sum at zero.
        x[: self.size] -= anchor(self.counts) @ x[: self.size]
        return x

    def variances(self, x: Floats) -> Floats:
        """Return the diagonal of the sandwich, [models + k].

        Of a model with few judgments it is the wider of the sandwich and the curvature.
        """
        inverted = self._inverse(self._hessian(x))
        curvature = self._anchored_variances(inverted)
        p, _ = self._chances(x)
        # E[(y - p)²] over the styles of a row, [rows]
        squares = ((self.counts.score[:, None] - p) ** 2) @ SHARES
        scatter = self._outer(self.counts.square * squares) + np.diag(self._prior(x))
        sandwich = self._anchored_variances(inverted @ scatter @ inverted)
        # Of models alone: a coefficient has its prior in the sandwich and is never unseen.
        unsure = np.zeros(len(x), dtype=bool)
        unsure[: self.size] = (self.pseudo_ties > 0) | (self.counts.judged() < FEW)
        return np.asarray(np.where(unsure, np.maximum(sandwich, curvature), sandwich))

    def _anchored_variances(self, covariance: Floats) -> Floats:
        """Return the variances of (r, c), r counted from the anchor, [models + k]."""
        ratings = anchored_variances(anchor(self.counts), covariance[: self.size, : self.size])
        return np.concatenate([ratings, np.diag(covariance)[self.size :]])

    def _logits(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return logits at the nodes [rows, 3], Σ c [rows, k], and their deviations [rows]."""
        r, c = x[: self.size], x[self.size :]
        across = self.spread @ c
        # cᵀ Σ c of a covariance made from sums may come out below zero by rounding.
        deviation = np.sqrt(np.maximum(across @ c, 0.0))
        centre = difference(self.counts, r) + self.mean @ c  # [rows]
        return centre[:, None] + deviation[:, None] * NODES, across, deviation

    def _chances(self, x: Floats) -> tuple[Floats, Floats]:
        """Return chances of a win at the nodes [rows, 3], and expected p(1-p) [rows]."""
        p = win_probability(self._logits(x)[0])
        return p, np.asarray((p * (1 - p)) @ SHARES)

    def _loss(self, x: Floats) -> float:
        """Return the penalised loss in nats."""
        r, c = x[: self.size], x[self.size :]
        logits = self._logits(x)[0]
        counts = self.counts
        # E[log(1 + e^s)] - y E[s], [rows]
        expected = np.logaddexp(0, logits) @ SHARES - counts.score * (logits @ SHARES)
        prior = self.pseudo_ties @ (np.logaddexp(0, r) - r / 2)
        return float(np.sum(counts.count * expected) + prior + PRIOR / 2 * (c @ c))

    def _gradient(self, x: Floats) -> Floats:
        """Return the gradient of the loss, [models + k]; of r among vectors that sum to zero."""
        r, c = x[: self.size], x[self.size :]
        logits, across, deviation = self._logits(x)
        p = win_probability(logits)
        counts = self.counts
        residual = counts.count * (p @ SHARES - counts.score)
        # d/dc of the deviation is Σc / deviation; where there is none, E[z p] / deviation → E[p'].
        wide = deviation > CONSTANT
        slope = np.where(
            wide, p @ (SHARES * NODES) / np.where(wide, deviation, 1.0), (p * (1 - p)) @ SHARES
        )
        style = residual @ self.mean + (counts.count * slope) @ across + PRIOR * c
        models = counts.per_model(residual, -residual)
        models = models + self.pseudo_ties * (win_probability(r) - 0.5)
        # Projected on strengths that sum to zero, as the Hessian is in `_anchored`.
        return np.concatenate([models - models.mean(), style])

    def _hessian(self, x: Floats) -> Floats:
        """Return H with the prior's curvature, [models + k, models + k].

        As above: E[p (1-p)] E[z zᵀ] of each row. A step that this misjudges is halved.
        """
        _, curvature = self._chances(x)
        return self._outer(self.counts.count * curvature) + np.diag(self._prior(x))

    def _prior(self, x: Floats) -> Floats:
        """Return the priors' curvature, the diagonal P, [models + k]."""
        average = win_probability(x[: self.size])
        style = np.full(len(x) - self.size, PRIOR)
        return np.concatenate([self.pseudo_ties * average * (1 - average), style])

    def _outer(self, weights: Floats) -> Floats:
        """Return the sum of w E[z zᵀ] over the rows, for weights w [rows]; [models + k] squared."""
        weighted = weights[:, None] * self.mean
        cross = np.zeros((self.size, weighted.shape[1]))  # E of u fᵀ, [models, k]
        for feature, column in enumerate(weighted.T):
            cross[:, feature] = self.counts.per_model(column, -column)
        # E[f fᵀ] = μ μᵀ + Σ.
        style = self.mean.T @ weighted + np.tensordot(weights, self.spread, axes=1)
        return np.block([[self.counts.laplacian(weights), cross], [cross.T, style]])

    def _anchored(self, matrix: Floats) -> Floats:
        """Return the matrix among ratings that sum to zero, and 1 along their mean: invertible."""
        size = self.size
        centre = np.eye(len(matrix))
        centre[:size, :size] -= 1 / size
        along = np.zeros_like(matrix)
        along[:size, :size] = 1 / size
        return np.asarray(centre @ matrix @ centre + along)

    def _inverse(self, matrix: Floats) -> Floats:
        """Return the inverse among ratings that sum to zero."""
        inverted = np.linalg.inv(self._anchored(matrix))
        inverted[: self.size, : self.size] -= 1 / self.size
        return np.asarray(inverted)


def chance_of_twice(coefficient: float, scale: float) -> float:
    """Return how often the answer with twice as much of a feature wins at equal ratings.

    Twice as much is a relative difference of a third (of headings, bold and lists: nearly so).
    """
    return float(win_probability(np.array(coefficient / (3 * scale))))


def _effects(
    kept: Bools, coefficients: Floats, errors: Floats, scale: Floats
) -> tuple[StyleEffect, ...]:
    """Return the effect of every feature, of those that never differ without a coefficient."""
    found = iter(zip(coefficients.tolist(), errors.tolist(), strict=True))
    effects = []
    for feature, differs, unit in zip(FEATURES, kept, scale.tolist(), strict=True):
        if differs and (pair := next(found, None)):
            c, error = pair
            low, high = c - Z * error, c + Z * error
            effect = StyleEffect(
                feature=feature, coefficient=c, ci_low=low, ci_high=high, scale=unit
            )
        else:
            effect = StyleEffect(
                feature=feature, coefficient=None, ci_low=None, ci_high=None, scale=unit
            )
        effects.append(effect)
    return tuple(effects)
