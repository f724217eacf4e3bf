"""Three estimates of a router's value, each with a standard error and a 95 % interval.

No weight is clipped, since that would bias the estimate by an unknown amount: a log that does not
support the router is reported as such, in `warnings`.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.off_policy.terms import Terms
from trainers.statistics.intervals import Estimate, clustered_mean

FEWEST = 2  # decisions and clusters, below which there is no error to state
LARGEST_SHARE = 0.1  # of all weight that one decision may carry
MIN_EFFECTIVE = 100.0  # decisions that the weights must be worth
MIN_CLUSTERS = 20  # people: with fewer the intervals are too short
MAX_IMBALANCE = 3.0  # standard errors that the mean weight may lie from what it must be

HEAVY, FEW, PEOPLE = "one decision weighs too much", "too few decisions", "too few people"
UNSUPPORTED, BALANCE = "choices that could not be shown", "propensities do not add up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What a log says of a router: three estimates, and how far it can be trusted.

    n            decisions
    effective_n  equally weighted decisions that these are worth
    max_weight   the largest importance weight
    warnings     why the intervals should not be trusted; empty where nothing speaks against it
    """

    ips: Estimate
    snips: Estimate
    dr: Estimate
    n: int
    effective_n: float
    max_weight: float
    warnings: tuple[str, ...]


def estimates(terms: Terms, cluster: Ints) -> Estimates | None:
    """Return all three, or None where there are fewer than two decisions or clusters.

    cluster: [n], the number of the person who made each decision.
    """
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
    """Return IPS: the mean of w r, plus what is known (Horvitz & Thompson, JASA 47, 1952).

    Unbiased where every choice could be shown; the variance grows with the weights.
    """
    return _estimate(terms, terms.known, terms.reward, cluster)


def self_normalised(terms: Terms, cluster: Ints) -> Estimate:
    """Return SNIPS: sum w r / sum w in place of the mean of w r (Swaminathan & Joachims 2015).

    Biased by O(1/n), but never outside the rewards, and unmoved by a constant added to them. Of
    two answers only the share 1 - rho(c) is estimated so, the rest is known. The error is the delta
    method's: that of the mean of each decision's influence. NaN where no choice was ever shown.
    """
    share, known = float(terms.share.mean()), float(terms.known.mean())
    weight = float(terms.weight.mean())
    # No logged decision showed the router's choice: the ratio would be 0 / 0.
    if weight == 0.0:
        return Estimate(value=float("nan"), error=float("nan"))
    ratio = float((terms.weight * terms.reward).mean()) / weight
    # Both parts have mean nil: of this estimate only the error is of use.
    base = ratio * (terms.share - share) + terms.known - known
    influence = _estimate(terms, base, share / weight * (terms.reward - ratio), cluster)
    return Estimate(value=share * ratio + known, error=influence.error)


def doubly_robust(terms: Terms, cluster: Ints) -> Estimate:
    """Return DR: the mean of the direct value plus w times its residual (Dudik et al. 2011).

    Unbiased with exact propensities whatever the direct model says; the better it is, the shorter
    the interval. It must not have seen the rewards: the caller gives it decisions it never saw.
    """
    return _estimate(terms, terms.direct, terms.residual, cluster)


def _estimate(terms: Terms, base: Floats, gain: Floats, cluster: Ints) -> Estimate:
    """Return the mean of base + w gain, [n] each, with the larger of two errors.

    The one between clusters is what the log shows. The other knows the weights' squares from the
    propensities: V(base) + sum_d E(w_d^2) s^2 / n^2 with s^2 = sum w gain^2 / sum w. A log that
    missed the rare decisions of great weight looks certain to the first, and not to the second:
    with the first alone 95 % intervals of a router that the log barely supports held the truth in
    45 to 62 % of simulated logs.
    """
    weight = terms.weight
    # By person: decisions of one person are not independent evidence.
    seen = clustered_mean(base + weight * gain, cluster)
    # Without any weight nothing was observed: 1 is the most that the square of a reward can be.
    spread = float(weight @ np.square(gain)) / float(weight.sum()) if weight.any() else 1.0
    # An infinite square belongs to a choice that could not be shown; `warnings` says so, and an
    # infinite error would say nothing of the others.
    possible = terms.square[np.isfinite(terms.square)].sum() * spread / len(weight) ** 2
    expected = np.sqrt(clustered_mean(base, cluster).error ** 2 + possible)
    return Estimate(value=seen.value, error=max(seen.error, float(expected)))


def effective_n(terms: Terms) -> float:
    """Return how many equally weighted decisions these are worth: (sum w)^2 / sum w^2 (Kish 1965).

    With the weights' expectations from the propensities, where those say it is less.
    """
    total, square = float(terms.weight.sum()), float(np.square(terms.weight).sum())
    observed = total * total / square if square else 0.0
    # An infinite square, of a choice that could not be shown, makes it 0.
    return min(observed, float(terms.share.sum()) ** 2 / float(terms.square.sum()))


def warnings_of(terms: Terms, cluster: Ints) -> tuple[str, ...]:
    """Return why an interval should not be trusted; empty where nothing speaks against it."""
    weight = terms.weight
    # The expectation of a weight is `share`, whatever the rewards.
    excess = clustered_mean(weight - terms.share, cluster)
    found = {
        HEAVY: float(weight.max()) > LARGEST_SHARE * float(weight.sum()),
        FEW: effective_n(terms) < MIN_EFFECTIVE,
        PEOPLE: len(np.unique(cluster)) < MIN_CLUSTERS,
        UNSUPPORTED: not bool(np.isfinite(terms.square).all()),
        # The weights' mean is known beforehand: one that lies far off means wrong propensities.
        BALANCE: abs(excess.value) > MAX_IMBALANCE * excess.error,
    }
    return tuple(warning for warning, holds in found.items() if holds)
