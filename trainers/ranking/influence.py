"""How few judgments, were they dropped, would change who is first.

Broderick, Giordano & Meager, "An automatic finite-sample robustness metric" (arXiv 2011.14999),
approximate what dropping data does to an estimate by its derivative; Huang, Shen, Wei & Broderick
(arXiv 2508.11847) apply it to Bradley–Terry rankings. Dropping a judgment of weight w with score
y, u = e_i - e_j, moves the strengths r by about

    Δr = w (p - y) H⁺ u,

so each lowers the leader's lead over a challenger by a known amount, and those that lower it most
go first. Judgments of one cell (a pair and an outcome) are exchangeable: the search is over cells,
and its cost does not grow with the number of judgments. The derivative leads; what it finds is
checked by fitting anew without those judgments, the search goes on from there until another model
is first, and of what was dropped on the way the shortest beginning that suffices is kept. So the
answer is true of the ratings as they are; a smaller set that the derivative does not see may exist.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from trainers.arrays import Floats
from trainers.ranking.bradley_terry import (
    difference,
    hessian,
    inverse,
    pseudo_ties,
    strengths,
    win_probability,
)
from trainers.ranking.counts import PairCounts

CHALLENGERS: Final = 3  # the models next to the leader that are tried
NO_LEAD: Final = 1e-9  # nats: by so little two fitted models with like records may differ
LARGEST_SHARE: Final = 0.5  # of all judgments; beyond it the answer says nothing any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """Without `dropped` judgments, `cells` of (row of the counts, how many), `challenger` is
    rated at least as high as `leader`; dropped is 0 and challenger empty where none was found."""

    leader: str
    challenger: str
    dropped: int
    cells: tuple[tuple[int, int], ...]


def fewest_to_unseat(counts: PairCounts) -> Influence:
    """Return the smallest set found over the leader's nearest challengers.

    The counts have two models at least.
    """
    r = strengths(counts).r
    order = np.argsort(-r, kind="stable")
    leader = int(order[0])
    best = Influence(leader=counts.models[leader], challenger="", dropped=0, cells=())
    limit = int(LARGEST_SHARE * counts.n.sum())
    # The nearest challengers first: each search stops where it needs more than the best so far.
    for challenger in order[1 : 1 + CHALLENGERS].tolist():
        found = _drops(counts, leader, challenger, limit)
        if found:
            found = _shortest(counts, leader, challenger, found)
            size = sum(number for _, number in found)
            # The next challenger is of interest only with fewer.
            limit = size - 1
            best = Influence(
                leader=counts.models[leader],
                challenger=counts.models[challenger],
                dropped=size,
                cells=_gathered(found),
            )
    return best


def without(counts: PairCounts, cells: list[tuple[int, int]]) -> PairCounts:
    """Return the counts less so many judgments of these rows, each of its row's mean weight."""
    left = counts.n.copy()
    for row, number in cells:
        left[row] -= number
    share = left / counts.n
    return replace(counts, n=left, count=counts.count * share, square=counts.square * share)


def _drops(
    counts: PairCounts, leader: int, challenger: int, limit: int
) -> list[tuple[int, int]] | None:
    """Return what to drop, in order, until the challenger is level; None beyond the limit."""
    dropped: list[tuple[int, int]] = []
    spent = 0
    while spent <= limit:
        now = without(counts, dropped)
        r = strengths(now).r
        lead = float(r[leader] - r[challenger])
        if lead <= NO_LEAD:
            return dropped
        gains = _gains(now, r, leader, challenger)
        # One past the limit is enough to end the search there.
        step = _take(gains, now.n, lead, limit + 1 - spent)
        if not step:
            return None
        dropped += step
        spent += sum(number for _, number in step)
    return None


def _gains(counts: PairCounts, r: Floats, leader: int, challenger: int) -> Floats:
    """Return by how much dropping one judgment of a row lowers the lead, [rows], in nats."""
    p = win_probability(difference(counts, r))
    # At least 1: a row that was dropped whole has n = 0, and a weight of 0 to divide.
    mean_weight = counts.count / np.maximum(counts.n, 1)
    inverted = inverse(hessian(counts, r, pseudo_ties(counts)))
    # (e_challenger - e_leader) H⁺ u for every row: one difference of two rows of H⁺.
    towards = inverted[challenger] - inverted[leader]
    return np.asarray(mean_weight * (p - counts.score) * difference(counts, towards))


def _take(gains: Floats, left: Floats, lead: float, limit: int) -> list[tuple[int, int]]:
    """Return judgments of the row that gains most, for half the lead at most.

    gains, left: [rows]. Then the derivative is taken anew, because far from where it was taken it
    misleads. Nothing where no row gains.
    """
    # n is a float: a row with less than half a judgment left has none.
    row = int(np.argmax(np.where(left > 0.5, gains, -np.inf)))
    if gains[row] <= 0:
        return []
    # One at least, so that the search always moves.
    return [(row, min(round(left[row]), limit, max(1, int(0.5 * lead / gains[row]))))]


def _shortest(
    counts: PairCounts, leader: int, challenger: int, dropped: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the shortest beginning of what was dropped that still unseats the leader.

    By bisection, which takes it that dropping more never brings the leader back; what is returned
    was itself fitted, so it unseats in any case.
    """
    low, high = 0, sum(number for _, number in dropped)
    while high - low > 1:
        middle = (low + high) // 2
        r = strengths(without(counts, _first(dropped, middle))).r
        if r[leader] - r[challenger] <= NO_LEAD:
            high = middle
        else:
            low = middle
    return _first(dropped, high)


def _first(dropped: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """Return the first `size` judgments of a list of (row, how many)."""
    kept = []
    for row, number in dropped:
        if size > 0:
            kept.append((row, min(number, size)))
            size -= number
    return kept


def _gathered(dropped: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return each row once, the first dropped first."""
    sums: dict[int, int] = {}
    for row, number in dropped:
        sums[row] = sums.get(row, 0) + number
    return tuple(sums.items())
