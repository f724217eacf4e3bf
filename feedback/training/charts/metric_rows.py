"""The metrics of a run as rows of a table: a name in words, a value, its interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

NAMES = {
    "accuracy": gettext_lazy("Accuracy"),
    "accuracy_where_longer_won": gettext_lazy("Accuracy where the longer answer won"),
    "accuracy_where_shorter_won": gettext_lazy("Accuracy where the shorter answer won"),
    "baseline_length_accuracy": gettext_lazy("Accuracy of “the longer answer wins”"),
    "baseline_majority_accuracy": gettext_lazy("Accuracy of “the side that usually wins”"),
    "baseline_reference_accuracy": gettext_lazy("Accuracy of the reference model"),
    "best_single_score": gettext_lazy("Score of the best single model"),
    "ece": gettext_lazy("Expected calibration error"),
    "implicit_accuracy": gettext_lazy("Accuracy of the implicit reward"),
    "log_loss": gettext_lazy("Log loss"),
    "n": gettext_lazy("Comparisons"),
    "n_prompts": gettext_lazy("Prompts"),
    "n_sampled": gettext_lazy("Sampled answers"),
    "oracle_score": gettext_lazy("Score of the best choice in hindsight"),
    "random_score": gettext_lazy("Score of random choices"),
    "routed_gain": gettext_lazy("Gain over the best single model"),
    "routed_score": gettext_lazy("Score of routed choices"),
}


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
        MetricRow(_name(name), _shown(value), _interval(metrics.get(f"{name}_ci")))
        for name, value in sorted(numbers.items(), key=lambda item: _place(item[0], metrics))
    ]


def _name(name: str) -> str:
    """Return the words for a metric; one that is not known keeps its name, capitalized."""
    return str(NAMES.get(name) or name.replace("_", " ").capitalize())


def _place(name: str, metrics: Mapping[str, Any]) -> tuple[bool, bool, str]:
    return f"{name}_ci" not in metrics, name.startswith("baseline"), name


def _shown(value: float) -> str:
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else f"{value:.4f}"


def _interval(ends: Any) -> str:
    if not isinstance(ends, list) or len(ends) != 2:
        return ""
    return _("%(low)s to %(high)s") % {"low": _shown(ends[0]), "high": _shown(ends[1])}
