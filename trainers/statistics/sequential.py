"""Does a rater choose like the others? A test that may be looked at after every judgment.

Chatbot Arena (Chiang et al. 2024, arXiv 2403.04132, section 5) compares each of a visitor's votes
with the votes that others gave before on the same pair, and combines the p-values by Fisher's
method at five times fixed beforehand. Here the same comparison is bet on instead, so that every
time is a good one (Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World", chapter 8).

In a cell, such as a comparison or a pair of models, let c[k] be how often outcome k was chosen so
far, the new judgment x included, n in all. An outcome is the stranger the rarer it is, so

    p = (Σ {c[k] : c[k] < c[x]} + θ Σ {c[k] : c[k] = c[x]}) / n,   θ uniform on (0, 1).

Where all who judge a cell are exchangeable, these p are independent and uniform, whatever the
cells and however few judgments stand in them; a first judgment has p = θ and says nothing. The
mixture of power martingales, M = mean over e in EXPONENTS of Π e p^(e-1), then starts at 1 and is
expected to stay there, and the chance that it ever reaches 1 / alpha is at most alpha (Ville 1939).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from trainers.arrays import Floats, Indices

EXPONENTS: Final = (0.3, 0.5, 0.7, 0.85, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Martingales:
    """Evidence, in nats, that a rater does not choose like the others.

    log_m    ln M of the judgment's rater once the judgment is in, [judgments]
    highest  the largest ln M so far, at least 0, [raters]
    crossed  position of the judgment at which ln M first reached the bound, or -1, [raters]
    """

    log_m: Floats
    highest: Floats
    crossed: Indices


def p_values(cells: ArrayLike, choices: ArrayLike, ties: ArrayLike, *, n_choices: int) -> Floats:
    """Return each judgment's p against those before it in its cell, [judgments].

    The judgments are in the order in which they came. cells, choices: [judgments] whole numbers
    from 0. ties: [judgments], θ in (0, 1), drawn when the judgment was made: drawn anew, p would
    change under the martingale that has already bet on it.
    """
    cell, choice = np.asarray(cells, dtype=np.intp), np.asarray(choices, dtype=np.intp)
    theta = np.asarray(ties, dtype=np.float64)
    if not cell.size:
        return np.zeros(0)
    # Stable: within a cell the judgments stay in the order in which they came.
    order = np.argsort(cell, kind="stable")
    starts = _group_starts(cell[order])
    # c[k] up to and with each judgment, [judgments, choices]
    counts = np.empty((len(order), n_choices))
    for k in range(n_choices):
        counts[:, k] = _running_sum((choice[order] == k).astype(np.float64), starts)
    # c[x], 1 or more, since the judgment counts itself: [judgments, 1]
    own = np.take_along_axis(counts, choice[order][:, None], axis=1)
    rarer = (counts * (counts < own)).sum(axis=1)
    equal = (counts * (counts == own)).sum(axis=1)
    p = np.empty(len(order))
    # Never 0, since θ > 0 and `equal` holds the judgment itself: its logarithm is taken next.
    p[order] = (rarer + theta[order] * equal) / counts.sum(axis=1)
    return p


def martingales(p: ArrayLike, raters: ArrayLike, *, n_raters: int, alpha: float) -> Martingales:
    """Bet against each rater; `alpha` is the chance of ever raising a false alarm for one.

    p: [judgments] from `p_values`, in the same order. raters: [judgments] whole numbers.
    """
    logs, rater = np.log(np.asarray(p, dtype=np.float64)), np.asarray(raters, dtype=np.intp)
    # Stable again: a martingale is a sequence of bets, each made before the next judgment.
    order = np.argsort(rater, kind="stable")
    starts = _group_starts(rater[order])
    bets = np.empty((len(EXPONENTS), len(order)))
    for row, exponent in zip(bets, EXPONENTS, strict=True):
        # ln Π e p^(e-1). Over uniform p a factor's mean is ∫ e p^(e-1) dp = 1: the bet is fair.
        row[:] = _running_sum(np.log(exponent) + (exponent - 1) * logs[order], starts)
    log_m = np.empty(len(order))
    # The logarithm of the mean of the martingales, which is one, too.
    log_m[order] = np.logaddexp.reduce(bets, axis=0) - np.log(len(EXPONENTS))
    highest = np.zeros(n_raters)  # ln M = 0 before the first judgment
    np.maximum.at(highest, rater, log_m)
    crossed = np.full(n_raters, -1, dtype=np.intp)
    # Backwards: of equal indices the last assignment, the earliest judgment, stays.
    over = np.flatnonzero(log_m >= -np.log(alpha))[::-1]
    crossed[rater[over]] = over
    return Martingales(log_m=log_m, highest=highest, crossed=crossed)


def _group_starts(sorted_groups: Indices) -> Indices:
    """Return where the group of each row begins, [n], of groups that lie together."""
    first = np.r_[True, sorted_groups[1:] != sorted_groups[:-1]]
    begin = np.flatnonzero(first)
    return np.asarray(np.repeat(begin, np.diff(np.r_[begin, len(sorted_groups)])))


def _running_sum(values: Floats, starts: Indices) -> Floats:
    """Return the sum from the beginning of each row's group up to the row, [n]."""
    total = np.cumsum(values)
    # One cumulative sum over all groups, less what came before the row's own group began.
    return np.asarray(total - (total - values)[starts])
