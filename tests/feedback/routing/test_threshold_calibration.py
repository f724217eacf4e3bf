"""A threshold rests on what decisions rest on: new models as they are believed in, real vectors."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone
from pytest_django import Settings

from feedback.operations.starter import FOLDER, starter_load
from feedback.pool.hashing import messages_hash
from feedback.pool.models import Turn
from feedback.registry.models import ModelVersion
from feedback.routing.models import Threshold
from feedback.routing.new_models.models import PosteriorSource
from feedback.routing.new_models.posteriors import posteriors_forget
from feedback.routing.new_models.refresh import posterior_write
from feedback.routing.prompt_vectors import client
from feedback.routing.prompt_vectors.backfill import prompts_encode
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.routing.services import models_route
from feedback.routing.thresholds.calibration import (
    decided_share,
    threshold_calibrate,
    thresholds_recalibrate,
)
from feedback.routing.thresholds.services import threshold_create
from feedback.training.models import Checkpoint
from tests.feedback.arena.openai.servers import inference_server
from tests.feedback.builders import make_version
from tests.feedback.routing.artifacts import promote, write_embedding
from tests.trainers.command_line import run
from trainers.artifacts import open_artifact
from trainers.model_vectors.posterior import Prior

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def nothing_known(settings: Settings) -> Iterator[None]:
    settings.ROUTING_DEADLINE_SECONDS = 60.0  # the machine may be slow
    client.client_of.cache_clear()
    posteriors_forget()
    yield
    client.client_of.cache_clear()
    posteriors_forget()


def recorded(count: int) -> list[list[dict[str, str]]]:
    """So many prompts whose vectors of two numbers are in the table."""
    rng, used = np.random.default_rng(3), PromptEncoder.objects.create(name="e", dimension=2)
    PromptEncoder.objects.update(adopted_at=timezone.now())
    asked = []
    for number in range(count):
        messages = [{"role": "user", "content": f"Question {number}?"}]
        vector = rng.normal(size=2).astype(np.float32)
        PromptVector.objects.create(
            encoder=used, dimension=2, vector=vector, content_hash=messages_hash(messages)
        )
        asked.append(messages)
    return asked


def learned(checkpoint: Checkpoint, version: ModelVersion, vector: list[float]) -> None:
    """What evidence says of a version, far from what it was believed to be before."""
    posterior_write(
        checkpoint=checkpoint,
        version_id=version.pk,
        source=PosteriorSource.EVIDENCE,
        posterior=Prior(np.array(vector), np.eye(2) * 0.01),
        observations=40,
        evidence=str(vector),
    )


def strong_share(models: list[ModelVersion], asked: list[list[dict[str, str]]]) -> float:
    """How many of the prompts the threshold itself sends to the strong model."""
    routes = [
        models_route(messages=one, candidates=models, k=1, policy="economy").route for one in asked
    ]
    assert {route.fallback for route in routes} == {""}
    return float(np.mean([route.strong_chance >= route.threshold for route in routes]))


@pytest.fixture
def embedding(tmp_path: Path) -> Checkpoint:
    vectors = np.array([[2.0, 0.0], [0.0, 0.0]])
    names = ["Old", "Weak"]
    return promote(
        write_embedding(tmp_path / "e", models=names, vectors=vectors, projection=np.eye(2))
    )


def test_a_new_model_is_calibrated_on_what_it_is_decided_by(embedding: Checkpoint) -> None:
    asked = recorded(100)
    models = [make_version("New"), make_version("Weak")]
    learned(embedding, models[0], [0.0, 3.0])
    threshold_create(name="economy", strong=models[0], weak=models[1], share=0.3, actor=None)
    assert strong_share(models, asked) == pytest.approx(decided_share(0.3), abs=0.011)


def test_news_of_either_model_calibrates_it_anew(embedding: Checkpoint) -> None:
    asked = recorded(100)
    models = [make_version("New"), make_version("Weak")]
    made = threshold_create(name="economy", strong=models[0], weak=models[1], share=0.3, actor=None)
    assert thresholds_recalibrate() == 0
    for moved, vector in ((models[0], [0.0, 3.0]), (models[1], [4.0, 1.0])):
        learned(embedding, moved, vector)
        before = made.threshold
        assert thresholds_recalibrate() == 1
        assert thresholds_recalibrate() == 0
        made.refresh_from_db()
        assert made.threshold != before
        assert strong_share(models, asked) == pytest.approx(decided_share(0.3), abs=0.011)
    learned(embedding, make_version("Old"), [1.0, 1.0])
    assert thresholds_recalibrate() == 0  # of a model that it has nothing to do with


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An embedding of the starter pool."""
    monkeypatch.setenv("TRAINERS_CACHE", str(tmp_path / "cache"))
    outcomes, pool, out = FOLDER / "outcomes.jsonl", tmp_path / "pool", tmp_path / "embedding"
    for command in (
        ["snapshot", "--from", outcomes, "--format", "outcomes", "--out", pool],
        ["embedding", "--snapshot", pool, "--out", out, "--set", "dimension=8"],
    ):
        assert run(*command).rows
    return out


@pytest.mark.processes
def test_the_share_is_kept_on_vectors_of_the_real_encoder(
    trained: Path, settings: Settings, tmp_path: Path
) -> None:
    starter_load()
    (tmp_path / "shelf").mkdir()
    server = inference_server(tmp_path / "shelf")
    server.start()
    try:
        settings.EMBEDDINGS_URL = server.url
        done = prompts_encode(seconds=300)
    finally:
        server.kill()
    assert done is not None
    promote(open_artifact(trained))
    models = [ModelVersion.objects.get(label=f"House {name}") for name in ("Medic", "Generalist")]
    made = threshold_create(name="economy", strong=models[0], weak=models[1], share=0.4, actor=None)
    assert made.prompts == done.encoded >= 50
    asked = [turn.messages for turn in Turn.objects.exclude(messages=[])]
    distinct = list({json.dumps(one): one for one in asked}.values())
    assert len(distinct) == made.prompts
    one = 1.5 / made.prompts  # a prompt more or less
    assert strong_share(models, distinct) == pytest.approx(decided_share(0.4), abs=one)
    Threshold.objects.update(share=0.8)
    threshold_calibrate(threshold=Threshold.objects.get())
    assert strong_share(models, distinct) == pytest.approx(decided_share(0.8), abs=one)
