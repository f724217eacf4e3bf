"""How the temperatures of the pairs spread while a model trains."""

from typing import Any, Final

import numpy as np
from torch import Tensor

from trainers.reward.config import RewardConfig

BINS: Final = 20
QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)


class TemperatureLog:
    """A histogram of tau from its smallest to its largest value, equal steps of its logarithm."""

    def __init__(self, config: RewardConfig) -> None:
        scaling = config.scaling
        self._plain = config.loss.type == "bradley_terry"
        top = min(scaling.tau_max, 1e3)
        self.edges = np.geomspace(scaling.tau0, max(top, scaling.tau0 * 1.001), BINS + 1)
        self.counts = np.zeros(BINS, np.int64)
        self.sum, self.smallest, self.largest = 0.0, 0, 0

    def add(self, tau: Tensor) -> None:
        """Count the temperatures of a batch, (n,)."""
        if self._plain:
            return
        values = tau.double().cpu().numpy()
        inside = np.clip(values, self.edges[0], self.edges[-1])
        places = np.clip(np.searchsorted(self.edges, inside, side="right") - 1, 0, BINS - 1)
        self.counts += np.bincount(places, minlength=BINS)
        self.sum += float(values.sum())
        self.smallest += int((values <= self.edges[0] * (1 + 1e-6)).sum())
        self.largest += int((values >= self.edges[-1] * (1 - 1e-6)).sum())

    def progress(self) -> dict[str, Any]:
        """For the progress line: the mean, and the histogram."""
        total = int(self.counts.sum())
        if not total:
            return {}
        tau = {"edges": self.edges.tolist(), "counts": self.counts.tolist()}
        return {"tau_mean": self.sum / total, "tau": tau}

    def card(self) -> dict[str, Any]:
        """For the artifact's card: quantiles and the shares at the two ends, too."""
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
        """The upper edge of the bin that holds this quantile."""
        place = int(np.searchsorted(np.cumsum(self.counts), share * self.counts.sum()))
        return float(self.edges[min(place, BINS - 1) + 1])
