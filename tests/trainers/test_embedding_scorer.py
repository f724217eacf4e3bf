"""The torch-free reader: logits, posteriors, draws, against naive references in float64."""

import subprocess
import sys

import numpy as np
import pytest

from tests.trainers.worlds import CONFIG, World, duels_of, fitted, outcomes_where, world
from trainers.embedding.data import Evidence
from trainers.embedding.posterior import Prior, fit_newcomer
from trainers.embedding.score import Scorer


@pytest.fixture(scope="module")
def made() -> World:
    return world(questions=300, models=6, seed=1)


@pytest.fixture(scope="module")
def evidence(made: World) -> Evidence:
    rng = np.random.default_rng(2)
    share = np.array([0.9, 0.9, 0.5, 0.5, 0.1, 0.1])  # how often each model was run
    ran = rng.random(made.logits.shape) < share
    return made.evidence(outcomes_where(made, ran), duels_of(made, 2))


@pytest.fixture(scope="module")
def scorer(made: World, evidence: Evidence) -> Scorer:
    return fitted(evidence, made.vectors, CONFIG)


def test_logits_equal_the_papers_formula(made: World, scorer: Scorer) -> None:
    logits = scorer.scores(made.vectors[:3])
    for row, question in enumerate(made.vectors[:3].astype(np.float64)):
        for number, vector in enumerate(scorer.vectors):
            hidden = [w @ question + b for w, b in zip(scorer.projection, scorer.bias, strict=True)]
            pieces = zip(scorer.readout, vector, hidden, strict=True)
            expected = sum(c * p * h for c, p, h in pieces) + scorer.offset
            assert logits[row, number] == pytest.approx(expected)


def test_covariances_are_inverse_curvatures_of_the_log_posterior(
    made: World, evidence: Evidence, scorer: Scorer
) -> None:
    """A loop over every training observation of one model."""
    train = set(made.holdout.train.tolist())
    z = scorer.features(made.vectors)
    for number in (0, 5):
        precision = np.diag(1 / scorer.prior.variance)
        ran = evidence.outcomes
        for prompt, model in zip(ran.prompt, ran.model, strict=True):
            if model == number and prompt in train:
                p = 1 / (1 + np.exp(-(z[prompt] @ scorer.vectors[model] + scorer.offset)))
                precision += p * (1 - p) * np.outer(z[prompt], z[prompt])
        fought = evidence.duels
        for prompt, a, b in zip(fought.prompt, fought.first, fought.second, strict=True):
            if number in (a, b) and prompt in train:
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


def test_a_newcomers_vector_is_a_stationary_point_of_its_posterior() -> None:
    rng = np.random.default_rng(4)
    z, prior = rng.normal(size=(80, 5)), Prior(rng.normal(size=5), rng.random(5) + 0.1)
    scores = rng.random(80)
    vector, _ = fit_newcomer(z, scores, 0.3, prior)

    def objective(p: np.ndarray) -> float:
        logits = z @ p + 0.3
        loss = np.logaddexp(0, logits) - scores * logits
        return loss.sum() + ((p - prior.mean) ** 2 / (2 * prior.variance)).sum()

    for direction in np.eye(5):
        assert objective(vector) <= min(
            objective(vector + 1e-4 * direction), objective(vector - 1e-4 * direction)
        )


def test_a_newcomer_without_outcomes_is_the_prior() -> None:
    prior = Prior(np.array([1.0, -2.0]), np.array([0.5, 0.25]))
    vector, covariance = fit_newcomer(np.empty((0, 2)), np.empty(0), 0.0, prior)
    assert vector.tolist() == [1.0, -2.0]
    np.testing.assert_allclose(covariance, np.diag(prior.variance))


def test_reading_an_embedding_needs_no_torch() -> None:
    code = "import sys, trainers.embedding.score; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
