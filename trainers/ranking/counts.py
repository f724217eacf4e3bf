"""Vote counts by pair and outcome: what a ranking reads, however many votes there were."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from trainers.arrays import Bools, Floats, Indices
from trainers.data.choices import SCORES

LIGHTEST = 1e-6  # weight below this is what rounding leaves of weights that were taken back


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """`n[j]` judgments gave `first[j]` a score of `score[j]` against `second[j]`.

    models  names, sorted
    first   positions in `models`, [rows]
    second  positions in `models`, [rows]
    score   in {1, ½, 0}, [rows]
    count   sums of the judgments' weights, [rows]; n where each weighs 1
    square  sums of the squares of those, [rows]
    n       judgments, [rows], positive

    A model against itself says nothing and is left out.
    """

    models: tuple[str, ...]
    first: Indices
    second: Indices
    score: Floats
    count: Floats
    square: Floats
    n: Floats

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[str, str, str, float]]) -> Self:
        """Make counts from (model_a, model_b, choice, count), each judgment weighing 1."""
        # Each weighs 1: the sum of the weights and that of their squares are both the count.
        return cls.from_weighted((*row, row[3], row[3]) for row in rows)

    @classmethod
    def from_weighted(cls, rows: Iterable[tuple[str, str, str, float, float, float]]) -> Self:
        """Make counts from (model_a, model_b, choice, n, sum of weights, sum of their squares).

        Judgments without any weight say nothing and are left out. Raises ValueError for an
        unknown choice.
        """
        known = [row for row in rows if row[3] > 0 and row[4] > LIGHTEST and row[0] != row[1]]
        models = tuple(sorted({model for row in known for model in row[:2]}))
        position = {model: index for index, model in enumerate(models)}
        for row in known:
            if row[2] not in SCORES:
                raise ValueError(f"unknown choice {row[2]!r}")
        return cls(
            models=models,
            first=np.array([position[row[0]] for row in known], dtype=np.intp),
            second=np.array([position[row[1]] for row in known], dtype=np.intp),
            score=np.array([SCORES[row[2]] for row in known], dtype=np.float64),
            count=np.array([row[4] for row in known], dtype=np.float64),
            square=np.array([row[5] for row in known], dtype=np.float64),
            n=np.array([row[3] for row in known], dtype=np.float64),
        )

    def judged(self) -> Floats:
        """Return in how many judgments each model took part, [models]."""
        return self.per_model(self.n, self.n)

    def per_model(self, firsts: Floats, seconds: Floats) -> Floats:
        """Return the sums [models] of a value of each row's first model and one of its second.

        firsts, seconds: [rows].
        """
        size = len(self.models)
        sums = np.zeros(size)
        sums += np.bincount(self.first, weights=firsts, minlength=size)
        sums += np.bincount(self.second, weights=seconds, minlength=size)
        return sums

    def laplacian(self, weights: Floats) -> Floats:
        """Return the sum of w u uᵀ over the rows, u = e_first - e_second; [models, models].

        weights w: [rows]. The Laplacian of the graph of pairings: each row of it sums to zero.
        """
        size = len(self.models)
        between = np.zeros((size, size))
        # A pair has several rows (outcomes, either side first): `between[…] += …` would keep one.
        np.add.at(between, (self.first, self.second), weights)
        between += between.T
        return np.diag(between.sum(axis=1)) - between

    def identified(self) -> Bools:
        """Return the largest group of models whose strengths the votes identify, [models].

        Within it the likelihood has a finite maximum: each model can be reached from each along
        "scored against" (Ford, American Mathematical Monthly 64, 1957). All are False where no
        two models are such a group.
        """
        size = len(self.models)
        # Every model reaches itself: squaring then keeps the shorter paths beside the longer.
        scored = np.eye(size, dtype=bool)
        present = self.count > 0
        # A tie is a score against each other, of both.
        won, lost = present & (self.score > 0), present & (self.score < 1)
        scored[self.first[won], self.second[won]] = True
        scored[self.second[lost], self.first[lost]] = True
        reached = _closure(scored)
        # Row i: the models that reach i and are reached from it, its strongly connected component.
        together = reached & reached.T
        largest = together[np.argmax(together.sum(axis=1))] if size else np.zeros(0, dtype=bool)
        return largest if largest.sum() > 1 else np.zeros(size, dtype=bool)


def _closure(edges: Bools) -> Bools:
    """Return what can be reached from where, [models, models], by squaring the relation.

    Each square doubles the length of the paths, so that log2(models) products suffice; float32,
    because a product of booleans is not done by BLAS.
    """
    while True:
        longer = (edges.astype(np.float32) @ edges.astype(np.float32)) > 0
        if np.array_equal(longer, edges):
            return edges
        edges = longer
