"""The metrics of a run as rows of a table: a name in words, a value, its interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from feedback.training.charts.metric_names import metric_name


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """A number with its 95 % interval, where it has one."""

    name: str
    value: str
    interval: str


def metric_rows(metrics: Mapping[str, Any]) -> list[MetricRow]:
    """Return every number among the metrics: what has an interval first, counts last."""
    numbers = {name: value for name, value in metrics.items() if type(value) in (int, float)}
    return [
        MetricRow(
            name=metric_name(name),
            value=_number(value),
            interval=_interval(metrics.get(f"{name}_ci")),
        )
        for name, value in sorted(numbers.items(), key=lambda item: _order(item[0], metrics))
    ]


def _order(name: str, metrics: Mapping[str, Any]) -> tuple[bool, bool, str]:
    return f"{name}_ci" not in metrics, name.startswith("baseline"), name


def _number(value: float) -> str:
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else f"{value:.4f}"


def _interval(ends: Any) -> str:
    if not isinstance(ends, list) or len(ends) != 2:
        return ""
    return _("%(low)s to %(high)s") % {"low": _number(ends[0]), "high": _number(ends[1])}
