"""The metrics of a run as rows of a table: a name in words, a value, its interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A number with its 95 % interval, where it has one."""

    name: str
    value: str
    interval: str


def metric_rows(metrics: Mapping[str, Any]) -> list[MetricRow]:
    """Every number among the metrics: what has an interval first, counts last."""
    numbers = {name: value for name, value in metrics.items() if type(value) in (int, float)}
    return [
        MetricRow(name.replace("_", " "), _shown(value), _interval(metrics.get(f"{name}_ci")))
        for name, value in sorted(numbers.items(), key=lambda item: _place(item[0], metrics))
    ]


def _place(name: str, metrics: Mapping[str, Any]) -> tuple[bool, bool, str]:
    return f"{name}_ci" not in metrics, name.startswith("baseline"), name


def _shown(value: float) -> str:
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else f"{value:.4f}"


def _interval(ends: Any) -> str:
    if not isinstance(ends, list) or len(ends) != 2:
        return ""
    return f"{_shown(ends[0])} to {_shown(ends[1])}"
