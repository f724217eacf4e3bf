"""The page of the router asks the database as often for thirty models as for three."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.registry.models import ModelVersion
from feedback.routing.models import Threshold
from feedback.routing.services import models_route
from tests.feedback.builders import make_version
from tests.feedback.routing.artifacts import promoted

pytestmark = pytest.mark.django_db
ASKED = [{"role": "user", "content": "Which one?"}]
FEW, MANY = 3, 20


def test_queries_do_not_grow_with_models_decisions_thresholds_or_embeddings(
    olivia: Contributor, client_of: Callable[[Contributor], Client], tmp_path: Path
) -> None:
    made: list[ModelVersion] = []

    def make(count: int) -> None:
        for number in range(len(made), count):
            made.append(make_version(f"Model {number}"))
            models_route(messages=ASKED, candidates=made, k=1)
            promoted(tmp_path, olivia, {made[0].label: [0.0, float(number)]})
            if number:
                pair = {"strong": made[-1], "weak": made[0]}
                Threshold.objects.create(name=f"t{number}", share=0.5, **pair)

    def queries(ask: Callable[[], int]) -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as asked:
            assert ask() == 200
        return len(asked)

    browser = client_of(olivia)
    key = apikey_create(contributor=olivia, name="k", scopes=["models:write"])
    asks: list[Callable[[], int]] = [
        lambda: browser.get("/operate/router/").status_code,
        lambda: (
            Client()
            .get("/api/v1/thresholds/", headers={"Authorization": f"Bearer {key}"})
            .status_code
        ),
    ]
    make(FEW)
    for ask in asks:
        queries(ask)  # what a process remembers
    few = [queries(ask) for ask in asks]
    make(MANY)
    assert [queries(ask) for ask in asks] == few
