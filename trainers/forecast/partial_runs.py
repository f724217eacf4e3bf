"""A model's accuracy on a benchmark from few of its questions, with a 95 % interval; numpy only.

Where enough models were run on nearly all questions, by gp-IRT (`trainers.forecast.irt`) from
whichever questions the model was run on. Each of the others in turn plays the model that was run
on these alone: how wrong the estimate is then gives the mixture and the interval. Where too few
models were, by PromptEval's table (`trainers.forecast.rasch`), or the plain mean where models have
seen too little for that; the interval is that of a share of as many questions.
"""

import numpy as np

from trainers.arrays import Bools, Floats
from trainers.forecast.estimate import AccuracyEstimate
from trainers.forecast.irt import fit_items, gp_irt, p_irt
from trainers.forecast.rasch import row_scores
from trainers.statistics.intervals import t_quantile, wilson

MIN_MODELS = 8  # that were run on nearly all questions: fewer do not tell items apart
FOLDS = 4
MIN_CELLS = 20  # questions a model, on average: of fewer the table is worse than plain means


class KnownItems:
    """Items fitted on models with nearly all scores, for models with few."""

    def __init__(self, whole: Floats) -> None:
        """Fit scores [M, N] in [0, 1] of MIN_MODELS models or more; NaN where not run."""
        self._whole = whole
        self._truth = np.nanmean(whole, 1)
        self._variance = float(np.nanvar(whole, 1).mean())  # v of `gp_irt`
        self._items = fit_items(whole)
        # A model whose scores had shaped the items would be estimated too well from them, and the
        # interval would come out too short: each fold's items are fitted without its models.
        folds = np.array_split(np.random.default_rng(0).permutation(len(whole)), FOLDS)
        self._folds = [(held, fit_items(np.delete(whole, held, axis=0))) for held in folds]

    def estimate(self, scores: Floats) -> AccuracyEstimate:
        """Estimate from scores [N], NaN where the model was not run, at least one a number."""
        seen = ~np.isnan(scores)
        plain, model, truth = self._cross_validated(seen)
        if len(truth) < MIN_MODELS:  # nearly all may still lack just these questions
            return _share(float(np.nanmean(scores)), int(seen.sum()))
        # How wrong p-IRT is on these very questions, b of `gp_irt`.
        error = float(np.sqrt(np.square(model - truth).mean()))

        def mixed(mean: Floats, by_model: Floats) -> Floats:
            return gp_irt(mean, by_model, int(seen.sum()), error, self._variance)

        # How wrong the mixture is, on the models that also set its one number, the share.
        off = float(np.sqrt(np.square(mixed(plain, model) - truth).mean()))
        rows = scores[None]
        value = mixed(np.nanmean(rows, 1), p_irt(self._items, rows))[0]
        # The error is itself estimated, from as many models: Student's t, not the normal.
        return AccuracyEstimate(value=float(value), half_width=t_quantile(len(truth) - 1) * off)

    def _cross_validated(self, seen: Bools) -> tuple[Floats, Floats, Floats]:
        """Return plain means and p-IRT of the known models on these questions alone, and the truth.

        seen: [N]. The three are [models with a score among them].
        """
        # Every known model as if it had been run on these questions alone.
        shown = np.where(seen, self._whole, np.nan)
        model = [p_irt(items, shown[held]) for held, items in self._folds]
        # The predictions lie fold after fold; the models are brought into that order.
        order = np.concatenate([held for held, _ in self._folds])
        ran = ~np.isnan(shown[order]).all(1)
        order = order[ran]
        return np.nanmean(shown[order], 1), np.concatenate(model)[ran], self._truth[order]


def sparse_estimates(scores: Floats, features: Floats) -> list[AccuracyEstimate]:
    """Estimate every model from scores [M, N], mostly NaN, and the models' features [M, f]."""
    seen = ~np.isnan(scores)
    counts, known = seen.sum(1), np.where(seen, scores, 0.0)
    if counts.sum() >= MIN_CELLS * (counts > 0).sum():
        values = np.clip(row_scores(known, seen, features), 0.0, 1.0)
    else:
        values = known.sum(1) / np.maximum(counts, 1)
    return [_share(*pair) for pair in zip(values.tolist(), counts.tolist(), strict=True)]


def _share(value: float, count: int) -> AccuracyEstimate:
    """Return a share of so many questions, with the farther end of its interval on both sides."""
    low, high = wilson(value, count)
    return AccuracyEstimate(value=value, half_width=max(value - float(low), float(high) - value))
