"""Three estimates of a router's value, each with a standard error and a 95 % interval.

Nothing is clipped: a log that does not support the router is said to, in `warnings`.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.off_policy.terms import Terms
from trainers.statistics.intervals import Estimate, clustered_mean

FEWEST = 2  # decisions and clusters, below which there is no error to state
LARGEST_SHARE = 0.1  # of all weight that one decision may carry
LEAST_EFFECTIVE = 100.0  # decisions that the weights must be worth
LEAST_CLUSTERS = 20  # people: with fewer the intervals are too short
OFF_BALANCE = 3.0  # standard errors that the mean weight may lie from what it must be

HEAVY, FEW, PEOPLE = "one decision weighs too much", "too few decisions", "too few people"
UNSUPPORTED, BALANCE = "choices that could not be shown", "propensities do not add up"


@dataclass(frozen=True, slots=True)
class Estimates:
    """What a log says of a router: three estimates, and how far it can be trusted."""

    ips: Estimate
    snips: Estimate
    dr: Estimate
    n: int
    effective_n: float
    max_weight: float
    warnings: tuple[str, ...]


def estimates(terms: Terms, cluster: Ints) -> Estimates | None:
    """All three, or None where there are fewer than two decisions or clusters."""
    if len(terms.weight) < FEWEST or len(np.unique(cluster)) < FEWEST:
        return None
    return Estimates(
        ips=inverse_propensity(terms, cluster),
        snips=self_normalised(terms, cluster),
        dr=doubly_robust(terms, cluster),
        n=len(terms.weight),
        effective_n=effective_n(terms),
        max_weight=float(terms.weight.max()),
        warnings=warnings_of(terms, cluster),
    )


def inverse_propensity(terms: Terms, cluster: Ints) -> Estimate:
    """IPS: mean of w r, plus what is known (Horvitz & Thompson 1952).

    Unbiased where every choice could be shown; the variance grows with the weights.
    """
    return _estimate(terms, terms.known, terms.reward, cluster)


def self_normalised(terms: Terms, cluster: Ints) -> Estimate:
    """SNIPS: sum w r / sum w in place of the mean of w r (Swaminathan & Joachims 2015).

    Biased by O(1/n), but never outside the rewards, and unmoved by a constant added to them. In a
    duel only the share 1 - rho(c) is estimated so, the rest is known. The error is the delta
    method's: that of the mean of each decision's influence.
    """
    share, known = float(terms.share.mean()), float(terms.known.mean())
    weight = float(terms.weight.mean())
    if weight == 0.0:
        return Estimate(value=float("nan"), error=float("nan"))
    ratio = float((terms.weight * terms.reward).mean()) / weight
    base = ratio * (terms.share - share) + terms.known - known
    influence = _estimate(terms, base, share / weight * (terms.reward - ratio), cluster)
    return Estimate(value=share * ratio + known, error=influence.error)


def doubly_robust(terms: Terms, cluster: Ints) -> Estimate:
    """DR: mean of the direct model's value plus w times its residual (Dudik, Langford & Li 2011).

    Unbiased with exact propensities whatever the direct model says; the better it is, the shorter
    the interval. It must not have seen the rewards: the caller gives it decisions it never saw.
    """
    return _estimate(terms, terms.direct, terms.residual, cluster)


def _estimate(terms: Terms, base: Floats, gain: Floats, cluster: Ints) -> Estimate:
    """The mean of base + w gain, with the larger of two errors.

    The one between clusters is what the log shows. The other knows the weights' squares from the
    propensities: V(base) + sum_d E(w_d^2) s^2 / n^2 with s^2 = sum w gain^2 / sum w. A log that
    missed the rare decisions of great weight looks certain to the first, and not to the second.
    """
    weight = terms.weight
    seen = clustered_mean(base + weight * gain, cluster)
    spread = float(weight @ np.square(gain)) / float(weight.sum()) if weight.any() else 1.0
    possible = terms.square[np.isfinite(terms.square)].sum() * spread / len(weight) ** 2
    expected = np.sqrt(clustered_mean(base, cluster).error ** 2 + possible)
    return Estimate(value=seen.value, error=max(seen.error, float(expected)))


def effective_n(terms: Terms) -> float:
    """How many equally weighted decisions these are worth: (sum w)^2 / sum w^2 (Kish 1965).

    With the weights' expectations from the propensities, where those say it is less.
    """
    total, square = float(terms.weight.sum()), float(np.square(terms.weight).sum())
    observed = total * total / square if square else 0.0
    return min(observed, float(terms.share.sum()) ** 2 / float(terms.square.sum()))


def warnings_of(terms: Terms, cluster: Ints) -> tuple[str, ...]:
    """Why an interval should not be trusted; empty where nothing speaks against it."""
    weight = terms.weight
    excess = clustered_mean(weight - terms.share, cluster)
    found = {
        HEAVY: float(weight.max()) > LARGEST_SHARE * float(weight.sum()),
        FEW: effective_n(terms) < LEAST_EFFECTIVE,
        PEOPLE: len(np.unique(cluster)) < LEAST_CLUSTERS,
        UNSUPPORTED: not bool(np.isfinite(terms.square).all()),
        BALANCE: abs(excess.value) > OFF_BALANCE * excess.error,
    }
    return tuple(words for words, holds in found.items() if holds)
