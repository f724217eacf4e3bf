"""A strong and a weak model: the calibrated share, what is shown, and what comes in the way."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from feedback.errors import ApplicationError, UnavailableError
from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.registry.models import ModelVersion
from feedback.registry.services import state_set
from feedback.routing.models import Threshold
from feedback.routing.prompt_vectors import client
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.routing.services import Routed, models_route
from feedback.routing.thresholds.calibration import (
    decided_share,
    strong_chance,
    threshold_of,
    thresholds_recalibrate,
)
from feedback.routing.thresholds.services import threshold_create
from feedback.training.models import Checkpoint
from tests.feedback.builders import make_contributor, make_version
from tests.feedback.routing.artifacts import promote, write_embedding
from tests.feedback.routing.encoder_server import EncoderServer, serving

pytestmark = pytest.mark.django_db
QUESTION = [{"role": "user", "content": "Which one?"}]


@pytest.fixture
def server(settings: Settings) -> Iterator[EncoderServer]:
    """An inference server whose vector a test sets."""
    cache.clear()
    client.client_of.cache_clear()
    with serving() as server:
        settings.EMBEDDINGS_URL = server.url
        settings.ROUTING_DEADLINE_SECONDS = 5.0
        yield server
    client.client_of.cache_clear()


@pytest.fixture
def models() -> list[ModelVersion]:
    return [make_version(name) for name in ("Strong", "Weak", "Other")]


def trained(folder: Path, reach: float = 2.0) -> Checkpoint:
    """An embedding in which Strong is better where the first coordinate is larger."""
    vectors = np.array([[reach, 0.0], [0.0, 0.0], [9.0, 9.0]])
    names = ["Strong", "Weak", "Other"]
    return promote(write_embedding(folder, models=names, vectors=vectors, projection=np.eye(2)))


def record(count: int, seed: int = 0) -> np.ndarray:
    """So many prompts with vectors, the encoder in use."""
    used, _ = PromptEncoder.objects.get_or_create(
        name="e", dimension=2, defaults={"adopted_at": timezone.now()}
    )
    vectors = np.random.default_rng(seed).normal(size=(count, 2)).astype(np.float32)
    PromptVector.objects.bulk_create(
        PromptVector(encoder=used, dimension=2, vector=vector, content_hash=os.urandom(32))
        for vector in vectors
    )
    return vectors


def make(models: list[ModelVersion], share: float = 0.3) -> Threshold:
    return threshold_create(
        name="economy", strong=models[0], weak=models[1], share=share, actor=None
    )


def route(models: list[ModelVersion], **wanted: Any) -> Routed:
    return models_route(
        messages=QUESTION, candidates=models, **{"k": 1, "policy": "economy", **wanted}
    )


def chances(routed: Routed) -> dict[str, float]:
    return {one["label"]: one["propensity"] for one in routed.route.considered}


def test_the_chance_is_the_expected_sigma_of_the_difference() -> None:
    rng = np.random.default_rng(5)
    for means, deviations in (([1.0, 0.0], [0.5, 1.0]), ([-2.0, 1.0], [2.0, 0.1])):
        draws = rng.normal(means, deviations, size=(400_000, 2))
        naive = np.mean(1 / (1 + np.exp(-(draws[:, 0] - draws[:, 1]))))
        assert strong_chance(np.array(means), np.array(deviations)) == pytest.approx(
            naive, abs=0.02
        )


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.95])
def test_the_threshold_sends_the_share_to_the_strong_model(share: float) -> None:
    known = np.random.default_rng(1).uniform(size=4000)
    threshold = threshold_of(known, share)
    sent = 0.95 * np.mean(known >= threshold) + 0.025
    assert sent == pytest.approx(share, abs=0.002)
    assert 0 <= decided_share(share) <= 1


def test_it_is_calibrated_on_recorded_prompts_and_the_live_embedding(
    models: list[ModelVersion], tmp_path: Path
) -> None:
    vectors = record(500)
    checkpoint = trained(tmp_path / "one")
    made = make(models, share=0.3)
    assert (made.checkpoint, made.prompts) == (checkpoint, 500)
    known = 2.0 * vectors[:, 0]  # logits; their order is that of the chances, for equal variances
    assert made.threshold is not None
    cut = np.quantile(known, 1 - decided_share(0.3), method="higher")
    assert made.threshold == pytest.approx(1 / (1 + np.exp(-cut)), abs=0.02)


def test_prompts_above_go_to_the_strong_model_and_others_to_the_weak(
    server: EncoderServer, models: list[ModelVersion], tmp_path: Path
) -> None:
    record(200)
    trained(tmp_path / "one")
    made = make(models)
    server.vector_of = lambda _: [3.0, 0.0]
    up = route(models)
    assert chances(up) == {"Strong": pytest.approx(0.975), "Weak": pytest.approx(0.025)}
    assert up.route.strong_chance > up.route.threshold == made.threshold
    assert (up.route.policy, up.route.fallback) == ("economy", "")
    client.client_of.cache_clear()
    server.vector_of = lambda _: [-3.0, 0.0]
    down = route(models)
    assert chances(down)["Weak"] == pytest.approx(0.975)
    both = route(models, k=2)
    assert both.route.pair_propensity == pytest.approx(0.5)
    assert {one.version.label for one in both.chosen} == {"Strong", "Weak"}


def test_another_embedding_makes_it_stale_until_it_is_calibrated_anew(
    server: EncoderServer, models: list[ModelVersion], tmp_path: Path
) -> None:
    record(200)
    trained(tmp_path / "one")
    before = make(models, share=0.4).threshold
    newer = trained(tmp_path / "two", reach=0.5)
    stale = route(models).route
    assert (stale.fallback, stale.router_version) == ("threshold_stale", "share")
    assert chances(route(models))["Strong"] == pytest.approx(0.4)  # the share is kept by chance
    assert thresholds_recalibrate() == 1
    assert thresholds_recalibrate() == 0
    made = Threshold.objects.get()
    assert made.checkpoint == newer
    assert made.threshold != before
    assert route(models).route.fallback == ""


def test_without_embedding_or_prompts_chance_keeps_the_share(
    server: EncoderServer, models: list[ModelVersion], tmp_path: Path
) -> None:
    assert make(models, share=0.2).threshold is None
    routed = route(models)
    assert (routed.route.fallback, chances(routed)["Strong"]) == (
        "no_embedding",
        pytest.approx(0.2),
    )
    trained(tmp_path / "one")
    record(10)
    assert thresholds_recalibrate() == 0
    assert route(models).route.fallback == "threshold_stale"


def test_the_model_that_is_left_answers_and_the_log_says_which_was_away(
    server: EncoderServer, models: list[ModelVersion], olivia: Contributor
) -> None:
    make(models)
    state_set(of=models[0], state="paused", actor=olivia)
    routed = route(models)
    assert [one.version.label for one in routed.chosen] == ["Weak"]
    assert (routed.route.fallback, routed.route.pair_propensity) == ("strong_away", 1.0)
    with pytest.raises(UnavailableError, match="1 can answer now"):
        route(models, k=2)
    state_set(of=models[1], state="paused", actor=olivia)
    with pytest.raises(UnavailableError, match="0 can answer now"):
        route(models)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "auto"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "über"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"share": 0.0}, "share"),
        ({"share": float("nan")}, "share"),
        ({"weak": "Strong"}, "weak"),
    ],
)
def test_what_cannot_be_a_threshold_is_refused(
    models: list[ModelVersion], fields: dict[str, Any], field: str
) -> None:
    wanted = {"name": "economy", "strong": models[0], "weak": models[1], "share": 0.5, **fields}
    if wanted["weak"] == "Strong":
        wanted["weak"] = models[0]
    with pytest.raises(ApplicationError) as refused:
        threshold_create(**wanted, actor=None)
    assert set(refused.value.fields or {}) == {field}
    assert not Threshold.objects.exists()


class TestOverRest:
    """`/api/v1/thresholds/`."""

    BODY = {"name": "economy", "strong": "Strong", "weak": "Weak", "share": 0.4}

    def call(self, client: Client, who: Contributor, method: str, path: str, **body: Any) -> Any:
        key = apikey_create(contributor=who, name="k", scopes=["models:write", "models:use"])
        ask = getattr(client, method)
        headers = {"Authorization": f"Bearer {key}"}
        return ask(f"/api/v1/{path}", body, content_type="application/json", headers=headers)

    def test_an_operator_makes_lists_calibrates_and_removes(
        self, client: Client, olivia: Contributor, models: list[ModelVersion], tmp_path: Path
    ) -> None:
        made = self.call(client, olivia, "post", "thresholds/", **self.BODY)
        assert (made.status_code, made.json()["threshold"]) == (201, None)
        again = self.call(client, olivia, "post", "thresholds/", **self.BODY)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "name_taken")
        refused = self.call(client, olivia, "post", "thresholds/economy/calibrate/")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no_embedding")
        trained(tmp_path / "one")
        record(60)
        done = self.call(client, olivia, "post", "thresholds/economy/calibrate/").json()
        assert (done["embedding"], done["prompts"]) == ("embedding v1", 60)
        body = {"messages": QUESTION, "k": 1, "policy": "economy"}
        routed = self.call(client, make_contributor(), "post", "route/", **body).json()
        assert routed["models"][0]["model"] in ("Strong", "Weak")
        assert self.call(client, olivia, "delete", "thresholds/economy/").status_code == 204
        assert self.call(client, olivia, "get", "thresholds/economy/").status_code == 404
        unknown = self.call(client, make_contributor(), "post", "route/", **body)
        assert (unknown.status_code, set(unknown.json()["error"]["fields"])) == (400, {"policy"})

    def test_others_may_not(self, client: Client, models: list[ModelVersion]) -> None:
        alice = make_contributor()
        for method, path in (("get", "thresholds/"), ("post", "thresholds/")):
            assert self.call(client, alice, method, path, **self.BODY).status_code == 403
        assert client.get("/api/v1/thresholds/").status_code == 401
        assert not Threshold.objects.exists()


def test_the_command_makes_one_and_route_takes_it(
    models: list[ModelVersion], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("threshold_create", "economy", strong="Strong", weak="Weak", share=0.25)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["share"] == 0.25
    call_command("route", prompt="Which one?", k=1, policy="economy")
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["models"][0]["model"] in ("Strong", "Weak")
