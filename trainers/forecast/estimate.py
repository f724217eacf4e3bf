"""An expected accuracy and how far it may be off; numpy only."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Self


@dataclass(frozen=True, slots=True)
class Guess:
    """The 95 % interval is `value` ± `half`; in units of a score."""

    value: float
    half: float

    def and_also(self, other: Self) -> Self:
        """Of two independent guesses the mean, each weighed by its precision."""
        own, others = self.half**2, other.half**2
        if own + others == 0.0:
            return self
        value = (others * self.value + own * other.value) / (own + others)
        return type(self)(value, (own * others / (own + others)) ** 0.5)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, by Fisher's expansion: within 2 % from 3 degrees on."""
    z = NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / 4.0
    second = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    third = (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0
    return z + first / freedom + second / freedom**2 + third / freedom**3
