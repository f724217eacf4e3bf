"""A routing decision: from the promoted embedding, or from a stated fallback, always logged."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from feedback.errors import ApplicationError
from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.registry.models import ModelVersion
from feedback.routing.models import ModelRoute
from feedback.routing.prompt_vectors import client
from feedback.routing.services import Routed, models_route
from feedback.training.models import Checkpoint
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version
from tests.feedback.routing.artifacts import promote, write_embedding

pytestmark = pytest.mark.django_db
QUESTION = [{"role": "user", "content": "Which one?"}]
CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens


class Encoder(BaseHTTPRequestHandler):
    """A real HTTP server that answers with one vector, after as long as the test wants."""

    vector: list[float] = [1.0, 0.0]
    delay = 0.0
    calls = 0

    def do_POST(self) -> None:
        type(self).calls += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.delay)
        body = json.dumps({"data": [{"embedding": self.vector}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """No breaker, vector or rating from another test."""
    cache.clear()
    client.client_of.cache_clear()
    Encoder.delay, Encoder.calls = 0.0, 0
    yield
    cache.clear()


@pytest.fixture
def server(settings: Settings) -> Iterator[type[Encoder]]:
    """The encoder, listening."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Encoder)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    settings.EMBEDDINGS_URL = f"http://127.0.0.1:{httpd.server_port}"
    settings.ROUTING_DEADLINE_SECONDS = 2.0
    yield Encoder
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def models() -> list[ModelVersion]:
    return [make_version(name) for name in ("Even", "Odd", "New")]


def trained(folder: Path) -> Checkpoint:
    """An embedding that knows that Even is good where the first coordinate is positive."""
    vectors = np.array([[4.0, 0.0], [-4.0, 0.0]])
    artifact = write_embedding(
        folder / "embedding", models=["Even", "Odd"], vectors=vectors, projection=np.eye(2)
    )
    return promote(artifact)


def route(models: list[ModelVersion], **wanted: Any) -> Routed:
    return models_route(messages=QUESTION, candidates=models, **wanted)


def propensities(routed: Routed) -> dict[str, float]:
    return {one["label"]: one["propensity"] for one in routed.route.considered}


def test_the_promoted_embedding_decides_by_the_prompt(
    server: type[Encoder], models: list[ModelVersion], tmp_path: Path
) -> None:
    trained(tmp_path)
    routed = route(models, k=1, policy="best")
    assert (routed.route.router_version, routed.route.fallback) == ("embedding v1", "")
    assert propensities(routed)["Even"] == pytest.approx(0.95 + 0.05 / 3)
    client.client_of.cache_clear()
    server.vector = [-1.0, 0.0]
    assert propensities(route(models, k=1, policy="best"))["Odd"] > 0.9
    server.vector = [1.0, 0.0]


def test_a_model_that_nobody_knows_is_explored(
    server: type[Encoder], models: list[ModelVersion], tmp_path: Path
) -> None:
    trained(tmp_path)
    shown = propensities(route(models, k=2))
    assert shown["Even"] > 0.9
    assert shown["New"] > 0.5  # wide and average: it meets the best far more often than Odd does
    assert sum(shown.values()) == pytest.approx(2)


def test_the_log_holds_what_was_considered_chosen_and_how_likely_it_was(
    models: list[ModelVersion],
) -> None:
    alice = make_contributor()
    routed = route(models, contributor=alice)
    logged = ModelRoute.objects.get()
    assert logged.chosen == [one.version.id for one in routed.chosen]
    assert {one["label"] for one in logged.considered} == {"Even", "Odd", "New"}
    assert 0 < logged.pair_propensity < 1
    assert logged.contributor == alice


def test_without_an_embedding_the_ratings_decide_and_the_log_says_so(
    models: list[ModelVersion],
) -> None:
    for _ in range(30):
        judge(make_comparison(None, models[0], models[1]), make_contributor(), "a")
    routed = route(models, k=1, policy="best")
    assert (routed.route.fallback, routed.route.router_version) == ("no_embedding", "ratings")
    assert propensities(routed)["Even"] > 0.9


def test_without_any_judgment_every_model_is_as_likely(models: list[ModelVersion]) -> None:
    routed = route(models)
    assert routed.route.router_version == "uniform"
    assert all(0.4 < p < 0.9 for p in propensities(routed).values())


def test_an_inference_server_that_is_down_costs_one_failure_and_then_nothing(
    models: list[ModelVersion], tmp_path: Path, settings: Settings
) -> None:
    settings.EMBEDDINGS_URL = CLOSED
    trained(tmp_path)
    assert route(models).route.fallback == "encoder_failed"
    again = route(models).route
    assert again.fallback == "encoder_down"


def test_a_slow_inference_server_does_not_make_people_wait(
    server: type[Encoder], models: list[ModelVersion], tmp_path: Path, settings: Settings
) -> None:
    settings.ROUTING_DEADLINE_SECONDS = 0.15
    server.delay = 1.5
    trained(tmp_path)
    assert route(models).route.fallback == "encoder_late"
    assert route(models).route.fallback == "encoder_down"
    assert server.calls == 1


def test_a_vector_of_another_dimension_is_not_used(
    server: type[Encoder], models: list[ModelVersion], tmp_path: Path
) -> None:
    trained(tmp_path)
    server.vector = [1.0, 0.0, 0.0]
    assert route(models).route.fallback == "encoder_changed"
    server.vector = [1.0, 0.0]


def test_a_broken_artifact_does_not_stop_the_arena(
    server: type[Encoder], models: list[ModelVersion], tmp_path: Path
) -> None:
    checkpoint = trained(tmp_path)
    (Path(checkpoint.path) / "embedding.safetensors").write_bytes(b"broken")
    assert route(models).route.fallback == "embedding_unreadable"


def test_one_prompt_is_encoded_once(
    server: type[Encoder], models: list[ModelVersion], tmp_path: Path
) -> None:
    trained(tmp_path)
    for _ in range(3):
        route(models)
    assert server.calls == 1


@pytest.mark.parametrize("wanted", [{"k": 3}, {"k": 0}, {"policy": "magic"}])
def test_what_cannot_be_routed_is_said(models: list[ModelVersion], wanted: dict[str, Any]) -> None:
    with pytest.raises(ApplicationError):
        route(models, **wanted)
    assert not ModelRoute.objects.exists()


def test_two_models_cannot_be_chosen_from_one(models: list[ModelVersion]) -> None:
    with pytest.raises(ApplicationError, match="1 can answer now"):
        route(models[:1])


class TestOverRest:
    """`POST /api/v1/route/`."""

    def post(self, client: Client, body: dict[str, Any], **headers: str) -> Any:
        return client.post(
            "/api/v1/route/", body, content_type="application/json", headers=headers or None
        )

    def bearer(self, contributor: Contributor, scope: str) -> dict[str, str]:
        key = apikey_create(contributor=contributor, name="k", scopes=[scope])
        return {"Authorization": f"Bearer {key}"}

    def test_a_key_for_models_gets_two(self, client: Client, models: list[ModelVersion]) -> None:
        headers = self.bearer(make_contributor(), "models:use")
        answer = self.post(client, {"messages": QUESTION}, **headers).json()
        assert len(answer["models"]) == 2
        assert set(answer) == {
            *("route", "models", "pair_propensity"),
            *("router_version", "fallback", "latency_ms"),
        }
        assert set(answer["models"][0]) == {"model", "version", "score", "propensity"}

    def test_another_key_and_none_are_refused(
        self, client: Client, models: list[ModelVersion]
    ) -> None:
        headers = self.bearer(make_contributor(), "pool:read")
        assert self.post(client, {"messages": QUESTION}, **headers).status_code == 403
        assert self.post(client, {"messages": QUESTION}).status_code == 401

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"messages": []},
            {"messages": "x"},
            {"messages": [{"role": "ghost", "content": "x"}]},
            {"messages": QUESTION, "k": 5},
            {"messages": QUESTION, "policy": "magic"},
        ],
    )
    def test_a_bad_body_is_explained(
        self, client: Client, models: list[ModelVersion], body: dict[str, Any]
    ) -> None:
        answer = self.post(client, body, **self.bearer(make_contributor(), "models:use"))
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"]


def test_the_command_prints_the_same(
    models: list[ModelVersion], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("route", prompt="Which one?", k=1, policy="best")
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(printed["models"]) == 1
    assert printed["fallback"] == "no_embedding"
