"""Pages and REST of models ask the database as often for thirty models as for three."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feedback.registry.models import Topic
from feedback.routing.new_models.models import PosteriorSource
from feedback.routing.new_models.posteriors import posteriors_forget
from feedback.routing.new_models.refresh import posterior_write
from feedback.training.models import Checkpoint, CheckpointState, Kind, TrainingRun
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version
from tests.feedback.routing.artifacts import promoted
from trainers.model_vectors.posterior import Prior

pytestmark = pytest.mark.django_db

FEW, MANY = 3, 30


@pytest.fixture
def known(tmp_path: Path) -> Callable[[int], None]:
    """So many models, each with a speciality, a lineage, a judgment, and a place on the map."""
    person, made = make_contributor("olivia"), []

    def make(count: int) -> None:
        topic, _ = Topic.objects.get_or_create(slug="law", defaults={"name": "Law"})
        for number in range(len(made), count):
            version = make_version(f"Model {number}")
            version.model.topics.add(topic)
            run = TrainingRun.objects.create(kind=Kind.POLICY, config_digest="c", seed=number)
            Checkpoint.objects.create(
                run=run,
                kind=Kind.POLICY,
                version=number + 1,
                path="nowhere",
                digest="d",
                files={},
                state=CheckpointState.REPLACED,
                model_version=version,
            )
            for other in made[:1]:
                judge(make_comparison(None, other, version), person, "a")
            made.append(version)
        # All but the last two were trained; the last but one has joined, the last is unknown.
        vectors = {one.label: [float(n), float(n % 2)] for n, one in enumerate(made[:-2])}
        live = promoted(tmp_path, person, vectors)
        posterior_write(
            checkpoint=live,
            version_id=made[-2].pk,
            source=PosteriorSource.EVIDENCE,
            posterior=Prior(np.zeros(2), np.eye(2)),
            observations=1,
            evidence="1",
        )

    return make


def queries(client: Client, url: str) -> int:
    cache.clear()
    posteriors_forget()
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200
    return len(asked)


@pytest.mark.parametrize(
    "url",
    [
        "/models/",
        "/models/?view=map&near=model-0",
        "/models/?sort=rating",
        "/models/model-0/",
        "/api/v1/models/",
        "/api/v1/models/model-0/",
    ],
)
def test_queries_do_not_grow_with_the_models(
    client: Client, known: Callable[[int], None], url: str
) -> None:
    asked = []
    for count in (FEW, MANY):
        known(count)
        queries(client, url)  # what a process remembers of an embedding
        asked.append(queries(client, url))
    assert asked[0] == asked[1]
