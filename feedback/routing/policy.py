"""Which models to show, and the exact probability of every choice that could have been made.

From N posterior draws of the models' scores, Thompson sampling shows the best model of one draw
and, from another draw, the best of the others (Dudík et al. 2015 for duels;
docs/algorithms/routing-policies.md). Instead of using two draws once, the pair is sampled from the
two empirical distributions that all N draws make, so that the propensity which is logged is the
probability with which the pair was chosen, and not an estimate of it.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Bools, Floats

EXPLORE_FLOOR = 0.05  # the share of choices made uniformly, whatever the scores say
CLEARLY = 0.975  # the probability from which on a model is clearly the worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The probability of each choice among m models.

    single: [m] the probability that a model is the one shown, where one is wanted.
    pairs: [m, m] the probability that model i stands first and model j second. It is symmetric:
    which of the two stands first is decided by a fair coin, so that position says nothing.
    """

    single: Floats
    pairs: Floats

    def sample(self, k: int, rng: np.random.Generator) -> tuple[int, ...]:
        """Draw one model (k = 1), or two in the order to show (k = 2); return their rows."""
        table = self.single if k == 1 else self.pairs
        index = int(rng.choice(table.size, p=table.ravel() / table.sum()))
        return tuple(int(i) for i in np.unravel_index(index, table.shape))

    def propensity(self, chosen: tuple[int, ...]) -> float:
        """Return the probability of exactly these models in this order."""
        return float(self.single[chosen] if len(chosen) == 1 else self.pairs[chosen])

    def shown(self, k: int) -> Floats:
        """Return for each model [m] the probability that it is among the k shown; the sum is k."""
        shown: Floats = self.single if k == 1 else self.pairs.sum(axis=0) + self.pairs.sum(axis=1)
        return shown


def thompson(draws: Floats, floor: float = EXPLORE_FLOOR) -> Policy:
    """Return the policy of two independent posterior draws, mixed with uniform choice.

    draws: [N, m] posterior draws of m scores. With p_i the share of draws that i wins, and q_ij
    the share that j wins once i is left out, the unordered pair {i, j} has the probability
    (1 − floor)·(p_i·q_ij + p_j·q_ji) + floor·2/(m(m−1)).
    """
    count, models = draws.shape
    best = draws.argmax(axis=1)
    wins = np.bincount(best, minlength=models) / count
    if models == 1:
        return Policy(single=wins, pairs=np.zeros((1, 1)))
    others = draws.copy()
    others[np.arange(count), best] = -np.inf
    runner_up = others.argmax(axis=1)
    # Without i, a draw is won by its best model, or by the runner-up where i was the best.
    without = np.tile(wins, (models, 1))
    np.fill_diagonal(without, 0.0)
    # Unlike `without[best, runner_up] += …` this counts a pair as often as it comes.
    np.add.at(without, (best, runner_up), 1.0 / count)
    return _explored(wins, wins[:, None] * without, floor)


def clearly_worst(draws: Floats, known: Bools) -> int | None:
    """Return the row of the model that is clearly worse than every other one; None without one.

    draws: [N, m]; known: [m] whether there is evidence about a model. Clearly worse is the model
    that is strictly below all others in at least 97.5 % of the draws, so there is at most one.
    What is believed of a model without evidence is the prior, whatever the others are like, and
    the prior is no reason to hide it.
    """
    if draws.shape[1] == 1:
        return None
    lowest = draws == draws.min(axis=1, keepdims=True)
    alone = lowest & (lowest.sum(axis=1, keepdims=True) == 1)
    worst = int(alone.sum(axis=0).argmax())
    return worst if known[worst] and alone[:, worst].mean() >= CLEARLY else None


def held_back(draws: Floats, row: int | None) -> Floats:
    """Return the draws [N, m] in which the model of that row, if there is one, always is last.

    A policy made of them shows it by exploration alone, unless all others are shown beside it.
    """
    if row is None:
        return draws
    lowered = draws.copy()
    lowered[:, row] = draws.min() - 1.0
    return lowered


def greedy(means: Floats, floor: float = EXPLORE_FLOOR) -> Policy:
    """Return the policy of the highest mean scores [m], mixed with uniform choice.

    Those that are level share evenly: nobody is first by name.
    """
    top = (means == means.max()).astype(np.float64)
    if means.size == 1:
        return Policy(single=top, pairs=np.zeros((1, 1)))
    rest = np.where(top > 0, -np.inf, means)
    # Where several are level at the top, both models of the pair are of them.
    second = top if top.sum() > 1 else (rest == rest.max()).astype(np.float64)
    pairs = np.outer(top, second) * (1.0 - np.eye(means.size))
    return _explored(top / top.sum(), pairs / pairs.sum(), floor)


def between(strong: float, floor: float = EXPLORE_FLOOR) -> Policy:
    """Return the policy that shows the first of two models with the chance `strong`.

    It is mixed with a fair coin. Where two are wanted, both are shown, and the coin says which
    stands first.
    """
    return _explored(np.array([strong, 1.0 - strong]), np.array([[0.0, 1.0], [0.0, 0.0]]), floor)


def _explored(single: Floats, pairs: Floats, floor: float) -> Policy:
    """Mix with uniform choice, and let a coin say which of two stands first."""
    models = single.shape[0]
    uniform_pairs = (1.0 - np.eye(models)) / (models * (models - 1))
    return Policy(
        single=(1.0 - floor) * single + floor / models,
        pairs=(1.0 - floor) * (pairs + pairs.T) / 2.0 + floor * uniform_pairs,
    )
