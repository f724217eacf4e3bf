"""Simulated leagues: votes between models of known strength whose answers differ in style."""

from dataclasses import dataclass

import numpy as np

from trainers.data.style import relative_difference
from trainers.ranking.styled_counts import Row, StyledCounts, cells, moments

CHOICES = np.array(["a", "b", "tie"])


@dataclass(frozen=True, slots=True)
class League:
    """Votes one by one: models (n,), (n,), outcomes 0 won, 1 lost, 2 tied, differences (n, 4)."""

    truth: np.ndarray
    first: np.ndarray
    second: np.ndarray
    outcome: np.ndarray
    f: np.ndarray

    @property
    def names(self) -> list[str]:
        return [f"m{index:03d}" for index in range(len(self.truth))]

    @property
    def score(self) -> np.ndarray:
        return np.array([1.0, 0.0, 0.5])[self.outcome]

    def one_by_one(self) -> StyledCounts:
        """A row for each vote: nothing is summed up."""
        return self._rows(np.arange(len(self.first)))

    def summed(self) -> StyledCounts:
        """Rows by pair, outcome and cell, as the tally and the snapshot's reader make them."""
        size = len(self.truth)
        pair = (self.first * size + self.second) * 3 + self.outcome
        return self._rows(pair * 9 + cells(self.f))

    def _rows(self, keys: np.ndarray) -> StyledCounts:
        _, at, row = np.unique(keys, return_index=True, return_inverse=True)
        n = np.bincount(row).astype(float)
        sums = np.stack([np.bincount(row, column) for column in moments(self.f).T], axis=1)
        names = self.names
        rows: list[Row] = [
            (names[self.first[i]], names[self.second[i]], CHOICES[self.outcome[i]], m, m, m, s)
            for i, m, s in zip(at, n.tolist(), sums, strict=True)
        ]
        return StyledCounts.from_rows(rows, len(self.first))


def styled_league(
    rng: np.random.Generator, *, models: int, votes: int, c: tuple[float, ...]
) -> League:
    """Better models write a little longer; c is what a standard difference adds to the logit."""
    truth = np.linspace(-1, 1, models)
    first = rng.integers(0, models, votes)
    second = (first + rng.integers(1, models, votes)) % models
    length = 5.3 + 0.3 * truth + rng.normal(0, 0.35, models)
    often = np.exp(rng.normal([-0.5, 0.3, 0.8], 0.8, (models, 3)))
    asked = rng.normal(0, 0.6, votes)
    sides = []
    for side in (first, second):
        long = np.exp(length[side] + asked + rng.normal(0, 0.45, votes)).astype(int) + 5
        dressed = rng.gamma(0.6, 1 / 0.6, votes)[:, None]
        laid_out = rng.poisson(often[side] * dressed * (long / 250)[:, None])
        sides.append(np.column_stack([long, laid_out]).astype(float))
    f = relative_difference(*sides)
    standard = f / np.sqrt((f**2).mean(axis=0))
    p = 1 / (1 + np.exp(-(truth[first] - truth[second] + standard @ np.array(c))))
    return League(truth, first, second, outcomes(rng, p), f)


def outcomes(rng: np.random.Generator, p: np.ndarray) -> np.ndarray:
    """0 won, 1 lost, 2 tied; ties take equally from both, so that the mean score is p."""
    ties = 0.5 * np.minimum(p, 1 - p)
    drawn = rng.random(len(p))
    return np.where(drawn < p - ties / 2, 0, np.where(drawn < 1 - ties, 1, 2))
