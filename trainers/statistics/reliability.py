"""How well each rater agrees with the others, and what a judgment of theirs is worth beside one
of an average rater of their group.

A rater's own votes pull the consensus towards them, so each is held against the posterior that the
others give (equation 2.5 of Dawid & Skene without the vote at hand), P. The chance to be agreed
with is P[choice]; an average rater, whose matrix is G, may expect Pᵀ G P, and one who answers
without looking, with the rater's own habits h, may expect h P. The skill

    (mean P[choice] - mean h P) / (mean Pᵀ G P - mean h P)

is 1 for an average rater and 0 for one who guesses, whatever they favour. It is drawn towards 1 by
PRIOR judgments, so that nobody loses weight for a few, and cut to [0, 1] to be a weight.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from trainers.arrays import Floats, Indices
from trainers.statistics.consensus import Consensus, K
from trainers.statistics.intervals import wilson

PRIOR: Final = 15.0
LITTLE: Final = 0.05  # where an average rater does no better than this over chance, skill is moot


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """One entry a rater, [raters] each.

    compared   judgments of items that others judged too
    agreement  mean chance, in [0, 1], that the rater's choice is right by the others' posterior;
               NaN where nothing can be compared
    low, high  its 95 % Wilson interval
    weight     of a judgment beside one of an average rater of the group, in [0, 1]
    """

    compared: Indices
    agreement: Floats
    low: Floats
    high: Floats
    weight: Floats


def against_others(
    consensus: Consensus,
    items: ArrayLike,
    raters: ArrayLike,
    choices: ArrayLike,
    *,
    rater_groups: ArrayLike,
    weights: ArrayLike,
) -> Reliability:
    """Compare every vote with the other votes of its item; arguments as of `dawid_skene`.

    weights: [raters], what a vote of each counted for in the consensus.
    """
    item, rater, choice = (np.asarray(each, dtype=np.intp) for each in (items, raters, choices))
    groups = np.asarray(rater_groups, dtype=np.intp)
    n_raters = len(groups)
    # A vote that is alone on its item has no others to be compared with.
    kept = np.bincount(item, minlength=len(consensus.posteriors))[item] > 1
    item, rater, choice = item[kept], rater[kept], choice[kept]
    # P of the module's text, [votes, K].
    others = _without_own(
        consensus, item, rater, choice, np.asarray(weights, dtype=np.float64)[rater]
    )
    agreed = others[np.arange(len(item)), choice]  # P[choice], [votes]
    average = _group_matrices(consensus.confusions, groups, rater, n_raters)
    expected = np.einsum("vk,vkc,vc->v", others, average[groups[rater]], others)  # Pᵀ G P, [votes]
    # [raters, K]
    habits = np.bincount(rater * K + choice, minlength=n_raters * K).reshape(n_raters, K)
    compared = habits.sum(axis=1)
    # At least 1: a rater without a comparison has sums of 0, and must not divide 0 by 0.
    per_vote = np.maximum(compared, 1)[:, None]
    guessed = np.einsum("vk,vk->v", (habits / per_vote)[rater], others)  # h P, [votes]
    mean, hoped, chance = (
        np.bincount(rater, weights=values, minlength=n_raters) / per_vote[:, 0]
        for values in (agreed, expected, guessed)
    )
    # Where an average rater hardly beats chance the ratio is noise over noise.
    margin = hoped - chance
    skill = np.where(margin > LITTLE, (mean - chance) / np.maximum(margin, LITTLE), 1.0)
    # PRIOR judgments of skill 1. Above 1 nobody is believed more than an average rater.
    weight = np.clip((compared * skill + PRIOR) / (compared + PRIOR), 0, 1)
    low, high = wilson(mean, compared)
    return Reliability(
        compared=compared,
        agreement=np.where(compared > 0, mean, np.nan),
        low=low,
        high=high,
        weight=weight,
    )


def _without_own(
    consensus: Consensus, item: Indices, rater: Indices, choice: Indices, weight: Floats
) -> Floats:
    """Return the posterior of each vote's item from the other votes alone, [votes, K].

    The vote's own log-likelihood is taken off, which costs nothing; fitting anew without each vote
    would. The floor keeps a class of no posterior finite.
    """
    # The vote's own log-likelihood, were each class the truth: [votes, K].
    own = np.log(consensus.confusions)[rater, :, choice] * weight[:, None]
    scores = np.log(np.maximum(consensus.posteriors[item], 1e-300)) - own
    scores -= scores.max(axis=1, keepdims=True, initial=-np.inf)
    shares = np.exp(scores)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _group_matrices(confusions: Floats, groups: Indices, rater: Indices, n_raters: int) -> Floats:
    """Return the mean matrix of each group, its raters counted by their votes: [groups, K, K]."""
    # The 1e-9 makes a group in which nothing is compared the plain mean of its raters, not 0 / 0.
    votes = np.bincount(rater, minlength=n_raters).astype(np.float64) + 1e-9
    size = int(groups.max(initial=0)) + 1
    sums = np.zeros((size, K, K))
    np.add.at(sums, groups, confusions * votes[:, None, None])
    return np.asarray(
        sums / np.maximum(np.bincount(groups, votes, minlength=size), 1e-9)[:, None, None]
    )
