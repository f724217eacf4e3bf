"""Settings that runs were asked for under older names are those that the trainers know now."""

from importlib import import_module

import pytest

from feedback.training.models import Kind, TrainingRun
from feedback.training.run_settings import settings_checked
from feedback.training.services import run_request
from trainers.artifacts import digest_of

migration = import_module("feedback.migrations.0019_setting_names")

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
