"""Choosing a small set of prompts that stands for many: tinyBenchmarks' anchors; numpy only.

Maia Polo et al., "tinyBenchmarks" (arXiv 2402.14992), section 3: cluster the items by what they
tell of models, take the item nearest to each centre, and weigh it by the share of its cluster.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Bools, Floats, Ints

ROUNDS = 100  # of Lloyd's algorithm at most; a few dozen are enough for thousands of items


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """Row numbers of the chosen items, [n] ascending, and their weights [n], which sum to 1."""

    items: Ints
    weights: Floats

    def estimate(self, scores: Floats) -> float:
        """Return the mean score on all items that these scores [n] on the anchors stand for."""
        return float(self.weights @ scores)


def choose_anchors(items: Floats, count: int, seed: int = 0) -> Anchors:
    """Return at most `count` of the items [N, f], one a cluster under Euclidean distance.

    Equal items are one cluster, so that there are no more anchors than different items.
    """
    cluster = _nearest(items, _centres(items, count, np.random.default_rng(seed)))
    for _ in range(ROUNDS):
        moved = _nearest(items, _means(items, cluster))
        if (moved == cluster).all():
            break
        cluster = moved
    chosen = [_medoid(items, cluster == number) for number in range(cluster.max() + 1)]
    order = np.argsort(chosen)
    shares = np.bincount(cluster) / len(items)
    return Anchors(items=np.array(chosen, np.int64)[order], weights=shares[order])


def _centres(items: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return centres [at most count, f] by k-means++ (Arthur & Vassilvitskii, SODA 2007).

    Each next centre is drawn by its squared distance from those there are.
    """
    chosen = [int(rng.integers(len(items)))]
    # The squared distance to the nearest centre, [N].
    apart = np.square(items - items[chosen[0]]).sum(1)
    # A sum of nil: every item equals some centre already.
    while len(chosen) < count and apart.sum() > 0:
        chosen.append(int(rng.choice(len(items), p=apart / apart.sum())))
        apart = np.minimum(apart, np.square(items - items[chosen[-1]]).sum(1))
    return items[chosen]


def _nearest(items: Floats, centres: Floats) -> Ints:
    """Return each item's cluster [N]: its nearest centre; those nearest to none have no number."""
    # |x|^2 is the same for all centres of an item, so it is left out.
    gaps = np.square(centres).sum(1) - 2.0 * items @ centres.T  # [N, centres]
    return np.asarray(np.unique(gaps.argmin(1), return_inverse=True)[1], np.int64)


def _means(items: Floats, cluster: Ints) -> Floats:
    """Return the mean item of each cluster, [clusters, f]."""
    sums = np.zeros((cluster.max() + 1, items.shape[1]))
    # Clusters repeat, which plain indexing would miss.
    np.add.at(sums, cluster, items)
    return sums / np.bincount(cluster)[:, None]


def _medoid(items: Floats, inside: Bools) -> int:
    """Return the row of the item nearest to the mean of those inside [N].

    A mean is no prompt that could be asked; the item beside it is.
    """
    rows = np.flatnonzero(inside)
    gaps = np.square(items[rows] - items[rows].mean(0)).sum(1)
    return int(rows[gaps.argmin()])
