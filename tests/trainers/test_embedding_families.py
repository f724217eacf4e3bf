"""Versions of one model share strength, in training and for a version that was never seen."""

from dataclasses import replace

import numpy as np
import pytest

from tests.trainers.worlds import CONFIG, World, fitted, no_comparisons, outcomes_where, world
from trainers.model_vectors.families import KINSHIP, family_of, prior_of_sibling
from trainers.model_vectors.posterior import Prior
from trainers.model_vectors.scorer import Scorer

pytestmark = pytest.mark.training
NAMES = [f"m{number:02d}" for number in range(7)]


@pytest.fixture(scope="module")
def made() -> World:
    """Seven models and a second version of the first, equal to it and tried on few questions."""
    first = world(questions=300, models=7, seed=3)
    twin = np.hstack([first.logits, first.logits[:, :1]])
    right = np.hstack([first.outcomes, first.outcomes[:, :1]])
    return World(first.vectors, twin, right)


def with_few_of_the_twin(made: World, *, related: bool) -> Scorer:
    ran = np.ones(made.logits.shape, bool)
    ran[10:, 7] = False
    evidence = made.evidence(outcomes_where(made, ran), no_comparisons())
    names = [*NAMES, "m00 v2"]
    families = [*NAMES, "m00"] if related else names
    named = replace(evidence, models=names, families=families)
    tensors_of = fitted(named, made.vectors, CONFIG)
    return replace(tensors_of, families=tuple(families))


def test_a_version_with_little_evidence_stays_near_its_sibling(made: World) -> None:
    gaps = {}
    for related in (True, False):
        scores = with_few_of_the_twin(made, related=related).scores(made.vectors)
        gaps[related] = np.abs(scores[:, 7] - scores[:, 0]).mean()
    assert gaps[True] < 0.7 * gaps[False]


def test_an_unknown_version_is_believed_to_be_as_its_siblings(made: World) -> None:
    scorer = with_few_of_the_twin(made, related=True)
    question = made.vectors[0]
    labels = ["m00 v3", "stranger", "m00"]
    (third, stranger, first), (near, wide, narrow) = scorer.believed(question, labels)
    assert narrow < near < wide
    assert abs(third - first) < abs(stranger - first)
    expected = np.array([third, stranger, first]) - scorer.offset
    np.testing.assert_allclose(scorer.means(labels) @ scorer.features(question[None])[0], expected)


def test_what_siblings_say_is_the_conditional_of_the_joint_normal() -> None:
    """Family f ~ N(mean, V), versions f + N(0, KINSHIP V), two of them known exactly."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    prior = Prior(rng.normal(size=3), root @ root.T)
    known = rng.normal(size=(2, 3))
    found = prior_of_sibling(known, np.zeros((2, 3, 3)), prior)
    links = np.ones((3, 3)) + KINSHIP * np.eye(3)  # of the two and the new one, times V
    weights = links[2, :2] @ np.linalg.inv(links[:2, :2])
    np.testing.assert_allclose(found.mean, prior.mean + weights @ (known - prior.mean))
    share = links[2, 2] - weights @ links[:2, 2]
    np.testing.assert_allclose(found.covariance, share * prior.covariance)


def test_siblings_own_uncertainty_comes_on_top() -> None:
    prior = Prior(np.zeros(2), np.eye(2))
    sure = prior_of_sibling(np.ones((1, 2)), np.zeros((1, 2, 2)), prior)
    unsure = prior_of_sibling(np.ones((1, 2)), np.eye(2)[None], prior)
    np.testing.assert_allclose(unsure.covariance - sure.covariance, np.eye(2) / (1 + KINSHIP) ** 2)
    assert prior_of_sibling(np.empty((0, 2)), np.empty((0, 2, 2)), prior) is prior


@pytest.mark.parametrize(
    ("label", "family"),
    [
        ("Gemma", "Gemma"),
        ("Gemma v2", "Gemma"),
        ("Gemma v2.1-rc", "Gemma"),
        ("Llama v2", None),
        ("Gemma 2", None),
        (" v2", None),
    ],
)
def test_a_label_names_its_family(label: str, family: str | None) -> None:
    assert family_of(label, ["Gemma", "Qwen"]) == family
