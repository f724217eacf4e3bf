"""Vote counts by pair, outcome and style: what a ranking controlled for style reads.

How much longer, or more laid out, one answer is than the other differs from vote to vote, and the
likelihood is no function of a few sums of it. Votes are therefore compacted to CELLS coarse cells
of style, and each row keeps the mean and the covariance of the differences of its votes; within a
row they are taken to be normal (decision 0013 measures the error).
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StyledCounts:
    """Counts by pair, outcome and cell, with what is known of the differences f of each row.

    mean    weighted means of f, first less second, [rows, k]
    spread  their covariances, [rows, k, k]
    texts   judgments whose texts are known; the others have f = 0
    """

    counts: PairCounts
    mean: Floats
    spread: Floats
    texts: int

    @classmethod
    def from_rows(cls, rows: Iterable[Row], texts: int) -> Self:
        """Make counts from sums: of the weights, and of the weights times `moments(f)`.

        Judgments without weight say nothing. Raises ValueError for an unknown choice.
        """
        known = [row for row in rows if row[3] > 0 and row[4] > LIGHTEST and row[0] != row[1]]
        counts = PairCounts.from_weighted(row[:6] for row in known)
        # Reshaped because without rows numpy would see one dimension.
        sums = np.array([list(row[6]) for row in known], dtype=np.float64).reshape(-1, MOMENTS)
        # Weighted means of f and of its products, [rows, MOMENTS].
        average = sums / counts.count[:, None]
        k = len(FEATURES)
        mean, spread = average[:, :k], np.zeros((len(known), k, k))
        for column, (i, j) in enumerate(PRODUCTS, start=k):
            covariance = average[:, column] - mean[:, i] * mean[:, j]  # E[f_i f_j] - μ_i μ_j
            spread[:, i, j] = spread[:, j, i] = covariance
        return cls(counts=counts, mean=mean, spread=spread, texts=texts)

    def scale(self) -> Floats:
        """Return the root mean square [k] of each difference over the votes that have any.

        Not the standard deviation: a side is first or second by chance or by name, so that the
        mean says nothing. 0 where no vote has a difference.
        """
        # Variance + mean² of each feature, [rows, k].
        squares = np.einsum("rkk->rk", self.spread) + self.mean**2
        # A row without any difference is of judgments whose texts are not known, or alike.
        weight = np.where(squares.any(axis=1), self.counts.count, 0.0)
        return np.asarray(np.sqrt(np.maximum(weight @ squares, 0.0) / max(weight.sum(), LIGHTEST)))

    def standardised(self, scale: Floats, kept: Bools) -> tuple[Floats, Floats]:
        """Return the means and covariances of the kept features [k] in units of their scale [k]."""
        unit = scale[kept]
        mean = self.mean[:, kept] / unit
        spread = self.spread[:, kept][:, :, kept] / np.outer(unit, unit)
        return mean, spread


def cells(f: Floats) -> Ints:
    """Return the cell [n], in 0..CELLS-1, of differences [n, 4]: by length and mean of layout."""
    layout = f[:, 1:].mean(axis=1)
    return np.asarray(3 * np.digitize(f[:, 0], EDGES) + np.digitize(layout, EDGES))


def moments(f: Floats) -> Floats:
    """Return the differences and their products two by two, in PRODUCTS' order: [n, MOMENTS]."""
    products = [f[:, i] * f[:, j] for i, j in PRODUCTS]
    return np.column_stack([f, *products])
