"""How the temperatures of pairs spread while a model trains."""

from typing import Any, Final

import numpy as np
from torch import Tensor

from trainers.objectives.scaling import ScalingConfig

BINS: Final = 20
QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
LARGEST_EDGE: Final = 1e3  # of the histogram, where tau_max is infinite


class TemperatureLog:
    """A histogram of tau from its smallest to its largest value, equal steps of its logarithm.

    Under the plain loss (`scaling` None) every temperature is 1: nothing is counted.
    """

    def __init__(self, scaling: ScalingConfig | None) -> None:
        self._plain = scaling is None
        known = scaling or ScalingConfig()
        top = min(known.tau_max, LARGEST_EDGE)
        # tau0 = tau_max is one temperature, but a histogram needs two different ends.
        self.edges = np.geomspace(known.tau0, max(top, known.tau0 * 1.001), BINS + 1)
        self.counts = np.zeros(BINS, np.int64)
        self.sum, self.smallest, self.largest = 0.0, 0, 0

    def add(self, tau: Tensor) -> None:
        """Count the temperatures of a batch, tau[n]."""
        if self._plain:
            return
        values = tau.double().cpu().numpy()
        inside = np.clip(values, self.edges[0], self.edges[-1])
        # Bin i is [edge i, edge i + 1), and the last one holds its upper edge too.
        bins = np.clip(np.searchsorted(self.edges, inside, side="right") - 1, 0, BINS - 1)
        self.counts += np.bincount(bins, minlength=BINS)
        # Of the values as they are: the mean is not clipped to the ends of the histogram.
        self.sum += float(values.sum())
        # Clipped temperatures are float32 and the edges float64: equal within a relative 1e-6.
        self.smallest += int((values <= self.edges[0] * (1 + 1e-6)).sum())
        self.largest += int((values >= self.edges[-1] * (1 - 1e-6)).sum())

    def progress(self) -> dict[str, Any]:
        """Return what a progress line shows: the mean and the histogram."""
        total = int(self.counts.sum())
        if not total:
            return {}
        tau = {"edges": self.edges.tolist(), "counts": self.counts.tolist()}
        return {"tau_mean": self.sum / total, "tau": tau}

    def card(self) -> dict[str, Any]:
        """Return what an artifact's card holds: quantiles and the shares at the two ends, too."""
        total = int(self.counts.sum())
        if not total:
            return {}
        return {
            **self.progress(),
            **{f"tau_q{round(100 * q)}": self.quantile(q) for q in QUANTILES},
            "tau_at_smallest": self.smallest / total,
            "tau_at_largest": self.largest / total,
        }

    def quantile(self, share: float) -> float:
        """Return the upper edge of the bin that holds this quantile."""
        found = int(np.searchsorted(np.cumsum(self.counts), share * self.counts.sum()))
        return float(self.edges[min(found, BINS - 1) + 1])
