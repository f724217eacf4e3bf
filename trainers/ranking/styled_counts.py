"""Votes summed up by pair, outcome and style: what a ranking controlled for style reads.

How much longer, or more laid out, one answer is than the other differs from vote to vote, and the
likelihood is no function of a few sums of it. Votes are therefore summed up in CELLS coarse cells
of style, and each row keeps the mean and the covariance of the differences of its votes; within a
row they are taken to be normal (docs/decisions/0013-style-in-the-tally.md measures the error).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from trainers.arrays import Bools, Floats, Ints
from trainers.data.style import FEATURES
from trainers.ranking.counts import LIGHTEST, PairCounts

# model_a, model_b, choice, n, sum of weights, of their squares, MOMENTS sums
Row = tuple[str, str, str, float, float, float, Iterable[float]]

EDGES: Final = (-0.25, 0.25)  # of a difference: one has clearly less, they are alike, clearly more
CELLS: Final = 9  # three of length by three of layout
PRODUCTS: Final = tuple(zip(*np.triu_indices(len(FEATURES)), strict=True))
MOMENTS: Final = len(FEATURES) + len(PRODUCTS)


@dataclass(frozen=True, slots=True)
class StyledCounts:
    """Counts by pair, outcome and cell, with what is known of the differences f of each row.

    mean: (rows, k) means of f, first less second, weighted. spread: (rows, k, k) their
    covariances. Votes whose texts are not known have f = 0. texts: judgments whose texts are known.
    """

    counts: PairCounts
    mean: Floats
    spread: Floats
    texts: int

    @classmethod
    def from_rows(cls, rows: Iterable[Row], texts: int) -> Self:
        """From sums: of the weights, and of the weights times the entries of `moments(f)`.

        Judgments without weight say nothing. Raises ValueError for an unknown choice.
        """
        known = [row for row in rows if row[3] > 0 and row[4] > LIGHTEST and row[0] != row[1]]
        counts = PairCounts.from_weighted(row[:6] for row in known)
        sums = np.array([list(row[6]) for row in known], dtype=np.float64).reshape(-1, MOMENTS)
        average = sums / counts.count[:, None]
        k = len(FEATURES)
        mean, spread = average[:, :k], np.zeros((len(known), k, k))
        for place, (i, j) in enumerate(PRODUCTS, start=k):
            covariance = average[:, place] - mean[:, i] * mean[:, j]
            spread[:, i, j] = spread[:, j, i] = covariance
        return cls(counts, mean, spread, texts)

    def scale(self) -> Floats:
        """(k,): the root mean square of each difference over the votes that have any; 0 for none.

        A side is first or second by chance or by name, so that the mean says nothing.
        """
        squares = np.einsum("rkk->rk", self.spread) + self.mean**2
        weight = np.where(squares.any(axis=1), self.counts.count, 0.0)
        return np.asarray(np.sqrt(np.maximum(weight @ squares, 0.0) / max(weight.sum(), LIGHTEST)))

    def standardised(self, scale: Floats, kept: Bools) -> tuple[Floats, Floats]:
        """The means and covariances of the kept features in units of their scale."""
        unit = scale[kept]
        mean = self.mean[:, kept] / unit
        spread = self.spread[:, kept][:, :, kept] / np.outer(unit, unit)
        return mean, spread


def cells(f: Floats) -> Ints:
    """(n,): the cell in 0..CELLS-1 of differences (n, 4): by length, and by the mean of layout."""
    layout = f[:, 1:].mean(axis=1)
    return np.asarray(3 * np.digitize(f[:, 0], EDGES) + np.digitize(layout, EDGES))


def moments(f: Floats) -> Floats:
    """(n, MOMENTS): the differences, and their products two by two in the order of PRODUCTS."""
    products = [f[:, i] * f[:, j] for i, j in PRODUCTS]
    return np.column_stack([f, *products])
