"""Topics, languages, price and latency: who is left, and the error where nobody is."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from feedback.errors import ApplicationError, UnavailableError
from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.pool.models import Response
from feedback.registry.models import ModelVersion, Topic, VersionState
from feedback.registry.services import version_price
from feedback.routing.constraints import Constraints, versions_able
from feedback.routing.models import ModelRoute
from feedback.routing.prompt_vectors import client
from feedback.routing.services import models_route
from tests.feedback.builders import make_contributor, make_response, make_turn, make_version
from tests.feedback.routing.artifacts import promote, write_embedding
from tests.feedback.routing.encoder_server import serving

QUESTION = [{"role": "user", "content": "Which one?"}]


@pytest.fixture(autouse=True)
def _fresh(db: None) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def models(db: None) -> dict[str, ModelVersion]:
    """Specialists along medicine > cardiology > rhythm, one of law, one that speaks German."""
    medicine = Topic.objects.create(slug="medicine", name="Medicine")
    cardiology = Topic.objects.create(slug="cardiology", name="Cardiology", parent=medicine)
    rhythm = Topic.objects.create(slug="rhythm", name="Rhythm", parent=cardiology)
    oncology = Topic.objects.create(slug="oncology", name="Oncology", parent=medicine)
    law = Topic.objects.create(slug="law", name="Law")
    german = Topic.objects.create(slug="german", name="German")
    made = {}
    for name, topics in {
        "Doctor": [medicine],
        "Heart": [cardiology],
        "Beat": [rhythm],
        "Tumour": [oncology],
        "Lawyer": [law],
        "Anwalt": [law, german],
    }.items():
        made[name] = make_version(name)
        made[name].model.topics.set(topics)
    return made


def able(models: dict[str, ModelVersion], **wanted: Any) -> set[str]:
    found = versions_able(list(models.values()), Constraints(**wanted))
    return {version.label for version in found}


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        (("cardiology",), {"Doctor", "Heart", "Beat"}),
        (("medicine",), {"Doctor", "Heart", "Beat", "Tumour"}),
        (("rhythm",), {"Doctor", "Heart", "Beat"}),
        (("rhythm", "law"), {"Doctor", "Heart", "Beat", "Lawyer", "Anwalt"}),
    ],
)
def test_a_topic_means_those_above_and_below_it(
    models: dict[str, ModelVersion], topics: tuple[str, ...], expected: set[str]
) -> None:
    assert able(models, topics=topics) == expected


def test_a_language_is_a_topic_by_its_code_or_name(models: dict[str, ModelVersion]) -> None:
    assert able(models, languages=("de",)) == {"Anwalt"}
    assert able(models, languages=("de",), topics=("medicine",)) == set()
    Topic.objects.create(slug="de", name="de").models.add(models["Doctor"].model)
    assert able(models, languages=("de",)) == {"Anwalt", "Doctor"}
    assert able(models, languages=("no such code",)) == set()


def test_a_price_is_a_ceiling_on_both_and_must_be_known(
    models: dict[str, ModelVersion], olivia: Contributor
) -> None:
    half = Decimal("0.5")
    version_price(version=models["Heart"], read=half, written=Decimal("1.5"), actor=olivia)
    version_price(version=models["Beat"], read=half, written=Decimal(3), actor=olivia)
    version_price(version=models["Lawyer"], read=half, written=None, actor=olivia)
    assert able(models, max_price=2.0) == {"Heart"}
    assert able(models, max_price=3.0) == {"Heart", "Beat"}


def test_a_latency_is_the_median_of_the_newest_answers(models: dict[str, ModelVersion]) -> None:
    turn = make_turn()
    for name, times in {"Heart": [100, 200, 90_000], "Beat": [5000] * 3, "Doctor": [None]}.items():
        for number, latency in enumerate(times):
            answer = make_response(make_turn(), models[name], f"{number}")
            Response.objects.filter(pk=answer.pk).update(latency_ms=latency)
    assert make_response(turn, models["Lawyer"]).latency_ms is None
    assert able(models, max_latency_ms=1000) == {"Heart"}
    assert able(models, max_latency_ms=5000) == {"Heart", "Beat"}


def test_the_log_keeps_what_was_asked(models: dict[str, ModelVersion]) -> None:
    wanted = Constraints(topics=("law",), max_price=None)
    models_route(messages=QUESTION, candidates=list(models.values()), constraints=wanted)
    logged = ModelRoute.objects.get()
    assert logged.constraints == {"topics": ["law"]}
    assert {one["label"] for one in logged.considered} == {"Lawyer", "Anwalt"}


def test_too_few_is_an_error_that_says_what_was_asked(models: dict[str, ModelVersion]) -> None:
    everybody = list(models.values())
    with pytest.raises(UnavailableError, match=r"1 can answer now. .* topics law; languages de"):
        models_route(
            messages=QUESTION,
            candidates=everybody,
            constraints=Constraints(topics=("law",), languages=("de",)),
        )
    with pytest.raises(ApplicationError, match="no topic astrology") as refused:
        models_route(
            messages=QUESTION, candidates=everybody, constraints=Constraints(topics=("astrology",))
        )
    assert set(refused.value.fields or {}) == {"topics"}
    assert not ModelRoute.objects.exists()


def test_over_rest_and_by_the_command(
    client: Client, models: dict[str, ModelVersion], capsys: pytest.CaptureFixture[str]
) -> None:
    key = apikey_create(contributor=make_contributor(), name="k", scopes=["models:use"])

    def post(**wanted: Any) -> Any:
        return client.post(
            "/api/v1/route/",
            {"messages": QUESTION, **wanted},
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )

    chosen = post(k=1, topics=["law"], languages=["de"]).json()
    assert [one["model"] for one in chosen["models"]] == ["Anwalt"]
    nobody = post(topics=["law"], max_latency_ms=10)
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (503, "too_few_models")
    for bad in ({"topics": "law"}, {"max_price": -1}, {"topics": ["astrology"]}):
        assert post(**bad).status_code == 400
    call_command("route", "--prompt=Which?", "--k=1", "--topic=law", "--language=de")
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [one["model"] for one in printed["models"]] == ["Anwalt"]
    with pytest.raises(CommandError, match="astrology"):
        call_command("route", "--prompt=Which?", "--topic=astrology")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", ["paused", "retired", "resting"])
def test_who_is_paused_while_the_prompt_is_encoded_is_left_out(
    settings: Settings, tmp_path: Any, state: str
) -> None:
    """The encoder's own thread pauses the best model, in its own connection, before it answers."""
    versions = [make_version(name) for name in ("Best", "Second", "Third")]
    vectors = np.array([[9.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    labels = [version.label for version in versions]
    promote(write_embedding(tmp_path / "e", models=labels, vectors=vectors, projection=np.eye(2)))
    later = timezone.now() + timedelta(hours=1)
    change = {"resting_until": later} if state == "resting" else {"state": VersionState(state)}

    def encode(_text: str) -> list[float]:
        ModelVersion.objects.filter(label="Best").update(**change)
        connection.close()
        return [1.0, 0.0]

    client.client_of.cache_clear()
    with serving() as server:
        server.vector_of = encode
        settings.EMBEDDINGS_URL, settings.ROUTING_DEADLINE_SECONDS = server.url, 5.0
        route = models_route(messages=QUESTION, candidates=versions, k=1, policy="best").route
    assert route.fallback == ""
    assert {one["label"] for one in route.considered} == {"Second", "Third"}
    client.client_of.cache_clear()
