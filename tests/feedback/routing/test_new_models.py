"""A model that the live embedding has not met is known from what the pool holds of it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from feedback.people.models import Contributor, Rater
from feedback.pool.models import Outcome, Preference, Turn
from feedback.registry.models import ModelVersion
from feedback.routing.new_models.models import ModelPosterior
from feedback.routing.new_models.posteriors import posteriors_forget, posteriors_known
from feedback.routing.new_models.refresh import posteriors_refresh
from feedback.routing.posterior import scorer_now, scorer_of
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.training.models import Checkpoint
from tests.feedback.builders import (
    judge,
    make_comparison,
    make_contributor,
    make_turn,
    make_version,
    withdraw,
)
from tests.feedback.routing.artifacts import promote, write_embedding
from trainers.model_vectors.posterior import fit_new_model

pytestmark = pytest.mark.django_db

MODELS = ("Even", "Odd")


@pytest.fixture
def live(tmp_path: Path) -> Checkpoint:
    """An embedding that knows that Even is good where the first coordinate is positive."""
    posteriors_forget()
    vectors = np.array([[4.0, 0.0], [-4.0, 0.0]])
    artifact = write_embedding(
        tmp_path / "e", models=list(MODELS), vectors=vectors, projection=np.eye(2)
    )
    return promote(artifact)


@pytest.fixture
def encoder() -> PromptEncoder:
    return PromptEncoder.objects.create(name="test", dimension=2, adopted_at=timezone.now())


@pytest.fixture
def versions() -> dict[str, ModelVersion]:
    return {name: make_version(name) for name in (*MODELS, "New")}


@pytest.fixture
def asked(encoder: PromptEncoder) -> Callable[[float, float], Turn]:
    """A prompt with this vector."""

    def ask(*vector: float) -> Turn:
        turn = make_turn()
        PromptVector.objects.create(
            content_hash=turn.content_hash, encoder=encoder, dimension=2, vector=list(vector)
        )
        return turn

    return ask


def scored(turn: Turn, version: ModelVersion, score: float) -> Outcome:
    return Outcome.objects.create(turn=turn, version=version, score=score, source="test")


def believed(live: Checkpoint, name: str, *question: float) -> tuple[float, float]:
    means, deviations = scorer_now(live).believed(np.array(question), [name])
    return float(means[0]), float(deviations[0])


def test_a_model_that_was_scored_is_known_at_the_next_beat(
    live: Checkpoint, versions: dict[str, ModelVersion], asked: Callable[..., Turn]
) -> None:
    before = believed(live, "New", 0.0, 1.0)
    for _ in range(20):
        scored(asked(0.0, 1.0), versions["New"], 1.0)
    assert posteriors_refresh() == 1
    after = believed(live, "New", 0.0, 1.0)
    assert before == (0.0, 1.0)
    assert after[0] > 1.0
    assert after[1] < 0.7
    assert believed(live, "New", 1.0, 0.0)[1] == pytest.approx(1.0)  # of that nothing was seen


def test_it_is_what_the_regression_of_the_same_rows_gives(
    live: Checkpoint, versions: dict[str, ModelVersion], asked: Callable[..., Turn]
) -> None:
    scorer, new = scorer_of(live), versions["New"]
    scored(asked(0.5, 1.0), new, 0.25)
    duel = make_comparison(asked(1.0, 0.5), new, versions["Even"])
    for choice, weight in (("a", 1.0), ("tie", 0.5)):
        person = make_contributor()
        Rater.objects.filter(contributor=person).update(weight=weight)
        judge(duel, person, choice)
    posteriors_refresh()
    (known,) = posteriors_known(live)
    question = np.array([[1.0, 0.5]], np.float32)
    share = (1.0 * 1.0 + 0.5 * 0.5) / 1.5
    expected = fit_new_model(
        scorer.outcome_observations(np.array([[0.5, 1.0]], np.float32), np.array([0.25]))
        + scorer.comparison_observations(question, ["Even"], np.array([share]), np.array([0.75])),
        scorer.prior,
    )
    assert (known.label, known.observations, known.source) == ("New", 2, "evidence")
    np.testing.assert_allclose(known.vector, expected[0], rtol=1e-5)
    np.testing.assert_allclose(known.covariance, expected[1], rtol=1e-9)


def test_a_trained_model_goes_on_from_what_was_trained(
    live: Checkpoint, versions: dict[str, ModelVersion], asked: Callable[..., Turn]
) -> None:
    for _ in range(10):
        scored(asked(1.0, 0.0), versions["Odd"], 1.0)
    posteriors_refresh()
    scorer = scorer_of(live)
    mean, deviation = believed(live, "Odd", 1.0, 0.0)
    assert -4.0 < mean < -3.5  # sure of -4 by 0.1, and surprised
    assert deviation < float(np.sqrt(scorer.covariance[1][0, 0]))
    assert scorer_now(live).counts.tolist() == [500, 510]


def test_what_has_not_changed_is_not_fitted_again_and_any_change_is_noticed(
    live: Checkpoint, versions: dict[str, ModelVersion], asked: Callable[..., Turn]
) -> None:
    duel = make_comparison(asked(1.0, 0.0), versions["New"], versions["Even"])
    alice = make_contributor()
    first = judge(duel, alice, "a")
    assert posteriors_refresh() == 1  # nothing of Even: its opponent is not known
    assert posteriors_refresh() == 0
    won = believed(live, "New", 1.0, 0.0)[0]
    second = judge(duel, alice, "b", supersedes=first)
    assert posteriors_refresh() == 1
    assert believed(live, "New", 1.0, 0.0)[0] < won
    withdraw(Preference.objects.get(pk=second.pk), alice)
    posteriors_refresh()
    assert not ModelPosterior.objects.exists()
    posteriors_forget()
    assert believed(live, "New", 1.0, 0.0) == (0.0, 1.0)


def test_what_says_nothing_is_left_out(
    live: Checkpoint,
    versions: dict[str, ModelVersion],
    asked: Callable[..., Turn],
    alice: Contributor,
) -> None:
    scored(make_turn(), versions["New"], 1.0)  # not encoded yet
    withheld = asked(1.0, 0.0)
    scored(withheld, versions["New"], 1.0)
    Turn.objects.filter(pk=withheld.pk).update(withheld_at=timezone.now())
    judge(make_comparison(asked(1.0, 0.0), versions["New"], make_version("Newer")), alice, "a")
    assert posteriors_refresh() == 0
    scored(asked(1.0, 0.0), versions["New"], 1.0)
    live.run.started_at = timezone.now() + timedelta(seconds=1)  # the snapshot holds all of this
    live.run.save()
    assert posteriors_refresh() == 0
    assert posteriors_known(live) == ()


def test_without_an_embedding_or_an_encoder_there_is_nothing_to_do(
    versions: dict[str, ModelVersion],
) -> None:
    assert posteriors_refresh() == 0
