"""Adaptive preference scaling without a tensor: its three constants and the one root they need.

Source: Hong et al., "Adaptive Preference Scaling for RLHF", NeurIPS 2024, arXiv 2406.02764.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from trainers.errors import InputError

LOG_2 = math.log(2.0)

Variant = Literal["linear", "quadratic"]


@dataclass(frozen=True)
class PreferenceScaling:
    """Each pair i has its own temperature tau_i in [tau0, tau_max].

    rho0     radius, in nats, of the KL ball around a coin flip; in (0, log 2). The larger it is,
             the clearer a preference must be before its temperature rises.
    tau0     smallest temperature: what ambiguous pairs get.
    tau_max  largest temperature: what clear pairs get. tau0 = tau_max = 1 is Bradley–Terry.
    variant  "linear": the penalty of a temperature is (rho0 - log 2) tau, and only tau_max bounds
             it; "quadratic": rho0 tau^2 - tau log 2, which bounds it by itself (tau_max may be inf)
    """

    rho0: float = 0.1
    tau0: float = 0.1
    tau_max: float = 4.0
    variant: Variant = "linear"

    def __post_init__(self) -> None:
        """Refuse constants for which the inner problem has no solution."""
        if self.variant not in ("linear", "quadratic"):
            raise InputError(f"variant must be linear or quadratic, not {self.variant!r}")
        if not 0.0 < self.rho0 < LOG_2:
            raise InputError(f"rho0 must be in (0, log 2 = {LOG_2:.6f}), not {self.rho0}")
        if not 0.0 < self.tau0 < math.inf:
            raise InputError(f"tau0 must be a positive number, not {self.tau0}")
        if not self.tau0 <= self.tau_max:
            raise InputError(f"tau_max must be at least tau0 = {self.tau0}, not {self.tau_max}")
        if self.variant == "linear" and math.isinf(self.tau_max):
            raise InputError("tau_max must be finite: the linear penalty bounds no temperature")

    @cached_property
    def root(self) -> float:
        """x* > 0 with H(sigma(x*)) = log 2 - rho0: the |d| / tau at which a pair is indifferent."""
        return _entropy_root(LOG_2 - self.rho0)


def _logit_entropy(x: float) -> float:
    """H(sigma(x)) in nats for x >= 0, written without cancellation: log(1 + e^-x) + x sigma(-x)."""
    decay = math.exp(-x)
    return math.log1p(decay) + x * decay / (1.0 + decay)


def _entropy_root(entropy: float) -> float:
    """The x > 0 with H(sigma(x)) = entropy, by bisection to the last bit (H falls from log 2)."""
    low, high = 0.0, 1.0
    while _logit_entropy(high) > entropy:
        high *= 2.0
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (middle, high) if _logit_entropy(middle) > entropy else (low, middle)
    return high
