"""Read the log of decisions as operators do: what was shown, for which reason, how fast."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from feedback.routing.models import ModelRoute, PolicyName
from feedback.routing.thresholds.selectors import threshold_names

NEWEST = 1000  # decisions that the summary is of
PAGE_SIZE = 25
USED = "used"  # the filter for decisions in which the prompt played its part

SUMMARY = """
WITH newest AS (SELECT * FROM feedback_modelroute ORDER BY id DESC LIMIT %(n)s)
SELECT count(*), percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency_ms)
  FROM newest
"""
REASONS = """
WITH newest AS (SELECT * FROM feedback_modelroute ORDER BY id DESC LIMIT %(n)s)
SELECT fallback, count(*) FROM newest GROUP BY fallback ORDER BY count(*) DESC, fallback
"""
# The third column is how often a model would have been shown, had every candidate been as likely.
SHARES = """
WITH newest AS (SELECT * FROM feedback_modelroute ORDER BY id DESC LIMIT %(n)s)
SELECT one->>'label', count(*) FILTER (WHERE (one->>'version')::uuid = ANY (chosen)),
       sum(cardinality(chosen)::float8 / jsonb_array_length(considered))
  FROM newest, jsonb_array_elements(considered) one
 GROUP BY 1 ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A model: times shown, and times it would have been, had every choice been even."""

    label: str
    shown: int
    even: float

    @property
    def ratio(self) -> float:
        """Return times shown per time of an even choice."""
        return self.shown / self.even


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The newest decisions: how many, how fast (p50, p95, p99 in ms), why not by the prompt."""

    decisions: int
    latencies_ms: tuple[float, ...]
    reasons: list[tuple[str, int]]
    shares: list[Share]

    @property
    def fallbacks(self) -> int:
        """Return the number of decisions for which the prompt was not used."""
        return sum(count for reason, count in self.reasons if reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Some decisions, the newest first, and where the next ones begin."""

    rows: Sequence[ModelRoute]
    before: str  # the decision to go on from; empty on the last page


def summary() -> Summary:
    """Summarise the newest decisions."""
    decisions, latencies = _rows(SUMMARY)[0]
    return Summary(
        decisions=decisions,
        latencies_ms=tuple(latencies or ()),
        reasons=[(reason, count) for reason, count in _rows(REASONS)],
        shares=[Share(label=label, shown=shown, even=even) for label, shown, even in _rows(SHARES)],
    )


def log_page(*, policy: str = "", fallback: str = "", before: str = "") -> LogPage:
    """Return decisions, the newest first, a page of them.

    `policy` and `fallback` (a reason not to use the prompt, or `used`) keep some of them; `before`
    is the public id of the decision to go on from. Each has `blind`: its models are not named yet.
    """
    found = _filtered(policy, fallback)
    if before:
        found = found.filter(id__lt=ModelRoute.objects.filter(public_id=before).values("id"))
    blind = ModelRoute.objects.blind().filter(pk=OuterRef("pk"))
    rows = list(found.annotate(blind=Exists(blind)).order_by("-id")[: PAGE_SIZE + 1])
    has_more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return LogPage(rows=rows, before=rows[-1].public_id if has_more else "")


def policies_known() -> list[str]:
    """Return every policy that a decision may have been made by."""
    return [*PolicyName.values, *threshold_names()]


def chosen_labels(route: ModelRoute) -> Iterable[str]:
    """Return the labels of the models that were shown, in their order."""
    labels = {one["version"]: one["label"] for one in route.considered}
    return [labels[str(version)] for version in route.chosen]


def _filtered(policy: str, fallback: str) -> QuerySet[ModelRoute]:
    found = ModelRoute.objects.all()
    if policy:
        found = found.filter(policy=policy)
    if fallback:
        found = found.filter(fallback="" if fallback == USED else fallback)
    return found


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"n": NEWEST})
        return list(cursor.fetchall())
