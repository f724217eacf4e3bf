"""Bounds of a number, declared beside its type: `Annotated[float, Range(above=0)]`."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """An interval, open at `above` and `below`, closed at `least` and `most`.

    A number must be finite, except where `most` is infinity itself. `multiple_of` is for integers.
    """

    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None
    multiple_of: int | None = None

    def holds(self, value: float) -> bool:
        """Return whether a number lies within; NaN never does, since it compares false."""
        return (
            (math.isfinite(value) or value == self.most)  # infinity only where `most` names it
            and (self.above is None or value > self.above)
            and (self.least is None or value >= self.least)
            and (self.below is None or value < self.below)
            and (self.most is None or value <= self.most)
            and (self.multiple_of is None or value % self.multiple_of == 0)
        )

    def __str__(self) -> str:
        """Return the bounds in words, such as "above 0, below 1"."""
        parts = []
        if self.above is not None:
            parts.append(f"above {self.above:g}")
        if self.least is not None:
            parts.append(f"at least {self.least:g}")
        if self.below is not None:
            parts.append(f"below {self.below:g}")
        if self.most is not None and math.isfinite(self.most):
            parts.append(f"at most {self.most:g}")
        if self.multiple_of is not None:
            parts.append(f"a multiple of {self.multiple_of}")
        return ", ".join(parts)


FINITE = Range()
