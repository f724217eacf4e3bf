"""The curves of a run as server-made SVG: lines of segments in percent, each with its table.

No script and no inline style (decision 0003). A chart holds one
quantity of one phase: validation in the accent colour, training quiet, a baseline dashed.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from feedback.training.charts.metric_names import SPLITS, metric_name

POINTS = 120  # more cannot be told apart at this width
LEFT, RIGHT, TOP, BOTTOM = 1.0, 99.0, 6.0, 94.0  # percent of the drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value at a step, and where it stands in the drawing."""

    step: int
    value: float
    x: str
    y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve; `role` is validation, train or other."""

    name: str
    role: str
    points: tuple[Point, ...]

    @property
    def segments(self) -> list[tuple[Point, Point]]:
        """Return neighbouring points, to be joined."""
        return list(zip(self.points, self.points[1:], strict=False))

    @property
    def last(self) -> Point:
        """Return the point beside which the label stands."""
        return self.points[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
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
        """Return what the chart says, for those who do not see it and those who do."""
        text = "; ".join(
            _("%(name)s went from %(first)s to %(last)s")
            % {
                "name": line.name,
                "first": f"{line.points[0].value:.4g}",
                "last": f"{line.last.value:.4g}",
            }
            for line in self.lines
        )
        return f"{text[:1].upper()}{text[1:]}."


def run_charts(events: Iterable[tuple[str, int, Mapping[str, Any]]]) -> list[Chart]:
    """Return charts of what was reported at two steps of a phase or more.

    `events` are (phase, step, metrics). What was measured on held-out data comes first.
    """
    families: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for phase, step, metrics in events:
        for name, value in metrics.items():
            if isinstance(value, int | float) and math.isfinite(value):
                family = families.setdefault((phase, _family(name)), {})
                family.setdefault(name, {})[step] = float(value)
    return [
        _chart(f"{phase.replace('_', ' ')}: {metric_name(name)}", curves)
        for (phase, name), family in sorted(families.items(), key=_is_not_validated)
        if (curves := {one: curve for one, curve in family.items() if len(curve) > 1})
    ]


def _is_not_validated(item: tuple[tuple[str, str], Mapping[str, Any]]) -> bool:
    """Return the sort key that puts what was measured on held-out data first."""
    return not any(name.startswith("validation_") for name in item[1])


def _family(name: str) -> str:
    for prefix in SPLITS:
        name = name.removeprefix(prefix)
    return name


def _chart(name: str, curves: Mapping[str, Mapping[int, float]]) -> Chart:
    steps = [step for curve in curves.values() for step in curve]
    values = [value for curve in curves.values() for value in curve.values()]
    first, last, low, high = min(steps), max(steps), min(values), max(values)
    reach = (high - low) or 1.0

    def place(step: int, value: float) -> Point:
        x = LEFT + (RIGHT - LEFT) * (step - first) / (last - first)
        y = BOTTOM - (BOTTOM - TOP) * (value - low) / reach
        return Point(step=step, value=value, x=f"{x:.2f}%", y=f"{y:.2f}%")

    lines = tuple(
        Line(
            name=metric_name(name),
            role=_role(name),
            points=tuple(place(*point) for point in _thin(curve)),
        )
        for name, curve in sorted(curves.items())
    )
    return Chart(name=name, lines=lines, low=low, high=high, first_step=first, last_step=last)


def _role(name: str) -> str:
    return next((prefix[:-1] for prefix in SPLITS if name.startswith(prefix)), "other")


def _thin(curve: Mapping[int, float]) -> list[tuple[int, float]]:
    """Return every point, or evenly spaced ones with the last."""
    points = sorted(curve.items())
    stride = math.ceil(len(points) / POINTS)
    kept = points[::stride]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
