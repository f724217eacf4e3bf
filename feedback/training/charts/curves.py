"""The curves of a run as server-made SVG: lines of segments in percent, each with its table.

No script and no inline style (docs/decisions/0003-server-made-charts.md). A chart holds one
quantity of one phase: validation in the accent colour, training quiet, a baseline dashed.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

POINTS = 120  # more cannot be told apart at this width
PREFIXES = ("validation_", "train_", "test_")
LEFT, RIGHT, TOP, BOTTOM = 1.0, 99.0, 6.0, 94.0  # percent of the drawing


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a step, and where it stands in the drawing."""

    step: int
    value: float
    x: str
    y: str


@dataclass(frozen=True, slots=True)
class Line:
    """One curve; `role` is validation, train or other."""

    name: str
    role: str
    points: tuple[Point, ...]

    @property
    def segments(self) -> list[tuple[Point, Point]]:
        """Neighbouring points, to be joined."""
        return list(zip(self.points, self.points[1:], strict=False))

    @property
    def last(self) -> Point:
        """Where the label stands."""
        return self.points[-1]


@dataclass(frozen=True, slots=True)
class Chart:
    """All curves of one quantity, with the ends of its axes."""

    name: str
    lines: tuple[Line, ...]
    low: float
    high: float
    first_step: int
    last_step: int

    @property
    def sentence(self) -> str:
        """What the chart says, for those who do not see it and those who do."""
        parts = [
            f"{line.name} went from {line.points[0].value:.4g} to {line.last.value:.4g}"
            for line in self.lines
        ]
        return "; ".join(parts)[:1].upper() + "; ".join(parts)[1:] + "."


def run_charts(events: Iterable[tuple[str, int, Mapping[str, Any]]]) -> list[Chart]:
    """Charts of what was reported at two steps of a phase or more, by (phase, step, metrics)."""
    families: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for phase, step, metrics in events:
        for name, value in metrics.items():
            if isinstance(value, int | float) and math.isfinite(value):
                family = families.setdefault((phase, _family(name)), {})
                family.setdefault(name, {})[step] = float(value)
    return [
        _chart(f"{phase}: {name}", curves)
        for (phase, name), family in sorted(families.items(), key=_is_not_validated)
        if (curves := {one: curve for one, curve in family.items() if len(curve) > 1})
    ]


def _is_not_validated(item: tuple[tuple[str, str], Mapping[str, Any]]) -> bool:
    """What was measured on held-out data stands first."""
    return not any(name.startswith("validation_") for name in item[1])


def _family(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _chart(family: str, curves: Mapping[str, Mapping[int, float]]) -> Chart:
    steps = [step for curve in curves.values() for step in curve]
    values = [value for curve in curves.values() for value in curve.values()]
    first, last, low, high = min(steps), max(steps), min(values), max(values)
    reach = (high - low) or 1.0

    def place(step: int, value: float) -> Point:
        x = LEFT + (RIGHT - LEFT) * (step - first) / (last - first)
        y = BOTTOM - (BOTTOM - TOP) * (value - low) / reach
        return Point(step, value, f"{x:.2f}%", f"{y:.2f}%")

    lines = tuple(
        Line(_in_words(name), _role(name), tuple(place(*point) for point in _thin(curve)))
        for name, curve in sorted(curves.items())
    )
    return Chart(_in_words(family), lines, low, high, first, last)


def _role(name: str) -> str:
    return next((prefix[:-1] for prefix in PREFIXES if name.startswith(prefix)), "other")


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def _thin(curve: Mapping[int, float]) -> list[tuple[int, float]]:
    """Every point, or evenly spaced ones with the last."""
    points = sorted(curve.items())
    stride = math.ceil(len(points) / POINTS)
    kept = points[::stride]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
