"""Consensus: what raters of unequal reliability agree on, as a posterior over the choices.

Dawid & Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
Applied Statistics 28 (1979): every rater, person or AI judge, has a confusion matrix; the true
class of an item is latent. EM alternates their equations 2.3 (error rates from the posterior),
2.4 (class shares) and 2.5 (posterior from both).

Plain maximum likelihood gives a rater with two votes an extreme matrix, and lets a rare class
drift until it means something else. So each row of a rater's matrix has a Dirichlet prior,
centred on the pooled matrix of its group (people apart from AI judges) with its diagonal moved
by how accurate this rater is overall. A pooled row without votes has the group's accuracy on
the diagonal and its errors spread evenly. The decision record on consensus has the comparison
with simpler priors.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from trainers.arrays import Floats, Indices

CLASSES: Final = ("a", "b", "tie", "both_bad")  # in the order of every K below
K: Final = len(CLASSES)

# Pseudo-votes of a rater's prior, a row of the confusion matrix.
RATER_PRIOR: Final = 15.0
# Pseudo-votes of a rater's accuracy, at that of the group.
ACCURACY_PRIOR: Final = 4.0
# Pseudo-votes of a group's accuracy and of each row of its pooled matrix; the accuracy itself.
GROUP_PRIOR: Final = 4.0
GROUP_ACCURACY: Final = 0.7
# Pseudo-items of each class in the class shares.
SHARE_PRIOR: Final = 1.0

TOLERANCE: Final = 1e-5
MAX_ITERATIONS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """The result of `dawid_skene`; probabilities in [0, 1].

    posteriors     [items, K], each row sums to 1; an item without a vote has the class shares
    confusions     [raters, K (truth), K (vote)], each row sums to 1
    reliabilities  [raters], the probability that the rater says the truth
    shares         [K], how frequent each class is among the items
    iterations     EM steps done; MAX_ITERATIONS where it did not converge within TOLERANCE
    """

    posteriors: Floats
    confusions: Floats
    reliabilities: Floats
    shares: Floats
    iterations: int

    def posterior_of(
        self, items: ArrayLike, raters: ArrayLike, choices: ArrayLike, *, n_items: int
    ) -> Floats:
        """Return equation 2.5 for some votes of the fitted raters alone, [n_items, K]."""
        item, rater, choice = (np.asarray(each, dtype=np.intp) for each in (items, raters, choices))
        return _expect(
            self.confusions, self.shares, item, rater, choice, np.ones(len(item)), n_items
        )


def dawid_skene(
    items: ArrayLike,
    raters: ArrayLike,
    choices: ArrayLike,
    *,
    n_items: int,
    rater_groups: ArrayLike,
    rater_weights: ArrayLike | None = None,
) -> Consensus:
    """Fit Dawid–Skene to votes by EM.

    items, raters, choices  [votes], whole numbers: which item, which rater, and the position in
                            CLASSES of the vote; a rater may vote on an item more than once
    rater_groups            [raters], 0, 1 and so on: raters of one group share a pooled prior
    rater_weights           [raters] in [0, 1], what a vote of each counts for beside a whole one:
                            it enters the sums of 2.3 and the log-likelihood of 2.5 that many
                            times; by default every vote is whole

    Raises ValueError for a choice outside 0..K-1.
    """
    item = np.asarray(items, dtype=np.intp)
    rater = np.asarray(raters, dtype=np.intp)
    choice = np.asarray(choices, dtype=np.intp)
    groups = np.asarray(rater_groups, dtype=np.intp)
    weights = np.ones(len(groups)) if rater_weights is None else np.asarray(rater_weights, float)
    weight = weights[rater]  # [votes]
    if choice.size and not (choice.min() >= 0 and choice.max() < K):
        raise ValueError(f"choices must lie in 0..{K - 1}")
    # EM begins at the vote shares, as the paper does: from there the classes keep their meaning,
    # where a random start may end with two of them exchanged.
    posteriors = _vote_shares(item, choice, weight, n_items)
    confusions, shares = _maximise(posteriors, item, rater, choice, weight, groups)
    steps, change = 0, np.inf
    while change >= TOLERANCE and steps < MAX_ITERATIONS:
        steps += 1
        updated = _expect(confusions, shares, item, rater, choice, weight, n_items)
        # `initial` is for a pool without items, which has no change at all.
        change = float(np.abs(updated - posteriors).max(initial=0.0))
        posteriors = updated
        confusions, shares = _maximise(posteriors, item, rater, choice, weight, groups)
    # Σ_k P(truth is k) P(the rater says k | k): each class counts as often as it occurs.
    reliabilities = np.einsum("k,rkk->r", shares, confusions)
    return Consensus(
        posteriors=posteriors,
        confusions=confusions,
        reliabilities=reliabilities,
        shares=shares,
        iterations=steps,
    )


def _vote_shares(item: Indices, choice: Indices, weight: Floats, n_items: int) -> Floats:
    """Return the share of each choice among an item's votes, [items, K]; even without votes."""
    counts = np.bincount(item * K + choice, weight, minlength=n_items * K).reshape(n_items, K)
    votes = counts.sum(axis=1, keepdims=True)
    # The inner `where`: both branches are computed, and 0 / 0 would be NaN with a warning.
    return np.where(votes > 0, counts / np.where(votes > 0, votes, 1), 1 / K)


def _maximise(
    posteriors: Floats,
    item: Indices,
    rater: Indices,
    choice: Indices,
    weight: Floats,
    groups: Indices,
) -> tuple[Floats, Floats]:
    """Return equations 2.3 and 2.4, smoothed: confusions [raters, K, K] and shares [K]."""
    counts = np.empty((len(groups), K, K))  # [raters, truth, vote]
    # One bincount a class over (rater, choice): a scatter into three dimensions is far slower.
    said = rater * K + choice
    for truth in range(K):
        likely = weight * posteriors[item, truth]
        found = np.bincount(said, weights=likely, minlength=len(groups) * K)
        counts[:, truth, :] = found.reshape(-1, K)
    # The Dirichlet posterior mean: votes plus RATER_PRIOR pseudo-votes spread as the prior row.
    confusions = _rows_to_one(counts + RATER_PRIOR * _prior_matrices(counts, groups))
    shares = posteriors.sum(axis=0) + SHARE_PRIOR
    return confusions, shares / shares.sum()


def _prior_matrices(counts: Floats, groups: Indices) -> Floats:
    """Return what a rater's matrix is expected to be, [raters, K, K], from the votes of all.

    The pooled row of a truth k says it with probability p; a rater whose odds of being right
    are w times those of the group says it with odds w p / (1 - p), and errs like the group.
    """
    pooled = np.zeros((int(groups.max(initial=0)) + 1, K, K))  # [groups, K, K]
    # Not `pooled[groups] += counts`: of raters with the same group only the last would be added.
    np.add.at(pooled, groups, counts)
    # The diagonal holds the votes that are expected to be right, given the posterior of the truth.
    group_right, group_votes = np.einsum("gkk->g", pooled), pooled.sum(axis=(1, 2))
    group_accuracy = (group_right + GROUP_PRIOR * GROUP_ACCURACY) / (group_votes + GROUP_PRIOR)
    pooled = _rows_to_one(pooled + GROUP_PRIOR * _even_errors(group_accuracy))

    expected = group_accuracy[groups]
    right, votes = np.einsum("rkk->r", counts), counts.sum(axis=(1, 2))
    accuracy = (right + ACCURACY_PRIOR * expected) / (votes + ACCURACY_PRIOR)
    # In odds, so that a good rater on an easy class still has a probability below 1.
    # The pseudo-votes keep every accuracy strictly inside (0, 1): no odds are 0 or infinite.
    better = _odds(accuracy) / _odds(expected)
    odds = better[:, None] * _odds(np.einsum("gkk->gk", pooled))[groups]  # [raters, K]
    truthful = (odds / (1 + odds))[:, :, None]
    # What the group says when it errs: its rows without the diagonal, scaled to 1.
    errors = _rows_to_one(pooled * (1 - np.eye(K)))[groups]
    return np.asarray(truthful * np.eye(K) + (1 - truthful) * errors)


def _even_errors(accuracy: Floats) -> Floats:
    """Return matrices [n, K, K]: the truth with this accuracy [n], errors evenly on the rest."""
    wrong = ((1 - accuracy) / (K - 1))[:, None, None]
    return np.asarray(accuracy[:, None, None] * np.eye(K) + wrong * (1 - np.eye(K)))


def _odds(probability: Floats) -> Floats:
    """Return p / (1 - p)."""
    return np.asarray(probability / (1 - probability))


def _expect(
    confusions: Floats,
    shares: Floats,
    item: Indices,
    rater: Indices,
    choice: Indices,
    weight: Floats,
    n_items: int,
) -> Floats:
    """Return the posterior of every item's class, [items, K]: equation 2.5 in logarithms.

    A product of many votes' probabilities underflows; their logarithms are summed, and the largest
    is taken off before the exponential.
    """
    # Finite: the priors leave no entry of a matrix and no share at 0.
    logs = np.log(confusions)
    scores = np.tile(np.log(shares), (n_items, 1))  # [items, K]
    for truth in range(K):
        votes = weight * logs[rater, truth, choice]
        scores[:, truth] += np.bincount(item, weights=votes, minlength=n_items)
    scores -= scores.max(axis=1, keepdims=True, initial=-np.inf)
    return _rows_to_one(np.exp(scores))


def _rows_to_one(values: Floats) -> Floats:
    """Return the values scaled so that the last axis sums to 1."""
    return np.asarray(values / values.sum(axis=-1, keepdims=True))
