"""Adaptive preference scaling without a tensor: its three constants and the one root they need.

Source: Hong et al., "Adaptive Preference Scaling for RLHF", NeurIPS 2024, arXiv 2406.02764.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from trainers.settings.bounds import Range
from trainers.settings.config import Config

LOG_2 = math.log(2.0)


@dataclass(frozen=True, kw_only=True)
class ScalingConfig(Config):
    """Constants of adaptive preference scaling: each pair i has its own temperature tau_i.

    The bounds are those within which the inner problem over tau has a solution.
    """

    rho0: Annotated[float, Range(above=0, below=LOG_2)] = 0.1
    """radius, in nats, of the KL ball around a coin flip, below log 2; the larger it is, the
    clearer a preference must be before its temperature rises"""
    tau0: Annotated[float, Range(above=0)] = 0.1
    """smallest temperature: what ambiguous pairs get"""
    tau_max: Annotated[float, Range(above=0, most=math.inf)] = 4.0
    """largest temperature: what clear pairs get; tau0 = tau_max = 1 is Bradley–Terry"""
    variant: Literal["linear", "quadratic"] = "linear"
    """penalty of a temperature: "linear", (rho0 - log 2) tau, which only tau_max bounds; or
    "quadratic", rho0 tau^2 - tau log 2, which bounds it by itself (tau_max may be inf)"""

    def conflicts(self) -> Iterator[tuple[str, str]]:
        """Yield bounds of the temperature that leave none."""
        if self.tau_max < self.tau0:
            yield "tau_max", f"{self.tau_max} is not at least tau0 = {self.tau0}"
        if self.variant == "linear" and math.isinf(self.tau_max):
            yield "tau_max", "inf is not finite: the linear penalty bounds no temperature"

    @cached_property
    def root(self) -> float:
        """Return x* > 0 with H(sigma(x*)) = log 2 - rho0: the |d| / tau of an unclipped pair."""
        return _entropy_root(LOG_2 - self.rho0)


def _logit_entropy(x: float) -> float:
    """Return H(sigma(x)) in nats for x >= 0, without cancellation: log(1 + e^-x) + x sigma(-x)."""
    decay = math.exp(-x)  # x >= 0: it underflows to 0, never overflows
    return math.log1p(decay) + x * decay / (1.0 + decay)


def _entropy_root(entropy: float) -> float:
    """Return the x > 0 with H(sigma(x)) = entropy, by bisection to the last bit.

    H falls from log 2, so that there is one; once a run, so that speed does not matter.
    """
    low, high = 0.0, 1.0
    # H falls to 0, so that doubling passes the root and brackets it.
    while _logit_entropy(high) > entropy:
        high *= 2.0
    # Ends when no float lies between: the midpoint of neighbours rounds to one of them.
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (middle, high) if _logit_entropy(middle) > entropy else (low, middle)
    return high
