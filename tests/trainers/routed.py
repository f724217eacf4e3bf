"""Simulated decision logs: the truth of every model on every question is known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.off_policy.log import Log

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Routed:
    """`logits` (questions, models) are the truth: model i beats j with chance sigma(s_i - s_j).

    `pairs` (questions, models, models): how likely the logging router shows i first and j second.
    """

    logits: Array
    pairs: Array

    @property
    def shown(self) -> Array:
        """How likely each model is among the two shown, (questions, models)."""
        shown: Array = self.pairs.sum(1) + self.pairs.sum(2)
        return shown

    def value(self, choice: Ints) -> float:
        """The truth of docs/algorithms/off-policy.md for a choice (questions,), in plain loops."""
        total = 0.0
        for question, c in enumerate(choice):
            for j, shown in enumerate(self.shown[question]):
                total += shown / 2 * wins(self.logits[question, c] - self.logits[question, j])
        return total / len(choice)

    def log(self, questions: Ints, rng: np.random.Generator, person: Ints | None = None) -> Log:
        """A decision and a judgment for each of these questions."""
        models, rows = self.logits.shape[1], np.arange(len(questions))
        cumulative = self.pairs[questions].reshape(-1, models * models).cumsum(1)
        drawn = (rng.random((len(questions), 1)) * cumulative[:, -1:] > cumulative).sum(1)
        first, second = np.divmod(drawn, models)
        gaps = self.logits[questions, first] - self.logits[questions, second]
        return Log(
            decision=[f"d{row}" for row in rows],
            prompt=[f"q{question}" for question in questions],
            cluster=rows if person is None else person,
            starts=np.arange(len(questions) + 1) * models,
            model=[f"m{number}" for number in range(models)] * len(questions),
            propensity=self.shown[questions].ravel(),
            first=rows * models + first,
            second=rows * models + second,
            pair=self.pairs[questions, first, second],
            reward=(rng.random(len(questions)) < wins(gaps)).astype(np.float64),
        )


def routed(
    questions: int, models: int, seed: int, logging: Callable[[Array], Array], spread: float = 1.0
) -> Routed:
    """A rank-4 world; `logging` makes the pairs' chances from a question's logits (models,)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(questions, 4)) @ rng.normal(size=(4, models)) * spread / 2
    return Routed(logits, np.stack([logging(row) for row in logits]))


def softmax_pairs(logits: Array, sharpness: float, floor: float) -> Array:
    """Pairs by the product of softmax shares, mixed with uniform pairs; symmetric."""
    share = np.exp(sharpness * (logits - logits.max()))
    pairs = np.outer(share, share) * (1.0 - np.eye(len(logits)))
    uniform = 1.0 - np.eye(len(logits))
    chances: Array = (1.0 - floor) * pairs / pairs.sum() + floor * uniform / uniform.sum()
    return chances


def wins(gap: Array) -> Array:
    """The chance to be preferred by a gap of logits."""
    return 1.0 / (1.0 + np.exp(-gap))
