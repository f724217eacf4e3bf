"""What a version may be expected to win on each topic, from the live embedding."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import cache
from django.utils import timezone

from feedback.catalogue.forecasts import topic_forecasts
from feedback.pool.models import Turn
from feedback.registry.models import ModelVersion, Topic
from feedback.routing.new_models.posteriors import posteriors_forget
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.training.models import Checkpoint, CheckpointState
from tests.feedback.builders import make_turn, make_version
from tests.feedback.routing.artifacts import promote, write_embedding

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()
    posteriors_forget()
    yield
    cache.clear()


@pytest.fixture
def encoder() -> PromptEncoder:
    return PromptEncoder.objects.create(name="e", dimension=2, adopted_at=timezone.now())


@pytest.fixture
def live(tmp_path: Path, encoder: PromptEncoder) -> Checkpoint:
    """Poet is good where the first number is positive, Clerk where it is negative."""
    vectors = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    names = ["Poet", "Clerk", "Middle"]
    return promote(
        write_embedding(tmp_path / "e", models=names, vectors=vectors, projection=np.eye(2))
    )


def ask(encoder: PromptEncoder, topic: Topic | None, *vector: float) -> Turn:
    turn = make_turn()
    PromptVector.objects.create(
        content_hash=turn.content_hash, encoder=encoder, dimension=2, vector=list(vector)
    )
    if topic:
        turn.topics.add(topic)
    return turn


@pytest.fixture
def topics(encoder: PromptEncoder) -> dict[str, Topic]:
    made = {name: Topic.objects.create(slug=name.lower(), name=name) for name in ("Verse", "Tax")}
    for number in range(12):
        ask(encoder, made["Verse"], 1.0 + 0.1 * number, 0.0)
        ask(encoder, made["Tax"], -1.0 - 0.1 * number, 0.0)
    ask(encoder, None, 1.0, 0.0)
    make_turn().topics.add(made["Tax"])  # not encoded yet
    Topic.objects.create(slug="empty", name="Empty")
    return made


def test_each_topic_has_its_expectation(live: Checkpoint, topics: dict[str, Topic]) -> None:
    tax, verse = topic_forecasts(make_version("Poet"))
    assert (tax.topic, tax.slug, tax.n) == ("Tax", "tax", 12)
    assert (verse.topic, verse.slug, verse.n) == ("Verse", "verse", 12)
    z = 1.0 + 0.1 * np.arange(12)
    wins = np.mean([1 / (1 + np.exp(-gap * z)) for gap in (2.0, 1.0)])
    assert verse.expected == pytest.approx(wins, abs=1e-6)
    assert tax.expected == pytest.approx(1 - wins, abs=1e-6)
    assert 0.5 < verse.low < verse.expected < verse.high < 1


def test_a_version_of_which_nothing_is_known_has_a_wide_interval(
    live: Checkpoint, topics: dict[str, Topic]
) -> None:
    known, new = topic_forecasts(make_version("Middle"))[0], topic_forecasts(make_version("New"))[0]
    assert new.high - new.low > 2 * (known.high - known.low)
    assert new.low < 0.5 < new.high


def test_a_withheld_prompt_says_nothing(
    live: Checkpoint, encoder: PromptEncoder, topics: dict[str, Topic]
) -> None:
    extra = ask(encoder, topics["Verse"], -9.0, 0.0)
    Turn.objects.filter(pk=extra.pk).update(withheld_at=timezone.now())
    assert topic_forecasts(make_version("Poet"))[1].n == 12


def test_it_is_computed_once_for_a_while(
    live: Checkpoint, topics: dict[str, Topic], django_assert_num_queries
) -> None:
    poet = make_version("Poet")
    first = topic_forecasts(poet)
    with django_assert_num_queries(2):  # the live embedding, and what is kept
        assert topic_forecasts(poet) == first


@pytest.mark.parametrize("missing", ["embedding", "encoder", "file"])
def test_where_something_is_missing_there_is_no_forecast(
    live: Checkpoint, topics: dict[str, Topic], missing: str
) -> None:
    if missing == "embedding":
        Checkpoint.objects.update(state=CheckpointState.REPLACED)
    elif missing == "encoder":
        PromptEncoder.objects.all().delete()
    else:
        (Path(live.path) / "embedding.safetensors").write_bytes(b"broken")
    assert topic_forecasts(ModelVersion.objects.first() or make_version("Poet")) == ()
