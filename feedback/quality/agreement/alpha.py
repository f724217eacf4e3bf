"""Krippendorff's alpha of judgments by a cohort.

The choice is nominal: a, b, tie and both bad are four different things. An aspect asks which answer
has more of it, so its values lie on a line: b, level, a (ordinal).
"""

from dataclasses import dataclass

import numpy as np

from feedback.quality.judgments import POSITION, Judgments
from trainers.arrays import Bools, Indices, Ints
from trainers.statistics.agreement import Alpha, Level, krippendorff_alpha
from trainers.statistics.consensus import K

LEVELS = {"b": 0, "tie": 1, "both_bad": 1, "a": 2}
# (K,): the level of an aspect at each position in the choices.
LEVEL_OF_CHOICE = np.array([LEVELS[choice] for choice in POSITION])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What was said about one thing; unit, rater, value: (ratings,), whole numbers from 0."""

    level: Level
    n_values: int
    unit: Indices
    rater: Indices
    value: Indices

    def alpha(self, members: Bools) -> Alpha:
        """Return alpha of those who are members, (raters,)."""
        own = members[self.rater]
        patterns, times = rating_patterns(self.unit[own], self.value[own], self.n_values)
        return krippendorff_alpha(patterns, times, self.level)


def ratings_of(judgments: Judgments, kept: Bools, aspect: str = "") -> Ratings:
    """Return what some of the judgments, (n,), say of an aspect; without one, which they chose."""
    if aspect:
        rows, said = judgments.aspects.of(aspect)
        rows, said = rows[kept[rows]], said[kept[rows]]
        level: Level = "ordinal"
        value, n_values = LEVEL_OF_CHOICE[said], len(set(LEVELS.values()))
    else:
        rows = np.flatnonzero(kept)
        level = "nominal"
        value, n_values = judgments.choice[rows], K
    # Numbered anew, so that a small campaign costs what is in it, not what is in the pool.
    _, unit = np.unique(judgments.comparison[rows], return_inverse=True)
    return Ratings(
        level=level, n_values=n_values, unit=unit, rater=judgments.rater[rows], value=value
    )


def rating_patterns(unit: Indices, value: Indices, n_values: int) -> tuple[Ints, Ints]:
    """Return how often each value was given, (patterns, n_values), and by how many units so.

    Units that were rated once say nothing of agreement and are left out. The patterns are in the
    order of their numbers, so that the bootstrap, which has a fixed seed, gives the same again.
    """
    size = int(unit.max(initial=-1)) + 1
    counts = np.bincount(unit * n_values + value, minlength=size * n_values)
    counts = counts.reshape(size, n_values)
    counts = counts[counts.sum(axis=1) > 1]
    # One whole number a pattern: unique rows are found by sorting, and these sort quicker.
    base = int(counts.max(initial=0)) + 1
    place = base ** np.arange(n_values - 1, -1, -1, dtype=np.int64)
    codes, times = np.unique(counts @ place, return_counts=True)
    return codes[:, None] // place % base, times
