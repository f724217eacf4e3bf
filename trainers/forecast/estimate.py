"""An expected accuracy and how far it may be off."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyEstimate:
    """The 95 % interval is `value` ± `half_width`; both in units of a score."""

    value: float
    half_width: float

    def combine(self, other: Self) -> Self:
        """Return the inverse-variance mean of two independent estimates.

        Half widths stand in for standard errors: only their ratio counts. Of two exact estimates
        the first is returned.
        """
        own, others = self.half_width**2, other.half_width**2
        if own + others == 0.0:
            return self
        value = (others * self.value + own * other.value) / (own + others)
        return type(self)(value=value, half_width=(own * others / (own + others)) ** 0.5)
