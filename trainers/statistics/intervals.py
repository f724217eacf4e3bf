"""Intervals of 95 %, each written once: of a share, of a clustered mean, and Student's quantile."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from trainers.arrays import Floats, Ints

Z: Final = 1.959963984540054  # the normal quantile of a two-sided 95 % interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its standard error, both in the value's own unit."""

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """Return the normal 95 % interval, low and high."""
        return self.value - Z * self.error, self.value + Z * self.error


def wilson(share: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Return low and high of the interval of a share of n trials (Wilson, JASA 22, 1927).

    share, n: of one shape, or broadcast; n need not be whole (an effective number of trials).
    The interval is [0, 1] where there were no trials. Unlike the normal interval it stays within
    [0, 1] and has a width where all trials agreed.
    """
    p, count = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    # The ends are the two q that solve |p - q| = Z √(q (1 - q) / n), a quadratic in q. Without
    # trials centre and half are both 1/2.
    size = count + Z**2
    centre = (p * count + Z**2 / 2) / size
    # A mean share may lie past 1 by rounding, where p (1 - p) would be negative.
    half = Z / size * np.sqrt(np.maximum(p * (1 - p), 0) * count + Z**2 / 4)
    return np.maximum(centre - half, 0), np.minimum(centre + half, 1)


def clustered_mean(values: Floats, cluster: Ints) -> Estimate:
    """Return the mean of values [n] with its standard error between clusters [n].

    Liang & Zeger, Biometrika 73 (1986): G / (G - 1) times the sum of squares of the G clusters'
    sums of deviations, over n squared. Rows of one person are not independent evidence: what they
    deviate by adds up before it is squared. At least two clusters are needed; with fewer than
    some twenty the error is too small.
    """
    mean = float(values.mean())
    # Numbered from 0 without gaps, so that there is one sum for each cluster that occurs.
    _, number = np.unique(cluster, return_inverse=True)
    sums = np.bincount(number, values - mean)  # [G]; they sum to nil: squares need no centring
    count = len(sums)
    # G - 1, not G: the deviations are from a mean of the same data, which makes them too small.
    variance = count / (count - 1) * float(sums @ sums) / len(values) ** 2
    return Estimate(value=mean, error=float(np.sqrt(variance)))


def clustered_wilson(share: float, variance: float, clusters: float) -> tuple[float, float]:
    """Return low and high of a share whose variance between clusters is known.

    Wilson's interval on as many trials as have this variance, p (1 - p) / variance, and never on
    more than there are clusters. Where all agree the variance is nil, and the clusters themselves
    are the sample.
    """
    n = min(share * (1.0 - share) / variance, clusters) if variance > 0 else clusters
    low, high = wilson(share, n)
    return float(low), float(high)


def t_quantile(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t with `freedom` >= 1 degrees of freedom.

    Fisher's expansion (Abramowitz & Stegun 26.7.5), so that scipy is not needed for one number:
    within 2 % of the truth from three degrees on.
    """
    z = Z
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    third = (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0
    return z + first / freedom + second / freedom**2 + third / freedom**3
