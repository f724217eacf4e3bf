"""Krippendorff's alpha: how far raters agree beyond chance, with any of their ratings missing.

Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: of the coincidences
o of two values in one unit, each unit of m ratings counting 1 / (m - 1) a pair,

    alpha = 1 - D_o / D_e,   D_o = Σ o[c,k] δ²[c,k] / n,   D_e = Σ n[c] n[k] δ²[c,k] / (n (n - 1)).

δ² is 1 between different values (nominal), (c - k)² (interval), or the squared number of ratings
between two ranks, (Σ_{g=c..k} n[g] - (n[c] + n[k]) / 2)² (ordinal). 1 is perfect, 0 is chance.

The interval resamples units, not ratings: ratings of one unit say less than those of two. Units
with equal counts are drawn together, so that the cost does not grow with their number.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from trainers.arrays import Floats

Level = Literal["nominal", "ordinal", "interval"]

DRAWS: Final = 1000
SEED: Final = 20111125


@dataclass(frozen=True, slots=True, kw_only=True)
class Alpha:
    """alpha in [-1, 1] with its 95 % percentile interval, and what it rests on.

    units: those rated twice or more; ratings: theirs. All three numbers are NaN where nothing
    varies: chance agreement is then perfect too, and alpha has no meaning.
    """

    alpha: float
    low: float
    high: float
    units: int
    ratings: int


def krippendorff_alpha(patterns: ArrayLike, times: ArrayLike, level: Level = "nominal") -> Alpha:
    """Return alpha of units known by their counts alone.

    patterns: [patterns, values] how often each value was given to a unit; the order and distance
    of the columns count for the levels that have them. times: [patterns] how many units are like
    that. A rater rates a unit once; who that is does not enter. A unit of fewer than two ratings
    says nothing; with no other, alpha and its interval are not a number.
    """
    counts = np.asarray(patterns, dtype=np.int64)
    units = np.asarray(times, dtype=np.int64)
    if counts.size:
        several = counts.sum(axis=1) >= 2
        counts, units = counts[several], units[several]
    if not counts.size:
        return Alpha(alpha=np.nan, low=np.nan, high=np.nan, units=0, ratings=0)
    n_values, total = counts.shape[1], int(units.sum())
    pairs = _coincidences(counts.astype(np.float64))  # [patterns, values²]
    # Coincidences add up over units, so a sample of units is one row of weights on the patterns.
    alpha = float(_alphas(units[None, :] @ pairs, n_values, level)[0])
    # Units of one pattern are exchangeable: drawing units anew is one multinomial over patterns.
    # The seed is fixed, so that a page shows the same interval until a judgment changes it.
    draws = np.random.default_rng(SEED).multinomial(total, units / total, size=DRAWS)
    drawn = _alphas(draws @ pairs, n_values, level)
    # A resample in which nothing varies has no alpha.
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn.size else (np.nan, np.nan)
    return Alpha(
        alpha=alpha,
        low=float(low),
        high=float(high),
        units=total,
        ratings=int(units @ counts.sum(axis=1)),
    )


def _coincidences(counts: Floats) -> Floats:
    """Return each unit's share in the coincidence matrix, flattened, [units, values²]."""
    together = counts[:, :, None] * counts[:, None, :]  # [patterns, values, values]
    # A rating makes no pair with itself: on the diagonal c (c - 1) pairs, not c².
    together -= counts[:, :, None] * np.eye(counts.shape[1])
    # A unit of m ratings has m (m - 1) ordered pairs, which together count as its m ratings.
    together /= (counts.sum(axis=1) - 1)[:, None, None]
    return together.reshape(len(counts), -1)


def _alphas(coincidences: Floats, n_values: int, level: Level) -> Floats:
    """Return alpha [sets] of each set of coincidences [sets, values²]; NaN where nothing varies."""
    seen = coincidences.reshape(-1, n_values, n_values)
    marginals = seen.sum(axis=2)  # n[c], [sets, values]
    n = marginals.sum(axis=1)
    distance = _distances(marginals, level)
    observed = (seen * distance).sum(axis=(1, 2))
    # `observed` and `expected` lack the factor 1 / n of D_o and D_e, which cancels.
    expected = np.einsum("sc,sk,sck->s", marginals, marginals, distance) / (n - 1)
    # Where only one value occurs both are nil: NaN is the answer, not a fault to warn of.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - observed / expected, np.nan)


def _distances(marginals: Floats, level: Level) -> Floats:
    """Return δ² of every two values, [sets, values, values], from their frequencies [sets, values].

    Ordinal distances depend on how often the ranks between were given, so each set has its own.
    """
    sets, size = marginals.shape
    if level == "nominal":
        # Alike for every set: a view, no copies.
        return np.broadcast_to(1 - np.eye(size), (sets, size, size))
    value = np.arange(size, dtype=np.float64)
    if level == "interval":
        return np.broadcast_to((value[:, None] - value[None, :]) ** 2, (sets, size, size))
    middle = np.cumsum(marginals, axis=1) - marginals / 2  # Σ up to a rank, half of its own
    # Two middles lie Σ_{g=c..k} n[g] - (n[c] + n[k]) / 2 apart.
    return np.asarray((middle[:, :, None] - middle[:, None, :]) ** 2)
