"""Checks that stand beside a ranking, so that people can tell how far to believe it."""

from dataclasses import asdict
from typing import Any

import numpy as np

from trainers.ranking import bootstrap, elo
from trainers.ranking.bradley_terry import ModelRating
from trainers.ranking.counts import PairCounts
from trainers.ranking.goodness_of_fit import goodness_of_fit


def checks(counts: PairCounts, ratings: tuple[ModelRating, ...], seed: int) -> dict[str, Any]:
    """Return resampled intervals, goodness of fit with transitivity, and Elo's noise, as JSON.

    One generator is drawn from in this order, so that a seed gives the same checks every time.
    """
    rng = np.random.default_rng(seed)
    intervals = bootstrap.bootstrap(counts, rng)
    found = goodness_of_fit(counts, rng)
    return {
        "bootstrap": {
            "draws": bootstrap.DRAWS,
            "largest_gap": bootstrap.largest_gap(intervals, ratings),
            "models": [asdict(each) for each in intervals],
        },
        "transitivity": asdict(found) if found else None,
        "elo": {
            "orders": elo.ORDERS,
            "models": [asdict(each) for each in elo.elo(counts, rng)],
        },
    }
