"""Whether one number a model describes the judgments: goodness of fit and cyclic triads.

The fit compares what each pair of models scored with what the ratings say, by Pearson's statistic

    X² = Σ over pairs (Σ w (y - p))² / (q̄ Σ n (p(1-p) - t/4)),

t being the chance of a tie, which takes a quarter from the variance of y, and q̄ a row's mean
squared weight. A triad is three models each two of which met WANTED times at least and are not
level; it is cyclic where each beat the next (Kendall & Babington Smith, Biometrika 31, 1940).
Under transitive strengths some triads are cyclic by chance. What chance does is found by a
parametric bootstrap: leagues with the same pairings are drawn from the fitted ratings and rated
anew. No χ² table is used: pairs with few judgments and ties make it too coarse.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from trainers.arrays import Bools, Floats, Indices
from trainers.ranking.bradley_terry import strengths, win_probability
from trainers.ranking.counts import PairCounts

WANTED: Final = 10  # judgments of each pair of a triad
LEAGUES: Final = 100  # simulated
CERTAIN: Final = 1e-12  # a variance below this is none; two pairs closer than this are level


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodnessOfFit:
    """Pearson's statistic with its p-value, and cyclic triads with the share expected by chance.

    `p_value`: the share of leagues that fit as badly, (1 + k) / (1 + leagues). `by_chance_low`,
    `by_chance_high`: 95 % of leagues lie between; None where there is no triad.
    """

    pairs: int
    chi_square: float
    p_value: float
    triads: int
    cyclic: int
    by_chance: float | None
    by_chance_low: float | None
    by_chance_high: float | None
    cyclic_p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _League:
    """Every pair that met, once: models first < second, n judgments, Σ w and Σ w²; [pairs] each."""

    size: int
    first: Indices
    second: Indices
    n: Floats
    weight: Floats
    square: Floats


def goodness_of_fit(
    counts: PairCounts, rng: np.random.Generator, leagues: int = LEAGUES
) -> GoodnessOfFit | None:
    """Return the fit of a ranking of two models or more; None where nothing is compared."""
    if len(counts.models) < 2:
        return None
    league, score, ties = _pairs(counts)
    r = strengths(counts).r
    p = win_probability(r[league.first] - r[league.second])
    tie = _tie_chances(p, ties)
    statistic, (triads, cyclic) = _pearson(league, score, p, tie), _triads(league, score)
    drawn = [_drawn(league, p, tie, counts.models, rng) for _ in range(leagues)]
    statistics = np.array([one[0] for one in drawn])
    cycles = np.array([one[1] for one in drawn])
    low, high = np.percentile(cycles, (2.5, 97.5))
    return GoodnessOfFit(
        pairs=len(league.first),
        chi_square=statistic,
        p_value=_share(statistics >= statistic),
        triads=triads,
        cyclic=cyclic,
        by_chance=float(cycles.mean()) if triads else None,
        by_chance_low=float(low) if triads else None,
        by_chance_high=float(high) if triads else None,
        cyclic_p_value=_share(cycles >= cyclic) if triads else None,
    )


def _pairs(counts: PairCounts) -> tuple[_League, Floats, float]:
    """Return the pairs without their order, the first model's score (Σ w y), the share of ties."""
    size = len(counts.models)
    # Which model is a side a is chance: rows of (i, j) and (j, i) are one pair.
    turned = counts.first > counts.second
    first = np.where(turned, counts.second, counts.first)
    second = np.where(turned, counts.first, counts.second)
    score = np.where(turned, 1 - counts.score, counts.score)
    # i * size + j: one number a pair, by which its rows are added up.
    keys, row = np.unique(first * size + second, return_inverse=True)

    def total(values: Floats) -> Floats:
        """Return sums [pairs] of a value of the rows."""
        return np.bincount(row, weights=values, minlength=len(keys)).astype(np.float64)

    n, weight, square = total(counts.n), total(counts.count), total(counts.square)
    league = _League(
        size=size,
        first=keys // size,
        second=keys % size,
        n=n,
        weight=weight,
        square=square,
    )
    ties = float(counts.n[counts.score == 0.5].sum() / counts.n.sum())
    return league, total(counts.count * score), ties


def _tie_chances(p: Floats, share: float) -> Floats:
    """Return the chance of a tie [pairs]: ν √(p(1-p)) with ν = 2 `share`.

    So `share` is the chance between level models (Davidson, JASA 65, 1970, in form). At most
    2 min(p, 1-p): more ties would leave the mean score p impossible.
    """
    # With win p - t / 2 and loss 1 - p - t / 2, neither may fall below zero.
    return np.asarray(np.minimum(2 * share * np.sqrt(p * (1 - p)), 2 * np.minimum(p, 1 - p)))


def _pearson(league: _League, score: Floats, p: Floats, tie: Floats) -> float:
    """Return X² of scores Σ w y [pairs] beside expected mean scores p [pairs]."""
    # Of y in {0, ½, 1}: E[y²] = p - t / 4, so that Var y = p (1 - p) - t / 4.
    variance = np.maximum(p * (1 - p) - tie / 4, CERTAIN)
    return float(np.sum((score - league.weight * p) ** 2 / (league.square * variance)))


def _triads(league: _League, score: Floats) -> tuple[int, int]:
    """Return how many triads there are, and how many of them are cyclic."""
    # What the first scored beyond half of it, [pairs].
    lead = np.where(league.n >= WANTED, score - league.weight / 2, 0.0)
    beats = np.zeros((league.size, league.size))  # [models, models]; a level pair is none
    beats[league.first, league.second] = lead > CERTAIN
    beats[league.second, league.first] = lead < -CERTAIN
    met = beats + beats.T
    # The trace of a cube counts walks of three steps that come back: six a triad, three a cycle.
    triads = np.sum((met @ met) * met) / 6
    return round(float(triads)), round(float(np.sum((beats @ beats) * beats.T)) / 3)


def _drawn(
    league: _League,
    p: Floats,
    tie: Floats,
    models: tuple[str, ...],
    rng: np.random.Generator,
) -> tuple[float, int]:
    """Return Pearson's statistic and cyclic triads of a league in which Bradley–Terry is true."""
    chances = np.column_stack([p - tie / 2, 1 - p - tie / 2, tie])  # win, loss, tie, [pairs, 3]
    # A tie that takes all of min(p, 1 - p) leaves a chance of nil, or just below it by rounding.
    outcomes = rng.multinomial(np.rint(league.n).astype(int), np.maximum(chances, 0.0))
    # A simulated judgment has the mean weight of its pair.
    each, square = league.weight / league.n, league.square / league.n
    counts = PairCounts(
        models=models,
        first=np.tile(league.first, 3),
        second=np.tile(league.second, 3),
        score=np.repeat([1.0, 0.0, 0.5], len(p)),
        # Transposed: outcome by outcome, each over all pairs, as `first` and `score` are laid out.
        count=(outcomes * each[:, None]).T.ravel(),
        square=(outcomes * square[:, None]).T.ravel(),
        n=outcomes.T.ravel().astype(np.float64),
    )
    score = (outcomes[:, 0] + outcomes[:, 2] / 2) * each
    r = strengths(counts).r
    # Rated anew, as the judgments were: ratings fitted to a draw lie nearer to it than the truth.
    fitted = win_probability(r[league.first] - r[league.second])
    return _pearson(league, score, fitted, tie), _triads(league, score)[1]


def _share(as_far: Bools) -> float:
    """Return the Monte Carlo p-value (1 + k) / (1 + leagues): never 0, since the data are one."""
    return float((1 + as_far.sum()) / (1 + len(as_far)))
