"""The operators' off-policy table, what a roll-back does to routing, and the whole way there."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.template.loader import render_to_string
from django.utils import translation

from feedback.people.models import Contributor
from feedback.pool.models import Comparison, Outcome
from feedback.registry.models import ModelVersion
from feedback.routing.explaining.evaluation import WARNINGS, evaluations_shown
from feedback.routing.models import ModelRoute
from feedback.routing.services import models_route
from feedback.training.execution import worker
from feedback.training.models import Checkpoint, Kind, RunState, TrainingRun
from feedback.training.promotion.services import checkpoint_promote, checkpoint_roll_back
from feedback.training.services import run_request
from tests.feedback.builders import (
    judge,
    make_comparison,
    make_contributor,
    make_turn,
    make_version,
)
from tests.feedback.routing.artifacts import promoted
from tests.feedback.routing.encoder_server import serving
from trainers.data.snapshot import split_of
from trainers.off_policy import estimates

METRICS = {
    "routed_score": 0.472,
    "routed_score_ci": [0.45, 0.49],
    "duels_n": 1200,
    "duels_effective_n": 640.2,
    "duels_max_weight": 31.0,
    "duels_warnings": [],
} | {
    key: value
    for name in ("ips", "snips", "dr")
    for key, value in {f"duels_{name}": 0.561, f"duels_{name}_ci": [0.521, 0.602]}.items()
}


@pytest.fixture
def checkpoint() -> Callable[..., Checkpoint]:
    """An embedding with these metrics that waits for a decision."""

    def make(**metrics: Any) -> Checkpoint:
        number = Checkpoint.objects.count() + 1
        run = TrainingRun.objects.create(kind=Kind.EMBEDDING, config_digest="c", seed=number)
        return Checkpoint.objects.create(
            run=run,
            kind=Kind.EMBEDDING,
            version=number,
            path="/nowhere",
            digest="d",
            files={},
            metrics=metrics,
        )

    return make


def shown() -> str:
    return render_to_string("routing/off_policy.html", {"evaluations": evaluations_shown()})


@pytest.mark.django_db
def test_the_table_shows_what_was_measured_and_how_far_to_trust_it(checkpoint) -> None:
    checkpoint(accuracy=0.7, accuracy_ci=[0.6, 0.8])
    checkpoint(**METRICS | {"duels_warnings": list(WARNINGS)})
    newest, oldest = evaluations_shown()
    assert newest.dr is not None
    assert (newest.dr.percent, newest.dr.low, newest.dr.high) == pytest.approx((56.1, 52.1, 60.2))
    assert (newest.n, newest.checkpoint.version) == (1200, 2)
    assert newest.held_out is not None
    assert newest.held_out.percent == pytest.approx(47.2)
    assert oldest.held_out is not None
    assert oldest.held_out.percent == pytest.approx(70.0)
    assert (oldest.dr, oldest.n, oldest.warnings) == (None, 0, ())
    page = shown()
    assert "56.1" in page
    assert "52.1 to 60.2" in page
    assert "from 1200 comparisons, worth 640" in page
    assert "No logged comparison outside its training data." in page
    assert "fewer than 20 people decided" in page
    assert "style=" not in page


def test_every_warning_of_the_trainers_has_words() -> None:
    said = {estimates.HEAVY, estimates.FEW, estimates.PEOPLE, estimates.UNSUPPORTED}
    assert set(WARNINGS) == said | {estimates.BALANCE}


@pytest.mark.django_db
def test_without_an_embedding_the_table_says_so() -> None:
    assert "No embedding was trained yet." in shown()


@pytest.mark.django_db(transaction=True)
def test_who_promoted_is_named_as_text(tmp_path: Path, settings) -> None:
    settings.DATA_DIR = tmp_path
    actor = make_contributor("<b>Olga</b>")
    promoted(tmp_path, actor, {"Ada": [1.0, 0.0]})
    (row,) = evaluations_shown()
    assert row.promoted_by == "<b>Olga</b>"
    assert "by &lt;b&gt;Olga&lt;/b&gt;" in shown()


@pytest.mark.django_db
def test_the_table_speaks_german(checkpoint) -> None:
    checkpoint(**METRICS | {"duels_warnings": [estimates.PEOPLE]})
    with translation.override("de"):
        page = shown()
    assert "52,1 bis 60,2" in page
    assert "weniger als 20 Personen" in page


@pytest.mark.django_db(transaction=True)
def test_a_roll_back_reaches_decisions_within_seconds(
    tmp_path: Path, settings, olivia: Contributor
) -> None:
    """The row says what is live; each process looks it up again after a moment, untold."""
    settings.DATA_DIR, settings.ROUTING_DEADLINE_SECONDS = tmp_path, 2.0
    models = [make_version(name) for name in ("Ada", "Bob")]
    older = promoted(tmp_path, olivia, {"Ada": [4.0, 0.0], "Bob": [-4.0, 0.0]})
    newer = promoted(tmp_path, olivia, {"Ada": [-4.0, 0.0], "Bob": [4.0, 0.0]})
    with serving() as server:
        settings.EMBEDDINGS_URL = server.url
        assert decided(models) == (str(newer), "Bob")
        settings.ROUTING_MOMENT_SECONDS = 1.0  # as on a site
        newer.refresh_from_db()
        checkpoint_roll_back(checkpoint=newer, actor=olivia)
        patience = time.monotonic() + 20.0
        while decided(models) != (str(older), "Ada"):
            assert time.monotonic() < patience
            time.sleep(0.1)


def decided(models: list[ModelVersion]) -> tuple[str, str]:
    """Who believes, and the model that it thinks best."""
    asked = [{"role": "user", "content": "Which one?"}]
    route = models_route(messages=asked, candidates=models, k=1, policy="best").route
    best = max(route.considered, key=lambda one: one["propensity"])
    return route.router_version, best["label"]


SKILLS = {
    "Cook": "How long does a soup of lentils have to simmer?",
    "Jurist": "May my landlord keep the deposit of my flat?",
    "Teacher": "What is the derivative of a polynomial?",
}


def held_out_texts(count: int) -> list[str]:
    """Questions of the test split, of the three kinds in turn."""
    texts = (
        f"Number {number}: {list(SKILLS.values())[number % 3]}" for number in range(1000, 9000)
    )
    return [text for text in texts if split_of(text) == "test"][:count]


@pytest.mark.training
@pytest.mark.django_db(transaction=True)
def test_duels_on_the_site_become_evidence_for_the_next_embedding(
    tmp_path: Path, settings, olivia: Contributor
) -> None:
    """From outcomes to a live embedding, from duels that were logged to what the gate is told."""
    settings.DATA_DIR = tmp_path
    versions = [make_version(name) for name in SKILLS]
    for number in range(150):
        turn = make_turn(f"Number {number}: {list(SKILLS.values())[number % 3]}")
        for skill, version in enumerate(versions):
            score = float(number % 3 == skill)
            Outcome.objects.create(turn=turn, version=version, score=score, source="test")
    first = trained()
    people, rng = [make_contributor() for _ in range(24)], np.random.default_rng(0)
    for text in held_out_texts(120):
        duel(text, versions, people[rng.integers(len(people))], rng)
    second = trained()
    metrics = second.metrics
    assert metrics["duels_n"] == 120, second.reason
    assert metrics["duels_dr_ci"][0] > 0.6, metrics  # it serves the expert, who always wins
    assert "Off-policy: " in second.reason or "the choices of v1" in second.reason
    assert "on 120 logged decisions" in second.reason
    newest, oldest = evaluations_shown()
    assert (newest.n, oldest.n) == (120, 0)
    if second.state == "candidate":
        checkpoint_promote(checkpoint=second, actor=olivia)
    assert first.state in ("live", "replaced")


def trained() -> Checkpoint:
    run = run_request(kind="embedding", config={"optim.num_train_epochs": 6, "dimension": 8})
    assert worker.next_run_execute()
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED, run.error
    checkpoint: Checkpoint = run.checkpoint
    return checkpoint


def duel(text: str, versions: list[ModelVersion], person: Contributor, rng: Any) -> None:
    """Two models drawn evenly; the one whose kind of question it is wins."""
    turn, (first, second) = make_turn(text), rng.permutation(len(versions))[:2]
    comparison: Comparison = make_comparison(turn, versions[first], versions[second])
    considered = [
        {"version": str(v.id), "label": v.label, "score": 0.5, "propensity": 2 / 3}
        for v in versions
    ]
    ModelRoute.objects.create(
        turn=turn,
        contributor=person,
        policy="auto",
        considered=considered,
        chosen=[versions[first].id, versions[second].id],
        pair_propensity=1 / 6,
        router_version="uniform",
        latency_ms=1.0,
    )
    expert = list(SKILLS.values()).index(text.split(": ")[1])
    choice = "a" if first == expert else "b" if second == expert else "tie"
    judge(comparison, person, choice)


@pytest.mark.django_db
def test_the_table_stands_on_the_operators_page_of_the_router(
    checkpoint, olivia: Contributor, alice: Contributor, client_of, stranger
) -> None:
    checkpoint(**METRICS)
    page = client_of(olivia).get("/operate/router/").content.decode()
    assert "What each router would be worth" in page
    assert "52.1 to 60.2" in page
    for browser in (client_of(alice), stranger):
        assert browser.get("/operate/router/").status_code == 403
