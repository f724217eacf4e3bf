"""The torch-free reader: logits, posteriors, draws, against naive references in float64."""

import subprocess
import sys

import numpy as np
import pytest

from tests.trainers.worlds import CONFIG, World, comparisons_of, fitted, outcomes_where, world
from trainers.model_vectors.evidence import Evidence
from trainers.model_vectors.features import GAMMA
from trainers.model_vectors.posterior import Observations, Prior, fit_new_model, prior_of
from trainers.model_vectors.scorer import Scorer


@pytest.fixture(scope="module")
def made() -> World:
    return world(questions=300, models=6, seed=1)


@pytest.fixture(scope="module")
def evidence(made: World) -> Evidence:
    rng = np.random.default_rng(2)
    share = np.array([0.9, 0.9, 0.5, 0.5, 0.1, 0.1])  # how often each model was run
    ran = rng.random(made.logits.shape) < share
    return made.evidence(outcomes_where(made, ran), comparisons_of(made, 2))


@pytest.fixture(scope="module")
def scorer(made: World, evidence: Evidence) -> Scorer:
    return fitted(evidence, made.vectors, CONFIG)


def test_logits_equal_a_loop_over_centres_and_models(made: World, scorer: Scorer) -> None:
    logits, parts = scorer.scores(made.vectors[:3]), scorer.features
    for row, question in enumerate(made.vectors[:3].astype(np.float64)):
        near = [np.exp(-GAMMA * np.square(question - centre).sum()) for centre in parts.centres]
        z = parts.bias + sum(x * mixed for x, mixed in zip(near, parts.mix, strict=True))
        for number, vector in enumerate(scorer.vectors):
            assert logits[row, number] == pytest.approx(z @ vector + scorer.offset, abs=1e-3)


def test_covariances_are_inverse_curvatures_of_the_log_posterior(
    made: World, evidence: Evidence, scorer: Scorer
) -> None:
    """A loop over every training observation of one model."""
    trained_on = set(made.holdout.train_and_validation.tolist())
    z = scorer.features(made.vectors)
    for number in (0, 5):
        precision = np.linalg.inv(scorer.prior.covariance)
        ran = evidence.outcomes
        for prompt, model in zip(ran.prompt, ran.model, strict=True):
            if model == number and prompt in trained_on:
                p = 1 / (1 + np.exp(-(z[prompt] @ scorer.vectors[model] + scorer.offset)))
                precision += p * (1 - p) * np.outer(z[prompt], z[prompt])
        compared = evidence.comparisons
        for prompt, a, b in zip(compared.prompt, compared.first, compared.second, strict=True):
            if number in (a, b) and prompt in trained_on:
                p = 1 / (1 + np.exp(-z[prompt] @ (scorer.vectors[a] - scorer.vectors[b])))
                precision += p * (1 - p) * np.outer(z[prompt], z[prompt])
        np.testing.assert_allclose(
            scorer.covariance[number], np.linalg.inv(precision), rtol=2e-3, atol=1e-5
        )


def test_draws_have_the_posteriors_mean_and_spread(made: World, scorer: Scorer) -> None:
    question = made.vectors[0]
    draws = scorer.sample(question, 20_000, np.random.default_rng(0))
    z = scorer.features(question[None])[0]
    spread = [np.sqrt(z @ covariance @ z) for covariance in scorer.covariance]
    assert draws.shape == (20_000, 6)
    np.testing.assert_allclose(draws.mean(0), scorer.scores(question[None])[0], atol=0.05)
    np.testing.assert_allclose(draws.std(0), spread, rtol=0.05)


def test_the_less_a_model_was_seen_the_wider_its_draws(made: World, scorer: Scorer) -> None:
    _, spread = scorer.believed(made.vectors[1], [*scorer.models, "never seen"])
    assert scorer.counts[0] > scorer.counts[2] > scorer.counts[5]
    assert spread[0] < spread[2] < spread[5] < spread[6]


def test_a_model_that_is_not_known_is_an_average_one(made: World, scorer: Scorer) -> None:
    means, _ = scorer.believed(made.vectors[1], ["new", scorer.models[0]])
    logits = scorer.scores(made.vectors[1][None])[0]
    assert means[0] == pytest.approx(logits.mean(), abs=1e-5)
    assert means[1] == pytest.approx(logits[0])


def test_a_new_models_vector_is_a_stationary_point_of_its_posterior() -> None:
    rng = np.random.default_rng(4)
    z, root = rng.normal(size=(80, 5)), rng.normal(size=(5, 5))
    prior = Prior(rng.normal(size=5), root @ root.T + 0.1 * np.eye(5))
    seen = Observations(
        features=z, known=rng.normal(size=80), score=rng.random(80), weight=rng.random(80)
    )
    vector, covariance = fit_new_model(seen, prior)

    def objective(p: np.ndarray) -> float:
        around = p - prior.mean
        total = around @ np.linalg.solve(prior.covariance, around) / 2
        for row in range(80):
            p1 = 1 / (1 + np.exp(-(z[row] @ p + seen.known[row])))
            loss = -seen.score[row] * np.log(p1) - (1 - seen.score[row]) * np.log(1 - p1)
            total += seen.weight[row] * loss
        return total

    step = 1e-3
    for direction in step * np.eye(5):
        around = [objective(vector + direction), objective(vector - direction)]
        assert objective(vector) <= min(around)
        curvature = (sum(around) - 2 * objective(vector)) / step**2
        assert curvature == pytest.approx(
            direction @ np.linalg.inv(covariance) @ direction / step**2, rel=1e-3
        )


def test_a_new_models_comparisons_are_outcomes_against_its_opponents(
    scorer: Scorer, made: World
) -> None:
    questions, opponent = made.vectors[:4], scorer.models[0]
    shares, weights = np.array([1.0, 0.5, 0.0, 1.0]), np.array([1.0, 0.5, 2.0, 1.0])
    compared = scorer.comparison_observations(
        questions, [opponent, opponent, opponent, "stranger"], shares, weights
    )
    z = scorer.features(questions)
    expected = [-z[row] @ scorer.vectors[0] for row in range(3)] + [-z[3] @ scorer.prior.mean]
    np.testing.assert_allclose(compared.known, expected)
    both = scorer.outcome_observations(questions, shares) + compared
    assert both.known[:4].tolist() == [scorer.offset] * 4
    assert both.weight.tolist() == [1.0] * 4 + weights.tolist()


def test_a_new_model_without_outcomes_is_the_prior() -> None:
    prior = Prior(np.array([1.0, -2.0]), np.array([[0.5, 0.1], [0.1, 0.25]]))
    none = Observations(
        features=np.empty((0, 2)), known=np.empty(0), score=np.empty(0), weight=np.empty(0)
    )
    vector, covariance = fit_new_model(none, prior)
    assert vector.tolist() == [1.0, -2.0]
    np.testing.assert_allclose(covariance, prior.covariance)


def test_the_prior_knows_in_which_directions_models_differ() -> None:
    rng = np.random.default_rng(6)
    root = rng.normal(size=(4, 4))
    vectors = rng.normal(size=(5000, 4)) @ root.T + 3.0
    prior = prior_of(vectors, np.ones(5000, np.int64))
    spread = np.trace(root @ root.T) / 4
    np.testing.assert_allclose(prior.covariance, root @ root.T, atol=0.1 * spread)


def test_of_two_models_the_prior_knows_no_direction_for_certain() -> None:
    vectors = np.array([[1.0, 2.0, 0.0], [3.0, 5.0, 0.0], [99.0, 99.0, 99.0]])
    prior = prior_of(vectors, np.array([1, 1, 0]))
    np.testing.assert_allclose(prior.mean, [2.0, 3.5, 0.0])
    full, floor = np.outer([1.0, 1.5, 0.0], [1.0, 1.5, 0.0]), 0.01 * (1.0 + 2.25) / 3 + 1e-6
    expected = (full + np.diag(np.diag(full))) / 2 + floor * np.eye(3)
    np.testing.assert_allclose(prior.covariance, expected)


def test_reading_an_embedding_needs_no_torch() -> None:
    code = "import sys, trainers.model_vectors.scorer; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
