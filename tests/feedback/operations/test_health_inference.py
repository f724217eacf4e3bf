"""What health says of the inference server and of the packaged model that it prepares."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from feedback.registry import readiness

pytestmark = pytest.mark.django_db


class Inference:
    """A server that tells its models and, in `/healthz`, whatever the test wants."""

    def __init__(self) -> None:
        self.health: Any = {"status": "ok", "artifacts": [], "pretrained": None}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                models = {"object": "list", "data": [{"id": "all-MiniLM-L6-v2"}]}
                body = json.dumps(models if self.path == "/v1/models" else server.health).encode()
                self.send_response(200 if self.path in ("/v1/models", "/healthz") else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: the tests say what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def inference(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inference]:
    settings.MODELS = "smollm2"
    monkeypatch.setattr(readiness, "_look", readiness._Look())  # nothing of an earlier test
    server = Inference()
    settings.EMBEDDINGS_URL = settings.CHAT_URL = server.url
    yield server
    server.stop()


def told(client: Client) -> tuple[bool, str]:
    answer = client.get("/readyz")
    assert answer.status_code == 200  # people are served whatever becomes of a model
    check = answer.json()["checks"]["inference"]
    assert check["ok"] or answer.json()["status"] == "degraded"
    return check["ok"], check["detail"]


def prepared(state: str, problem: str = "") -> dict[str, Any]:
    model = {"name": "smollm2", "state": state, "problem": problem}
    return {"status": "ok", "artifacts": [], "pretrained": model}


def test_a_model_under_way_is_named_and_nothing_is_wrong(
    inference: Inference, client: Client
) -> None:
    inference.health = prepared("preparing")
    assert told(client) == (True, "all-MiniLM-L6-v2; smollm2 is being prepared")


def test_a_model_that_failed_is_told_whole(inference: Inference, client: Client) -> None:
    problem = f"/data/models/{'long/' * 40}model.gguf is damaged: pip install --force-reinstall"
    inference.health = prepared("failed", problem)
    assert told(client) == (False, problem)


@pytest.mark.parametrize(
    "health", [prepared("ready"), {"status": "ok", "pretrained": None}, {"status": "ok"}, [], "ok"]
)
def test_a_model_that_is_ready_and_a_server_without_one_add_nothing(
    inference: Inference, client: Client, health: object
) -> None:
    inference.health = health
    assert told(client) == (True, "all-MiniLM-L6-v2")


def test_chat_that_is_elsewhere_and_away_is_not_the_inference_servers_fault(
    inference: Inference, client: Client, settings: Settings
) -> None:
    settings.CHAT_URL = "http://127.0.0.1:9"
    assert told(client) == (True, "all-MiniLM-L6-v2")
