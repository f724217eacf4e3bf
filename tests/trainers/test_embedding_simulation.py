"""The embedding on a simulated world whose truth is a rank-8 logit model."""

import numpy as np
import pytest

from tests.trainers.worlds import (
    World,
    comparisons_of,
    fitted,
    no_comparisons,
    no_outcomes,
    outcomes_where,
    permuted,
    world,
)
from trainers.embedding.evaluate import held_out_metrics
from trainers.model_vectors.evidence import Evidence
from trainers.model_vectors.posterior import fit_new_model
from trainers.model_vectors.scorer import Scorer
from trainers.statistics.logistic import sigmoid

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def made() -> World:
    return world()


@pytest.fixture(scope="module")
def evidence(made: World) -> Evidence:
    everything = np.ones(made.logits.shape, bool)
    return made.evidence(outcomes_where(made, everything), no_comparisons())


@pytest.fixture(scope="module")
def scorer(made: World, evidence: Evidence) -> Scorer:
    return fitted(evidence, made.vectors)


@pytest.fixture(scope="module")
def metrics(made: World, evidence: Evidence, scorer: Scorer) -> dict[str, float]:
    return held_out_metrics(evidence, made.vectors, scorer)


def test_it_predicts_better_than_the_neighbours_and_the_models_means(
    metrics: dict[str, float],
) -> None:
    assert metrics["basis"] == "outcomes"
    assert metrics["accuracy"] > metrics["knn_accuracy"] + 0.02
    assert metrics["accuracy"] > metrics["model_mean_accuracy"] + 0.05
    assert metrics["log_loss"] < metrics["model_mean_log_loss"] - 0.05


def test_it_is_nearly_as_good_as_the_truth(made: World, metrics: dict[str, float]) -> None:
    test = made.holdout.test
    truth = ((made.logits[test] > 0) == made.outcomes[test]).mean()
    assert metrics["accuracy"] > truth - 0.03


def test_routing_beats_the_best_single_model_and_stays_below_the_oracle(
    metrics: dict[str, float],
) -> None:
    order = ("random_score", "best_single_score", "routed_score", "oracle_score")
    values = [metrics[name] for name in order]
    assert values == sorted(values)
    assert metrics["routed_score"] > metrics["best_single_score"] + 0.1
    assert metrics["routed_score"] >= metrics["knn_routed_score"]


def test_every_metric_has_an_interval_around_it(metrics: dict[str, float]) -> None:
    named = [name for name in metrics if f"{name}_ci" in metrics]
    assert {"auc", "log_loss", "accuracy", "routed_score", "knn_accuracy"} < set(named)
    for name in named:
        low, high = metrics[f"{name}_ci"]
        assert low <= metrics[name] <= high


def test_vectors_under_other_models_names_predict_nothing(
    made: World, evidence: Evidence, scorer: Scorer, metrics: dict[str, float]
) -> None:
    wrong = held_out_metrics(evidence, made.vectors, permuted(scorer))
    assert abs(wrong["auc"] - 0.5) < 0.06
    assert metrics["auc"] > 0.75
    assert wrong["routed_score"] < metrics["best_single_score"]


def test_comparisons_alone_teach_who_is_better_on_what(made: World) -> None:
    evidence = made.evidence(no_outcomes(), comparisons_of(made, 20))
    metrics = held_out_metrics(evidence, made.vectors, fitted(evidence, made.vectors))
    assert metrics["basis"] == "preferences"
    assert metrics["random_score"] == pytest.approx(0.5)
    assert metrics["oracle_score"] == 1.0  # each comparison has one hard vote
    assert metrics["accuracy"] == pytest.approx(metrics["routed_score"])
    assert metrics["routed_score"] > metrics["best_single_score"] + 0.05
    assert metrics["auc"] > 0.7


def test_comparisons_add_to_few_outcomes(made: World) -> None:
    few = np.random.default_rng(0).random(made.logits.shape) < 0.05
    few[made.holdout.test] = True
    outcomes = outcomes_where(made, few)
    alone = made.evidence(outcomes, no_comparisons())
    both = made.evidence(outcomes, comparisons_of(made, 20))
    without = held_out_metrics(alone, made.vectors, fitted(alone, made.vectors))
    with_comparisons = held_out_metrics(both, made.vectors, fitted(both, made.vectors))
    assert with_comparisons["accuracy"] > without["accuracy"] + 0.01
    assert with_comparisons["log_loss"] < without["log_loss"] - 0.01
    assert with_comparisons["preference_accuracy"] > 0.6
    assert with_comparisons["preference_log_loss"] < with_comparisons["preference_mean_log_loss"]


def test_a_new_model_joins_without_retraining(made: World, scorer: Scorer) -> None:
    """With W, b, C, c0 frozen one logistic regression comes within two points of the joint fit."""
    known = made.logits[:, :-1]
    older = World(made.vectors, known, made.outcomes[:, :-1])
    everything = np.ones(known.shape, bool)
    before = fitted(
        older.evidence(outcomes_where(older, everything), no_comparisons()), made.vectors
    )
    train, test = made.holdout.train, made.holdout.test
    seen = before.outcome_observations(made.vectors[train], made.outcomes[train, -1])
    vector, covariance = fit_new_model(seen, before.prior)
    z = before.features(made.vectors[test])
    right = made.outcomes[test, -1] == 1
    joined = ((z @ vector + before.offset > 0) == right).mean()
    joint = ((scorer.scores(made.vectors[test])[:, -1] > 0) == right).mean()
    assert joined > joint - 0.02
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_what_was_not_run_is_missing_and_not_wrong(made: World) -> None:
    """A model that was only run where it succeeds looks good; filled with zeros it would not."""
    ran = np.ones(made.logits.shape, bool)
    ran[:, 0] = made.outcomes[:, 0] == 1
    evidence = made.evidence(outcomes_where(made, ran), no_comparisons())
    scorer = fitted(evidence, made.vectors)
    assert sigmoid(scorer.scores(made.vectors))[:, 0].mean() > 0.85
    assert scorer.counts[0] == ran[made.holdout.train_and_validation, 0].sum()
    assert made.outcomes[:, 0].mean() < 0.8
