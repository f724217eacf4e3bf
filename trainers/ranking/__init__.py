"""Rankings of models from pairwise judgments: Bradley–Terry with ties, on aggregated counts."""

from trainers.ranking.bradley_terry import ModelRating, fit
from trainers.ranking.counts import PairCounts

__all__ = ["ModelRating", "PairCounts", "fit"]
