"""Health by name, metrics, the schema, and who may see the operator's page."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from feedback.people.models import Contributor
from tests.feedback.builders import judge, make_comparison, make_contributor

pytestmark = pytest.mark.django_db
CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens


def test_alive_needs_no_part(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}


def test_ready_names_each_part_and_serves_without_the_others(
    client: Client, settings: Settings
) -> None:
    settings.EMBEDDINGS_URL = CLOSED
    answer = client.get("/readyz")
    checks = answer.json()["checks"]
    assert set(checks) == {"database", "migrations", "broker", "workers", "inference"}
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert checks["database"]["ok"]
    assert not checks["inference"]["ok"]


def test_a_missing_migration_is_not_ready(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'feedback'")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert "manage.py prepare" in answer.json()["checks"]["migrations"]["detail"]


def test_metrics_count_the_pool(client: Client) -> None:
    judge(make_comparison(), make_contributor(), "a")
    text = client.get("/metrics").content.decode()
    assert 'feedback_judgments{rater_kind="human"} 1.0' in text


def test_the_schema_describes_the_api(client: Client) -> None:
    schema = client.get("/api/schema/", headers={"Accept": "application/json"}).content.decode()
    for path in ("tasks/next/", "preferences/export/", "route/", "leaderboard/", "training-runs/"):
        assert f"/api/v1/{path}" in schema


def test_only_operators_see_the_operators_page(
    alice: Contributor,
    olivia: Contributor,
    stranger: Client,
    client_of: Callable[[Contributor], Client],
) -> None:
    assert client_of(olivia).get("/operate/").status_code == 200
    assert client_of(alice).get("/operate/").status_code == 403
    assert stranger.get("/operate/").status_code == 403
