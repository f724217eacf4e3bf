"""Histograms and reliability diagrams of a run, as server-made SVG in percent.

As the curves beside them: no script, attributes only, a table with each
(decision 0003).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOP, BOTTOM = 6.0, 94.0  # percent of the drawing's height
GAP = 0.15  # of a bar's width that stays empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A count between two edges, and the bar's coordinates in the drawing."""

    low: float
    high: float
    count: int
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """All bars of one quantity."""

    bars: tuple[Bar, ...]

    @property
    def total(self) -> int:
        """Return how many values there are in all bars."""
        return sum(bar.count for bar in self.bars)

    @property
    def fullest(self) -> Bar:
        """Return the bar that holds most."""
        return max(self.bars, key=lambda bar: bar.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Pairs of like confidence: how sure the model was, how often it was right, and where it is."""

    confidence: float
    accuracy: float
    low: float
    high: float
    n: int
    x: str
    y: str
    y_low: str
    y_high: str


def histogram(edges: Sequence[float], counts: Sequence[int]) -> Histogram | None:
    """Return bars of equal width, one a count, between neighbouring edges; None without a count."""
    if len(edges) != len(counts) + 1 or not any(counts):
        return None
    step, most = 100.0 / len(counts), max(counts)

    def bar(number: int, count: int) -> Bar:
        height = (BOTTOM - TOP) * count / most
        return Bar(
            low=edges[number],
            high=edges[number + 1],
            count=count,
            x=f"{step * (number + GAP / 2):.2f}%",
            y=f"{BOTTOM - height:.2f}%",
            width=f"{step * (1 - GAP):.2f}%",
            height=f"{height:.2f}%",
        )

    return Histogram(tuple(bar(number, count) for number, count in enumerate(counts)))


def last_histogram(events: Sequence[Mapping[str, Any]], name: str) -> Histogram | None:
    """Return the newest histogram of that name that a run reported."""
    for metrics in reversed(events):
        found = metrics.get(name)
        if isinstance(found, Mapping) and {"edges", "counts"} <= found.keys():
            return histogram(found["edges"], found["counts"])
    return None


def reliability(bins: Any) -> list[Bin]:
    """Return the bins of a reliability diagram, from the metrics of a reward model.

    Confidence runs from one half to one on both axes: it is that of the favoured side.
    """
    if not isinstance(bins, list):
        return []
    return [_bin(one) for one in bins if one.get("n")]


def _bin(found: Mapping[str, Any]) -> Bin:
    confidence, accuracy = float(found["confidence"]), float(found["accuracy"])
    low, high = float(found["low"]), float(found["high"])
    return Bin(
        confidence=confidence,
        accuracy=accuracy,
        low=low,
        high=high,
        n=int(found["n"]),
        x=f"{_percent(confidence, 0.5):.2f}%",
        y=f"{100 - _percent(accuracy, 0.0):.2f}%",
        y_low=f"{100 - _percent(low, 0.0):.2f}%",
        y_high=f"{100 - _percent(high, 0.0):.2f}%",
    )


def _percent(value: float, start: float) -> float:
    """Return how far along the axis from `start` to one a value lies, in percent."""
    share = (value - start) / (1.0 - start)
    return 100.0 * min(1.0, max(0.0, share if math.isfinite(share) else 0.0))
