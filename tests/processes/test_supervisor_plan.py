"""What `manage.py up` decides to run, by the environment; and how long it waits to try again."""

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from config.environment import embedded_servers
from config.supervisor import plan as planning
from config.supervisor.service import LONGEST_PAUSE, Running, Service, exit_reason
from trainers.pretrained.packages import SMOLLM2, Package

ADDRESSES = {
    "DATABASE_URL": "postgresql://user:word@db.example/pool",
    "CELERY_BROKER_URL": "amqp://guest:guest@mq.example//",
    "INFERENCE_URL": "http://models.example",
    "SECRET_KEY": "x" * 50,
}


def names(plan: planning.Plan) -> set[str]:
    own = [*planning.server_services(plan), *planning.inference_services(plan)]
    return {service.name for service in (*own, *planning.work_services())}


def test_what_the_environment_names_is_not_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, text in ADDRESSES.items():
        monkeypatch.setenv(name, text)
    plan = planning.make_plan(tmp_path, 8000)
    assert names(plan) == {"worker-cpu", "worker-gpu", "beat"}
    assert plan.addresses == {}
    assert plan.environment["DATABASE_URL"] == ADDRESSES["DATABASE_URL"]


def test_inference_is_started_unless_all_its_uses_are_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
        monkeypatch.setenv(name, ADDRESSES[name])
    monkeypatch.delenv("INFERENCE_URL", raising=False)
    monkeypatch.setenv("EMBEDDINGS_URL", "http://tei.example")
    assert "inference" in names(planning.make_plan(tmp_path, 8000))
    monkeypatch.setenv("CHAT_URL", "http://vllm.example")
    monkeypatch.setenv("SCORE_URL", "http://score.example")
    assert "inference" not in names(planning.make_plan(tmp_path, 8000))


@pytest.mark.parametrize(
    ("models", "package", "asked_for"),
    [
        ("smollm2", SMOLLM2, SMOLLM2.is_installed),
        ("smollm2", replace(SMOLLM2, module="no_such_package"), False),
        ("none", SMOLLM2, False),
    ],
)
def test_the_packaged_model_is_served_where_it_is_wanted_and_installed(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    tmp_path: Path,
    models: str,
    package: Package,
    asked_for: bool,
) -> None:
    settings.MODELS = models
    monkeypatch.setattr(planning, "SMOLLM2", package)
    (service,) = planning.inference_services(planning.Plan(tmp_path, 8000, inference_port=8010))
    words = " ".join(service.command)
    assert f"trainers serve --artifacts {tmp_path}/promoted --port 8010" in words
    assert words.endswith(" --pretrained smollm2") is asked_for


def test_training_gives_way_to_people() -> None:
    commands = {service.name: " ".join(service.command) for service in planning.work_services()}
    assert [name for name, words in commands.items() if " nice -n 10 " in words] == ["worker-gpu"]


def test_the_secret_outlives_a_restart_and_the_addresses_do_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", ADDRESSES["DATABASE_URL"])
    monkeypatch.delenv("SECRET_KEY", raising=False)
    first = planning.make_plan(tmp_path, 8000)
    first.write()
    assert embedded_servers(tmp_path) == first.addresses
    first.forget()
    assert embedded_servers(tmp_path) == {"SECRET_KEY": first.addresses["SECRET_KEY"]}
    second = planning.make_plan(tmp_path, 8000)
    assert second.addresses["SECRET_KEY"] == first.addresses["SECRET_KEY"]


def test_a_taken_port_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not planning.is_free(port)
        assert planning.free_port(port) != port


def test_pauses_double_up_to_a_limit_and_a_long_life_ends_them() -> None:
    running = Running(Service("one", [], layer=0), {}, started_at=time.monotonic())
    pauses = [running.plan_restart() for _ in range(10)]
    assert pauses[:4] == [0.5, 1, 2, 4]
    assert pauses[-1] == LONGEST_PAUSE
    running.started_at -= 3600
    assert running.plan_restart() < 0.5


def test_a_death_is_told_by_status_or_signal() -> None:
    assert exit_reason(3) == "ended with exit status 3"
    assert exit_reason(-9) == "was killed by SIGKILL"


def test_the_web_runs_in_as_many_processes_as_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = planning.Plan(tmp_path, 8000)
    monkeypatch.setenv("WEB_WORKERS", "7")
    assert "--workers 7" in " ".join(planning.web_service(plan).command)
    monkeypatch.setenv("WEB_WORKERS", "many")
    with pytest.raises(ImproperlyConfigured, match="WEB_WORKERS"):
        planning.web_service(plan)
