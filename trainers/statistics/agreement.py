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


@dataclass(frozen=True, slots=True)
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
    """Alpha of units told by their counts alone.

    patterns: (patterns, values) how often each value was given to a unit; the order and distance
    of the columns count for the levels that have them. times: (patterns,) how many units are like
    that. A rater rates a unit once; who that is does not enter. A unit of fewer than two ratings
    says nothing; with no other, alpha and its interval are not a number.
    """
    counts = np.asarray(patterns, dtype=np.int64)
    units = np.asarray(times, dtype=np.int64)
    if counts.size:
        several = counts.sum(axis=1) >= 2
        counts, units = counts[several], units[several]
    if not counts.size:
        return Alpha(np.nan, np.nan, np.nan, 0, 0)
    n_values, total = counts.shape[1], int(units.sum())
    pairs = _coincidences(counts.astype(np.float64))
    alpha = float(_alphas(units[None, :] @ pairs, n_values, level)[0])
    draws = np.random.default_rng(SEED).multinomial(total, units / total, size=DRAWS)
    drawn = _alphas(draws @ pairs, n_values, level)
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn.size else (np.nan, np.nan)
    return Alpha(alpha, float(low), float(high), total, int(units @ counts.sum(axis=1)))


def _coincidences(counts: Floats) -> Floats:
    """(units, values²): each unit's share in the coincidence matrix, flattened."""
    together = counts[:, :, None] * counts[:, None, :]
    together -= counts[:, :, None] * np.eye(counts.shape[1])
    together /= (counts.sum(axis=1) - 1)[:, None, None]
    return together.reshape(len(counts), -1)


def _alphas(coincidences: Floats, n_values: int, level: Level) -> Floats:
    """(sets,): alpha of each set of coincidences, (sets, values²)."""
    seen = coincidences.reshape(-1, n_values, n_values)
    marginals = seen.sum(axis=2)
    n = marginals.sum(axis=1)
    distance = _distances(marginals, level)
    observed = (seen * distance).sum(axis=(1, 2))
    expected = np.einsum("sc,sk,sck->s", marginals, marginals, distance) / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - observed / expected, np.nan)


def _distances(marginals: Floats, level: Level) -> Floats:
    """(sets, values, values): δ² of every two values."""
    sets, size = marginals.shape
    if level == "nominal":
        return np.broadcast_to(1 - np.eye(size), (sets, size, size))
    place = np.arange(size, dtype=np.float64)
    if level == "interval":
        return np.broadcast_to((place[:, None] - place[None, :]) ** 2, (sets, size, size))
    middle = np.cumsum(marginals, axis=1) - marginals / 2  # Σ up to a rank, half of its own
    return np.asarray((middle[:, :, None] - middle[:, None, :]) ** 2)
