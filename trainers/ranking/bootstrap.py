"""Bootstrap intervals, as a check of the sandwich.

Judgments of a row are exchangeable, so that drawing n judgments anew from n is one multinomial draw
over the rows (Efron 1979; arena-rank's bootstrap): the cost does not grow with the judgments. A
judgment drawn has its row's mean weight.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from trainers.arrays import Floats
from trainers.ranking.bradley_terry import CENTRE, FEW, SCALE, ModelRating, anchor, strengths
from trainers.ranking.counts import PairCounts

DRAWS: Final = 100
BOUNDS: Final = (2.5, 97.5)  # percentiles


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapInterval:
    """A model's 95 % percentile interval, on the scale of Elo."""

    model: str
    ci_low: float
    ci_high: float


def bootstrap(
    counts: PairCounts, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[BootstrapInterval, ...]:
    """Return the interval of each model, in the order of the counts."""
    # [draws, models]. A draw may leave a model without judgments, or split the league: `strengths`
    # gives such models their pseudo-ties.
    drawn = np.array([strengths(_resampled(counts, rng)).r for _ in range(draws)])
    # Counted from the same models in every draw: `strengths` would count each draw from whichever
    # models have many judgments in it, and the intervals would hold that difference too.
    centred = drawn - (drawn @ anchor(counts))[:, None]
    low, high = np.percentile(CENTRE + SCALE * centred, BOUNDS, axis=0)  # [models] each
    return tuple(
        BootstrapInterval(model=model, ci_low=float(low[i]), ci_high=float(high[i]))
        for i, model in enumerate(counts.models)
    )


def largest_gap(
    intervals: tuple[BootstrapInterval, ...], ratings: tuple[ModelRating, ...]
) -> float:
    """Return the largest distance of a bound of one method from the other's, in rating points.

    Over models with FEW judgments or more: one judgment, drawn anew, is still the same one.
    """
    drawn = {each.model: each for each in intervals}
    gaps = [
        max(abs(row.ci_low - drawn[row.model].ci_low), abs(row.ci_high - drawn[row.model].ci_high))
        for row in ratings
        if row.n >= FEW
    ]
    return max(gaps, default=0.0)


def _resampled(counts: PairCounts, rng: np.random.Generator) -> PairCounts:
    """Return counts of as many judgments, drawn from these with replacement."""
    whole = counts.n.sum()
    # Rows stay in place, perhaps with n = 0, so that models keep their positions in every draw.
    drawn: Floats = rng.multinomial(round(whole), counts.n / whole).astype(np.float64)
    share = drawn / counts.n
    return replace(counts, n=drawn, count=counts.count * share, square=counts.square * share)
