"""Gauges for Prometheus, read from the database: every web process tells the same."""

from collections.abc import Iterable, Iterator

from django.db import connection
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

# name, help, label, statement of (label value, number). None counts the pool row by row.
GAUGES = (
    (
        "feedback_judgments",
        "Judgments that count in rankings, by kind of rater.",
        "rater_kind",
        "SELECT rater_kind, sum(n) FROM feedback_votetally WHERE topic_id IS NULL GROUP BY 1",
    ),
    (
        "feedback_training_runs",
        "Training runs by state.",
        "state",
        "SELECT state, count(*) FROM feedback_trainingrun GROUP BY 1",
    ),
    (
        "feedback_assignments_live",
        "Tasks that people hold now, by campaign.",
        "campaign",
        """SELECT c.slug, count(*) FROM feedback_assignment a
             JOIN feedback_task t ON t.id = a.task_id
             JOIN feedback_campaign c ON c.id = t.campaign_id
            WHERE a.state = 'live' GROUP BY 1""",
    ),
    (
        "feedback_routes_last_hour",
        "Routing decisions of the last hour, by fallback.",
        "fallback",
        """SELECT fallback, count(*) FROM feedback_modelroute
            WHERE created_at > now() - interval '1 hour' GROUP BY 1""",
    ),
    (
        "feedback_flawed_answers_last_hour",
        "Answers of the last hour of which a try was caught, by model version.",
        "version",
        """SELECT v.label, count(*) FROM feedback_response r
             JOIN feedback_modelversion v ON v.id = r.version_id
            WHERE r.flaw <> '' AND r.created_at > now() - interval '1 hour' GROUP BY 1""",
    ),
)


class Pool(Collector):
    """Reads the gauges when it is asked."""

    def collect(self) -> Iterable[Metric]:
        """Return one family a gauge."""
        return list(_families())


def _families() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        for name, text, label, statement in GAUGES:
            family = GaugeMetricFamily(name, text, labels=[label])
            cursor.execute(statement)
            for value, number in cursor.fetchall():
                family.add_metric([value], float(number))
            yield family


def exposition() -> bytes:
    """Return the text that Prometheus scrapes."""
    registry = CollectorRegistry()
    registry.register(Pool())
    return generate_latest(registry)
