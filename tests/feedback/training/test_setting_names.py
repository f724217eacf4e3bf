"""Settings that runs were asked for under older names are those that the trainers know now."""

import json
from importlib import import_module

import pytest
from django.apps import apps
from django_celery_beat.models import PeriodicTask

from feedback.training.models import Kind, TrainingRun
from feedback.training.run_settings import settings_checked
from feedback.training.schedules.services import schedule_create, schedule_get
from feedback.training.services import run_request
from trainers.artifacts import digest_of

migration = import_module("feedback.migrations.0019_setting_names")
bases = import_module("feedback.migrations.0023_policy_bases")

OLD = {
    "reward": {"epochs": 3, "head": "mlp", "twin": False, "dropout": 0.1},
    "policy": {"base": "tiny", "base_steps": 5, "reward": "/data/artifacts/reward", "beta": 0.2},
    "embedding": {"epochs": 5, "dimension": 8, "max_tokens": 128},
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", OLD)
def test_names_are_mapped_once_and_the_digest_follows(kind: str) -> None:
    run = run_request(kind=kind)
    TrainingRun.objects.filter(pk=run.pk).update(config=OLD[kind], config_digest="old")
    migration.map_names(TrainingRun, migration.RENAMED)
    run.refresh_from_db()
    assert sorted(map(str, run.config.values())) == sorted(map(str, OLD[kind].values()))
    assert settings_checked(Kind(kind), run.config) == run.config
    assert run.config_digest == digest_of(run.config)


@pytest.mark.django_db
def test_a_run_with_the_usual_settings_stays_as_it_is() -> None:
    run = run_request(kind="embedding", config={"loss": "adaptive", "dimension": 8})
    migration.map_names(TrainingRun, migration.RENAMED)
    again = TrainingRun.objects.get(pk=run.pk)
    assert (again.config, again.config_digest) == (run.config, run.config_digest)


@pytest.mark.django_db
def test_policy_runs_of_before_name_the_tiny_base_and_schedules_only_where_they_set_it_up() -> None:
    plain = run_request(kind="policy")
    TrainingRun.objects.filter(pk=plain.pk).update(config={"beta": 0.2}, config_digest="old")
    named = run_request(kind="policy", config={"model_name_or_path": "tiny"})
    weekly = schedule_create(kind="policy", every_hours=168, actor=None)
    small = schedule_create(
        kind="policy",
        every_hours=24,
        config={"model_name_or_path": "tiny", "tiny.max_steps": 5},
        actor=None,
    )
    before = {"kind": "policy", "config": {"tiny.max_steps": 5}}
    PeriodicTask.objects.filter(pk=small.task.pk).update(kwargs=json.dumps(before))
    bases.name_bases(apps, None)
    plain.refresh_from_db()
    assert plain.config == {"beta": 0.2, "model_name_or_path": "tiny"}
    assert plain.config_digest == digest_of(plain.config)
    assert TrainingRun.objects.get(pk=named.pk).config_digest == named.config_digest
    assert schedule_get(weekly.task.pk).config == {}
    config = schedule_get(small.task.pk).config
    assert config == {"model_name_or_path": "tiny", "tiny.max_steps": 5}
    assert settings_checked(Kind.POLICY, config) == config
