"""A new model is asked a few prompts, and its answers give it a first vector."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from config.celery import app as celery_app
from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.pool.models import Response, Turn
from feedback.registry.models import ModelVersion, Provider, ProviderKind
from feedback.registry.services import state_set
from feedback.routing.calibration_prompts import selection
from feedback.routing.calibration_prompts.asking import prompts_ask, prompts_missing
from feedback.routing.calibration_prompts.selection import calibration_prompts
from feedback.routing.calibration_prompts.vectors import first_vectors_write
from feedback.routing.new_models.models import AnswerVector, ModelPosterior, ProbePrompt
from feedback.routing.new_models.posteriors import posteriors_forget, posteriors_known
from feedback.routing.posterior import scorer_now
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.routing.tasks import ask_new_models
from feedback.training.models import Checkpoint
from tests.feedback.arena.model_server import WORDS, ModelServer
from tests.feedback.builders import make_response, make_turn, make_version
from tests.feedback.routing.artifacts import promote, write_embedding
from tests.feedback.routing.encoder_server import EncoderServer, serving

pytestmark = pytest.mark.django_db

PROMPTS = 6


def manner(text: str) -> list[float]:
    """How a text sounds, from the number at its end: what an encoder would hear."""
    said = float(text.split()[-1]) if text[-1].isdigit() else 1.5
    return [1.0, said]


@pytest.fixture
def encoder(settings: Settings) -> Iterator[EncoderServer]:
    posteriors_forget()
    with serving() as server:
        server.vector_of = manner
        settings.EMBEDDINGS_URL = server.url
        PromptEncoder.objects.create(
            name="encoder", version="f1", dimension=2, adopted_at=timezone.now()
        )
        yield server


@pytest.fixture
def models() -> Iterator[ModelServer]:
    server = ModelServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def turns(encoder: EncoderServer) -> list[Turn]:
    """Encoded prompts, all unlike one another, in no order."""
    used = PromptEncoder.objects.get()
    made = [make_turn() for _ in range(PROMPTS)]
    PromptVector.objects.bulk_create(
        PromptVector(
            content_hash=turn.content_hash,
            encoder=used,
            dimension=2,
            vector=[float(np.cos(place)), float(np.sin(place))],
        )
        for place, turn in enumerate(made)
    )
    return made


@pytest.fixture
def live(tmp_path: Path, turns: list[Turn]) -> Checkpoint:
    """Ten known models of rising skill, each with its manner in every answer."""
    skills = np.linspace(-2.0, 2.0, 10)
    names = [f"Known {number}" for number in range(10)]
    for name, skill in zip(names, skills, strict=True):
        version = make_version(name)
        for turn in turns:
            make_response(turn, version, f"I say {skill:.3f}")
    vectors = np.column_stack([skills, -skills])
    return promote(
        write_embedding(tmp_path / "e", models=names, vectors=vectors, projection=np.eye(2))
    )


@pytest.fixture
def new_model(models: ModelServer) -> ModelVersion:
    version = make_version("New")
    version.remote_name = "quick"
    version.provider = Provider.objects.create(
        name="Server", kind=ProviderKind.OPENAI, base_url=models.url
    )
    version.save()
    return version


def test_the_answers_of_a_new_model_are_kept_and_place_it_near_those_it_sounds_like(
    live: Checkpoint, new_model: ModelVersion, models: ModelServer
) -> None:
    ask_new_models()
    answers = Response.objects.filter(version=new_model)
    assert set(answers.values_list("text", "source")) == {("".join(WORDS), "probe")}
    assert answers.count() == len(models.asked) == PROMPTS
    (known,) = posteriors_known(live)
    assert (known.label, known.source, known.observations) == ("New", "probe", 0)
    np.testing.assert_allclose(known.vector, [1.5, -1.5], atol=0.2)  # it sounds like a 1.5
    means, deviations = scorer_now(live).believed(np.array([1.0, 0.0]), ["New", "Nobody"])
    assert means[0] > 1.0 > means[1]
    assert deviations[0] < deviations[1]
    ask_new_models()
    assert len(models.asked) == PROMPTS  # it has answered everything
    assert ModelPosterior.objects.count() == 1


def test_one_new_model_after_another_gets_its_first_vector(
    live: Checkpoint, turns: list[Turn]
) -> None:
    assert len(calibration_prompts()) == PROMPTS
    for label, skill in (("New", 1.5), ("Newer", -0.5)):
        version = make_version(label)
        for turn in turns:
            make_response(turn, version, f"I say {skill:.3f}")
        assert first_vectors_write() == 1
    assert [one.label for one in posteriors_known(live)] == ["New", "Newer"]
    assert first_vectors_write() == 0


def test_an_answer_that_names_its_model_is_marked_as_in_the_arena(
    live: Checkpoint, new_model: ModelVersion
) -> None:
    vain = make_version("Vain")
    vain.provider, vain.remote_name = new_model.provider, "vain"
    vain.save()
    assert prompts_ask(new_model, seconds=30) == prompts_ask(vain, seconds=30) == PROMPTS
    marked = Response.objects.filter(names_its_model=True)
    assert [one.version for one in marked] == [vain] * PROMPTS
    assert {one.text for one in marked} == {"As ChatGPT, I count per process."}


def test_a_model_that_fails_is_asked_the_rest_another_time(
    live: Checkpoint, new_model: ModelVersion, models: ModelServer
) -> None:
    models.acts_as["quick"] = "broken"
    assert prompts_ask(new_model, seconds=5) == 0
    assert len(models.asked) == 1
    assert not Response.objects.filter(version=new_model).exists()
    models.acts_as.clear()
    assert prompts_ask(new_model, seconds=0) == 1  # time for one
    assert len(prompts_missing(new_model)) == PROMPTS - 1


def test_the_limit_of_its_provider_is_respected(
    live: Checkpoint, new_model: ModelVersion, models: ModelServer
) -> None:
    Provider.objects.update(requests_per_minute=2)
    new_model.refresh_from_db()
    assert prompts_ask(new_model, seconds=5) == 2
    assert len(models.asked) == 2


def test_the_set_stands_for_all_prompts_and_stays_the_same(
    live: Checkpoint, turns: list[Turn], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_response(make_turn(), ModelVersion.objects.get(label="Known 1"))  # hardly covered
    monkeypatch.setattr(selection, "PROMPTS", 3)
    chosen = calibration_prompts()
    assert len(chosen) == 3
    assert {one.turn_id for one in chosen} < {turn.pk for turn in turns}
    assert sum(one.weight for one in chosen) == pytest.approx(1)
    monkeypatch.setattr(selection, "PROMPTS", 5)
    assert calibration_prompts() == chosen


def test_a_withheld_prompt_is_not_asked(live: Checkpoint, new_model: ModelVersion) -> None:
    first = calibration_prompts()[0].turn
    Turn.objects.filter(pk=first.pk).update(withheld_at=timezone.now())
    assert first not in prompts_missing(new_model)
    assert len(prompts_missing(new_model)) == PROMPTS - 1


def test_without_an_embedding_nobody_is_asked(
    turns: list[Turn], new_model: ModelVersion, models: ModelServer
) -> None:
    ask_new_models()
    assert not models.asked
    assert not ProbePrompt.objects.exists()


def test_an_encoder_that_is_away_is_asked_again(
    live: Checkpoint, new_model: ModelVersion, encoder: EncoderServer
) -> None:
    encoder.refuses = lambda _: 503
    ask_new_models()
    assert not ModelPosterior.objects.exists()
    encoder.refuses = lambda _: 0
    ask_new_models()
    assert ModelPosterior.objects.count() == 1
    assert AnswerVector.objects.count() == 11  # texts, each once


def test_the_command_prints_what_came(live: Checkpoint, new_model: ModelVersion) -> None:
    out = StringIO()
    call_command("model_probe", "New", stdout=out)
    found = json.loads(out.getvalue().splitlines()[-1])
    assert found == {"model": "New", "answers": PROMPTS, "missing": 0, "vectors": 1}
    with pytest.raises(CommandError, match="no model version 'Nobody'"):
        call_command("model_probe", "Nobody")


@pytest.fixture
def at_once() -> Iterator[None]:
    """What is left to a worker happens at once."""
    celery_app.conf.task_always_eager = True
    yield
    celery_app.conf.task_always_eager = False


@pytest.mark.usefixtures("at_once")
class TestOverRest:
    """`/api/v1/versions/{id}/probe/`."""

    def call(self, client: Client, method: str, version: ModelVersion, who: Contributor, **more):
        key = apikey_create(contributor=who, name="k", scopes=[more.get("scope", "models:write")])
        ask = getattr(client, method)
        headers = {"Authorization": f"Bearer {key}"}
        return ask(f"/api/v1/versions/{version.pk}/probe/", headers=headers)

    def test_an_operator_starts_and_reads_it(
        self, live: Checkpoint, new_model: ModelVersion, client: Client, olivia: Contributor
    ) -> None:
        before = self.call(client, "get", new_model, olivia)
        assert before.status_code == 200
        told = before.json()
        assert (told["model"], told["prompts"], told["missing"]) == ("New", PROMPTS, PROMPTS)
        assert [one["answer"] for one in told["answers"]] == [None] * PROMPTS
        assert told["gave_vector"] is False
        assert sum(one["weight"] for one in told["answers"]) == pytest.approx(1)
        started = self.call(client, "post", new_model, olivia)
        assert (started.status_code, Response.objects.filter(version=new_model).count()) == (
            202,
            PROMPTS,
        )
        after = self.call(client, "get", new_model, olivia).json()
        assert (after["missing"], after["gave_vector"]) == (0, True)
        assert {one["answer"] for one in after["answers"]} == {"".join(WORDS)}
        assert {one["names_its_model"] for one in after["answers"]} == {False}
        asked = [probe.turn.messages for probe in calibration_prompts()]
        assert [one["messages"] for one in after["answers"]] == asked
        assert self.call(client, "post", new_model, olivia).status_code == 200
        assert Response.objects.filter(version=new_model).count() == PROMPTS

    def test_what_cannot_be_asked_says_why(
        self, turns: list[Turn], new_model: ModelVersion, client: Client, olivia: Contributor
    ) -> None:
        def problem(version: ModelVersion) -> tuple[int, str]:
            answer = self.call(client, "post", version, olivia)
            return answer.status_code, answer.json()["error"]["code"]

        assert problem(new_model) == (409, "no_probe")
        assert self.call(client, "get", new_model, olivia).json()["prompts"] == 0
        assert problem(make_version("Imported")) == (409, "not_served")
        state_set(of=new_model, state="retired", actor=olivia)
        assert problem(new_model) == (409, "retired")

    def test_members_and_strangers_may_neither_start_nor_read_it(
        self,
        live: Checkpoint,
        new_model: ModelVersion,
        client: Client,
        alice: Contributor,
        olivia: Contributor,
    ) -> None:
        for method in ("get", "post"):
            assert self.call(client, method, new_model, alice).status_code == 403
            assert (
                self.call(client, method, new_model, olivia, scope="pool:read").status_code == 403
            )
            stranger = getattr(client, method)(f"/api/v1/versions/{new_model.pk}/probe/")
            assert stranger.status_code == 401
        assert not Response.objects.filter(version=new_model).exists()

    def test_what_is_not_there_is_not_found(self, client: Client, olivia: Contributor) -> None:
        nobody = ModelVersion(pk=uuid4())
        assert self.call(client, "get", nobody, olivia).status_code == 404


@pytest.mark.usefixtures("at_once")
class TestTheButton:
    """On the page of a version, for operators."""

    def test_an_operator_has_it_asked(
        self,
        live: Checkpoint,
        new_model: ModelVersion,
        olivia: Contributor,
        client_of: Callable[[Contributor], Client],
    ) -> None:
        browser = client_of(olivia)
        shown = browser.get(reverse("version", args=[new_model.pk])).content.decode()
        assert reverse("version_probe", args=[new_model.pk]) in shown
        answer = browser.post(reverse("version_probe", args=[new_model.pk]), follow=True)
        assert f"Calibration prompts: {PROMPTS}." in answer.content.decode()
        assert Response.objects.filter(version=new_model).count() == PROMPTS
        answer = browser.post(reverse("version_probe", args=[new_model.pk]), follow=True)
        assert "It has answered all calibration prompts." in answer.content.decode()

    def test_without_an_embedding_it_says_why_not(
        self,
        new_model: ModelVersion,
        olivia: Contributor,
        client_of: Callable[[Contributor], Client],
    ) -> None:
        asked = client_of(olivia).post(reverse("version_probe", args=[new_model.pk]), follow=True)
        assert "There are no calibration prompts yet" in asked.content.decode()

    def test_nobody_else_may(
        self,
        live: Checkpoint,
        new_model: ModelVersion,
        alice: Contributor,
        stranger: Client,
        client_of: Callable[[Contributor], Client],
    ) -> None:
        address = reverse("version_probe", args=[new_model.pk])
        assert client_of(alice).post(address).status_code == 403
        assert stranger.post(address).status_code in (302, 401, 403)
        assert not Response.objects.filter(version=new_model).exists()
