"""What each logged decision says of the value of a router that serves one model a prompt.

Of two answers shown. Let P(i > j | x) be the probability that a person prefers model i to j on
prompt x (a tie and "both bad" count one half; P(i > i) = 1/2), e(j) the logged probability that j
is among the two shown, and rho(j) = e(j) / 2 the distribution of *a model shown*. A router that
serves c(x) is worth

    V = E_x [ sum_j rho(j) P(c(x) > j | x) ]

the share of people who prefer its choice to an average model shown. The opponent is the same
whoever is served: the win rate of a model against the opponents that it happened to meet would
rank a model that met weak ones above a better one that met strong ones. What was shown is itself
worth 1/2 by this measure.

Of a single answer. V = E_x [ E(thumb | x, c(x)) ], a thumb up counting 1 and down 0.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.off_policy.log import Log
from trainers.statistics.logistic import sigmoid


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One entry a decision; [n] each.

    weight    importance weight of the observed reward; 0 where the choice was not shown
    reward    what the choice earned, where it was shown
    share     expectation of the weight
    square    expectation of its square, or less (of two answers share^2 / e(c), by Cauchy-Schwarz);
              infinite where the log could not have shown the choice
    known     the part of the value that needs no observation: rho(c) / 2 of two answers
    direct    the value that the direct model predicts
    residual  the observed reward less what the direct model predicts of it
    """

    weight: Floats
    reward: Floats
    share: Floats
    square: Floats
    known: Floats
    direct: Floats
    residual: Floats

    @property
    def doubly_robust(self) -> Floats:
        """Return the decisions' doubly robust values [n], whose mean is the estimate."""
        values: Floats = self.direct + self.weight * self.residual
        return values


def best_of(log: Log, scores: Floats) -> Ints:
    """Return the index of each decision's highest score [N] among the considered models, [n].

    Of equal scores the model that was listed first wins.
    """
    # The last key counts first: by decision, from the highest score, then as listed.
    order = np.lexsort((np.arange(len(scores)), -scores, log.row))
    chosen: Ints = order[log.starts[:-1]]
    return chosen


def terms_of(log: Log, choice: Ints, logits: Floats) -> Terms:
    """Return the terms of a router that serves `choice` [n], indices into the N considered models.

    logits [N] are the direct model: sigma(s_i - s_j) is its P(i > j), sigma(s_i) its thumbs.
    """
    return (_of_singles if len(log) and log.second[0] < 0 else _of_pairs)(log, choice, logits)


def _of_pairs(log: Log, choice: Ints, logits: Floats) -> Terms:
    """Return the terms of decisions that showed two answers.

    With p the propensity of the ordered pair and either order equally likely, {i, j} is shown
    with probability 2 p, so rho(j) / (2 p) weighs the reward of c = i against j.
    """
    # Sums by decision, over models that lie side by side; reduceat needs an entry past the last.
    # Two are shown, so a decision's e(j) sum to 2: divided by their sum they are e(j) / 2.
    rho = log.propensity / np.add.reduceat(np.append(log.propensity, 0.0), log.starts)[log.row]
    is_first, is_second = log.first == choice, log.second == choice
    # Means nothing where the choice was not shown; the weight is nil there.
    other = np.where(is_first, log.second, log.first)
    weight = np.where(is_first | is_second, rho[other] / (2.0 * log.pair), 0.0)
    reward = np.where(is_first, log.reward, 1.0 - log.reward)
    # j = c is among them: σ(0) = 1/2 gives it rho(c) / 2, the part that is known.
    wins = rho * sigmoid(logits[choice][log.row] - logits)
    return Terms(
        weight=weight,
        reward=reward,
        share=1.0 - rho[choice],
        square=_over((1.0 - rho[choice]) ** 2, log.propensity[choice]),
        known=rho[choice] / 2.0,
        direct=np.asarray(np.bincount(log.row, wins, len(log)), np.float64),
        residual=reward - sigmoid(logits[choice] - logits[other]),
    )


def _of_singles(log: Log, choice: Ints, logits: Floats) -> Terms:
    """Return the terms of decisions that showed one answer."""
    expected = sigmoid(logits[choice])
    return Terms(
        # Of one answer `pair` is the propensity of that one.
        weight=np.where(log.first == choice, 1.0 / log.pair, 0.0),
        reward=log.reward,
        share=np.ones(len(log)),
        # E[w²] = p (1 / p)² = 1 / p.
        square=_over(np.ones(len(log)), log.propensity[choice]),
        known=np.zeros(len(log)),
        direct=expected,
        residual=log.reward - expected,
    )


def _over(above: Floats, below: Floats) -> Floats:
    """Return the quotient [n], infinite over zero."""
    quotient: Floats = np.divide(above, below, out=np.full(len(above), np.inf), where=below > 0.0)
    return quotient
