"""Which models to show, and the exact probability of every choice that could have been made.

From N posterior draws of the models' scores,
Thompson sampling shows the best model of one draw and, from another draw, the best of the others
(algorithms.md card 4; Dudík et al. 2015 for duels). Instead of using two draws once, the pair is
sampled from the two empirical distributions that all N draws make, so that the propensity which
is logged is the probability with which the pair was chosen, and not an estimate of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXPLORE_FLOOR = 0.05  # the share of choices made uniformly, whatever the scores say


@dataclass(frozen=True, slots=True)
class Policy:
    """How likely each choice is.

    single: (m,) the probability that a model is the one shown, where one is wanted.
    pairs: (m, m) the probability that model i stands first and model j second. It is symmetric:
    which of the two stands first is decided by a fair coin, so that position says nothing.
    """

    single: Floats
    pairs: Floats

    def sample(self, k: int, rng: np.random.Generator) -> tuple[int, ...]:
        """One model (k = 1), or two in the order to show (k = 2)."""
        table = self.single if k == 1 else self.pairs
        index = int(rng.choice(table.size, p=table.ravel() / table.sum()))
        return tuple(int(i) for i in np.unravel_index(index, table.shape))

    def propensity(self, chosen: tuple[int, ...]) -> float:
        """The probability of exactly these models in this order."""
        return float(self.single[chosen] if len(chosen) == 1 else self.pairs[chosen])

    def shown(self, k: int) -> Floats:
        """For each model, the probability that it is among the k shown; they sum to k."""
        shown: Floats = self.single if k == 1 else self.pairs.sum(axis=0) + self.pairs.sum(axis=1)
        return shown


def thompson(draws: Floats, floor: float = EXPLORE_FLOOR) -> Policy:
    """Two independent posterior draws, mixed with uniform choice.

    draws: (N, m) posterior draws of m scores. With p_i the share of draws that i wins, and q_ij
    the share that j wins once i is left out, the unordered pair {i, j} has the probability
    (1 − floor)·(p_i·q_ij + p_j·q_ji) + floor·2/(m(m−1)).
    """
    count, models = draws.shape
    best = draws.argmax(axis=1)
    wins = np.bincount(best, minlength=models) / count
    if models == 1:
        return Policy(wins, np.zeros((1, 1)))
    others = draws.copy()
    others[np.arange(count), best] = -np.inf
    runner_up = others.argmax(axis=1)
    # Without i, a draw is won by its best model, or by the runner-up where i was the best.
    without = np.tile(wins, (models, 1))
    np.fill_diagonal(without, 0.0)
    np.add.at(without, (best, runner_up), 1.0 / count)
    return _explored(wins, wins[:, None] * without, floor)


def greedy(means: Floats, floor: float = EXPLORE_FLOOR) -> Policy:
    """The model, or the two, of the highest mean score (m,), mixed with uniform choice.

    Those that are level share evenly: nobody is first by name.
    """
    top = (means == means.max()).astype(np.float64)
    if means.size == 1:
        return Policy(top, np.zeros((1, 1)))
    rest = np.where(top > 0, -np.inf, means)
    second = top if top.sum() > 1 else (rest == rest.max()).astype(np.float64)
    pairs = np.outer(top, second) * (1.0 - np.eye(means.size))
    return _explored(top / top.sum(), pairs / pairs.sum(), floor)


def between(strong: float, floor: float = EXPLORE_FLOOR) -> Policy:
    """The first of two models with the chance `strong`, else the second; mixed with a fair coin.

    Where two are wanted, both are shown, and the coin says which stands first.
    """
    return _explored(np.array([strong, 1.0 - strong]), np.array([[0.0, 1.0], [0.0, 0.0]]), floor)


def _explored(single: Floats, pairs: Floats, floor: float) -> Policy:
    models = single.shape[0]
    uniform_pairs = (1.0 - np.eye(models)) / (models * (models - 1))
    return Policy(
        (1.0 - floor) * single + floor / models,
        (1.0 - floor) * (pairs + pairs.T) / 2.0 + floor * uniform_pairs,
    )
