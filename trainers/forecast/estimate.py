"""An expected accuracy and how far it may be off; numpy only."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class AccuracyEstimate:
    """The 95 % interval is `value` ± `half`; in units of a score."""

    value: float
    half: float

    def combine(self, other: Self) -> Self:
        """Of two independent guesses the mean, each weighed by its precision."""
        own, others = self.half**2, other.half**2
        if own + others == 0.0:
            return self
        value = (others * self.value + own * other.value) / (own + others)
        return type(self)(value, (own * others / (own + others)) ** 0.5)
