"""What promotion changes: files to serve, vectors of models, a new model; and how it is undone."""

import json
import uuid
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.db import DatabaseError, transaction
from django.test import Client

from feedback.errors import ConflictError
from feedback.people.models import AuditEvent, Contributor
from feedback.pool.models import Outcome
from feedback.registry.house_models import base_version, house_models_ensure
from feedback.registry.models import ModelVersion, VersionState
from feedback.training.execution import worker
from feedback.training.models import (
    Checkpoint,
    CheckpointState,
    ModelVector,
    Promotion,
    RunState,
    TrainingRun,
)
from feedback.training.promotion.policy_gate import MADE_FOR_TESTS
from feedback.training.promotion.promoted_links import promoted_sync
from feedback.training.promotion.services import checkpoint_promote, checkpoint_roll_back
from feedback.training.services import run_request
from tests.feedback.builders import judge, make_comparison, make_turn, make_version
from trainers.model_vectors.scorer import Scorer

migration = import_module("feedback.migrations.0021_small_policies")


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path: Path) -> Path:
    """An empty DATA_DIR."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def candidate(data_dir: Path) -> Callable[[str], Checkpoint]:
    """A registered checkpoint that waits for a decision, with a folder of its own."""

    def make(kind: str) -> Checkpoint:
        path = data_dir / "artifacts" / kind / uuid.uuid4().hex
        path.mkdir(parents=True)
        run = run_request(kind=kind, seed=TrainingRun.objects.count())
        TrainingRun.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED)
        version = Checkpoint.objects.filter(kind=kind).count() + 1
        return Checkpoint.objects.create(
            run=run, kind=kind, version=version, path=str(path), digest="d", files={}
        )

    return make


def links(data_dir: Path) -> dict[str, str]:
    """What the inference server would read."""
    return {link.name: str(link.readlink()) for link in (data_dir / "promoted").iterdir()}


def tuned_on(checkpoint: Checkpoint, base: str, **config: str) -> Checkpoint:
    """The checkpoint, with a card that names the base under it, if it is not the tiny one."""
    card = {"config": config} | ({"base": {"name": base, "weights": "w"}} if base else {})
    (Path(checkpoint.path) / "card.json").write_text(json.dumps(card))
    return checkpoint


@pytest.mark.django_db(transaction=True)
def test_a_policy_becomes_a_model_named_by_its_base_and_the_one_before_it_rests(
    candidate, olivia: Contributor, data_dir: Path, settings
) -> None:
    settings.MODELS = "smollm2"
    if not house_models_ensure():
        pytest.skip("needs the model packages: make install")
    base = base_version("smollm2")
    assert base is not None
    first, second = (tuned_on(candidate("policy"), "smollm2") for _ in range(2))
    checkpoint_promote(checkpoint=first, actor=olivia)
    checkpoint_promote(checkpoint=second, actor=olivia)
    tuned = ModelVersion.objects.filter(model__name="SmolLM2 135M, tuned on this pool")
    assert dict(tuned.values_list("label", "state")) == {
        "SmolLM2 135M, tuned on this pool, v1": VersionState.PAUSED,
        "SmolLM2 135M, tuned on this pool, v2": VersionState.ACTIVE,
    }
    assert links(data_dir) == {"policy-v2": second.path}
    newest = tuned.get(state=VersionState.ACTIVE)
    assert (newest.remote_name, newest.provider, newest.base) == ("policy-v2", base.provider, base)
    assert newest.model.slug == "smollm2-135m-tuned-on-this-pool"
    asked = (base.system_prompt, base.sampling, base.output_licence)
    assert (newest.system_prompt, newest.sampling, newest.output_licence) == asked

    second.refresh_from_db()
    checkpoint_roll_back(checkpoint=second, actor=olivia)
    assert links(data_dir) == {"policy-v1": first.path}
    assert tuned.get(label__endswith="v1").state == VersionState.ACTIVE
    assert tuned.count() == 2
    assert AuditEvent.objects.filter(action="checkpoint.promote", actor=olivia).count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_policy_on_another_checkpoint_bears_its_name(candidate, olivia: Contributor) -> None:
    policy = tuned_on(candidate("policy"), "Qwen/Qwen2.5-0.5B-Instruct", system_prompt="Be kind.")
    checkpoint_promote(checkpoint=policy, actor=olivia)
    version = ModelVersion.objects.get()
    assert version.label == "Qwen2.5-0.5B-Instruct, tuned on this pool, v1"
    assert (version.base, version.system_prompt, version.sampling) == (None, "Be kind.", {})


@pytest.mark.django_db(transaction=True)
def test_a_policy_on_the_tiny_base_is_not_even_promoted_by_hand(
    candidate, olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    policy = tuned_on(candidate("policy"), "")
    Checkpoint.objects.filter(pk=policy.pk).update(verdict=MADE_FOR_TESTS.stored)
    with pytest.raises(ConflictError, match="made on the tiny base, for tests"):
        checkpoint_promote(checkpoint=policy, actor=olivia)
    browser = client_of(olivia)
    address = f"/runs/{policy.run.number}/"
    assert f"{address}promote/" not in browser.get(address).content.decode()
    assert browser.post(f"{address}promote/").status_code == 409
    policy.refresh_from_db()
    assert policy.state == CheckpointState.CANDIDATE
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_earlier_live_policy_on_the_tiny_base_leaves_with_a_record(
    candidate, olivia: Contributor, data_dir: Path
) -> None:
    tiny, other = candidate("policy"), candidate("policy")
    for policy, config in ((tiny, {}), (other, {"model_name_or_path": "/models/real"})):
        TrainingRun.objects.filter(pk=policy.run_id).update(config=config)
        policy.model_version = make_version(f"Commons Policy {policy.version}")
        policy.state = CheckpointState.LIVE
        policy.save()
        migration.tiny_policies_leave(apps, None)
        policy.refresh_from_db()
        policy.model_version.refresh_from_db()
    assert (tiny.state, tiny.model_version.state) == ("candidate", "paused")
    assert (other.state, other.model_version.state) == ("live", "active")
    event = AuditEvent.objects.get(action="checkpoint.made_for_tests")
    assert event.subject == "policy v1"
    assert event.detail["version"] == "Commons Policy 1"
    assert Checkpoint.objects.get(pk=tiny.pk).verdict["code"] == "made_for_tests"


@pytest.mark.django_db(transaction=True)
def test_links_that_a_dead_process_left_behind_are_mended(
    candidate, olivia: Contributor, data_dir: Path
) -> None:
    checkpoint = candidate("reward")
    checkpoint_promote(checkpoint=checkpoint, actor=olivia)
    (data_dir / "promoted" / "reward").unlink()
    (data_dir / "promoted" / "policy-v9").symlink_to(data_dir)
    promoted_sync()
    assert links(data_dir) == {"reward": checkpoint.path}


@pytest.mark.django_db(transaction=True)
def test_what_is_live_cannot_be_promoted_and_what_replaced_nothing_not_rolled_back(
    candidate, olivia: Contributor
) -> None:
    checkpoint = candidate("reward")
    checkpoint_promote(checkpoint=checkpoint, actor=olivia)
    with pytest.raises(ConflictError, match="already live"):
        checkpoint_promote(checkpoint=checkpoint, actor=olivia)
    with pytest.raises(ConflictError, match="replaced nothing"):
        checkpoint_roll_back(checkpoint=checkpoint, actor=olivia)


@pytest.mark.django_db(transaction=True)
def test_a_promotion_is_written_once_and_never_changed(candidate, olivia: Contributor) -> None:
    promotion = checkpoint_promote(checkpoint=candidate("reward"), actor=olivia)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Promotion.objects.filter(pk=promotion.pk).update(evidence={"better": True})


@pytest.mark.django_db(transaction=True)
def test_the_pages_ask_before_they_promote_and_roll_back(
    candidate, olivia: Contributor, alice: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    first, second = candidate("reward"), candidate("reward")
    browser = client_of(olivia)
    browser.post(f"/runs/{first.run.number}/promote/")
    asked = browser.get(f"/runs/{second.run.number}/promote/").content.decode()
    assert "Replace reward v1 by v2?" in asked
    assert client_of(alice).post(f"/runs/{second.run.number}/promote/").status_code == 403
    browser.post(f"/runs/{second.run.number}/promote/")
    asked = browser.get(f"/runs/{second.run.number}/roll-back/").content.decode()
    assert "Bring back reward v1 in place of v2?" in asked
    browser.post(f"/runs/{second.run.number}/roll-back/")
    first.refresh_from_db()
    assert first.state == CheckpointState.LIVE


SKILLS = {
    "Cook": "How long does a soup of lentils have to simmer?",
    "Jurist": "May my landlord keep the deposit of my flat?",
    "Teacher": "What is the derivative of a polynomial?",
}


def score_models(prompts: range) -> None:
    """Outcomes of three models, each good at questions of its own kind."""
    versions = [
        ModelVersion.objects.filter(label=name).first() or make_version(name) for name in SKILLS
    ]
    for number in prompts:
        turn = make_turn(f"Number {number}: {list(SKILLS.values())[number % 3]}")
        for skill, version in enumerate(versions):
            score = float(number % 3 == skill)
            Outcome.objects.create(turn=turn, version=version, score=score, source="test")


@pytest.mark.training
@pytest.mark.django_db(transaction=True)
def test_an_embedding_is_compared_with_the_live_one_on_shared_test_prompts() -> None:
    score_models(range(150))
    config = {"optim.num_train_epochs": 5, "dimension": 8}
    first = run_request(kind="embedding", config=config)
    assert worker.next_run_execute()
    first.refresh_from_db()
    assert first.state == RunState.SUCCEEDED, first.error
    checkpoint = first.checkpoint
    if checkpoint.state != CheckpointState.LIVE:
        pytest.fail(f"not promoted: {checkpoint.reason} {checkpoint.metrics}")
    vectors = dict(ModelVector.objects.values_list("version__label", "vector"))
    assert set(vectors) == set(SKILLS)
    size = Scorer.load(Path(checkpoint.path)).vectors.shape[1]
    assert {len(vector) for vector in vectors.values()} == {size}

    score_models(range(150, 200))
    second = run_request(kind="embedding", config=config)
    assert worker.next_run_execute()
    second.refresh_from_db()
    assert second.state == RunState.SUCCEEDED, second.error
    evidence_seen = second.checkpoint.reason
    assert "v1" in evidence_seen
    assert "points (" in evidence_seen, evidence_seen


@pytest.mark.training
@pytest.mark.django_db(transaction=True)
def test_a_run_on_the_tiny_base_ends_as_a_candidate_that_was_made_for_tests(
    alice: Contributor,
) -> None:
    for number in range(60):
        judge(make_comparison(make_turn(f"What is {number} and one?")), alice, "a")
    config = {
        "model_name_or_path": "tiny",
        "tiny.max_steps": 2,
        "optim.max_steps": 2,
        "sampling.num_prompts": 2,
        "sampling.max_new_tokens": 4,
    }
    run = run_request(kind="policy", config=config)
    assert worker.next_run_execute()
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED, run.error
    assert run.checkpoint.state == CheckpointState.CANDIDATE
    assert run.checkpoint.verdict == MADE_FOR_TESTS.stored
    assert not ModelVersion.objects.filter(provider__kind="inference").exists()
