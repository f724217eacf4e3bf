"""Providers and the gateway against two real servers of two makes, killed and brought back."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import openai
import pytest
from django.utils import timezone

from feedback.pool.models import Response
from feedback.registry.errors import NoAnswerError
from feedback.registry.health import PAUSE_AFTER, live_versions
from feedback.registry.health_check import health_checks_run, provider_try
from feedback.registry.models import ModelVersion, Provider
from feedback.registry.providers import Call
from feedback.registry.services import CallSettings, model_create, provider_create
from tests.feedback.arena.openai.servers import (
    RealServer,
    inference_server,
    taught_model,
    transformers_server,
)
from tests.trainers.toys import small_config, write_toy_snapshot

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
ASKED = [{"role": "user", "content": "What is tea?"}]
MAKES = ("inference", "transformers")


@pytest.fixture(scope="module", params=MAKES)
def server(request, tmp_path_factory) -> Iterator[RealServer]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "inference":
        made = inference_server(_artifacts(folder))
    else:
        if find_spec("fastapi") is None:
            pytest.skip("needs fastapi: pip install -e .[dev]")
        taught_model(folder)
        made = transformers_server(folder)
    made.start()
    yield made
    made.kill()


def _artifacts(folder: Path) -> Path:
    """A folder of live artifacts with one small policy."""
    from trainers.policy.train import train
    from trainers.progress import Progress

    snapshot = write_toy_snapshot(folder / "snapshot")
    artifact = train(snapshot, folder / "policy", small_config(), Progress())
    promoted = folder / "promoted"
    promoted.mkdir()
    (promoted / "policy-toy").symlink_to(artifact.path)
    return promoted


@pytest.fixture
def version(server, olivia) -> ModelVersion:
    provider = provider_create(name="Real", base_url=f"{server.url}/v1", actor=olivia)
    call_settings = CallSettings(
        provider=provider, remote_name=server.model, sampling={"temperature": 0}
    )
    return model_create(name="Real Model", call_settings=call_settings, actor=olivia)


def test_an_answer_comes_in_pieces_and_is_counted(server, version):
    call = Call(version, ASKED, {"max_tokens": 12, "stream_options": {"include_usage": True}})
    pieces = list(call.pieces())
    assert len(pieces) > 1
    assert call.reading.usage is not None
    assert 0 < call.reading.usage["completion_tokens"] <= 12
    assert call.reading.finish in ("stop", "length")
    if server.model != "policy-toy":
        assert "".join(pieces).strip() == "Tea is a leaf."


def test_the_unchanged_client_gets_it_through_the_gateway(version, alice, client_at):
    client = client_at(alice)
    whole = client.chat.completions.create(model="auto", messages=ASKED, max_tokens=12)
    chunks = list(
        client.chat.completions.create(
            model="Real Model",
            messages=ASKED,
            max_tokens=12,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    streamed = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert streamed == whole.choices[0].message.content  # at temperature 0
    assert streamed.strip()
    assert 0 < whole.usage.completion_tokens <= 12
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens
    assert set(Response.objects.values_list("text", "state")) == {(streamed, "finished")}


def test_a_model_that_it_does_not_serve_is_told(server, version):
    version.remote_name = "nobody-1"
    if server.model == "policy-toy":
        with pytest.raises(NoAnswerError, match="status 404"):
            list(Call(version, ASKED).pieces())
    else:  # it serves the one model that it was started with, and refuses any other name
        with pytest.raises(NoAnswerError, match="status 4"):
            list(Call(version, ASKED).pieces())


def test_it_is_killed_paused_started_again_and_brought_back(server, version, alice, client_at):
    client = client_at(alice)
    server.kill()
    try:
        for _ in range(PAUSE_AFTER):
            with pytest.raises(openai.InternalServerError, match="Nothing answers"):
                client.chat.completions.create(model="auto", messages=ASKED)
        assert not live_versions().exists()
        with pytest.raises(openai.InternalServerError, match="No model can answer now"):
            client.chat.completions.create(model="auto", messages=ASKED)
        assert [bool(trial.problem) for trial in provider_try(version.provider)] == [True]
    finally:
        server.start()
    Provider.objects.update(resting_until=timezone.now())
    assert health_checks_run() == 1
    assert live_versions().exists()
    answer = client.chat.completions.create(model="auto", messages=ASKED, max_tokens=4)
    assert answer.model == "Real Model"
