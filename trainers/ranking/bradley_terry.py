"""Bradley–Terry ratings with sandwich intervals and rank ranges.

Bradley & Terry, Biometrika 39 (1952): model i scores against j with probability
p = σ(r_i - r_j); a tie is half a win each. The negative log-likelihood of aggregated rows
(score y, weights summing to c), as arena-rank states it, is

    L(r) = -Σ c [y log p + (1 - y) log(1 - p)],    Σ r = 0,

convex in r, minimised by Newton's method in float64. With u = e_i - e_j, the intervals come
from the sandwich (Huber 1967; White 1982)

    V = H⁺ S H⁺,   H = Σ c p(1-p) u uᵀ,   S = Σ q (y-p)² u uᵀ,

q being the sum of a row's squared weights and ⁺ the inverse among vectors that sum to zero. Ties
make S smaller than H, and the sandwich knows it. Then r is counted from the mean of the models
with FEW judgments or more, and an interval is that of a model's distance from it, A V Aᵀ with
A = I - 1aᵀ: a new model, which could stand anywhere, neither moves nor widens the others. Ratings
are on the scale of Elo: rating = 1000 + r · 400 / ln 10.

Where a model won (or lost) all it played, or the models fall into groups that never met, the
likelihood has no finite maximum. The models outside the largest group that has one then get one
pseudo-tie each with an average opponent, r = 0: all ratings are finite, and theirs have the wider
of the sandwich, with the prior's curvature P in its middle, H⁻¹ (S + P) H⁻¹, and the curvature
H⁻¹. Those inside are never touched.

A sandwich needs residuals to see a spread: two models that tied once have none. A model with
fewer than FEW judgments therefore gets the wider of the sandwich and the curvature.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats, Indices
from trainers.ranking.counts import PairCounts
from trainers.statistics.intervals import Z
from trainers.statistics.logistic import log_sigmoid
from trainers.statistics.newton import minimise

SCALE = 400 / np.log(10)  # 400 points of Elo are odds of ten to one
CENTRE = 1000.0
PRIOR_COUNT = 1.0  # pseudo-ties with an average opponent, of a model that is not identified
FEW = 10  # judgments, below which the residuals of a model say too little of its spread


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRating:
    """A model's rating and 95 % interval on the scale of Elo, its rank range, its judgments.

    `rank_low` is the best rank that the intervals allow, `rank_high` the worst.
    """

    model: str
    rating: float
    ci_low: float
    ci_high: float
    rank_low: int
    rank_high: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Strengths:
    """r: [models] in nats, from the anchor; error: [models], standard errors of r in nats."""

    r: Floats
    error: Floats


def fit(counts: PairCounts) -> tuple[ModelRating, ...]:
    """Rate the models, best first; without judgments there are no ratings."""
    return as_ratings(counts, strengths(counts)) if counts.models else ()


def as_ratings(counts: PairCounts, found: Strengths) -> tuple[ModelRating, ...]:
    """Return strengths as ratings with intervals and rank ranges, best first.

    Of equal ratings the name decides, so that the order is the same every time.
    """
    rating = CENTRE + SCALE * found.r
    half = Z * SCALE * found.error
    low, high = rating - half, rating + half
    best, worst = rank_ranges(low, high)
    judged = counts.judged()
    ratings = (
        ModelRating(
            model=model,
            rating=float(rating[i]),
            ci_low=float(low[i]),
            ci_high=float(high[i]),
            rank_low=int(best[i]),
            rank_high=int(worst[i]),
            n=round(judged[i]),
        )
        for i, model in enumerate(counts.models)
    )
    return tuple(sorted(ratings, key=lambda model: (-model.rating, model.model)))


def strengths(counts: PairCounts) -> Strengths:
    """Return the maximum-likelihood strengths and their standard errors."""
    prior = pseudo_ties(counts)
    r = _maximum(counts, prior)
    inverted = inverse(hessian(counts, r, prior))  # [models, models]
    weights = anchor(counts)
    curvature = anchored_variances(weights, inverted)
    residual = counts.score - win_probability(difference(counts, r))  # y - p, [rows]
    # S + P: the pseudo-ties are believed, not seen, so they bring their curvature, no residual.
    scatter = counts.laplacian(counts.square * residual**2) + np.diag(_curvature(r, prior))
    sandwich = anchored_variances(weights, inverted @ scatter @ inverted)
    # A sandwich of too few residuals sees no spread: two models that tied once have none.
    unsure = (prior > 0) | (counts.judged() < FEW)
    # Not always the wider: with many judgments and ties the sandwich is rightly the narrower.
    variance = np.where(unsure, np.maximum(sandwich, curvature), sandwich)
    return Strengths(r=r - weights @ r, error=np.sqrt(variance))


def pseudo_ties(counts: PairCounts) -> Floats:
    """Return how many pseudo-ties each model has, [models]: one where it is not identified."""
    return np.where(counts.identified(), 0.0, PRIOR_COUNT)


def anchor(counts: PairCounts) -> Floats:
    """Return the weights [models] of the mean that strengths are counted from.

    Alike for all models with FEW judgments or more; for all models where there is none.
    """
    many = counts.judged() >= FEW
    chosen = many if many.any() else np.ones(len(many), dtype=bool)
    return np.asarray(chosen / chosen.sum())


def anchored_variances(weights: Floats, covariance: Floats) -> Floats:
    """Return the variances [models] of strengths counted from a weighted mean, diag A V Aᵀ.

    weights: [models], summing to 1; covariance V: [models, models]. The product is not formed.
    """
    # Of A = I - 1aᵀ: (A V Aᵀ)_ii = V_ii - 2 (V a)_i + aᵀ V a.
    mean = covariance @ weights
    # Rounding may leave a variance of nil just below it.
    return np.maximum(np.diag(covariance) - 2 * mean + weights @ mean, 0)


def rank_ranges(low: Floats, high: Floats) -> tuple[Indices, Indices]:
    """Return the best and the worst rank [models] that intervals low, high [models] allow.

    The best is one more than the number of models whose interval lies wholly above.
    """
    # Two sorts and searches: comparing all pairs would cost models².
    # Strictly above and below (hence the sides): intervals that touch do not tell models apart.
    above = len(low) - np.searchsorted(np.sort(low), high, side="right")
    below = np.searchsorted(np.sort(high), low, side="left")
    return above + 1, len(low) - below


def _maximum(counts: PairCounts, prior: Floats) -> Floats:
    """Return the maximum r [models] of the likelihood, with Σ r = 0.

    Searched among vectors that sum to zero, along which alone it is strictly concave.
    """

    def newton_step(r: Floats) -> Floats:
        gradient = _gradient(counts, r, prior)
        # Projected on vectors that sum to zero, as the Hessian is in `_regular`.
        projected = gradient - gradient.mean()
        return np.asarray(np.linalg.solve(_regular(hessian(counts, r, prior)), projected))

    r = minimise(np.zeros(len(counts.models)), lambda r: _loss(counts, r, prior), newton_step)
    # Rounding alone: every step sums to zero.
    return np.asarray(r - r.mean())


def difference(counts: PairCounts, r: Floats) -> Floats:
    """Return r of each row's first model less that of its second, [rows], in nats."""
    return np.asarray(r[counts.first] - r[counts.second])


def win_probability(d: Floats) -> Floats:
    """Return σ(d) of differences d in nats; precise also where one side hardly ever wins."""
    return np.asarray(np.exp(log_sigmoid(d)))


def _loss(counts: PairCounts, r: Floats, prior: Floats) -> float:
    """Return L(r) in nats, with -log p = log(1 + exp(-d)); the prior is a tie with r = 0."""
    d = difference(counts, r)
    likelihood = np.sum(counts.count * (np.logaddexp(0, d) - counts.score * d))
    # A tie with r = 0: -½ log σ(r) - ½ log σ(-r) = log(1 + e^r) - r / 2.
    return float(likelihood + prior @ (np.logaddexp(0, r) - r / 2))


def _gradient(counts: PairCounts, r: Floats, prior: Floats) -> Floats:
    """Return the gradient of L, [models]."""
    # dL/dd = c (p - y), and d = r_first - r_second rises with one model and falls with the other.
    residual = counts.count * (win_probability(difference(counts, r)) - counts.score)
    return counts.per_model(residual, -residual) + prior * (win_probability(r) - 0.5)


def hessian(counts: PairCounts, r: Floats, prior: Floats) -> Floats:
    """Return H with the prior's curvature, [models, models]."""
    p = win_probability(difference(counts, r))
    return counts.laplacian(counts.count * p * (1 - p)) + np.diag(_curvature(r, prior))


def _curvature(r: Floats, prior: Floats) -> Floats:
    """Return P [models], the second derivative of the pseudo-ties."""
    average = win_probability(r)
    return np.asarray(prior * average * (1 - average))


def _regular(hessian: Floats) -> Floats:
    """Return C H C + J with J = 11ᵀ/n, C = I - J: invertible where H is so on sums of zero.

    H itself is singular, since a shift of all strengths changes no probability.
    """
    # H is symmetric: the means of its columns are those of its rows, too.
    across = hessian.mean(axis=0)
    return np.asarray(hessian - across - across[:, None] + across.mean() + 1 / len(hessian))


def inverse(hessian: Floats) -> Floats:
    """Return the inverse among vectors that sum to zero: (C H C + J)⁻¹ - J."""
    return np.asarray(np.linalg.inv(_regular(hessian)) - 1 / len(hessian))
